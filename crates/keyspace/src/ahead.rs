//! When to ask the memory for what: looking ahead in stages.
//!
//! What leads to a value is read in stages, each of which needs what the one before has brought.
//! One worker goes over a whole batch stage by stage. With several, the line of a shard's lock
//! changes hands all the time, and one that was fetched long before it is used has been taken away
//! again by then: so the stages follow one another a few commands apart.

use std::ops::Range;

/// Commands from one stage to the next where there are several workers: enough for a line to come
/// from another core's cache.
const STEP: usize = 4;

/// How far the stages are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    step: usize,
}

impl Pace {
    /// That of so many workers.
    #[must_use]
    pub const fn of(workers: usize) -> Self {
        Self {
            step: if workers > 1 { STEP } else { usize::MAX },
        }
    }

    /// The step to be made before command `at` of a batch of `len` runs, the first with 0.
    #[must_use]
    pub const fn at(self, at: usize, len: usize) -> Step {
        Step {
            at,
            len,
            step: self.step,
        }
    }
}

/// One step of all stages. See [`Pace::at`].
#[derive(Clone, Copy, Debug)]
pub struct Step {
    at: usize,
    len: usize,
    step: usize,
}

impl Step {
    /// Whether it is the first of a batch.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.at == 0
    }

    /// Before which command the next step is to be made.
    #[must_use]
    pub const fn next(self) -> usize {
        self.at.saturating_add(self.step)
    }

    /// Which commands a stage has to come to now that is so many steps ahead of the one that runs:
    /// in the first step all up to there, then those that follow.
    #[must_use]
    pub fn range(self, steps: usize) -> Range<usize> {
        let ahead = |steps: usize| {
            let at = self.at.saturating_add(self.step.saturating_mul(steps));
            at.min(self.len)
        };
        let first = if self.is_first() { 0 } else { ahead(steps) };
        first..ahead(steps.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_comes_to_every_command_once_and_in_time() {
        for (len, step) in [(1, 4), (4, 4), (7, 4), (32, 4), (33, 1), (5, usize::MAX)] {
            for steps in 1..5 {
                let (mut done, mut at) = (0, 0);
                while at < len {
                    let now = Pace { step }.at(at, len);
                    assert_eq!(now.range(steps).start, done);
                    done = now.range(steps).end;
                    at = now.next();
                    assert!(done >= at.min(len), "ahead of what runs next");
                }
                assert_eq!(done, len);
            }
        }
    }
}
