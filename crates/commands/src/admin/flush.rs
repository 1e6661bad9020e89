//! FLUSHALL, FLUSHDB and SWAPDB: whole databases at once, with every shard locked.
//!
//! A table is cut off in an instant; what takes time is freeing it, in the background unless SYNC
//! is asked for.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::DbId;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ALL_SHARDS, FAST, WRITE};
use crate::command::{Command, Group, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `FLUSHALL`
pub const FLUSHALL: Command = Command::new("flushall", -1, flushall)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Deletes all keys of all databases.",
        "O(N) where N is the number of keys",
    )
    .flags(WRITE | ALL_SHARDS)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args("async?(async=ASYNC!^4.0.0 | sync=SYNC!^6.2.0)")
    .cost(Cost::Before(cost::flush));

/// `FLUSHDB`
pub const FLUSHDB: Command = Command::new("flushdb", -1, flushdb)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Deletes all keys of the selected database.",
        "O(N) where N is the number of keys",
    )
    .flags(WRITE | ALL_SHARDS)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args("async?(async=ASYNC!^4.0.0 | sync=SYNC!^6.2.0)")
    .cost(Cost::Before(cost::flush));

/// `SWAPDB`
pub const SWAPDB: Command = Command::new("swapdb", 3, swapdb)
    .group(Group::Server)
    .since("4.0.0")
    .docs(
        "Exchanges the data of two databases.",
        "O(N) where N is the number of watched keys",
    )
    .flags(WRITE | FAST | ALL_SHARDS)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .args("index1:integer index2:integer");

/// Whether the memory is to be freed before the reply.
fn is_sync(ctx: &Ctx<'_>, args: Args<'_>) -> Result<bool, ReplyError> {
    match args.len() {
        1 => Ok(!ctx.server.settings.lazyfree_lazy_user_flush.load(Relaxed)),
        2 if args.at(1).eq_ignore_ascii_case(b"sync") => Ok(true),
        2 if args.at(1).eq_ignore_ascii_case(b"async") => Ok(false),
        _ => Err(errors::SYNTAX),
    }
}

fn flush(ctx: &mut Ctx<'_>, db: DbId, sync: bool) {
    let removed = ctx.locked().flush(db, sync);
    ctx.effects().dirty += removed as u64;
    ctx.wake_all(db);
}

fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let sync = is_sync(ctx, args)?;
    for db in ctx.databases() {
        flush(ctx, db, sync);
    }
    if let Some(host) = ctx.server.host() {
        host.flushed_all();
        if ctx.server.persistence.saving.has_points() {
            // The snapshot that is being written has it all.
            let saved = &ctx.server.changes_at_save;
            saved.store(ctx.server.stats.changes(), Relaxed);
            ctx.effects().dirty = 0;
        }
    }
    crate::tracking::flushed(ctx);
    // To the log even where there was nothing to delete: replicas may hold more.
    ctx.propagate_as(args.as_slice());
    out.ok();
    Ok(())
}

fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let sync = is_sync(ctx, args)?;
    flush(ctx, ctx.db(), sync);
    crate::tracking::flushed(ctx);
    ctx.propagate_as(args.as_slice());
    out.ok();
    Ok(())
}

fn index(text: &[u8], error: ReplyError) -> Result<i32, ReplyError> {
    let index = common::number::parse_i64(text).and_then(|n| i32::try_from(n).ok());
    index.ok_or(error)
}

fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let first = index(args.at(1), errors::keys::SWAPDB_FIRST)?;
    let second = index(args.at(2), errors::keys::SWAPDB_SECOND)?;
    let db = |index: i32| {
        u32::try_from(index)
            .map(DbId)
            .map_err(|_| errors::keys::DB_OUT_OF_RANGE)
    };
    let (first, second) = (db(first)?, db(second)?);
    if !ctx.locked().swap(first, second) {
        return Err(errors::keys::DB_OUT_OF_RANGE);
    }
    ctx.effects().dirty += 1;
    ctx.wake_all(first);
    if first != second {
        ctx.wake_all(second);
    }
    out.ok();
    Ok(())
}
