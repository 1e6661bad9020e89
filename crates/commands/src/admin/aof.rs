//! BGREWRITEAOF and WAITAOF: the append-only file, as clients see it.
//!
//! The file itself belongs to the server, which is reached through the host; a client that waits
//! in WAITAOF is released by its gate or by its timeout, whichever comes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use resp::{Args, Proto, ReplyWriter, errors};

use crate::command::flag::{ADMIN, BLOCKING, NO_ASYNC_LOADING, NOSCRIPT};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::Session;

/// `BGREWRITEAOF`
pub const BGREWRITEAOF: Command = Command::new("bgrewriteaof", 1, bgrewriteaof)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Writes the append-only file anew, in the background.",
        "O(1)",
    )
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT);

/// `WAITAOF`
pub const WAITAOF: Command = Command::new("waitaof", 4, waitaof)
    .group(Group::Generic)
    .since("7.2.0")
    .docs(
        "Waits until the client's changes are on disk, here and on replicas.",
        "O(1)",
    )
    .flags(NOSCRIPT | BLOCKING)
    .categories(category::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args("numlocal:integer numreplicas:integer timeout:integer");

fn bgrewriteaof(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let started = super::host(ctx)?.rewrite_aof(ctx.in_transaction())?;
    out.simple(match started {
        true => "Background append only file rewriting started",
        false => "Background append only file rewriting scheduled",
    });
    Ok(())
}

/// There are no replicas to wait for, so that only the local disk counts, as with WAIT.
fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let number = |at: usize| common::number::parse_i64(args.at(at)).ok_or(errors::NOT_INTEGER);
    let (local, replicas) = (number(1)?, number(2)?);
    if !(0..=1).contains(&local) {
        return Err(errors::persistence::WAITAOF_LOCAL_RANGE);
    }
    if replicas < 0 {
        return Err(errors::persistence::WAITAOF_REPLICAS_RANGE);
    }
    let timeout_ms = match common::number::parse_i64(args.at(3)) {
        None => return Err(errors::TIMEOUT_NOT_INTEGER),
        Some(..0) => return Err(errors::TIMEOUT_NEGATIVE),
        Some(ms) => ms,
    };
    let gate = &ctx.server.aof;
    if local > 0 && !gate.is_enabled() {
        return Err(errors::persistence::WAITAOF_DISABLED);
    }
    let claimed = Arc::new(AtomicBool::new(false));
    let offset = ctx.session.log_offset;
    let must_wait = local > 0 && !ctx.in_transaction() && ctx.session.origin.is_checked();
    let mut reply = Vec::new();
    write_reply(1, &mut ReplyWriter::new(&mut reply, Proto::Resp2));
    let then = (Arc::clone(&claimed), reply.into());
    if !must_wait || !gate.unblock_when_durable(offset, then, &ctx.session.link) {
        let is_durable = gate.is_enabled() && gate.durable() >= offset;
        write_reply(i64::from(is_durable), out);
        return Ok(());
    }
    ctx.server.log.wake();
    ctx.session.waits_for_aof = Some(claimed);
    if timeout_ms > 0 {
        let at_ms = ctx.now_ms().saturating_add(timeout_ms);
        ctx.session.link.wake_at(at_ms);
    }
    ctx.wait_without_reply();
    Ok(())
}

fn write_reply(local: i64, out: &mut ReplyWriter<'_>) {
    out.array(2);
    out.integer(local);
    out.integer(0);
}

/// The time of a client in WAITAOF is over; whether it was in there, and has its reply now.
pub(crate) fn timed_out(server: &Server, session: &mut Session, out: &mut ReplyWriter<'_>) -> bool {
    let claimed = session.waits_for_aof.take();
    let is_mine = claimed.is_some_and(|claimed| !claimed.swap(true, SeqCst));
    if is_mine {
        let is_durable = server.aof.durable() >= session.log_offset;
        write_reply(i64::from(is_durable), out);
    }
    is_mine
}
