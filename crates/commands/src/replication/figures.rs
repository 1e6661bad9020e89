//! What INFO and ROLE say about replication.
//!
//! Copies, taken under the lock in one go, so that what is shown belongs together and the lock is
//! not held while text is made.

use replication::History;

use super::follow::Phase;
use super::state::Replication;

/// A replica, as INFO shows it.
#[derive(Clone, Debug)]
pub struct ReplicaFigures {
    /// Its address.
    pub ip: String,
    /// The port that it told.
    pub port: i64,
    /// How far its synchronisation is.
    pub state: &'static str,
    /// What it has acknowledged.
    pub offset: i64,
    /// Seconds since it did.
    pub lag_s: i64,
}

/// The primary that is followed, as INFO shows it.
#[derive(Clone, Debug)]
pub struct Primary {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far the link is.
    pub phase: Phase,
    /// Seconds since anything came from it; -1 without a link.
    pub last_io_s: i64,
    /// Seconds since the link is down; -1 if it never was up.
    pub down_s: i64,
    /// Bytes applied.
    pub offset: i64,
    /// Bytes read.
    pub read_offset: i64,
    /// Of the snapshot: its size (or -1), bytes read, seconds since the last.
    pub transfer: (i64, u64, i64),
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The primary, on a replica.
    pub primary: Option<Primary>,
    /// All that have asked for synchronisation.
    pub replicas: Vec<ReplicaFigures>,
    /// Those that are well.
    pub good: usize,
    /// `master_failover_state`.
    pub failover: &'static str,
    /// The ids.
    pub history: History,
    /// `master_repl_offset`.
    pub offset: u64,
    /// Of the backlog: offset of its first byte, counted from 1, and its length.
    pub backlog: Option<(u64, u64)>,
    /// Bytes of memory of the backlog, and of what is held for replicas beyond it.
    pub memory: (u64, u64),
}

/// Memory in use at one moment, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsedMemory {
    /// `used_memory`.
    pub used: u64,
    /// `mem_not_counted_for_evict`.
    pub uncounted: u64,
}

impl UsedMemory {
    /// What counts for `maxmemory`.
    pub fn counted(self) -> u64 {
        self.used.saturating_sub(self.uncounted)
    }
}

/// How many replicas have everything.
#[derive(Clone, Debug)]
pub struct Lagging {
    /// Those that do.
    pub in_sync: usize,
    /// All.
    pub all: usize,
    /// About each of the others, for the log.
    pub lines: Vec<String>,
}

impl Replication {
    /// Which replicas have acknowledged everything.
    pub fn lagging(&self) -> Lagging {
        let state = self.state.lock();
        let (offset, now_ms) = (self.log.replicated() as i64, common::clock::now_ms());
        let behind = state.replicas.iter().filter(|r| r.ack_offset != offset);
        let lines: Vec<_> = behind
            .map(|replica| {
                let lag_s = match replica.stage.is_online() {
                    true => (now_ms - replica.ack_ms) / 1000,
                    false => 0,
                };
                format!(
                    "Lagging replica {} reported offset {} behind master, lag={lag_s}, state={}.",
                    replica.name(),
                    offset - replica.ack_offset,
                    replica.stage.name()
                )
            })
            .collect();
        Lagging {
            in_sync: state.replicas.len() - lines.len(),
            all: state.replicas.len(),
            lines,
        }
    }

    /// Asks all replicas how far they are.
    pub fn ask_for_acks(&self) {
        self.log.append_to_replicas(&[b"REPLCONF", b"GETACK", b"*"]);
        self.log.nudge();
    }

    /// The figures at this moment.
    pub fn figures(&self) -> Figures {
        let mut state = self.state.lock();
        self.feed_locked(&mut state);
        let now_ms = common::clock::now_ms();
        let seconds_since = |ms: i64| (now_ms / 1000 - ms / 1000).max(0);
        let offset = self.log.replicated();
        let primary = state.upstream.as_ref().map(|upstream| Primary {
            host: upstream.host.clone(),
            port: upstream.port,
            phase: upstream.phase,
            last_io_s: match upstream.phase {
                Phase::Connected => seconds_since(upstream.last_io_ms),
                _ => -1,
            },
            down_s: upstream.down_since_ms.map_or(-1, seconds_since),
            offset: if state.resumable { offset as i64 } else { 1 },
            read_offset: if state.resumable {
                (offset + upstream.unapplied) as i64
            } else {
                1
            },
            transfer: (
                upstream.transfer.size,
                upstream.transfer.read,
                seconds_since(upstream.transfer.last_io_ms),
            ),
        });
        let replicas = state.replicas.iter().map(|replica| ReplicaFigures {
            ip: replica.ip().to_owned(),
            port: replica.peer.port,
            state: replica.stage.name(),
            offset: replica.ack_offset,
            lag_s: match replica.stage.is_online() {
                true => seconds_since(replica.ack_ms),
                false => 0,
            },
        });
        let kept = state.kept.as_ref().map(|kept| &kept.backlog);
        let memory = kept.map_or((0, 0), |backlog| {
            let memory = backlog.memory();
            (memory, memory.saturating_sub(backlog.capacity()))
        });
        Figures {
            primary,
            replicas: replicas.collect(),
            good: state.good,
            failover: super::failover::name(&state),
            history: state.history.clone(),
            offset,
            backlog: kept.map(|backlog| (backlog.start() + 1, backlog.len())),
            memory,
        }
    }

    /// What is in use now, and how much of it does not count for `maxmemory`: what is there for
    /// replicas and the append-only file only until it has been sent and written, beyond the
    /// backlog (evicting keys for that would make more of it), and what is being freed.
    ///
    /// Both belong to one moment: what moves from the log to the backlog is not on its way, and
    /// what comes or goes meanwhile otherwise makes too little of what counts rather than too much.
    pub fn used_memory(&self) -> UsedMemory {
        let state = self.state.lock();
        let before = common::memory::used_memory();
        let backlog = state.kept.as_ref().map_or(0, |kept| {
            let backlog = &kept.backlog;
            backlog.memory().saturating_sub(backlog.capacity())
        });
        let unsent = state.replicas.iter().map(|r| r.link.unsent_memory());
        let leaving = common::memory::leaving_memory() as u64;
        let uncounted = backlog + unsent.sum::<u64>() + self.log.memory() + leaving;
        UsedMemory {
            used: before.min(common::memory::used_memory()) as u64,
            uncounted,
        }
    }

    /// Bytes of the backlog.
    pub fn backlog_memory(&self) -> u64 {
        let state = self.state.lock();
        state.kept.as_ref().map_or(0, |kept| kept.backlog.memory())
    }
}
