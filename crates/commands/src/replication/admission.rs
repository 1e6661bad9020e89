//! What replication forbids: writes on a read-only replica, writes with too few replicas, reads of
//! stale data, and nearly everything to clients that are replicas.
//! A refusal that depends on the role is decided by atomics alone: these run before every command.

use std::sync::atomic::Ordering::Relaxed;

use resp::{ReplyError, errors};

use crate::command::{Command, flag};
use crate::server::Server;
use crate::session::Session;
use crate::table::{CommandId, NO_COMMAND};

/// Whether the command, or any in the queue that it runs, has one of these flags; `lacking` asks
/// for one that has none of them.
fn any(
    server: &Server,
    session: &Session,
    command: &Command,
    f: impl Fn(&Command) -> bool,
) -> bool {
    let queue = session.transaction.as_ref().map(|t| &t.queue);
    let mut queue = queue.into_iter().flatten();
    f(command)
        || command.has(flag::RUNS_QUEUE) && queue.any(|q| f(server.table.entry(q.id).command))
}

/// Whether replication allows the command now.
///
/// # Errors
/// NOREPLICAS, READONLY, MASTERDOWN.
#[cold]
pub(crate) fn admit(
    server: &Server,
    session: &Session,
    command: &Command,
) -> Result<(), ReplyError> {
    let (replication, settings) = (&server.replication, &server.settings);
    let writes = any(server, session, command, |c| c.has(flag::WRITE));
    if !replication.is_replica() {
        return match writes && replication.is_short() {
            true => Err(errors::NOREPLICAS),
            false => Ok(()),
        };
    }
    if writes && settings.replica_read_only.load(Relaxed) {
        return Err(errors::READONLY);
    }
    let refuses_stale = |c: &Command| !c.has(flag::STALE);
    if replication.is_link_down()
        && !settings.replica_serve_stale_data.load(Relaxed)
        && any(server, session, command, refuses_stale)
    {
        return Err(errors::MASTERDOWN);
    }
    Ok(())
}

/// Whether a client that is a replica may run the command.
///
/// # Errors
/// It touches the keyspace.
pub(crate) fn admit_replica(command: &Command) -> Result<(), ReplyError> {
    match command.flags & (flag::WRITE | flag::READONLY | flag::MAY_REPLICATE) != 0 {
        true => Err(errors::REPLICA_KEYSPACE),
        false => Ok(()),
    }
}

/// Says in the log that a replica is going to be sent an error.
#[cold]
pub(crate) fn note_refusal(server: &Server, error: &ReplyError, id: Option<CommandId>) {
    let name = id.map_or("<unknown>", |id| &*server.table.entry(id).full_name);
    if let Some(host) = server.host() {
        host.log_warning(&format!(
            "== CRITICAL == This master is sending an error to its replica: '-{}' after \
             processing the command '{name}'",
            error.text()
        ));
    }
}

/// A replica's command has a reply, which would be taken for a part of the stream: the caller drops
/// the reply, and the replica is disconnected.
#[cold]
pub(crate) fn replied(server: &Server, session: &Session) {
    let name = match session.state.command.load(Relaxed) {
        NO_COMMAND => "<unknown>",
        id => &server.table.entry(id).full_name,
    };
    if let Some(host) = server.host() {
        let client = super::replicaof::describe(server, session.id);
        host.log_warning(&format!(
            "Replica generated a reply to command '{name}', disconnecting it: {client}"
        ));
    }
    session.link.kill(false);
}
