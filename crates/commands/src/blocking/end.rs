//! The other ends of a wait: its time is over, someone unblocks it, its client goes.
//!
//! Who claims it takes it out of the queues of its keys, where that needs no waiting for a lock; it
//! can do no harm there, since it is claimed. The attendant does the rest.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{ShardSet, Waiter};
use resp::{ReplyError, ReplyWriter, errors};

use super::Wait;
use crate::dispatch::Outcome;
use crate::server::Server;
use crate::session::{ClientState, Session};

/// The time of the client's wait is over.
pub(crate) fn timed_out(
    server: &Server,
    session: &mut Session,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    let wait = session.state.wait.lock().clone();
    // Without one that is still open the reply is on its way, or it is another kind of waiting.
    let Some(wait) = wait.filter(|wait| wait.claim(server)) else {
        return Outcome::Blocked;
    };
    wait.write_end(None, out);
    count(server, &wait, session.worker, 0, false);
    forget(server, &wait);
    Outcome::Done
}

/// CLIENT UNBLOCK: ends a client's blocking command, as if its time had run out or with an error.
/// Returns whether the client was blocked. `worker` is the caller's.
pub(crate) fn unblock(server: &Server, worker: usize, id: u64, with_error: bool) -> bool {
    let mut wait = None;
    if let Some(host) = server.host() {
        host.with_client(id, &mut |client| {
            wait.clone_from(&client.state().wait.lock());
        });
    }
    let error = with_error.then_some(errors::UNBLOCKED_BY_CLIENT);
    wait.is_some_and(|wait| finish(server, worker, &wait, error.as_ref()))
}

/// Ends every wait with an error and closes the clients: what they wait for can no longer be
/// answered, because the server's role has changed.
pub fn unblock_all(server: &Server, error: &ReplyError) {
    let mut waits = Vec::new();
    if let Some(host) = server.host() {
        host.each_client(&mut |client| waits.extend(client.state().wait.lock().clone()));
    }
    for wait in waits {
        if finish(server, usize::MAX, &wait, Some(error)) {
            wait.close();
        }
    }
}

fn finish(server: &Server, worker: usize, wait: &Arc<Wait>, error: Option<&ReplyError>) -> bool {
    if !wait.claim(server) {
        return false;
    }
    let mut reply = Vec::new();
    wait.write_end(error, &mut ReplyWriter::new(&mut reply, wait.proto()));
    if let Some(error) = error {
        server.stats.error(error.code());
    }
    count(server, wait, worker, 0, error.is_some());
    wait.answer(reply, Vec::new());
    forget(server, wait);
    true
}

/// The client is going: nothing must be taken for it any more.
pub(crate) fn abandon(server: &Server, state: &ClientState) {
    let wait = state.wait.lock().clone();
    if let Some(wait) = wait.filter(|wait| wait.claim(server)) {
        forget(server, &wait);
    }
}

/// Takes a claimed wait out of the queues of its keys. Must not be called with a shard locked.
pub(super) fn forget(server: &Server, wait: &Arc<Wait>) {
    if !wait.keys.iter().all(|key| forget_key(server, wait, key)) {
        server.blocking.add_wait(Arc::clone(wait));
    }
}

/// Whether the key's shard was free.
fn forget_key(server: &Server, wait: &Wait, key: &[u8]) -> bool {
    let shard = server.keyspace.shard_of(server.keyspace.hash(key));
    let Some(mut locked) = server.keyspace.try_lock(&ShardSet::one(shard)) else {
        return false;
    };
    if let Some(db) = locked.db_mut(shard, wait.db) {
        db.remove_waiter(key, wait.id());
    }
    true
}

/// Counts a wait that has ended: the command's call was counted when it began to wait, not what it
/// took in all. `us` is what the reply took.
pub(super) fn count(server: &Server, wait: &Wait, worker: usize, us: u64, failed: bool) {
    let total_us = wait.spent_us.load(Relaxed) + us;
    let track = server.settings.latency_tracking.load(Relaxed);
    let stats = server.stats.worker(worker);
    stats.unblocked(wait.command, us, total_us, failed, track);
    server.note_latency("command-unblocking", us);
    if server.settings.is_slow(total_us) {
        let name = wait.state.text.lock().name.clone();
        let max_len = server.settings.slowlog_max_len.load(Relaxed);
        let client = (&*wait.address, &*name);
        server
            .slowlog
            .push(wait.shown.clone(), total_us, client, max_len);
    }
}
