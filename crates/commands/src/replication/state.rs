//! What replication remembers, and the few bits of it that every command asks for.
//!
//! The rest is behind one lock, which is taken by the feeder, by handshakes and by INFO; a command
//! on the hot path reads atomics alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU16, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};
use replication::{Audience, Backlog, History, Log, Reader};

use super::failover::Failover;
use super::follow::Upstream;
use super::replicas::Replica;
use super::wait::Waiter;
use crate::server::Server;

/// This server follows a primary.
const REPLICA: u8 = 1;
/// Its link to the primary is down.
const LINK_DOWN: u8 = 1 << 1;
/// Too few replicas are well for `min-replicas-to-write`.
const SHORT: u8 = 1 << 2;

/// The part of the stream that is kept, and its source.
pub(super) struct Kept {
    pub(super) reader: Reader,
    pub(super) backlog: Backlog,
}

/// A snapshot for replicas that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Replication offset of its cut.
    pub(super) offset: u64,
    /// It goes to a file, so that others can join in until that is complete.
    pub(super) is_open: bool,
    /// What it leaves out.
    pub(super) filter: (bool, bool),
}

/// Everything behind the lock.
pub(super) struct State {
    pub(super) history: History,
    pub(super) kept: Option<Kept>,
    pub(super) replicas: Vec<Replica>,
    pub(super) job: Option<Job>,
    /// A job was planned and has not ended.
    pub(super) syncing: bool,
    /// Since when there are no replicas, Unix ms.
    pub(super) alone_since_ms: i64,
    pub(super) upstream: Option<Upstream>,
    /// Whether the history may be continued with a primary.
    pub(super) resumable: bool,
    pub(super) waiters: Vec<Waiter>,
    pub(super) failover: Option<Failover>,
    /// Replicas that are well.
    pub(super) good: usize,
    pub(super) next_second_ms: i64,
    pub(super) seconds: u64,
    /// Keys that clients of a writable replica gave an expiry: they expire here.
    pub(super) local_volatile: Vec<keyspace::DbKey>,
}

/// See the module's text.
pub struct Replication {
    pub(super) log: Arc<Log>,
    mode: AtomicU8,
    /// Database that the primary's stream has selected.
    pub(super) stream_db: AtomicU16,
    /// Until when the end of the process waits for replicas, Unix ms; 0: it does not.
    pub shutdown_at_ms: AtomicI64,
    /// Bytes received from the primary.
    pub received_bytes: AtomicU64,
    /// Bytes of the stream and of snapshots sent to replicas.
    pub sent_bytes: AtomicU64,
    /// Full synchronisations that replicas asked for.
    pub full_syncs: AtomicU64,
    /// Partial ones.
    pub partial_syncs: AtomicU64,
    /// Partial ones that were not possible.
    pub partial_refusals: AtomicU64,
    /// The number of the present role: it grows with every change of role or primary. Held while a
    /// command of the primary runs.
    pub(super) applying: Mutex<u64>,
    pub(super) state: Mutex<State>,
    /// The primary to follow has changed.
    pub(super) changed: Condvar,
}

impl Replication {
    /// A primary without replicas.
    pub fn new(log: Arc<Log>) -> Self {
        Self {
            log,
            mode: AtomicU8::new(0),
            stream_db: AtomicU16::new(0),
            shutdown_at_ms: AtomicI64::new(0),
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            full_syncs: AtomicU64::new(0),
            partial_syncs: AtomicU64::new(0),
            partial_refusals: AtomicU64::new(0),
            applying: Mutex::new(0),
            state: Mutex::new(State {
                history: History::new(common::random::hex_id(40)),
                kept: None,
                replicas: Vec::new(),
                job: None,
                syncing: false,
                alone_since_ms: common::clock::now_ms(),
                upstream: None,
                resumable: false,
                waiters: Vec::new(),
                failover: None,
                good: 0,
                next_second_ms: 0,
                seconds: 0,
                local_volatile: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Whether this server is a replica.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.mode.load(Ordering::Acquire) & REPLICA != 0
    }

    /// Whether this server is a replica whose link to its primary is down.
    pub fn is_link_down(&self) -> bool {
        self.mode.load(Ordering::Acquire) & LINK_DOWN != 0
    }

    /// Whether too few replicas are well.
    pub(super) fn is_short(&self) -> bool {
        self.mode.load(Ordering::Acquire) & SHORT != 0
    }

    /// Whether commands may have to be refused: all that the hot path asks.
    #[inline]
    pub(crate) fn restricts(&self) -> bool {
        self.mode.load(Ordering::Acquire) != 0
    }

    pub(super) fn set_role(&self, is_replica: bool, is_link_down: bool) {
        self.set(REPLICA, is_replica);
        self.set(LINK_DOWN, is_replica && is_link_down);
    }

    pub(super) fn set_short(&self, is_short: bool) {
        self.set(SHORT, is_short);
    }

    fn set(&self, bit: u8, on: bool) {
        if on {
            self.mode.fetch_or(bit, Ordering::AcqRel);
        } else {
            self.mode.fetch_and(!bit, Ordering::AcqRel);
        }
    }

    /// The history: id, the id before, and how far that is good.
    pub fn history(&self) -> History {
        self.state.lock().history.clone()
    }

    /// Takes a new id, as if the history began here (DEBUG CHANGE-REPL-ID).
    pub fn change_id(&self) {
        let mut state = self.state.lock();
        state.history.restart_as(common::random::hex_id(40));
    }

    /// Takes over what a snapshot says of the history that it is a part of, at the start: a replica
    /// goes on where it was, and the replicas of a primary can. Those are told to delete `gone`,
    /// which the snapshot has and the server has not.
    pub fn restore(
        &self,
        server: &Server,
        id: &str,
        (offset, db): (u64, u16),
        gone: &[(u16, Vec<u8>)],
    ) {
        if id.len() != replication::history::ID_LEN {
            return;
        }
        let mut state = self.state.lock();
        self.log.set_replicated(offset);
        if state.upstream.is_some() {
            state.history.restart_as(id.to_owned());
            state.resumable = true;
            self.stream_db.store(db, Ordering::Relaxed);
        } else {
            state.history.second_id = id.to_owned();
            state.history.second_offset = offset as i64 + 1;
            let capacity = server.settings.repl_backlog_size.load(Ordering::Relaxed);
            self.keep(&mut state, capacity);
            for (db, key) in gone {
                let command = [&b"DEL"[..], key];
                self.log.append_for(Audience::Replicas, *db, command);
            }
            state.alone_since_ms = common::clock::now_ms();
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {
        for counter in [
            &self.received_bytes,
            &self.sent_bytes,
            &self.full_syncs,
            &self.partial_syncs,
            &self.partial_refusals,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Keeps the stream from here on, if that is not done yet.
    pub(super) fn keep(&self, state: &mut State, capacity: u64) {
        if state.kept.is_none() {
            let reader = self.log.read_for_replicas();
            let backlog = Backlog::new(self.log.replicated(), capacity);
            state.kept = Some(Kept { reader, backlog });
        }
    }
}
