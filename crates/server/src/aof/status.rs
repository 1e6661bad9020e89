//! What INFO shows of the append-only file.
//!
//! The figures are taken under the writer's lock in one go, so that a reader of INFO sees fields
//! that belong together; nothing here is kept for longer than the reply.

use std::sync::atomic::Ordering::Relaxed;

use commands::jobs::JobKind;

use super::{Aof, Mode};

/// Fields of INFO, named as there without `aof_`.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// It is switched on.
    pub enabled: bool,
    /// A rewrite is going on.
    pub rewrite_in_progress: bool,
    /// A rewrite is to begin when it can.
    pub rewrite_scheduled: bool,
    /// Seconds that the last rewrite took; -1: there was none.
    pub last_rewrite_time_sec: i64,
    /// Seconds that the current one has taken; -1: there is none.
    pub current_rewrite_time_sec: i64,
    /// The last rewrite went well.
    pub last_bgrewrite_ok: bool,
    /// Rewrites begun.
    pub rewrites: u64,
    /// Rewrites that failed one after the other.
    pub consecutive_failures: u64,
    /// The file can be written.
    pub last_write_ok: bool,
    /// Bytes of all files.
    pub current_size: u64,
    /// Bytes of all files at the start or after the last rewrite.
    pub base_size: u64,
    /// Bytes that wait to be written.
    pub buffer_length: u64,
    /// A sync is going on.
    pub pending_fsync: bool,
    /// Syncs that took too long.
    pub delayed_fsync: u64,
    /// Syncs.
    pub fsyncs: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            enabled: false,
            rewrite_in_progress: false,
            rewrite_scheduled: false,
            last_rewrite_time_sec: -1,
            current_rewrite_time_sec: -1,
            last_bgrewrite_ok: true,
            rewrites: 0,
            consecutive_failures: 0,
            last_write_ok: true,
            current_size: 0,
            base_size: 0,
            buffer_length: 0,
            pending_fsync: false,
            delayed_fsync: 0,
            fsyncs: 0,
        }
    }
}

impl Aof {
    /// The figures of this moment.
    pub fn figures(&self) -> Figures {
        let shared = &self.0;
        let state = shared.state.lock();
        let status = &shared.status;
        let now_s = common::clock::now_ms() / 1000;
        Figures {
            enabled: state.mode != Mode::Off,
            rewrite_in_progress: shared.server.jobs.running() == Some(JobKind::AofRewrite),
            rewrite_scheduled: state.scheduled,
            last_rewrite_time_sec: state.history.last_took_s,
            current_rewrite_time_sec: state.history.started_s.map_or(-1, |at| now_s - at),
            last_bgrewrite_ok: state.history.last_ok,
            rewrites: state.history.count,
            consecutive_failures: shared.failures.load(Relaxed),
            last_write_ok: shared.server.aof.error() == 0,
            current_size: shared.size(&state),
            base_size: state.base_size,
            buffer_length: status.pending.load(Relaxed),
            pending_fsync: status.syncing.load(Relaxed),
            delayed_fsync: status.delayed.load(Relaxed),
            fsyncs: status.syncs.load(Relaxed),
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {
        self.0.status.delayed.store(0, Relaxed);
        self.0.state.lock().history.count = 0;
        self.0.failures.store(0, Relaxed);
    }
}
