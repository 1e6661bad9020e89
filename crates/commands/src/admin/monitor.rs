//! MONITOR: the client sees every command from here on; see [`crate::monitor`].

use std::sync::Arc;

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::session::client_flag;

/// `MONITOR`
pub const MONITOR: Command = Command::new("monitor", 1, monitor)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Shows every command that the server runs from now on.", "")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE);

fn monitor(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.in_exec {
        return Err(errors::MONITOR_DENY_BLOCKING);
    }
    out.ok();
    if !ctx.session.has_flag(client_flag::MONITOR) {
        ctx.session.set_flag(client_flag::MONITOR, true);
        ctx.server
            .monitors
            .add(ctx.session.id, Arc::clone(&ctx.session.link));
    }
    Ok(())
}
