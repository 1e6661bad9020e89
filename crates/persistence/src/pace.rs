//! How the thread that writes a snapshot shares processors with those that serve clients.
//!
//! A thread that computes without a pause keeps its processor until the scheduler's next tick, up
//! to some milliseconds, and a worker that is woken there waits as long. So between the moments at
//! which it holds shards ([`hold`]) the thread is an idle one (`common::priority`), which the
//! scheduler takes off its processor at once. Where others never rest it would then get nothing: it
//! is lifted for a while (`priority::look_after`), and gives way after every short burst instead,
//! until they have had several times its own share. That is also how it goes where a process may
//! not undo a lower priority. While writers wait for what it keeps, it does neither.

use common::priority::{self, Rank};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// So long it works before it gives way: about a segment of a table.
const BURST: Duration = Duration::from_micros(50);
/// Others get so many times what it has worked, where they want that much.
const OTHERS_PART: i64 = 3;
/// What was not given is not saved up beyond this.
const CREDIT_MAX: Duration = Duration::from_millis(10);

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// While it lives, the calling thread writes a snapshot in the background.
pub struct Background(
    #[allow(dead_code, reason = "it is there to be dropped")] priority::Background,
);

/// Makes the calling thread one in the background: from now on [`give_way`] and [`hold`] set its
/// pace. To be dropped on the same thread, before it does what others wait for.
#[must_use]
pub fn in_background() -> Background {
    let background = priority::Background::new(Rank::Equal, 1 + OTHERS_PART as u64);
    background.begin();
    TURN.set(Some(Turn::default()));
    Background(background)
}

impl Drop for Background {
    fn drop(&mut self) {
        TURN.set(None);
    }
}

/// To be called often by a thread in the background, while it holds nothing; does nothing on
/// others.
pub fn give_way() {
    TURN.with_borrow_mut(|turn| {
        if let Some(turn) = turn {
            turn.give_way();
        }
    });
}

/// Runs `f`, which holds what others wait for: with the priority of all others.
pub fn hold<R>(f: impl FnOnce() -> R) -> R {
    priority::insist();
    let result = f();
    if !keyspace::is_snapshot_awaited() {
        priority::relax();
    }
    result
}

#[derive(Clone, Copy, Default)]
struct Turn {
    /// When the burst began.
    since: Option<Instant>,
    /// What others are still to get; negative: they have had more.
    credit_ns: i64,
}

impl Turn {
    fn give_way(&mut self) {
        let now = Instant::now();
        let worked = now - *self.since.get_or_insert(now);
        if worked < BURST {
            return;
        }
        if keyspace::is_snapshot_awaited() {
            priority::insist();
        } else {
            priority::relax();
            if !priority::is_idle() && self.may_rest(worked) {
                std::thread::yield_now();
                self.rested(now.elapsed());
            }
        }
        self.since = Some(Instant::now());
    }

    /// Whether others may have their turn after so much work.
    fn may_rest(&mut self, worked: Duration) -> bool {
        let credit = self.credit_ns + OTHERS_PART * nanoseconds(worked);
        self.credit_ns = credit.min(nanoseconds(CREDIT_MAX));
        self.credit_ns > 0
    }

    /// They took so long.
    fn rested(&mut self, time: Duration) {
        self.credit_ns -= nanoseconds(time);
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works in bursts beside others who keep the processor for `theirs` each time: its share.
    fn share(theirs: Duration) -> f64 {
        let mut turn = Turn::default();
        let (mut worked, mut rested) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..100_000 {
            worked += BURST;
            if turn.may_rest(BURST) {
                turn.rested(theirs);
                rested += theirs;
            }
        }
        worked.as_secs_f64() / (worked + rested).as_secs_f64()
    }

    #[test]
    fn others_who_need_little_get_it_after_every_burst() {
        let brief = Duration::from_micros(20);
        assert!((share(brief) - 50.0 / 70.0).abs() < 0.01);
    }

    #[test]
    fn others_who_never_rest_leave_a_quarter_of_the_time() {
        for ms in [1, 4, 30] {
            let share = share(Duration::from_millis(ms));
            assert!((share - 0.25).abs() < 0.01, "{ms} ms: {share}");
        }
    }

    #[test]
    fn an_idle_machine_is_not_held_against_those_who_come_later() {
        let mut turn = Turn::default();
        assert!(turn.may_rest(Duration::from_secs(100)));
        turn.rested(2 * CREDIT_MAX);
        assert!(!turn.may_rest(BURST));
    }

    #[test]
    fn what_others_wait_for_is_held_with_their_priority() {
        let _background = in_background();
        give_way();
        let before = priority::is_idle();
        hold(|| assert!(!priority::is_idle()));
        assert_eq!(priority::is_idle(), before);
    }

    #[test]
    fn other_threads_do_not_give_way() {
        give_way();
        assert_eq!(hold(|| 7), 7);
    }
}
