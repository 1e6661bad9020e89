//! SAVE and BGSAVE: asks the host to write a snapshot.
//!
//! SAVE, too, is written in the background: its client waits, nobody else does. All shards are
//! locked for the instant in which the snapshot gets its moment.

use std::sync::Arc;

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, ALL_SHARDS, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT};
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
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI | ALL_SHARDS);

/// `BGSAVE`
pub const BGSAVE: Command = Command::new("bgsave", -1, bgsave)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Saves a snapshot in the background.", "O(1)")
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | ALL_SHARDS)
    .args("schedule=SCHEDULE!?^3.2.2");

fn save(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    let link = Arc::clone(&ctx.session.link);
    super::host(ctx)?.save(link, ctx.locked())?;
    ctx.wait_without_reply();
    Ok(())
}

fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let schedule = match args.len() {
        1 => false,
        2 if args.at(1).eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(errors::SYNTAX),
    };
    let schedule = schedule || ctx.in_transaction();
    let started = super::host(ctx)?.save_in_background(schedule, ctx.locked())?;
    out.simple(match started {
        true => "Background saving started",
        false => "Background saving scheduled",
    });
    Ok(())
}
