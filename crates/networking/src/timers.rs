//! Moments that connections of a worker wait for, soonest first.
//!
//! Nothing is ever taken out before its time: whoever no longer waits is found to be gone, or to
//! wait for another moment, when the entry comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A worker's timers.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
}

/// A moment (Unix ms), and who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) at_ms: i64,
    pub(crate) slot: u32,
    pub(crate) id: u64,
}

impl Timers {
    pub(crate) fn push(&mut self, timer: Timer) {
        self.heap.push(Reverse(timer));
    }

    /// The soonest moment; `i64::MAX` if there is none.
    pub(crate) fn next_ms(&self) -> i64 {
        self.heap
            .peek()
            .map_or(i64::MAX, |Reverse(timer)| timer.at_ms)
    }

    /// Takes out the soonest if its moment has come.
    pub(crate) fn pop_due(&mut self, now_ms: i64) -> Option<Timer> {
        if self.next_ms() > now_ms {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_order() {
        let mut timers = Timers::default();
        for at_ms in [30, 10, 20] {
            timers.push(Timer {
                at_ms,
                slot: 0,
                id: 1,
            });
        }
        assert_eq!(timers.next_ms(), 10);
        assert_eq!(timers.pop_due(9), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(25))
            .map(|t| t.at_ms)
            .collect();
        assert_eq!(due, [10, 20]);
        assert_eq!(timers.next_ms(), 30);
    }
}
