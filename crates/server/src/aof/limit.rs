//! Holds back rewrites that failed several times: each leaves a small file behind.
//!
//! From the third failure in a row on, the next attempt waits a minute, then two, and so on up to
//! an hour.

/// Failures in a row that are let pass.
const FAILURES_MAX: u64 = 3;
/// The longest wait.
const MINUTES_MAX: i64 = 60;

/// See the module's text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limit {
    minutes: i64,
    next_s: i64,
}

impl Limit {
    /// Whether a rewrite has to wait, after so many failures in a row.
    pub(super) fn holds(&mut self, failures: u64, now_s: i64) -> bool {
        if failures < FAILURES_MAX {
            *self = Self::default();
            return false;
        }
        if self.next_s != 0 {
            let holds = now_s < self.next_s;
            if !holds {
                self.next_s = 0;
            }
            return holds;
        }
        self.minutes = (self.minutes * 2).clamp(1, MINUTES_MAX);
        self.next_s = now_s + self.minutes * 60;
        tracing::error!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in \
             {} minutes",
            self.minutes
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_failure_makes_the_next_wait_and_each_further_one_twice_as_long() {
        let mut limit = Limit::default();
        assert!(!limit.holds(2, 1000));
        assert!(limit.holds(3, 1000));
        assert!(limit.holds(3, 1059));
        assert!(!limit.holds(3, 1060));
        assert!(limit.holds(4, 1060));
        assert!(limit.holds(4, 1179));
        assert!(!limit.holds(4, 1180));
        assert!(!limit.holds(0, 1180));
        assert!(limit.holds(3, 2000) && !limit.holds(3, 2060));
    }
}
