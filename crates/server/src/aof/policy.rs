//! The directives that the writer follows, as atomics which CONFIG SET changes.
//!
//! The writer reads them anew for every batch, so that a change holds from the next write on. What
//! can fail (switching the file on or off) is not here but in the rewrite.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use commands::Server;

use super::bell::Bell;
use crate::config::Config;

/// `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fsync {
    /// Before each reply.
    Always,
    /// Every second.
    EverySec,
    /// When the system wants to.
    No,
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Policy {
    fsync: AtomicU8,
    timestamps: AtomicBool,
    no_fsync_on_rewrite: AtomicBool,
    /// Wakes the thread that follows this.
    pub(super) bell: Bell,
}

impl Policy {
    /// Names of the directives that [`Policy::follow`] reads.
    pub(super) const DIRECTIVES: &[&str] = &[
        "appendfsync",
        "aof-timestamp-enabled",
        "no-appendfsync-on-rewrite",
    ];

    /// Takes over what the configuration says.
    pub(super) fn follow(&self, config: &Config, server: &Server) {
        let fsync = match config.choice("appendfsync") {
            "always" => Fsync::Always,
            "no" => Fsync::No,
            _ => Fsync::EverySec,
        };
        self.fsync.store(fsync as u8, Relaxed);
        self.timestamps
            .store(config.bool("aof-timestamp-enabled"), Relaxed);
        self.no_fsync_on_rewrite
            .store(config.bool("no-appendfsync-on-rewrite"), Relaxed);
        server.aof.set_always(fsync == Fsync::Always);
        self.bell.ring();
    }

    pub(super) fn fsync(&self) -> Fsync {
        match self.fsync.load(Relaxed) {
            0 => Fsync::Always,
            1 => Fsync::EverySec,
            _ => Fsync::No,
        }
    }

    pub(super) fn timestamps(&self) -> bool {
        self.timestamps.load(Relaxed)
    }

    /// Whether there is a job that writes to the disk, and syncing is to wait for its end.
    pub(super) fn rests_while_rewriting(&self, server: &Server) -> bool {
        self.no_fsync_on_rewrite.load(Relaxed) && server.jobs.running().is_some()
    }
}
