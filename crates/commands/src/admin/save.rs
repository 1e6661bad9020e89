//! SAVE and BGSAVE: asks the host to write a snapshot.
//!
//! SAVE, too, is written in the background: its client waits, nobody else does.

use std::sync::Arc;

use keyspace::{Db, ShardId};
use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, WALKS_SHARDS};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

/// `SAVE`
pub const SAVE: Command = Command::new("save", 1, save)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Saves a snapshot, and answers when that is done.",
        "O(N) where N is the number of keys in all databases",
    )
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI);

/// `BGSAVE`
pub const BGSAVE: Command = Command::new("bgsave", -1, bgsave)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Saves a snapshot in the background.", "O(1)")
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | WALKS_SHARDS)
    .args("schedule=SCHEDULE!?^3.2.2");

fn save(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    super::host(ctx)?.save(Arc::clone(&ctx.session.link))?;
    ctx.wait_without_reply();
    Ok(())
}

fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let schedule = match args.len() {
        1 => false,
        2 if args.at(1).eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(errors::SYNTAX),
    };
    let mut keys = 0;
    for shard in (0..ctx.shards() as u32).map(ShardId) {
        for db in ctx.databases() {
            keys += ctx.with_shard(shard, db, |part| part.map_or(0, Db::len))? as u64;
        }
    }
    let schedule = schedule || ctx.in_transaction();
    let started = super::host(ctx)?.save_in_background(schedule, keys)?;
    out.simple(match started {
        true => "Background saving started",
        false => "Background saving scheduled",
    });
    Ok(())
}
