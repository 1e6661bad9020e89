//! Wakes one thread that otherwise looks around from time to time.
//!
//! A ring that comes while the thread is busy counts: its next wait ends at once. However often it
//! rings before that, it is one ring. Nobody who rings waits for anything.
//!
//! While it waits for the log to reach an offset, the thread lets itself not be woken for less: to
//! be woken for every client costs more than what it does for them.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// See the module's text.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
    /// Offsets of the log below this are not worth waking for.
    threshold: AtomicU64,
}

impl Bell {
    /// Wakes the thread, now or when it begins to wait.
    pub(super) fn ring(&self) {
        *self.rung.lock() = true;
        self.heard.notify_one();
    }

    /// Rings because the log has reached `offset`, unless the thread waits for more.
    pub(super) fn ring_at(&self, offset: u64) {
        // Pairs with the fence of `ignore_below`: either this sees that the thread has given up
        // waiting for more, or the thread then sees how far the log is.
        fence(SeqCst);
        if offset >= self.threshold.load(Relaxed) {
            self.ring();
        }
    }

    /// From here on, [`Self::ring_at`] of an offset below this does nothing. The thread looks at
    /// the log after this.
    pub(super) fn ignore_below(&self, offset: u64) {
        self.threshold.store(offset, Relaxed);
        fence(SeqCst);
    }

    /// Waits for a ring, but no longer than `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let mut rung = self.rung.lock();
        if !*rung {
            self.heard.wait_for(&mut rung, timeout);
        }
        *rung = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_wait_ends_it() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        bell.wait(Duration::from_secs(100));
        assert!(!*bell.rung.lock());
    }

    #[test]
    fn what_is_below_the_threshold_does_not_ring() {
        let bell = Bell::default();
        bell.ignore_below(10);
        bell.ring_at(9);
        assert!(!*bell.rung.lock());
        bell.ring_at(10);
        assert!(*bell.rung.lock());
        bell.wait(Duration::from_secs(100));
        bell.ignore_below(0);
        bell.ring_at(9);
        assert!(*bell.rung.lock());
    }

    #[test]
    fn a_ring_ends_a_wait() {
        let bell = Bell::default();
        std::thread::scope(|scope| {
            scope.spawn(|| bell.wait(Duration::from_secs(100)));
            bell.ring();
        });
    }
}
