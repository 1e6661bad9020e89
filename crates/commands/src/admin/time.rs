//! TIME and LASTSAVE: moments that the server knows.

use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyWriter};

use crate::command::flag::{FAST, LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `TIME`
pub const TIME: Command = Command::new("time", 1, time)
    .group(Group::Server)
    .since("2.6.0")
    .docs("Returns the server's time.", "O(1)")
    .flags(LOADING | STALE | FAST)
    .tips(&["nondeterministic_output"]);

/// `LASTSAVE`
pub const LASTSAVE: Command = Command::new("lastsave", 1, lastsave)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Returns the Unix time of the last successful save.", "O(1)")
    .flags(LOADING | STALE | FAST)
    .categories(category::ADMIN | category::DANGEROUS)
    .tips(&["nondeterministic_output"]);

fn time(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let now_us = ctx.now_us();
    out.array(2);
    out.bulk_i64(now_us / 1_000_000);
    out.bulk_i64(now_us % 1_000_000);
    Ok(())
}

fn lastsave(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.server.last_save_s.load(Relaxed));
    Ok(())
}
