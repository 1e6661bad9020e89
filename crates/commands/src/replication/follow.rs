//! Following a primary: the state of the link, and what happens to our history on the way.
//!
//! Each change of role or primary has a number. Whoever works for the link brings the number that
//! it began with; where that is out of date, nothing happens, so that a link which has not noticed
//! its end yet cannot do harm.
//!
//! What the primary sends is passed on to our own replicas and to our backlog byte for byte
//! ([`applied`]), under the locks under which it changed the data.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::command::{Command, category, flag};
use crate::origin::Origin;
use crate::server::Server;
use crate::session::{ClientState, Session};

use super::state::{Replication, State};

/// Room for the command that is being applied which is kept for the next.
const RAW_KEPT_BYTES: usize = 64 * 1024;

/// How far the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is to be connected.
    Connect,
    /// It is being connected.
    Connecting,
    /// Both sides are getting to know each other.
    Handshake,
    /// A snapshot is received or loaded.
    Transfer,
    /// The stream comes in.
    Connected,
}

/// A snapshot on its way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transfer {
    /// Its size, or -1 where that is not known.
    pub(super) size: i64,
    pub(super) read: u64,
    pub(super) last_io_ms: i64,
}

/// Ends a connection.
pub(super) type Cancel = Arc<dyn Fn() + Send + Sync>;

/// The primary that is followed.
pub(super) struct Upstream {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) generation: u64,
    pub(super) phase: Phase,
    pub(super) last_io_ms: i64,
    pub(super) down_since_ms: Option<i64>,
    pub(super) transfer: Transfer,
    /// Bytes read from the link that have not been applied.
    pub(super) unapplied: u64,
    pub(super) cancel: Option<Cancel>,
    /// While it is connected.
    pub(super) seat: Option<Connection>,
}

/// A connection to a primary, as others see it.
#[derive(Clone)]
pub(super) struct Connection {
    /// Its address, ours, and the descriptor.
    pub(super) ends: (String, String, i32),
    /// The state of the session that its commands run in.
    pub(super) client: Arc<ClientState>,
    pub(super) since_ms: i64,
}

/// A primary to be connected with.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The number of this role.
    pub generation: u64,
}

/// What a session that speaks for the primary remembers.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// Bytes of commands that were executed or queued but not passed on.
    raw: Vec<u8>,
    /// Database in which those begin.
    db: u16,
}

impl Replication {
    /// Follows a primary from now on. Every shard is locked, so that no write is under way that
    /// would be missing in the history that is left behind.
    pub(crate) fn follow(&self, server: &Server, host: String, port: u16) {
        let name = host.clone();
        let mut generation = self.applying.lock();
        *generation += 1;
        let mut state = self.state.lock();
        self.feed_locked(&mut state);
        match &mut state.upstream {
            Some(upstream) => upstream.cancel(),
            // The primary may know our own history, and continue it.
            None => {
                state.resumable = true;
                self.stream_db.store(0, Relaxed);
            }
        }
        state.upstream = Some(Upstream {
            host,
            port,
            generation: *generation,
            phase: Phase::Connect,
            last_io_ms: common::clock::now_ms(),
            down_since_ms: None,
            transfer: Transfer::default(),
            unapplied: 0,
            cancel: None,
            seat: None,
        });
        self.set_role(true, true);
        self.set_short(false);
        let waiters = std::mem::take(&mut state.waiters);
        self.changed.notify_all();
        drop(state);
        drop(generation);
        if let Some(host) = server.host() {
            host.role_changed(Some((&name, port)));
        }
        super::wait::role_changed(waiters);
        crate::blocking::unblock_all(server, &resp::errors::UNBLOCKED_STATE_CHANGED);
    }

    /// [`follow`](Self::follow) before any client is there.
    pub fn follow_from_start(&self, server: &Server, host: String, port: u16) {
        self.follow(server, host, port);
    }

    /// Lets the thread of the link look whether it is to end.
    pub fn wake_link(&self) {
        let mut state = self.state.lock();
        if let Some(upstream) = &mut state.upstream {
            upstream.cancel();
        }
        self.changed.notify_all();
    }

