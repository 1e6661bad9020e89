//! MULTI, EXEC and DISCARD.
//!
//! EXEC runs under the locks of its whole queue and of the watched keys, with one frozen clock.
//! What its commands changed goes to the log as one unit, which no reader sees in parts.

use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyWriter, errors};
use smallvec::SmallVec;

use crate::call;
use crate::command::flag::{
    ALLOW_BUSY, FAST, LOADING, LOCKS_QUEUE, NOSCRIPT, NOT_QUEUED, RUNS_QUEUE, SKIP_SLOWLOG, STALE,
};
use crate::command::{Command, Group, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::multi::Transaction;
use crate::server::Server;
use crate::session::Session;

/// `MULTI`
pub const MULTI: Command = Command::new("multi", 1, multi)
    .group(Group::Transactions)
    .since("1.2.0")
    .docs("Begins a transaction.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED)
    .categories(category::TRANSACTION);

/// `EXEC`
pub const EXEC: Command = Command::new("exec", 1, exec)
    .group(Group::Transactions)
    .since("1.2.0")
    .docs("Runs the commands of a transaction as one.", "")
    .flags(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | NOT_QUEUED | LOCKS_QUEUE | RUNS_QUEUE)
    .categories(category::TRANSACTION)
    .cost(Cost::Before(cost::queue));

/// `DISCARD`
pub const DISCARD: Command = Command::new("discard", 1, discard)
    .group(Group::Transactions)
    .since("2.0.0")
    .docs("Forgets a transaction.", "O(N)")
    .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED | LOCKS_QUEUE)
    .categories(category::TRANSACTION);

fn multi(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.session.transaction.is_some() {
        return Err(errors::NESTED_MULTI);
    }
    ctx.session.transaction = Some(Box::default());
    ctx.session.state.multi.store(0, Relaxed);
    out.ok();
    Ok(())
}

/// Leaves the transaction and returns it.
pub(crate) fn leave(ctx: &mut Ctx<'_>) -> Option<Box<Transaction>> {
    take(ctx.session)
}

/// Leaves the transaction and all watches, where no shards are locked.
pub(crate) fn give_up(server: &Server, session: &mut Session) {
    take(session);
    super::watch::unwatch_gone(server, session);
}

fn take(session: &mut Session) -> Option<Box<Transaction>> {
    session.state.multi.store(-1, Relaxed);
    session.state.multi_mem.store(0, Relaxed);
    session.transaction.take()
}

fn discard(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if leave(ctx).is_none() {
        return Err(errors::DISCARD_WITHOUT_MULTI);
    }
    super::unwatch(ctx);
    out.ok();
    Ok(())
}

fn exec(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(transaction) = leave(ctx) else {
        return Err(errors::EXEC_WITHOUT_MULTI);
    };
    let stale = super::watch::is_stale(ctx);
    super::unwatch(ctx);
    if let Some(reason) = ctx.session.exec_refusal.take() {
        return Err(errors::exec_abort(&reason));
    }
    if transaction.aborted {
        return Err(errors::EXECABORT);
    }
    if stale {
        out.null_array();
        return Ok(());
    }
    out.array(transaction.queue.len());
    ctx.in_exec = true;
    ctx.begin_unit();
    for queued in &transaction.queue {
        let refs: SmallVec<[&[u8]; 8]> = queued.args.iter().map(|arg| &**arg).collect();
        call::run(ctx, queued.id, Args::new(&refs), out);
    }
    ctx.end_unit();
    ctx.in_exec = false;
    ctx.command = &EXEC;
    Ok(())
}
