//! Every reason to refuse a command before it runs, in one ordered list.
//!
//! The order is Redis's: unknown command and arity, protected commands, NOAUTH, commands
//! not allowed in MULTI, ACL, cluster redirection, memory, disk errors, NOREPLICAS, READONLY,
//! the pub/sub context of RESP2, MASTERDOWN, LOADING, BUSY. CLIENT PAUSE comes last and is not a
//! refusal: see [`mod@crate::dispatch`].

use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, Proto, ReplyError, errors};

use crate::command::{Command, flag};
use crate::pubsub::Own;
use crate::server::Server;
use crate::session::Session;
use crate::table::{CommandId, Entry, NO_COMMAND};

/// Finds the command, or the subcommand of a container, that the arguments name.
///
/// # Errors
/// Unknown command or subcommand, or the wrong number of arguments for the command given with it.
#[inline]
pub(crate) fn resolve<'s>(
    server: &'s Server,
    id: CommandId,
    args: Args<'_>,
) -> Result<(CommandId, &'s Entry), (Option<CommandId>, ReplyError)> {
    if id == NO_COMMAND {
        let error = errors::unknown_command(args.at(0), args.from(1).iter());
        return Err((None, error));
    }
    let entry = server.table.entry(id);
    if entry.children.is_empty() || args.len() < 2 {
        return checked(id, entry, args);
    }
    match server.table.find_sub(id, args.at(1)) {
        NO_COMMAND => {
            let error = errors::unknown_subcommand(entry.command.name, args.at(1));
            Err((None, error))
        }
        sub => checked(sub, server.table.entry(sub), args),
    }
}

#[inline]
fn checked<'s>(
    id: CommandId,
    entry: &'s Entry,
    args: Args<'_>,
) -> Result<(CommandId, &'s Entry), (Option<CommandId>, ReplyError)> {
    if entry.command.arity_ok(args.len()) {
        Ok((id, entry))
    } else {
        Err((Some(id), errors::wrong_arity(&entry.full_name)))
    }
}

/// Commands that a directive forbids, or allows to local connections only.
#[cold]
fn protected(server: &Server, session: &Session, command: &Command) -> Result<(), ReplyError> {
    let settings = &server.settings;
    let (name, option, setting) = if command.has(flag::PROTECTED_DEBUG) {
        (
            "DEBUG",
            "enable-debug-command",
            &settings.enable_debug_command,
        )
    } else {
        (
            "MODULE",
            "enable-module-command",
            &settings.enable_module_command,
        )
    };
    let allowed = match setting.load(Relaxed) {
        0 => false,
        1 => true,
        _ => session.is_local,
    };
    if allowed {
        Ok(())
    } else {
        Err(errors::protected_command(name, option))
    }
}

/// Whether the command may not run, or be queued, when memory is full: queues hold memory, and
/// EXEC is what it has queued.
fn needs_memory(server: &Server, session: &Session, command: &Command) -> bool {
    let Some(transaction) = &session.transaction else {
        return command.has(flag::DENYOOM);
    };
    let denied = |id| server.table.entry(id).command.has(flag::DENYOOM);
    if command.has(flag::RUNS_QUEUE) {
        return transaction.queue.iter().any(|queued| denied(queued.id));
    }
    // UNWATCH is queued, but frees; it is told by the lock that it takes.
    let adds_to_queue = !command.has(flag::NOT_QUEUED) && !command.has(flag::LOCKS_QUEUE);
    adds_to_queue || command.has(flag::DENYOOM)
}

/// Whether the client has subscriptions, in RESP2, where messages could not be told from replies
/// to this command.
#[cold]
fn is_out_of_context(session: &Session, command: &Command) -> bool {
    session.proto == Proto::Resp2
        && session.subscriptions.is_some()
        && !command.has(flag::IN_PUBSUB)
}

/// Whether the client may run the command now.
///
/// # Errors
/// The refusal.
#[inline]
pub(crate) fn admit(
    server: &Server,
    session: &mut Session,
    entry: &Entry,
) -> Result<(), ReplyError> {
    let command = entry.command;
    if !session.origin.is_checked() {
        return Ok(());
    }
    if command.flags & (flag::PROTECTED_DEBUG | flag::PROTECTED_MODULE) != 0 {
        protected(server, session, command)?;
    }
    if !session.authenticated && !command.has(flag::NO_AUTH) {
        return Err(errors::NOAUTH);
    }
    if session.transaction.is_some() && command.has(flag::NO_MULTI) {
        return Err(errors::NO_MULTI);
    }
    if server.settings.maxmemory.load(Relaxed) != 0 {
        let mut own = Own {
            id: session.id,
            out: &mut session.pushes,
        };
        let made = crate::evict::make_room(server, &mut own);
        if needs_memory(server, session, command) {
            made?;
        }
    }
    if server.aof.error() != 0 || server.persistence.saving.denies_writes() {
        disk_fails(server, session, entry)?;
    }
    if server.replication.restricts() {
        crate::replication::admit(server, session, command)?;
    }
    if session.is_replica() || server.monitors.are_there() && session.is_monitor() {
        crate::replication::admit_replica(command)?;
    }
    if session.subscriptions.is_some() && is_out_of_context(session, command) {
        return Err(errors::pubsub_context(&entry.full_name));
    }
    if server.persistence.is_loading() && !command.has(flag::LOADING) {
        return Err(errors::LOADING);
    }
    if server.persistence.is_loading_beside() && command.has(flag::NO_ASYNC_LOADING) {
        return Err(errors::LOADING);
    }
    Ok(())
}

/// While snapshots or the append-only file cannot be written, nothing may be changed; PING tells it
/// too.
#[cold]
fn disk_fails(server: &Server, session: &Session, entry: &Entry) -> Result<(), ReplyError> {
    let writes = |command: &Command| command.has(flag::WRITE);
    let mut queue = session.transaction.iter().flat_map(|t| &t.queue);
    let mut queue_writes = || {
        entry.command.has(flag::RUNS_QUEUE)
            && queue.any(|queued| writes(server.table.entry(queued.id).command))
    };
    if writes(entry.command) || entry.command.name == "ping" || queue_writes() {
        if server.persistence.saving.denies_writes() {
            return Err(errors::persistence::MISCONF_RDB);
        }
        let code = server.aof.error();
        if code == 0 {
            // It has recovered since.
            return Ok(());
        }
        let text = common::os::os_text(&std::io::Error::from_raw_os_error(code));
        return Err(errors::misconf_aof(&text));
    }
    Ok(())
}