    /// Becomes a primary; false if it is one already.
    pub(crate) fn unfollow(&self, server: &Server) -> bool {
        let mut generation = self.applying.lock();
        let mut state = self.state.lock();
        let Some(mut upstream) = state.upstream.take() else {
            return false;
        };
        *generation += 1;
        upstream.cancel();
        self.feed_locked(&mut state);
        let offset = self.log.replicated();
        state
            .history
            .continue_as(common::random::hex_id(40), offset);
        let history = &state.history;
        let line = format!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID \
             is {}",
            history.second_id, history.second_offset, history.id
        );
        state.resumable = false;
        disconnect_replicas(&mut state);
        self.log.select_again();
        state.local_volatile.clear();
        self.set_role(false, false);
        self.changed.notify_all();
        drop(state);
        if let Some(host) = server.host() {
            host.log_warning(&line);
            host.role_changed(None);
        }
        true
    }

    /// Waits for a primary to connect with: until there is one, or for `timeout`.
    pub fn primary(&self, timeout: Duration) -> Option<Target> {
        let mut state = self.state.lock();
        if state.upstream.is_none() {
            self.changed.wait_for(&mut state, timeout);
        }
        let upstream = state.upstream.as_ref()?;
        Some(Target {
            host: upstream.host.clone(),
            port: upstream.port,
            generation: upstream.generation,
        })
    }

    /// Waits for `timeout`, or until the role is another than this one.
    pub fn rest(&self, generation: u64, timeout: Duration) {
        let mut state = self.state.lock();
        let is_current = |state: &State| {
            let upstream = state.upstream.as_ref();
            upstream.is_some_and(|upstream| upstream.generation == generation)
        };
        if is_current(&state) {
            self.changed.wait_for(&mut state, timeout);
        }
    }

    fn with<R>(&self, generation: u64, f: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut state = self.state.lock();
        let current = state.upstream.as_ref()?.generation;
        (current == generation).then(|| f(&mut state))
    }

    pub(super) fn with_upstream<R>(
        &self,
        generation: u64,
        f: impl FnOnce(&mut Upstream) -> R,
    ) -> Option<R> {
        self.with(generation, |state| state.upstream.as_mut().map(f))
            .flatten()
    }

    /// A session that speaks for the primary, where its stream stands.
    pub fn session(&self) -> Session {
        let mut session = Session::detached(Origin::Primary, usize::MAX);
        let db = self.stream_db.load(Relaxed);
        session.set_db(keyspace::DbId(db.into()));
        session.following = Some(Box::new(Following {
            raw: Vec::new(),
            db,
        }));
        session
    }

    /// Whether this role is still the present one.
    pub fn is_current(&self, generation: u64) -> bool {
        self.with(generation, |_| ()).is_some()
    }

    /// Runs `f` unless the role is over; it does not end meanwhile. `f` must not wait.
    pub fn apply<R>(&self, generation: u64, f: impl FnOnce() -> R) -> Option<R> {
        let current = self.applying.lock();
        (*current == generation).then(f)
    }

    /// The link has got so far. `cancel` ends its connection.
    pub fn set_phase(&self, generation: u64, phase: Phase) -> bool {
        let set = self.with_upstream(generation, |upstream| {
            upstream.phase = phase;
            upstream.last_io_ms = common::clock::now_ms();
            if phase == Phase::Connected {
                upstream.down_since_ms = None;
            }
        });
        if set.is_some() {
            self.set_role(true, phase != Phase::Connected);
        }
        set.is_some()
    }

    /// How to end the link's connection at once.
    pub fn set_cancel(&self, generation: u64, cancel: Arc<dyn Fn() + Send + Sync>) {
        self.with_upstream(generation, |upstream| upstream.cancel = Some(cancel));
    }

    /// So many bytes have come in; with a snapshot, its size is known or -1.
    pub fn received(&self, generation: u64, bytes: u64, snapshot: Option<i64>) {
        self.received_bytes.fetch_add(bytes, Relaxed);
        self.with_upstream(generation, |upstream| {
            let now_ms = common::clock::now_ms();
            upstream.last_io_ms = now_ms;
            if let Some(size) = snapshot {
                upstream.transfer.size = size;
                upstream.transfer.read += bytes;
                upstream.transfer.last_io_ms = now_ms;
            }
        });
    }

    /// So many bytes have come in and wait to be applied.
    pub fn set_unapplied(&self, generation: u64, bytes: u64) {
        self.with_upstream(generation, |upstream| upstream.unapplied = bytes);
    }

    /// What the history can be continued with: its id and the next byte.
    pub fn resume_point(&self, generation: u64) -> Option<(String, i64)> {
        self.with(generation, |state| {
            let offset = self.log.replicated() as i64 + 1;
            state.resumable.then(|| (state.history.id.clone(), offset))
        })
        .flatten()
    }

    /// The primary continues our history, under a new id if it tells one. Returns the new id.
    pub fn continued(&self, generation: u64, id: Option<String>, capacity: u64) -> Option<String> {
        self.with(generation, |state| {
            let id = id.filter(|id| *id != state.history.id);
            if let Some(id) = &id {
                let offset = self.log.replicated();
                state.history.continue_as(id.clone(), offset);
                // They need to learn of it, and will continue.
                disconnect_replicas(state);
            }
            self.keep(state, capacity);
            state.resumable = true;
            id
        })
        .flatten()
    }

    /// A snapshot takes the place of our data: the history so far is over, our replicas must
    /// synchronise anew.
    pub fn begin_load(&self, generation: u64) -> bool {
        self.with(generation, |state| {
            disconnect_replicas(state);
            state.resumable = false;
            state.kept = None;
            state.local_volatile.clear();
        })
        .is_some()
    }

    /// The snapshot is loaded: its history is ours from this offset on.
    pub fn end_load(
        &self,
        generation: u64,
        id: &str,
        (offset, db): (u64, u16),
        capacity: u64,
    ) -> bool {
        self.with(generation, |state| {
            self.stream_db.store(db, Relaxed);
            state.kept = None;
            state.history.restart_as(id.to_owned());
            self.log.set_replicated(offset);
            self.keep(state, capacity);
            // An empty id: the primary cannot continue.
            state.resumable = !id.is_empty();
        })
        .is_some()
    }

    /// The link is down.
    pub fn link_lost(&self, generation: u64) {
        let lost = self.with_upstream(generation, |upstream| {
            upstream.cancel = None;
            upstream.seat = None;
            upstream.unapplied = 0;
            upstream.transfer = Transfer::default();
            if upstream.phase == Phase::Connected || upstream.down_since_ms.is_none() {
                upstream.down_since_ms = Some(common::clock::now_ms());
            }
            upstream.phase = Phase::Connect;
        });
        if lost.is_some() {
            self.set_role(true, true);
        }
    }

    /// Ends the connections of all replicas. Those who can will continue.
    pub fn drop_replicas(&self) {
        disconnect_replicas(&mut self.state.lock());
    }
}

