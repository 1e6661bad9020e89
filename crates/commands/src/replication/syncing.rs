//! The life of a snapshot for replicas, as far as their stages are concerned. Making and sending it
//! is the server's.
//!
//! A plan is made when replicas wait ([`Replication::plan_sync`]). At the cut, with all shards
//! locked, every replica that waits for such a snapshot takes part in it
//! ([`Replication::begin_sync`]); the stream is kept for them from there on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use replication::History;

use crate::server::Server;
use crate::session::{ClientLink, Session, client_flag};
use crate::settings::Settings;

use super::replicas::{Replica, Stage};
use super::state::{Job, Replication, State};

/// A snapshot that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncPlan {
    /// It is sent as it is written, without a file.
    pub is_diskless: bool,
    /// Keys are left out.
    pub without_data: bool,
    /// Functions are left out.
    pub without_functions: bool,
}

/// A replica that takes part.
#[derive(Clone)]
pub struct SyncTarget {
    /// The client.
    pub id: u64,
    /// Its connection.
    pub link: Arc<dyn ClientLink>,
    /// Its name in log lines.
    pub name: String,
}

impl Replica {
    /// Whether a snapshot for it is put off, so that others can share it.
    pub(super) fn may_wait(&self, settings: &Settings) -> bool {
        settings.repl_diskless_sync.load(Relaxed)
            && self.peer.takes_marks
            && settings.repl_diskless_sync_delay_s.load(Relaxed) > 0
    }

    fn filter(&self) -> (bool, bool) {
        (self.peer.without_data, self.peer.without_functions)
    }

    fn target(&self) -> SyncTarget {
        SyncTarget {
            id: self.id,
            link: Arc::clone(&self.link),
            name: self.name(),
        }
    }
}

/// Tells a replica where its snapshot stands in the stream.
pub(super) fn announce(history: &History, offset: u64, replica: &Replica) {
    if !replica.is_old {
        let line = format!("+FULLRESYNC {} {offset}\r\n", history.id);
        replica.link.push(Bytes::from(line));
    }
}

impl Replication {
    /// Whether a snapshot is to be begun now, and of which kind. If so, no other is planned until
    /// [`end_sync`](Self::end_sync).
    pub fn plan_sync(&self, server: &Server, now_ms: i64) -> Option<SyncPlan> {
        let mut state = self.state.lock();
        if state.syncing {
            return None;
        }
        let waiting = |r: &&Replica| r.stage == Stage::Waiting;
        let filter = state.replicas.iter().find(waiting)?.filter();
        let group = || {
            let group = state.replicas.iter().filter(waiting);
            group.filter(move |replica| replica.filter() == filter)
        };
        let settings = &server.settings;
        let max = settings.repl_diskless_sync_max_replicas.load(Relaxed);
        let delay_ms = settings.repl_diskless_sync_delay_s.load(Relaxed) as i64 * 1000;
        let is_due = group().any(|r| !r.may_wait(settings) || now_ms - r.since_ms >= delay_ms)
            || max > 0 && group().count() as u64 >= max;
        if !is_due {
            return None;
        }
        let wants_diskless = settings.repl_diskless_sync.load(Relaxed) || filter != (false, false);
        let is_diskless = wants_diskless && group().all(|replica| replica.peer.takes_marks);
        state.syncing = true;
        Some(SyncPlan {
            is_diskless,
            without_data: filter.0,
            without_functions: filter.1,
        })
    }

    /// Whether nobody waits for a snapshot any more.
    pub fn is_unwanted(&self) -> bool {
        let state = self.state.lock();
        !state.replicas.iter().any(|r| r.stage == Stage::Waiting)
    }

    /// Whether no snapshot is on its way to anybody, or wanted.
    pub fn is_all_synced(&self) -> bool {
        let state = self.state.lock();
        state
            .replicas
            .iter()
            .all(|replica| replica.stage.is_online())
    }

    /// What a snapshot says of the history, to be asked for at its cut: fields and values.
    pub fn aux(&self) -> Vec<(&'static str, String)> {
        let state = self.state.lock();
        if state.kept.is_none() && !state.resumable {
            return Vec::new();
        }
        let db = match state.upstream {
            Some(_) => self.stream_db.load(Relaxed),
            None => 0,
        };
        vec![
            ("repl-stream-db", db.to_string()),
            ("repl-id", state.history.id.clone()),
            ("repl-offset", self.log.replicated().to_string()),
        ]
    }

