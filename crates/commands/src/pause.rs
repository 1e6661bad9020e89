//! CLIENT PAUSE: clients wait until a time, either with every command or only with writes.
//!
//! A paused client's command is deferred like one that found its shard busy, and resumed when the
//! pause ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::session::ClientLink;

#[derive(Default)]
struct State {
    writes_until_ms: i64,
    all_until_ms: i64,
    waiting: Vec<Arc<dyn ClientLink>>,
}

/// The pauses in force and who waits for their end.
#[derive(Default)]
pub struct Pause {
    /// The later of the two ends; zero while there is no pause, which is all the hot path reads.
    until_ms: AtomicI64,
    state: Mutex<State>,
}

impl Pause {
    /// Begins or prolongs a pause; a shorter one never replaces a longer one of its kind.
    pub fn begin(&self, until_ms: i64, writes_only: bool) {
        let mut state = self.state.lock();
        let end = if writes_only {
            &mut state.writes_until_ms
        } else {
            &mut state.all_until_ms
        };
        *end = until_ms.max(*end);
        self.until_ms.store(
            state.writes_until_ms.max(state.all_until_ms),
            Ordering::Release,
        );
    }

    /// Ends all pauses and lets everyone go on.
    pub fn end(&self) {
        let mut state = self.state.lock();
        *state = State {
            waiting: std::mem::take(&mut state.waiting),
            ..State::default()
        };
        self.until_ms.store(0, Ordering::Release);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.iter().for_each(|link| link.resume());
    }

    /// Whether any pause may be in force.
    #[inline]
    pub fn is_possible(&self) -> bool {
        self.until_ms.load(Ordering::Acquire) != 0
    }

    /// Whether data must not change now, not even by expiry and eviction.
    pub fn holds_writes(&self, now_ms: i64) -> bool {
        self.is_possible() && self.holds(now_ms, true).is_some()
    }

    /// When the pause that holds such a command ends, if one does. `writes` says whether the
    /// command may write.
    pub fn holds(&self, now_ms: i64, writes: bool) -> Option<i64> {
        let state = self.state.lock();
        let until = if writes {
            state.writes_until_ms.max(state.all_until_ms)
        } else {
            state.all_until_ms
        };
        (until > now_ms).then_some(until)
    }

    /// Registers a client to be resumed when the pauses end.
    pub fn wait(&self, link: Arc<dyn ClientLink>) {
        self.state.lock().waiting.push(link);
    }

    /// Ends what is over; to be called regularly.
    pub fn tick(&self, now_ms: i64) {
        if !self.is_possible() {
            return;
        }
        let mut state = self.state.lock();
        let all_over = state.all_until_ms <= now_ms;
        if all_over && state.writes_until_ms <= now_ms {
            drop(state);
            self.end();
        } else if all_over && state.all_until_ms != 0 {
            // Readers may go on; writers come back to wait for the end of theirs.
            state.all_until_ms = 0;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.iter().for_each(|link| link.resume());
        }
    }
}
