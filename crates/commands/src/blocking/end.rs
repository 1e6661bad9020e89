//! The other ends of a wait: its time is over, someone unblocks it, its client goes.
//!
//! Who claims it takes it out of the queues of its keys, where that needs no waiting for a lock; it
//! can do no harm there, since it is claimed. The attendant does the rest.
//!
//! That its time is over is decided under the locks of its keys: a client must not hear that there
//! was nothing while something is there for it, which is only not served yet because the shard of a
//! BLMOVE's destination was busy.

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
    // Without one the reply is on its way, or it is another kind of waiting.
    let Some(wait) = session.state.wait.lock().clone() else {
        return Outcome::Blocked;
    };
    match claim_if_over(server, &wait, true) {
        Over::Claimed => {
            wait.write_end(None, out);
            count(server, &wait, session.worker, 0, false);
            forget(server, &wait);
            return Outcome::Done;
        }
        Over::Ended => {}
        Over::Unknown => server.blocking.add_overdue(server, wait),
    }
    Outcome::Blocked
}

/// What is known of a wait of which the time is over.
enum Over {
    /// There is nothing for it: the caller answers.
    Claimed,
    /// Somebody else answers.
    Ended,
    /// It is about to be served, or one of its shards is busy.
    Unknown,
}

fn claim_if_over(server: &Server, wait: &Arc<Wait>, may_be_due: bool) -> Over {
    match server.keyspace.try_lock(&wait.shards(server)) {
        Some(locked) if !(may_be_due && wait.is_due(server, &locked)) => match wait.claim(server) {
            true => Over::Claimed,
            false => Over::Ended,
        },
        _ => Over::Unknown,
    }
}

/// For the attendant: ends a wait of which the time is over; if it `may_be_due`, only where there
/// is nothing for it. Whether it has ended.
pub(super) fn is_over(server: &Server, wait: &Arc<Wait>, may_be_due: bool) -> bool {
    match claim_if_over(server, wait, may_be_due) {
        Over::Claimed => answer_end(server, usize::MAX, wait, None),
        Over::Ended => {}
        Over::Unknown => return false,
    }
    true
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
    let is_ours = wait.claim(server);
    if is_ours {
        answer_end(server, worker, wait, error);
    }
    is_ours
}

/// Answers a claimed wait that nothing came for.
fn answer_end(server: &Server, worker: usize, wait: &Arc<Wait>, error: Option<&ReplyError>) {
    let mut reply = Vec::new();
    wait.write_end(error, &mut ReplyWriter::new(&mut reply, wait.proto()));
    if let Some(error) = error {
        server.stats.error(error.code());
    }
    count(server, wait, worker, 0, error.is_some());
    wait.answer(reply, Vec::new());
    forget(server, wait);
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
