//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites.
//!
//! Every name is confirmed by a message of its own, with the number of subscriptions then. These
//! are out-of-band messages: they are sent even where CLIENT REPLY silences replies. A confirmation
//! that a subscription has ended goes the way of the messages themselves, through the mail, so that
//! none of them can come behind it; the commands after it wait for that.

use bytes::Bytes;
use resp::{Args, ReplyWriter, errors};

use super::registry::Kind;
use super::session;
use crate::command::flag::{IN_PUBSUB, LOADING, NOSCRIPT, PUBSUB, STALE};
use crate::command::{Command, Group, KeySpec};
use crate::ctx::{CmdResult, Ctx};
use crate::session::ReplyMode;

const FLAGS: u64 = PUBSUB | NOSCRIPT | LOADING | STALE | IN_PUBSUB;

/// `SUBSCRIBE`
pub const SUBSCRIBE: Command = Command::new("subscribe", -2, subscribe)
    .group(Group::PubSub)
    .since("2.0.0")
    .docs("Receives what is published to channels.", "O(N)")
    .flags(FLAGS)
    .args("channel*");

/// `PSUBSCRIBE`
pub const PSUBSCRIBE: Command = Command::new("psubscribe", -2, psubscribe)
    .group(Group::PubSub)
    .since("2.0.0")
    .docs(
        "Receives what is published to channels that match patterns.",
        "O(N)",
    )
    .flags(FLAGS)
    .args("pattern*{pattern:pattern}");

/// `SSUBSCRIBE`
pub const SSUBSCRIBE: Command = Command::new("ssubscribe", -2, ssubscribe)
    .group(Group::PubSub)
    .since("7.0.0")
    .docs("Receives what is published to shard channels.", "O(N)")
    .flags(FLAGS)
    .keys(&[KeySpec::at(1, "not_key").range(-1, 1, 0)])
    .args("shardchannel*");

/// `UNSUBSCRIBE`
pub const UNSUBSCRIBE: Command = Command::new("unsubscribe", -1, unsubscribe)
    .group(Group::PubSub)
    .since("2.0.0")
    .docs("Ends subscriptions to channels.", "O(N)")
    .flags(FLAGS)
    .args("channel?*");

/// `PUNSUBSCRIBE`
pub const PUNSUBSCRIBE: Command = Command::new("punsubscribe", -1, punsubscribe)
    .group(Group::PubSub)
    .since("2.0.0")
    .docs("Ends subscriptions to patterns.", "O(N+M)")
    .flags(FLAGS)
    .args("pattern:pattern?*");

/// `SUNSUBSCRIBE`
pub const SUNSUBSCRIBE: Command = Command::new("sunsubscribe", -1, sunsubscribe)
    .group(Group::PubSub)
    .since("7.0.0")
    .docs("Ends subscriptions to shard channels.", "O(N)")
    .flags(FLAGS)
    .keys(&[KeySpec::at(1, "not_key").range(-1, 1, 0)])
    .args("shardchannel?*");

impl Kind {
    fn confirmations(self) -> (&'static str, &'static str) {
        match self {
            Self::Channel => ("subscribe", "unsubscribe"),
            Self::Pattern => ("psubscribe", "punsubscribe"),
            Self::ShardChannel => ("ssubscribe", "sunsubscribe"),
        }
    }
}

/// Appends what must be sent whatever CLIENT REPLY says.
pub(super) fn out_of_band(
    ctx: &mut Ctx<'_>,
    out: &mut ReplyWriter<'_>,
    write: impl FnOnce(&mut Ctx<'_>, &mut ReplyWriter<'_>),
) {
    if ctx.session.reply_mode == ReplyMode::On {
        return write(ctx, out);
    }
    let mut pushes = std::mem::take(&mut ctx.session.pushes);
    write(ctx, &mut ReplyWriter::new(&mut pushes, ctx.session.proto));
    ctx.session.pushes = pushes;
}

fn confirm(ctx: &Ctx<'_>, kind: Kind, word: &str, name: Option<&[u8]>, out: &mut ReplyWriter<'_>) {
    out.push(3);
    out.bulk_str(word);
    match name {
        Some(name) => out.bulk(name),
        None => out.null(),
    }
    out.integer(session::count(ctx.session, kind) as i64);
}

fn begin(ctx: &mut Ctx<'_>, kind: Kind, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    // Transactions may subscribe, though not to shard channels, as in Redis.
    if ctx.in_exec && kind == Kind::ShardChannel {
        return Err(errors::SSUBSCRIBE_DENY_BLOCKING);
    }
    out_of_band(ctx, out, |ctx, out| {
        for name in args.from(1).iter() {
            session::add(ctx.server, ctx.session, kind, name);
            confirm(ctx, kind, kind.confirmations().0, Some(name), out);
        }
    });
    Ok(())
}

fn end(ctx: &mut Ctx<'_>, kind: Kind, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.session.subscriptions.is_none() || ctx.in_exec || ctx.session.link.address().is_none() {
        out_of_band(ctx, out, |ctx, out| end_now(ctx, kind, args, out));
        return Ok(());
    }
    let mut confirmations = Vec::new();
    let mut later = ReplyWriter::new(&mut confirmations, out.proto());
    end_now(ctx, kind, args, &mut later);
    ctx.session.link.unblock(Bytes::from(confirmations));
    ctx.wait_without_reply();
    Ok(())
}

fn end_now(ctx: &mut Ctx<'_>, kind: Kind, args: Args<'_>, out: &mut ReplyWriter<'_>) {
    let word = kind.confirmations().1;
    if args.len() > 1 {
        for name in args.from(1).iter() {
            session::remove(ctx.server, ctx.session, kind, name);
            confirm(ctx, kind, word, Some(name), out);
        }
        return;
    }
    let all = session::names(ctx.session, kind);
    for name in &all {
        session::remove(ctx.server, ctx.session, kind, name);
        confirm(ctx, kind, word, Some(name), out);
    }
    if all.is_empty() {
        confirm(ctx, kind, word, None, out);
    }
}

fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    begin(ctx, Kind::Channel, args, out)
}

fn psubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    begin(ctx, Kind::Pattern, args, out)
}

fn ssubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    begin(ctx, Kind::ShardChannel, args, out)
}

fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    end(ctx, Kind::Channel, args, out)
}

fn punsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    end(ctx, Kind::Pattern, args, out)
}

fn sunsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    end(ctx, Kind::ShardChannel, args, out)
}
