//! PUBSUB: what is subscribed to, and by how many.
//!
//! Channels and shard channels are told apart; patterns are only counted. The answers are those of
//! the moment in which each entry of the registry is looked at.

use common::glob;
use resp::{Args, ReplyWriter, errors};

use super::registry::Kind;
use crate::command::flag::{LOADING, PUBSUB as PUBSUB_FLAG, STALE};
use crate::command::{Command, Group};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

const FLAGS: u64 = PUBSUB_FLAG | LOADING | STALE;

/// `PUBSUB`
pub const PUBSUB: Command = Command::container(
    "pubsub",
    -2,
    &[
        &PUBSUB_CHANNELS,
        &PUBSUB_HELP,
        &PUBSUB_NUMPAT,
        &PUBSUB_NUMSUB,
        &PUBSUB_SHARDCHANNELS,
        &PUBSUB_SHARDNUMSUB,
    ],
)
.group(Group::PubSub)
.since("2.8.0")
.docs("Commands about subscriptions.", "");

/// `PUBSUB CHANNELS`
pub const PUBSUB_CHANNELS: Command = Command::new("channels", -2, pubsub_channels)
    .group(Group::PubSub)
    .since("2.8.0")
    .docs("Returns the channels that have subscribers.", "O(N)")
    .flags(FLAGS)
    .args("pattern:pattern?")
    .cost(Cost::AtMost(cost::channels));

/// `PUBSUB HELP`
pub const PUBSUB_HELP: Command = Command::new("help", 2, pubsub_help)
    .group(Group::PubSub)
    .since("6.2.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `PUBSUB NUMPAT`
pub const PUBSUB_NUMPAT: Command = Command::new("numpat", 2, pubsub_numpat)
    .group(Group::PubSub)
    .since("2.8.0")
    .docs("Returns the number of patterns subscribed to.", "O(1)")
    .flags(FLAGS);

/// `PUBSUB NUMSUB`
pub const PUBSUB_NUMSUB: Command = Command::new("numsub", -2, pubsub_numsub)
    .group(Group::PubSub)
    .since("2.8.0")
    .docs("Returns the number of subscribers of channels.", "O(N)")
    .flags(FLAGS)
    .args("channel?*");

/// `PUBSUB SHARDCHANNELS`
pub const PUBSUB_SHARDCHANNELS: Command = Command::new("shardchannels", -2, pubsub_shardchannels)
    .group(Group::PubSub)
    .since("7.0.0")
    .docs("Returns the shard channels that have subscribers.", "O(N)")
    .flags(FLAGS)
    .args("pattern:pattern?")
    .cost(Cost::AtMost(cost::channels));

/// `PUBSUB SHARDNUMSUB`
pub const PUBSUB_SHARDNUMSUB: Command = Command::new("shardnumsub", -2, pubsub_shardnumsub)
    .group(Group::PubSub)
    .since("7.0.0")
    .docs(
        "Returns the number of subscribers of shard channels.",
        "O(N)",
    )
    .flags(FLAGS)
    .args("shardchannel?*");

const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Channels with subscribers, or those of them that match <pattern>.",
    "NUMPAT",
    "    Number of patterns with subscribers.",
    "NUMSUB [<channel> ...]",
    "    Number of subscribers of each channel, by name.",
    "SHARDCHANNELS [<pattern>]",
    "    Shard channels with subscribers, or those of them that match <pattern>.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Number of subscribers of each shard channel.",
];

fn pubsub_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply("PUBSUB", HELP, out);
    Ok(())
}

fn pubsub_numpat(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.server.pubsub.pattern_count() as i64);
    Ok(())
}

fn pubsub_channels(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    channels(ctx, Kind::Channel, args, out)
}

fn pubsub_shardchannels(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    channels(ctx, Kind::ShardChannel, args, out)
}

fn channels(ctx: &Ctx<'_>, kind: Kind, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(errors::subcommand_syntax("pubsub", args.at(1)));
    }
    let channels = match kind {
        Kind::Channel => ctx.server.pubsub.channel_count(),
        _ => ctx.server.pubsub.shard_channel_count(),
    };
    ctx.takes(channels, cost::KEY_NS)?;
    let pattern = args.get(2);
    let all = out.deferred_array();
    let mut count = 0;
    ctx.server.pubsub.for_each_channel(kind, |channel| {
        if pattern.is_none_or(|pattern| glob::matches(pattern, channel, false)) {
            out.bulk(channel);
            count += 1;
        }
    });
    out.finish_array(all, count);
    Ok(())
}

fn pubsub_numsub(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    counts(ctx, Kind::Channel, args.from(2), out)
}

fn pubsub_shardnumsub(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    counts(ctx, Kind::ShardChannel, args.from(2), out)
}

fn counts(ctx: &Ctx<'_>, kind: Kind, names: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.array(names.len() * 2);
    for name in names.iter() {
        out.bulk(name);
        out.integer(ctx.server.pubsub.subscriber_count(kind, name) as i64);
    }
    Ok(())
}
