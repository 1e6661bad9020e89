//! SHUTDOWN: asks the host to end the process.
//!
//! There is no reply to a shutdown that happens: the connection ends with the process. The client
//! waits until then, or until the host tells it through its link that the server goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, ALLOW_BUSY, LOADING, NO_MULTI, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::host::ShutdownRequest;
use crate::session::{ClientLink, ClientState, client_flag};

/// `SHUTDOWN`
pub const SHUTDOWN: Command = Command::new("shutdown", -1, shutdown)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Saves if so configured, and ends the server.",
        "O(N) when saving, where N is the number of keys, otherwise O(1)",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
    .args(
        "nosave_save?(nosave=NOSAVE! | save=SAVE!) now=NOW!?^7.0.0 force=FORCE!?^7.0.0 \
         abort=ABORT!?^7.0.0",
    );

fn parse(args: Args<'_>) -> Result<ShutdownRequest, ReplyError> {
    let mut request = ShutdownRequest::default();
    let (mut save, mut nosave) = (false, false);
    for word in args.from(1).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => nosave = true,
            b"save" => save = true,
            b"now" => request.now = true,
            b"force" => request.force = true,
            b"abort" => request.abort = true,
            _ => return Err(errors::SYNTAX),
        }
    }
    let more = save || nosave || request.now || request.force;
    if request.abort && more || save && nosave {
        return Err(errors::SYNTAX);
    }
    request.save = (save || nosave).then_some(save);
    Ok(request)
}

fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let request = parse(args)?;
    let host = super::host(ctx)?;
    if request.abort {
        host.abort_shutdown()?;
        out.ok();
        return Ok(());
    }
    let waiting = Waiting {
        link: Arc::clone(&ctx.session.link),
        state: Arc::clone(&ctx.session.state),
    };
    ctx.session.set_flag(client_flag::BLOCKED, true);
    let asked = host.shutdown(request, Arc::new(waiting));
    if asked.is_err() {
        ctx.session.set_flag(client_flag::BLOCKED, false);
    }
    asked?;
    ctx.wait_without_reply();
    Ok(())
}

/// The way to a client that waits for the end, and counts as blocked until it is told otherwise.
struct Waiting {
    link: Arc<dyn ClientLink>,
    state: Arc<ClientState>,
}

impl ClientLink for Waiting {
    fn resume(&self) {
        self.link.resume();
    }

    fn unblock(&self, reply: Bytes) {
        self.state.flags.fetch_and(!client_flag::BLOCKED, Relaxed);
        self.link.unblock(reply);
    }

    fn push(&self, payload: Bytes) {
        self.link.push(payload);
    }

    fn kill(&self, flush: bool) {
        self.link.kill(flush);
    }

    fn wake_at(&self, at_ms: i64) {
        self.link.wake_at(at_ms);
    }
}