impl Upstream {
    fn cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
    }
}

pub(super) fn disconnect_replicas(state: &mut State) {
    for replica in state.replicas.drain(..) {
        replica.link.kill(false);
    }
    state.alone_since_ms = common::clock::now_ms();
    state.good = 0;
}

impl Session {
    /// These bytes of the primary's stream are the command that is dispatched next.
    pub fn arrived(&mut self, raw: &[u8]) {
        let following = self.following.get_or_insert_default();
        following.raw.extend_from_slice(raw);
    }

    /// Bytes that arrived and were not passed on: those of an open transaction.
    pub fn kept_back(&self) -> usize {
        self.following.as_ref().map_or(0, |f| f.raw.len())
    }
}

/// A command of the primary has run, or was refused (`None`): passes it on. In a transaction
/// nothing is passed on until its end, so that nobody sees a part of it.
pub(crate) fn applied(server: &Server, session: &mut Session, command: Option<&Command>) {
    if session.transaction.is_some() {
        return;
    }
    let db = session.db.0 as u16;
    let Some(following) = &mut session.following else {
        return;
    };
    if following.raw.is_empty() {
        return;
    }
    let changes = command.is_some_and(|command| {
        let publishes = command.categories & category::PUBSUB != 0;
        let may = flag::WRITE | flag::RUNS_QUEUE | flag::MAY_REPLICATE;
        command.flags & may != 0 && !publishes
    });
    let dbs = (following.db, db);
    server
        .log
        .append_raw(&following.raw, changes.then_some(dbs));
    server.replication.stream_db.store(db, Relaxed);
    following.raw.clear();
    // A large command must not leave its room behind.
    following.raw.shrink_to(RAW_KEPT_BYTES);
    following.db = db;
}

/// Passes on what arrived last, if that was not done by running it.
pub fn settle(server: &Server, session: &mut Session) {
    applied(server, session, None);
}
