//! Wakes one thread that otherwise looks around from time to time.
//!
//! A ring that comes while the thread is busy counts: its next wait ends at once. However often it
//! rings before that, it is one ring. Nobody who rings waits for anything.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// See the module's text.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Wakes the thread, now or when it begins to wait.
    pub(super) fn ring(&self) {
        *self.rung.lock() = true;
        self.heard.notify_one();
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
    fn a_ring_ends_a_wait() {
        let bell = Bell::default();
        std::thread::scope(|scope| {
            scope.spawn(|| bell.wait(Duration::from_secs(100)));
            bell.ring();
        });
    }
}
