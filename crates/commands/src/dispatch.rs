//! The one entrance for commands, whoever sends them: look up, admit, queue or run.
//!
//! The network layer calls [`prepare`] for every command of a read batch, and then [`dispatch`] for
//! each in order, while [`crate::prefetch`] goes ahead of it; what was looked up and hashed is
//! handed over in [`Prepared`] and not done again.

use std::sync::Arc;

use keyspace::KeyHash;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::call;
use crate::command::flag;
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::{ReplyMode, Session, client_flag};
use crate::table::{CommandId, Entry, NO_COMMAND};
use crate::{admit, multi, plain, timing};

/// What [`prepare`] found out about a command.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// The command of that name, containers unresolved.
    pub id: CommandId,
    /// Whether `hash` is the hash of the command's only key.
    pub hashed: bool,
    /// See `hashed`.
    pub hash: KeyHash,
    /// The hash of the field or member that it looks at, if it is known to; else 0.
    pub member: u64,
}

impl Default for Prepared {
    fn default() -> Self {
        Self {
            id: NO_COMMAND,
            hashed: false,
            hash: KeyHash(0),
            member: 0,
        }
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is written.
    Done,
    /// The reply is written; the connection ends.
    Close,
    /// Nothing happened: the same command is to be dispatched again when the client is resumed.
    Deferred,
    /// Nothing happened: it takes long, and is to be dispatched again on an executor, with the
    /// session that [`Session::lend`] gives.
    Away,
    /// The client waits; the reply comes later through its link.
    Blocked,
}

impl Outcome {
    /// Whether the command ran.
    pub const fn is_run(self) -> bool {
        !matches!(self, Self::Deferred | Self::Away)
    }
}

/// Looks a command up and hashes its key.
pub fn prepare(server: &Server, args: Args<'_>) -> Prepared {
    prepared(server, server.table.find(args.at(0)), args)
}

/// [`prepare`] of a command that a client sends, which may be the one that it sent last.
#[inline]
pub fn prepare_for(server: &Server, session: &Session, args: Args<'_>) -> Prepared {
    let id = server.table.find_again(args.at(0), &session.found);
    prepared(server, id, args)
}

#[inline(always)]
fn prepared(server: &Server, id: CommandId, args: Args<'_>) -> Prepared {
    if id == NO_COMMAND {
        return Prepared::default();
    }
    let entry = server.table.entry(id);
    match entry.single_key.and_then(|at| args.get(at)) {
        None => Prepared {
            id,
            ..Prepared::default()
        },
        Some(key) => {
            let member = match args.get(2) {
                Some(member) if entry.has_member => common::hash::hash(member),
                _ => 0,
            };
            Prepared {
                id,
                hashed: true,
                hash: server.keyspace.hash(key),
                member,
            }
        }
    }
}

/// Runs a command, or queues or refuses it, and writes the reply.
#[inline]
pub fn dispatch(
    server: &Server,
    session: &mut Session,
    args: Args<'_>,
    prepared: Prepared,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    if session.is_open
        && let Some(outcome) = plain::dispatch(server, session, args, prepared, out)
    {
        return outcome;
    }
    let outcome = dispatch_any(server, session, args, prepared, out);
    // It may have changed whatever the short way relies on.
    session.is_open =
        session.ahead > 0 && outcome == Outcome::Done && plain::is_open(server, session);
    outcome
}

/// The long way, open to all.
#[inline(never)]
fn dispatch_any(
    server: &Server,
    session: &mut Session,
    args: Args<'_>,
    prepared: Prepared,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    let before = out.mark();
    session.ahead = session.ahead.saturating_sub(1);
    let was_replica = session.is_replica();
    let outcome = match admit::resolve(server, prepared.id, args) {
        Err((id, error)) => {
            let error = ends_transaction(server, session, id, error);
            refuse(server, session, id, error, out)
        }
        Ok((id, entry)) => admitted(server, session, (id, entry), args, prepared, out),
    };
    if was_replica && out.len_since(before) > 0 {
        out.truncate(before);
        crate::replication::replied(server, session);
    }
    session.keeps_locks &= !outcome.is_run();
    if session.reply_mode != ReplyMode::On && outcome.is_run() {
        match session.reply_mode {
            ReplyMode::SkipNext => session.reply_mode = ReplyMode::Skip,
            mode => {
                out.truncate(before);
                if mode == ReplyMode::Skip {
                    session.reply_mode = ReplyMode::On;
                }
            }
        }
    }
    if !session.pushes.is_empty() {
        out.raw(&session.pushes);
        session.pushes.clear();
    }
    outcome
}

#[inline]
fn admitted(
    server: &Server,
    session: &mut Session,
    (id, entry): (CommandId, &Entry),
    args: Args<'_>,
    prepared: Prepared,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    let admitted = admit::admit(server, session, entry);
    if let Err(error) = admitted.or_else(|error| keep_for_exec(session, entry, error)) {
        return refuse(server, session, Some(id), error, out);
    }
    if session.tracking.is_some() {
        crate::tracking::limit(server, session);
    }
    // What the client is told of evictions for the sake of this command comes before its reply.
    if !session.pushes.is_empty() && session.reply_mode == ReplyMode::On {
        out.raw(&std::mem::take(&mut session.pushes));
    }
    session.note_command(id);
    if session.transaction.is_some() && !entry.command.has(flag::NOT_QUEUED) {
        return queue(session, id, args, out);
    }
    if (server.pause.is_possible() || session.paused) && is_paused(server, session, entry) {
        return Outcome::Deferred;
    }
    call::call(server, session, id, args, prepared, out)
}

/// Keeps the refusal of an EXEC for the handler, which answers EXECABORT with it.
///
/// # Errors
/// The refusal, where it is of any other command, or of an EXEC without a transaction: Redis says
/// EXECABORT then, too.
#[cold]
pub(crate) fn keep_for_exec(
    session: &mut Session,
    entry: &Entry,
    error: ReplyError,
) -> Result<(), ReplyError> {
    if !entry.command.has(flag::RUNS_QUEUE) {
        return Err(error);
    }
    if session.transaction.is_none() {
        return Err(errors::exec_abort(&error));
    }
    session.exec_refusal = Some(error);
    Ok(())
}

/// An EXEC that has arguments gives its transaction up, and says why.
#[cold]
fn ends_transaction(
    server: &Server,
    session: &mut Session,
    id: Option<CommandId>,
    error: ReplyError,
) -> ReplyError {
    let runs_queue = |id| server.table.entry(id).command.has(flag::RUNS_QUEUE);
    if !id.is_some_and(runs_queue) {
        return error;
    }
    crate::transactions::give_up(server, session);
    errors::exec_abort(&error)
}

/// Writes an error that took the place of a command, and counts it. In MULTI it also makes EXEC
/// fail.
pub(crate) fn refuse(
    server: &Server,
    session: &mut Session,
    id: Option<CommandId>,
    error: ReplyError,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    if let Some(id) = id {
        server.stats.worker(session.worker).rejected(id);
    }
    if let Some(transaction) = &mut session.transaction {
        transaction.aborted = true;
    }
    // A command that runs in two parts may be refused the second time.
    crate::generic::migrate::abandon(server, session);
    server.stats.error(error.code());
    if session.is_replica() {
        crate::replication::note_refusal(server, &error, id);
    }
    out.error(&error);
    Outcome::Done
}

fn queue(
    session: &mut Session,
    id: CommandId,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    use std::sync::atomic::Ordering::Relaxed;
    let transaction = session
        .transaction
        .get_or_insert_with(Box::<multi::Transaction>::default);
    transaction.push(id, args);
    session
        .state
        .multi
        .store(transaction.queue.len() as i32, Relaxed);
    session
        .state
        .multi_mem
        .store(transaction.memory_bytes as u64, Relaxed);
    out.simple("QUEUED");
    Outcome::Done
}

/// Whether CLIENT PAUSE holds the command; if so, the client is resumed when the pause ends.
#[cold]
pub(crate) fn is_paused(server: &Server, session: &mut Session, entry: &Entry) -> bool {
    if !session.origin.is_checked() || entry.command.has(flag::NOT_PAUSED) {
        return false;
    }
    let queued_write = session.transaction.as_ref().is_some_and(|transaction| {
        let may_write = |q: &multi::Queued| writes(server.table.entry(q.id));
        entry.command.has(flag::RUNS_QUEUE) && transaction.queue.iter().any(may_write)
    });
    let held = server
        .pause
        .holds(common::clock::now_ms(), queued_write || writes(entry))
        .is_some();
    if held {
        server.pause.wait(Arc::clone(&session.link));
    }
    if held != session.paused {
        session.paused = held;
        session.set_flag(client_flag::BLOCKED, held);
    }
    held
}

fn writes(entry: &Entry) -> bool {
    entry.command.flags & (flag::WRITE | flag::MAY_REPLICATE) != 0
}

/// The handler of container commands, which only their subcommands answer.
///
/// # Errors
/// Always: reached only by a call that names no subcommand.
pub fn container(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    Err(errors::wrong_arity(ctx.command().name))
}

/// To be called when a read batch is done: the clock is read afresh for the next.
#[inline]
pub fn batch_end(server: &Server, session: &mut Session) {
    timing::settle(server, session);
    session.ahead = 0;
    session.is_open = false;
    session.clock_us = 0;
}

/// The moment that the client asked for with [`crate::session::ClientLink::wake_at`] has come.
pub fn timed_out(server: &Server, session: &mut Session, out: &mut ReplyWriter<'_>) -> Outcome {
    crate::blocking::timed_out(server, session, out)
}

/// The client is gone: forgets what it held.
pub fn disconnect(server: &Server, mut session: Session) {
    crate::blocking::abandon(server, &session.state);
    crate::transactions::unwatch_gone(server, &mut session);
    server.monitors.remove_if(&session);
    crate::generic::migrate::abandon(server, &mut session);
    crate::replication::gone(server, &session);
    crate::pubsub::leave(&server.pubsub, &mut session);
    crate::tracking::leave(&server.tracking, &mut session);
}
