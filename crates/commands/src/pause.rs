//! CLIENT PAUSE: clients wait until a time, either with every command or only with writes.
//!
//! A paused client's command is deferred like one that found its shard busy, and resumed when the
//! pause ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::session::ClientLink;

/// What a pause is for: each has its own, and ends only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseFor {
    /// CLIENT PAUSE.
    Client,
    /// The last moments before the end, in which replicas catch up.
    Shutdown,
    /// FAILOVER.
    Failover,
}

/// A pause; none while `until_ms` is over.
#[derive(Clone, Copy, Default)]
struct Interval {
    until_ms: i64,
    /// Whether it holds only what writes.
    writes_only: bool,
}

#[derive(Default)]
struct State {
    intervals: [Interval; 3],
    waiting: Vec<Arc<dyn ClientLink>>,
}

impl State {
    fn until_ms(&self) -> i64 {
        let ends = self.intervals.iter().map(|interval| interval.until_ms);
        ends.max().unwrap_or(0)
    }
}

/// The pauses in force and who waits for their end.
#[derive(Default)]
pub struct Pause {
    /// The latest of their ends; zero while there is no pause, which is all the hot path reads.
    until_ms: AtomicI64,
    state: Mutex<State>,
}

impl Pause {
    /// Begins or prolongs a pause at `now_ms`. One that is in force neither becomes shorter nor
    /// comes to hold less.
    pub fn begin(&self, purpose: PauseFor, now_ms: i64, until_ms: i64, writes_only: bool) {
        let mut state = self.state.lock();
        let interval = &mut state.intervals[purpose as usize];
        let new = Interval {
            until_ms,
            writes_only,
        };
        *interval = if interval.until_ms <= now_ms {
            new
        } else {
            Interval {
                until_ms: until_ms.max(interval.until_ms),
                writes_only: writes_only && interval.writes_only,
            }
        };
        self.until_ms.store(state.until_ms(), Ordering::Release);
    }

    /// Ends a pause. Those who waited look whether another one holds them.
    pub fn end(&self, purpose: PauseFor) {
        let mut state = self.state.lock();
        state.intervals[purpose as usize] = Interval::default();
        self.wake(state);
    }

    /// Sends those who wait to look again.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        self.until_ms.store(state.until_ms(), Ordering::Release);
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
        let holding = state.intervals.iter();
        let holding = holding.filter(|interval| writes || !interval.writes_only);
        let until = holding.map(|interval| interval.until_ms).max();
        until.filter(|&until| until > now_ms)
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
        let mut over = false;
        for interval in &mut state.intervals {
            if interval.until_ms != 0 && interval.until_ms <= now_ms {
                *interval = Interval::default();
                over = true;
            }
        }
        if over {
            self.wake(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_all_lasts_as_long_as_the_one_of_writes_that_it_extends() {
        let pause = Pause::default();
        pause.begin(PauseFor::Client, 0, 1000, true);
        assert_eq!(pause.holds(10, false), None);
        assert_eq!(pause.holds(10, true), Some(1000));
        pause.begin(PauseFor::Client, 10, 60, false);
        assert_eq!(pause.holds(100, false), Some(1000));
        pause.begin(PauseFor::Client, 20, 2000, true);
        assert_eq!(pause.holds(1500, false), Some(2000), "still of all");
        pause.begin(PauseFor::Client, 2000, 3000, true);
        assert_eq!(pause.holds(2001, false), None, "the first was over");
        assert_eq!(pause.holds(2001, true), Some(3000));
    }

    #[test]
    fn the_end_of_one_pause_leaves_those_for_other_purposes() {
        let pause = Pause::default();
        pause.begin(PauseFor::Shutdown, 0, i64::MAX, true);
        pause.begin(PauseFor::Client, 0, 100, false);
        pause.end(PauseFor::Client);
        assert_eq!(pause.holds(1, false), None);
        assert!(pause.holds_writes(1));
        pause.end(PauseFor::Shutdown);
        assert!(!pause.is_possible());
    }

    #[test]
    fn a_tick_ends_what_is_over_and_no_more() {
        let pause = Pause::default();
        pause.begin(PauseFor::Client, 0, 100, false);
        pause.begin(PauseFor::Failover, 0, 200, true);
        pause.tick(100);
        assert_eq!(pause.holds(100, true), Some(200));
        assert_eq!(pause.holds(100, false), None);
        pause.tick(200);
        assert!(!pause.is_possible());
    }
}
