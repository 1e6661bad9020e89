//! How the thread that writes a snapshot shares processors with those that serve clients.
//!
//! A thread that computes without a pause keeps its processor until the scheduler's next tick, up
//! to some milliseconds, and a worker that is woken there waits as long. So between the moments at
//! which it holds shards ([`hold`]) the thread is an idle one (`common::priority`), which the
//! scheduler takes off its processor at once. Where others never rest it would then get nothing: it
//! is lifted for a while ([`look_after`]), and gives way after every short burst instead, until
//! they have had several times its own share. That is also how it goes where a process may not undo
//! a lower priority. While writers wait for what it keeps, it does neither.

use common::clock::monotonic_us;
use common::priority::Thread;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So long it works before it gives way: about a segment of a table.
const BURST: Duration = Duration::from_micros(50);
/// Others get so many times what it has worked, where they want that much.
const OTHERS_PART: i64 = 3;
/// What was not given is not saved up beyond this.
const CREDIT_MAX: Duration = Duration::from_millis(10);
/// How often it is looked whether an idle thread gets on, at most.
const LOOK_US: u64 = 50_000;
/// How long it is lifted where it does not.
const LIFTED_US: u64 = 1_000_000;

/// All threads that are in the background.
static THREADS: Mutex<Vec<Arc<Watched>>> = Mutex::new(Vec::new());

thread_local! {
    static PACE: RefCell<Option<Pace>> = const { RefCell::new(None) };
}

/// While it lives, the calling thread writes a snapshot in the background.
pub struct Background(PhantomData<*const ()>);

/// Makes the calling thread one in the background: from now on [`give_way`] and [`hold`] set its
/// pace. To be dropped on the same thread, before it does what others wait for.
#[must_use]
pub fn in_background() -> Background {
    let watched = Arc::new(Watched::new(Thread::current()));
    threads().push(Arc::clone(&watched));
    PACE.set(Some(Pace {
        watched,
        is_back: false,
        turn: Turn::default(),
    }));
    Background(PhantomData)
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(mut pace) = PACE.take() {
            threads().retain(|other| !Arc::ptr_eq(other, &pace.watched));
            pace.stand_up();
        }
    }
}

/// To be called often by a thread in the background, while it holds nothing; does nothing on
/// others.
pub fn give_way() {
    PACE.with_borrow_mut(|pace| {
        if let Some(pace) = pace {
            pace.give_way();
        }
    });
}

/// Runs `f`, which holds what others wait for: with the priority of all others.
pub fn hold<R>(f: impl FnOnce() -> R) -> R {
    let with_pace = |change: fn(&mut Pace)| {
        PACE.with_borrow_mut(|pace| pace.as_mut().map(change));
    };
    with_pace(Pace::stand_up);
    let result = f();
    with_pace(Pace::step_back);
    result
}

/// To be called about ten times a second, by another thread: lifts those that get nothing.
pub fn look_after() {
    let now_us = monotonic_us();
    threads().iter().for_each(|thread| thread.look(now_us));
}

fn threads() -> MutexGuard<'static, Vec<Arc<Watched>>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread in the background, as others see it.
struct Watched {
    thread: Thread,
    /// When it was looked at last, and the processor time that it had had then; microseconds.
    at_us: AtomicU64,
    had_us: AtomicU64,
    lifted_until_us: AtomicU64,
}

impl Watched {
    fn new(thread: Thread) -> Self {
        Self {
            thread,
            at_us: AtomicU64::new(monotonic_us()),
            had_us: AtomicU64::new(thread.had_us()),
            lifted_until_us: AtomicU64::new(0),
        }
    }

    fn is_lifted(&self) -> bool {
        let until_us = self.lifted_until_us.load(SeqCst);
        until_us != 0 && until_us > monotonic_us()
    }

    /// Lifts it if it had less than its part since the last look.
    fn look(&self, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.at_us.load(Relaxed));
        if passed_us < LOOK_US {
            return;
        }
        self.at_us.store(now_us, Relaxed);
        let had_us = self.thread.had_us();
        let got_us = had_us.saturating_sub(self.had_us.swap(had_us, Relaxed));
        if !self.is_lifted() && is_starved(got_us, passed_us) {
            self.lifted_until_us.store(now_us + LIFTED_US, SeqCst);
            self.thread.lift();
        }
    }
}

/// Whether a thread that had so much of a processor had less than its part.
fn is_starved(got_us: u64, passed_us: u64) -> bool {
    got_us.saturating_mul(1 + OTHERS_PART as u64) < passed_us
}

/// A thread in the background, as it sees itself.
struct Pace {
    watched: Arc<Watched>,
    /// It has made itself an idle thread.
    is_back: bool,
    turn: Turn,
}

impl Pace {
    fn stand_up(&mut self) {
        if std::mem::take(&mut self.is_back) {
            self.watched.thread.lift();
        }
    }

    fn step_back(&mut self) {
        if !self.is_back && !keyspace::is_snapshot_awaited() && !self.watched.is_lifted() {
            self.is_back = self.watched.thread.give_way();
        }
    }

    fn give_way(&mut self) {
        let now = Instant::now();
        let worked = now - *self.turn.since.get_or_insert(now);
        if worked < BURST {
            return;
        }
        if keyspace::is_snapshot_awaited() {
            self.stand_up();
        } else {
            self.is_back &= !self.watched.is_lifted();
            self.step_back();
            if !self.is_back && self.turn.may_rest(worked) {
                std::thread::yield_now();
                self.turn.rested(now.elapsed());
            }
        }
        self.turn.since = Some(Instant::now());
    }
}

#[derive(Clone, Copy, Default)]
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
    fn a_thread_that_gets_nothing_is_lifted_for_a_while() {
        let _background = in_background();
        let watched = PACE.with_borrow(|pace| pace.as_ref().map(|pace| Arc::clone(&pace.watched)));
        let watched = watched.expect("in the background");
        watched.look(monotonic_us() + 1000 * LOOK_US);
        assert!(watched.is_lifted());
        hold(|| ());
        let is_back = || PACE.with_borrow(|pace| pace.as_ref().is_some_and(|pace| pace.is_back));
        assert!(!is_back());
        watched.lifted_until_us.store(monotonic_us(), Relaxed);
        assert!(!watched.is_lifted());
        hold(|| assert!(!is_back()));
        // What the process may do is not in a test's hands.
        assert_eq!(is_back(), watched.thread.give_way());
    }

    #[test]
    fn a_thread_that_gets_on_is_not_lifted() {
        assert!(!is_starved(LOOK_US, LOOK_US) && !is_starved(LOOK_US / 4, LOOK_US));
        assert!(is_starved(LOOK_US / 5, LOOK_US) && is_starved(0, LOOK_US));
    }

    #[test]
    fn other_threads_do_not_give_way() {
        give_way();
        assert_eq!(hold(|| 7), 7);
    }
}
