//! Moments that connections of a worker wait for, soonest first; at most one for each.

use std::collections::BTreeSet;

/// A worker's timers.
#[derive(Default)]
pub(crate) struct Timers {
    set: BTreeSet<Timer>,
}

/// A moment (Unix ms), and who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) at_ms: i64,
    pub(crate) slot: u32,
    pub(crate) id: u64,
}

impl Timers {
    /// Replaces the moment that a client waits for; 0 is none.
    pub(crate) fn change(&mut self, slot: u32, id: u64, from_ms: i64, to_ms: i64) {
        if from_ms != 0 {
            self.set.remove(&Timer {
                at_ms: from_ms,
                slot,
                id,
            });
        }
        if to_ms != 0 {
            self.set.insert(Timer {
                at_ms: to_ms,
                slot,
                id,
            });
        }
    }

    /// The soonest moment; `i64::MAX` if there is none.
    pub(crate) fn next_ms(&self) -> i64 {
        self.set.first().map_or(i64::MAX, |timer| timer.at_ms)
    }

    /// Takes out the soonest if its moment has come.
    pub(crate) fn pop_due(&mut self, now_ms: i64) -> Option<Timer> {
        if self.next_ms() > now_ms {
            return None;
        }
        self.set.pop_first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_order_and_only_the_last_wish_counts() {
        let mut timers = Timers::default();
        for (slot, at_ms) in [(0, 30), (1, 10), (2, 20), (3, 5)] {
            timers.change(slot, slot.into(), 0, at_ms);
        }
        timers.change(3, 3, 5, 0);
        timers.change(0, 0, 30, 15);
        assert_eq!(timers.next_ms(), 10);
        assert_eq!(timers.pop_due(9), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(25))
            .map(|t| t.at_ms)
            .collect();
        assert_eq!(due, [10, 15, 20]);
        assert_eq!(timers.next_ms(), i64::MAX);
    }
}
