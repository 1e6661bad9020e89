//! The one slot for background jobs that save all data: snapshot, rewrite of the append-only file,
//! full synchronisation.
//!
//! At most one runs at a time, as in Redis, where each is a child process. Who holds a
//! [`JobGuard`] runs; dropping it frees the slot. A job looks at [`JobGuard::is_cancelled`] often
//! enough to end within some milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Writes a snapshot.
    Save,
    /// Writes the append-only file anew.
    AofRewrite,
    /// Sends the data to replicas.
    Sync,
}

struct Running {
    kind: JobKind,
    cancelled: Arc<AtomicBool>,
}

/// See the module's text.
#[derive(Default)]
pub struct Jobs {
    running: Arc<Mutex<Option<Running>>>,
    started: AtomicU64,
}

impl Jobs {
    /// Takes the slot, if it is free.
    pub fn start(&self, kind: JobKind) -> Option<JobGuard> {
        let mut running = self.running.lock();
        if running.is_some() {
            return None;
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        *running = Some(Running {
            kind,
            cancelled: Arc::clone(&cancelled),
        });
        self.started.fetch_add(1, Relaxed);
        Some(JobGuard {
            running: Arc::clone(&self.running),
            cancelled,
        })
    }

    /// What is running.
    pub fn running(&self) -> Option<JobKind> {
        self.running.lock().as_ref().map(|running| running.kind)
    }

    /// Asks a job of this kind to end; whether there is one.
    pub fn cancel(&self, kind: JobKind) -> bool {
        let running = self.running.lock();
        let found = running.as_ref().filter(|running| running.kind == kind);
        found
            .inspect(|it| it.cancelled.store(true, Relaxed))
            .is_some()
    }

    /// Whether one of this kind was asked to end and has not ended yet.
    pub fn is_stopping(&self, kind: JobKind) -> bool {
        let running = self.running.lock();
        let is_it = |it: &Running| it.kind == kind && it.cancelled.load(Relaxed);
        running.as_ref().is_some_and(is_it)
    }

    /// How many jobs were started: what INFO calls `total_forks`.
    pub fn started(&self) -> u64 {
        self.started.load(Relaxed)
    }
}

/// The right to run a job.
pub struct JobGuard {
    running: Arc<Mutex<Option<Running>>>,
    cancelled: Arc<AtomicBool>,
}

impl JobGuard {
    /// Whether the job is to end early.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        *self.running.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_runs_at_a_time_and_can_be_cancelled() {
        let jobs = Jobs::default();
        let save = jobs.start(JobKind::Save).unwrap();
        assert!(jobs.start(JobKind::AofRewrite).is_none());
        assert!(!jobs.cancel(JobKind::AofRewrite) && !save.is_cancelled());
        assert!(!jobs.is_stopping(JobKind::Save));
        assert!(jobs.cancel(JobKind::Save) && save.is_cancelled());
        assert!(jobs.is_stopping(JobKind::Save) && !jobs.is_stopping(JobKind::AofRewrite));
        drop(save);
        assert_eq!(jobs.running(), None);
        let rewrite = jobs.start(JobKind::AofRewrite).unwrap();
        assert!(!rewrite.is_cancelled());
        assert_eq!(
            (jobs.running(), jobs.started()),
            (Some(JobKind::AofRewrite), 2)
        );
    }
}
