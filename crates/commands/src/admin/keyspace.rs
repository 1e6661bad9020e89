//! Figures about the databases, gathered shard by shard.
//!
//! A busy shard defers the command that asks, as everywhere; inside EXEC all shards are locked.

use keyspace::{DbStats, ShardId};
use resp::{Args, ReplyError, ReplyWriter};

use crate::command::flag::{FAST, READONLY, WALKS_SHARDS};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `DBSIZE`
pub const DBSIZE: Command = Command::new("dbsize", 1, dbsize)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Counts the keys of the selected database.", "O(1)")
    .flags(READONLY | FAST | WALKS_SHARDS)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"]);

fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let db = ctx.db();
    let mut keys = 0;
    for shard in ctx.server.keyspace.shard_ids() {
        keys += ctx.with_shard(shard, db, |part| part.map_or(0, |part| part.len()))?;
    }
    out.integer(keys as i64);
    Ok(())
}

/// The figures of every database.
pub(super) fn figures(ctx: &mut Ctx<'_>) -> Result<Vec<DbStats>, ReplyError> {
    let keyspace = &ctx.server.keyspace;
    let mut sums = vec![(DbStats::default(), 0); keyspace.databases()];
    for shard in keyspace.shard_ids() {
        add_shard(ctx, shard, &mut sums)?;
    }
    let averaged = sums.into_iter().map(|(mut stats, ttl_sum)| {
        if stats.volatile > 0 {
            stats.ttl_avg_ms = (ttl_sum / stats.volatile as i128).max(0) as i64;
        }
        stats
    });
    Ok(averaged.collect())
}

fn add_shard(
    ctx: &mut Ctx<'_>,
    shard: ShardId,
    sums: &mut [(DbStats, i128)],
) -> Result<(), ReplyError> {
    let now_ms = ctx.now_ms();
    ctx.with_parts(shard, |db, part| {
        let Some((stats, ttl_sum)) = sums.get_mut(db.index()) else {
            return;
        };
        stats.keys += part.len();
        stats.volatile += part.volatile_len();
        stats.overhead += part.overhead();
        *ttl_sum += part.ttl_sum(now_ms);
    })
}
