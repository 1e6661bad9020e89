//! How the thread that writes a snapshot shares processors with those that serve clients.
//!
//! A thread that computes without a pause keeps its processor until the scheduler's next tick, up
//! to some milliseconds, and a worker that is woken there waits as long. So it gives way after
//! every short burst: whoever waits for the processor has it at once, and where nobody does that
//! costs next to nothing. It keeps the priority of all others, because it holds shards at times.
//! Where others never rest it insists on a part of the time; and it does not give way while writers
//! wait for what it holds.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// So long it works before it gives way: about a segment of a table.
const BURST: Duration = Duration::from_micros(50);
/// Others get so many times what it has worked, where they want that much.
const OTHERS_PART: i64 = 3;
/// What was not given is not saved up beyond this.
const CREDIT_MAX: Duration = Duration::from_millis(10);

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn { since: None, credit_ns: 0 }) };
}

/// To be called often by a thread that works in the background; gives way where it is time.
pub fn give_way() {
    let mut turn = TURN.get();
    let now = Instant::now();
    let worked = now - *turn.since.get_or_insert(now);
    if worked >= BURST {
        if turn.may_rest(worked) && !keyspace::is_snapshot_awaited() {
            std::thread::yield_now();
            turn.rested(now.elapsed());
        }
        turn.since = Some(Instant::now());
    }
    TURN.set(turn);
}

#[derive(Clone, Copy)]
struct Turn {
    /// When the burst began.
    since: Option<Instant>,
    /// What others are still to get; negative: they have had more.
    credit_ns: i64,
}

impl Turn {
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
        let mut turn = Turn {
            since: None,
            credit_ns: 0,
        };
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
        let mut turn = Turn {
            since: None,
            credit_ns: 0,
        };
        assert!(turn.may_rest(Duration::from_secs(100)));
        turn.rested(2 * CREDIT_MAX);
        assert!(!turn.may_rest(BURST));
    }
}
