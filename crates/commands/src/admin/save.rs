//! SAVE and BGSAVE: asks the host to write a snapshot.
//!
//! SAVE, too, is written in the background: its client waits, nobody else does.

use std::sync::Arc;

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT};
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
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT)
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
    let started = super::host(ctx)?.save_in_background(schedule || ctx.in_transaction())?;
    out.simple(match started {
        true => "Background saving started",
        false => "Background saving scheduled",
    });
    Ok(())
}
