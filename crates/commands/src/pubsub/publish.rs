//! PUBLISH and SPUBLISH.
//!
//! A message that the publisher receives itself stands before its reply, as in Redis 7.0; one that
//! it published in a transaction stands behind EXEC's reply, which it would tear apart. Where
//! messages are published faster than they can be delivered, the publisher waits.

use replication::Audience;
use resp::{Args, ReplyWriter};

use super::receivers::Own;
use crate::command::flag::{FAST, LOADING, MAY_REPLICATE, PUBSUB, STALE};
use crate::command::{Command, Group, KeySpec};
use crate::ctx::{CmdResult, Ctx};
use crate::session::ReplyMode;

/// `PUBLISH`
pub const PUBLISH: Command = Command::new("publish", 3, publish)
    .group(Group::PubSub)
    .since("2.0.0")
    .docs(
        "Sends a message to all who subscribed to a channel.",
        "O(N+M)",
    )
    .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE)
    .args("channel message");

/// `SPUBLISH`
pub const SPUBLISH: Command = Command::new("spublish", 3, spublish)
    .group(Group::PubSub)
    .since("7.0.0")
    .docs(
        "Sends a message to all who subscribed to a shard channel.",
        "O(N)",
    )
    .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE)
    .keys(&[KeySpec::at(1, "not_key")])
    .args("shardchannel message");

/// How soon a publisher that has to wait tries again, in milliseconds.
const RETRY_MS: i64 = 1;

fn publish(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    send(ctx, false, args, out)
}

fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    send(ctx, true, args, out)
}

fn send(ctx: &mut Ctx<'_>, shard: bool, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let pubsub = &ctx.server.pubsub;
    let is_congested = || {
        pubsub
            .courier()
            .is_some_and(|courier| courier.is_congested())
    };
    if !ctx.in_exec && is_congested() {
        ctx.session.link.wake_at(common::clock::now_ms() + RETRY_MS);
        return Err(ctx.defer());
    }
    let mut own_bytes = Vec::new();
    let mut own = Own {
        id: ctx.session.id,
        out: &mut own_bytes,
    };
    let (channel, message) = (args.at(1), args.at(2));
    let count = if shard {
        pubsub.publish_to_shard(channel, message, &mut own)
    } else {
        pubsub.publish(channel, message, &mut own)
    };
    // What replicas of a replica get is its primary's to say.
    if ctx.server.log.is_replicated() && !ctx.server.replication.is_replica() {
        propagate(ctx, args);
    }
    if ctx.in_exec || ctx.session.reply_mode != ReplyMode::On {
        ctx.session.pushes.extend_from_slice(&own_bytes);
    } else {
        out.raw(&own_bytes);
    }
    out.integer(count as i64);
    Ok(())
}

/// Sends the message to replicas: at its place in the transaction, or by itself and to them only.
#[cold]
fn propagate(ctx: &mut Ctx<'_>, args: Args<'_>) {
    if ctx.in_exec {
        ctx.propagate_as(args.as_slice());
        return;
    }
    let (db, words) = (ctx.db().0 as u16, args.as_slice().iter().copied());
    ctx.server.log.append_for(Audience::Replicas, db, words);
}
