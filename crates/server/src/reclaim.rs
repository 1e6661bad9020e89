//! Gives memory that is free back to the system: when MEMORY PURGE asks, and when a worker has had
//! nothing to do for a while after it was busy.
//!
//! The allocator keeps what each thread freed for that thread, so each worker has to do it for
//! itself, in its tick. It never happens between the commands of a busy worker.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use commands::Server;

/// Time between two looks.
const TICK_MS: i64 = 1000;
/// Looks without a command in between that make a worker idle.
const IDLE_TICKS: u32 = 5;

/// What each worker saw at its last look.
pub(crate) struct Reclaim {
    workers: Box<[Seen]>,
}

#[derive(Default)]
#[repr(align(128))]
struct Seen {
    purges: AtomicU32,
    commands: AtomicU64,
    idle_ticks: AtomicU32,
}

impl Reclaim {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers: (0..workers).map(|_| Seen::default()).collect(),
        }
    }

    /// To be called on the worker's thread; returns when to call it again.
    pub(crate) fn tick(&self, server: &Server, worker: usize, now_ms: i64) -> i64 {
        if let Some(seen) = self.workers.get(worker)
            && seen.is_due(server, worker)
        {
            common::memory::release_unused();
        }
        now_ms + TICK_MS
    }
}

impl Seen {
    fn is_due(&self, server: &Server, worker: usize) -> bool {
        let purges = server.purges.load(Relaxed);
        let commands = server.stats.worker(worker).commands.load(Relaxed);
        let is_asked = self.purges.swap(purges, Relaxed) != purges;
        if self.commands.swap(commands, Relaxed) != commands {
            self.idle_ticks.store(0, Relaxed);
            return is_asked;
        }
        // Counted beyond the limit, so that it is reached once only; from the start on, too.
        let ticks = self.idle_ticks.load(Relaxed).saturating_add(1);
        self.idle_ticks.store(ticks, Relaxed);
        is_asked || (ticks == IDLE_TICKS && commands > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::{FAMILIES, Table};
    use keyspace::{Keyspace, KeyspaceConfig};
    use std::sync::Arc;

    #[test]
    fn a_worker_reclaims_once_when_idle_and_whenever_asked() {
        let keyspace = Arc::new(Keyspace::new(KeyspaceConfig::default()));
        let table = Table::new(FAMILIES, &[]).expect("a table");
        let server = Server::new(keyspace, table, 1);
        let seen = Seen::default();
        let due = |ticks: u32| (0..ticks).filter(|_| seen.is_due(&server, 0)).count();
        assert_eq!(due(20), 0, "it has done nothing yet");
        server.stats.worker(0).commands.store(7, Relaxed);
        assert_eq!(due(5), 0);
        assert_eq!(due(20), 1);
        server.purges.fetch_add(1, Relaxed);
        assert_eq!(due(3), 1);
        server.stats.worker(0).commands.store(8, Relaxed);
        assert_eq!(due(20), 1);
    }
}
