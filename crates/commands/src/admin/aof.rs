//! BGREWRITEAOF: the append-only file, as clients see it.
//!
//! The file itself belongs to the server, which is reached through the host. WAITAOF is with WAIT,
//! because it waits for replicas too.

use resp::{Args, ReplyWriter};

use crate::command::flag::{ADMIN, NO_ASYNC_LOADING, NOSCRIPT};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

/// `BGREWRITEAOF`
pub const BGREWRITEAOF: Command = Command::new("bgrewriteaof", 1, bgrewriteaof)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Writes the append-only file anew, in the background.",
        "O(1)",
    )
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT);

fn bgrewriteaof(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let started = super::host(ctx)?.rewrite_aof(ctx.in_transaction())?;
    out.simple(match started {
        true => "Background append only file rewriting started",
        false => "Background append only file rewriting scheduled",
    });
    Ok(())
}