    /// The snapshot's cut: to be called while all shards are locked. Returns the history that it
    /// belongs to and its offset.
    pub fn begin_sync(&self, server: &Server, plan: &SyncPlan) -> (History, u64) {
        let mut state = self.state.lock();
        self.keep(&mut state, server.settings.repl_backlog_size.load(Relaxed));
        self.feed_locked(&mut state);
        let offset = self.log.replicated();
        if state.upstream.is_none() {
            // Whoever starts here knows no database. Our primary's stream is not ours to change;
            // where it stands goes into the snapshot.
            self.log.select_again();
        }
        let filter = (plan.without_data, plan.without_functions);
        state.job = Some(Job {
            offset,
            is_open: !plan.is_diskless,
            filter,
        });
        let State {
            history, replicas, ..
        } = &mut *state;
        for replica in replicas.iter_mut() {
            if replica.stage == Stage::Waiting && replica.filter() == filter {
                replica.cursor = offset;
                replica.stage = match plan.is_diskless {
                    true => Stage::Streaming,
                    false => Stage::Preparing,
                };
                announce(history, offset, replica);
            }
        }
        (history.clone(), offset)
    }

    /// The replicas that take part.
    pub fn sync_targets(&self) -> Vec<SyncTarget> {
        let state = self.state.lock();
        let takes_part = |r: &&Replica| matches!(r.stage, Stage::Preparing | Stage::Streaming);
        let targets = state.replicas.iter().filter(takes_part);
        targets.map(Replica::target).collect()
    }

    /// The file is complete: nobody else can join. Returns those who are to be sent it.
    pub fn begin_sending(&self) -> Vec<SyncTarget> {
        let mut state = self.state.lock();
        if let Some(job) = &mut state.job {
            job.is_open = false;
        }
        let mut targets = Vec::new();
        for replica in &mut state.replicas {
            if replica.stage == Stage::Preparing {
                replica.stage = Stage::Sending;
                targets.push(replica.target());
            }
        }
        targets
    }

    /// A replica has its snapshot: it is fed from here on, or when it has said that it is ready.
    /// One that wanted nothing else is let go; false then.
    pub fn synced(&self, id: u64, awaits_ack: bool) -> bool {
        let mut state = self.state.lock();
        let Some(replica) = state.replicas.iter_mut().find(|replica| replica.id == id) else {
            return false;
        };
        if replica.peer.snapshot_only {
            replica.link.kill(true);
            state.replicas.retain(|replica| replica.id != id);
            return false;
        }
        let spoke = replica.ack_ms > replica.since_ms && replica.ack_offset > 0;
        replica.stage = Stage::Online {
            awaits_ack: awaits_ack && !spoke && !replica.is_old,
        };
        replica.ack_ms = common::clock::now_ms();
        self.feed_locked(&mut state);
        true
    }

    /// The snapshot's end; another may begin. Whoever took part and will not get it is
    /// disconnected.
    pub fn end_sync(&self) {
        let mut state = self.state.lock();
        state.syncing = false;
        state.job = None;
        state.replicas.retain(|replica| {
            let is_stuck = matches!(replica.stage, Stage::Preparing | Stage::Streaming);
            if is_stuck {
                replica.link.kill(false);
            }
            !is_stuck
        });
    }

    /// Forgets a replica; returns its name.
    fn remove(&self, id: u64) -> Option<String> {
        let mut state = self.state.lock();
        let at = state.replicas.iter().position(|replica| replica.id == id)?;
        let replica = state.replicas.remove(at);
        if state.replicas.is_empty() {
            state.alone_since_ms = common::clock::now_ms();
        }
        Some(replica.name())
    }
}

/// The connection of a client has ended.
pub(crate) fn gone(server: &Server, session: &Session) {
    if session.has_flag(client_flag::BLOCKED) {
        server.replication.forget_waiter(session.id);
    }
    if session.is_replica()
        && let (Some(name), Some(host)) = (server.replication.remove(session.id), server.host())
    {
        host.log_notice(&format!("Connection with replica {name} lost."));
    }
}
