//! How threads in the background give way to those that serve clients, and what helps one that gets
//! nothing.
//!
//! A thread of a lower niceness still runs for its slice, 3 to 4 ms on today's Linux, when a worker
//! on its processor wakes up; only an idle thread (`SCHED_IDLE`) is taken off at once. But such a
//! thread gets next to nothing where others never sleep, and it may hold what they wait for. So a
//! thread is an idle one only while it works aside ([`Background::aside`]) and holds nothing
//! ([`insist`]), and whoever serves clients looks whether it gets its part ([`look_after`]): if
//! not, it is lifted for a while.
//! All that is for a process that may also undo it (with `CAP_SYS_NICE`, or a large enough
//! `RLIMIT_NICE`); in any other one only the niceness of threads can be lowered.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::monotonic_us;

#[cfg(target_os = "linux")]
use linux::Thread;
#[cfg(not(target_os = "linux"))]
use other::Thread;

/// How often it is looked whether threads get on, at most.
pub const LOOK_US: u64 = 50_000;
/// How long one is lifted that does not.
const LIFTED_US: u64 = 1_000_000;

/// All threads in the background, and how many of them are working aside.
static WATCHED: Mutex<Vec<Arc<Watch>>> = Mutex::new(Vec::new());
static ASIDE: AtomicUsize = AtomicUsize::new(0);
/// When to look next.
static LOOK_AT_US: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The calling thread's, if it is one in the background.
    static OWN: RefCell<Option<Arc<Watch>>> = const { RefCell::new(None) };
}

/// What a thread in the background is beside the workers where it is no idle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Their equal.
    Equal,
    /// Of a lower priority.
    Lower,
}

/// While it lives, the calling thread is one in the background; for now with the rank's priority.
pub struct Background {
    watch: Arc<Watch>,
    /// To be dropped on the same thread.
    _own: PhantomData<*const ()>,
}

impl Background {
    /// `part`: it is to have one of so many parts of a processor.
    pub fn new(rank: Rank, part: u64) -> Self {
        let watch = Arc::new(Watch::new(Thread::current(rank), part));
        watched().push(Arc::clone(&watch));
        OWN.set(Some(Arc::clone(&watch)));
        Self {
            watch,
            _own: PhantomData,
        }
    }

    /// Runs `f` only where nobody else wants the processor, but for the moments in which it
    /// [`insist`]s.
    pub fn aside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.begin();
        let result = f();
        self.end();
        result
    }

    /// [`aside`](Self::aside) begins; it ends with [`end`](Self::end) or the guard.
    pub fn begin(&self) {
        self.watch.begin();
    }

    /// [`aside`](Self::aside) is over.
    pub fn end(&self) {
        self.watch.end();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
        OWN.set(None);
        watched().retain(|other| !Arc::ptr_eq(other, &self.watch));
    }
}

/// Gives the calling thread, if it works aside, its rank's priority, because it is about to hold
/// for a moment what others may wait for; until [`relax`].
pub fn insist() {
    with_own(Watch::stand_up);
}

/// Ends what [`insist`] began. Also to be called now and then by who works aside for long: it is
/// an idle thread again when it has been lifted for a while.
pub fn relax() {
    with_own(Watch::step_back);
}

/// Whether the calling thread is an idle one just now.
pub fn is_idle() -> bool {
    OWN.with_borrow(|own| own.as_ref().is_some_and(|watch| watch.is_idle()))
}

fn with_own(change: fn(&Watch)) {
    OWN.with_borrow(|own| own.as_deref().map(change));
}

/// Whether there are threads to be looked after.
#[inline]
pub fn are_aside() -> bool {
    ASIDE.load(Relaxed) > 0
}

/// To be called often by other threads while there are any: lifts those that get too little.
#[cold]
pub fn look_after() {
    let now_us = monotonic_us();
    if now_us < LOOK_AT_US.load(Relaxed) {
        return;
    }
    LOOK_AT_US.store(now_us + LOOK_US, Relaxed);
    // One who looks is enough.
    if let Ok(watched) = WATCHED.try_lock() {
        watched.iter().for_each(|watch| watch.look(now_us));
    }
}

/// Lifts all that work aside for a while, because others wait for what they do.
pub fn lift_all() {
    let now_us = monotonic_us();
    let watched = watched();
    watched.iter().for_each(|watch| watch.lift(now_us));
}

fn watched() -> MutexGuard<'static, Vec<Arc<Watch>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread in the background, as others see it.
struct Watch {
    thread: Thread,
    part: u64,
    works: AtomicBool,
    /// It has made itself an idle thread.
    is_back: AtomicBool,
    /// When it was looked at last, and the processor time that it had had then; microseconds.
    at_us: AtomicU64,
    had_us: AtomicU64,
    lifted_until_us: AtomicU64,
}

impl Watch {
    fn new(thread: Thread, part: u64) -> Self {
        Self {
            thread,
            part,
            works: AtomicBool::new(false),
            is_back: AtomicBool::new(false),
            at_us: AtomicU64::new(0),
            had_us: AtomicU64::new(0),
            lifted_until_us: AtomicU64::new(0),
        }
    }

    /// The thread begins to work aside.
    fn begin(&self) {
        self.at_us.store(monotonic_us(), Relaxed);
        self.had_us.store(self.thread.had_us(), Relaxed);
        self.lifted_until_us.store(0, Relaxed);
        if !self.works.swap(true, SeqCst) {
            ASIDE.fetch_add(1, Relaxed);
        }
        self.step_back();
    }

    fn end(&self) {
        if self.works.swap(false, SeqCst) {
            ASIDE.fetch_sub(1, Relaxed);
        }
        self.stand_up();
    }

    fn stand_up(&self) {
        if self.is_back.swap(false, Relaxed) {
            self.thread.lift();
        }
    }

    fn step_back(&self) {
        if self.is_lifted() {
            self.is_back.store(false, Relaxed);
        } else if self.works.load(Relaxed) && !self.is_back.load(Relaxed) {
            self.is_back.store(self.thread.give_way(), Relaxed);
        }
    }

    fn is_idle(&self) -> bool {
        self.is_back.load(Relaxed) && !self.is_lifted()
    }

    fn is_lifted(&self) -> bool {
        let until_us = self.lifted_until_us.load(SeqCst);
        until_us != 0 && until_us > monotonic_us()
    }

    fn lift(&self, now_us: u64) {
        if self.works.load(SeqCst) {
            if !self.is_lifted() {
                self.lifted_until_us.store(now_us + LIFTED_US, SeqCst);
            }
            // In any case: it may have stepped back just when it was lifted.
            self.thread.lift();
        }
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
        if got_us.saturating_mul(self.part) < passed_us {
            self.lift(now_us);
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "std has no way to a thread's priority and its processor time"
)]
mod linux {
    use super::Rank;

    /// Beside the workers', of an idle thread for when it is lifted: a third of their share.
    const NICE: libc::c_int = 5;
    /// Of one that cannot be: a tenth.
    const NICE_FOR_GOOD: libc::c_int = 10;

    /// A thread of this process.
    #[derive(Clone, Copy, Debug)]
    pub struct Thread {
        id: libc::pid_t,
        clock: libc::clockid_t,
        may_lift: bool,
    }

    impl Thread {
        /// The calling thread, from now on with its rank's priority. Best effort.
        pub fn current(rank: Rank) -> Self {
            let base = niceness();
            if rank == Rank::Equal {
                return Self::of_niceness(base);
            }
            let this = Self::of_niceness(base + NICE);
            if !this.may_lift {
                set_niceness(base + NICE_FOR_GOOD);
            }
            this
        }

        /// The calling thread, from now on with this niceness.
        fn of_niceness(niceness: libc::c_int) -> Self {
            let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
            // SAFETY: no preconditions but a place for the answer.
            let (id, failed) = unsafe {
                let failed = libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock);
                (libc::gettid(), failed != 0)
            };
            // Who may take back a step may take back all; where none can, the step stays.
            let may_lift = set_niceness(niceness + 1) && set_niceness(niceness) && !failed;
            if !may_lift {
                be_interruptible();
            }
            Self {
                id,
                clock,
                may_lift,
            }
        }

        /// Runs only when nobody else would, if that can be undone: whether it does.
        pub fn give_way(self) -> bool {
            self.may_lift && self.schedule(libc::SCHED_IDLE)
        }

        /// Runs with a share of its own from now on, if it may.
        pub fn lift(self) -> bool {
            self.may_lift && self.schedule(libc::SCHED_OTHER)
        }

        /// By the system call itself: musl's function only says that there is none.
        fn schedule(self, policy: libc::c_int) -> bool {
            let none = libc::sched_param { sched_priority: 0 };
            // SAFETY: takes numbers, and a structure that is read before it returns. The thread
            // lives: whoever has this asks while it does.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_sched_setscheduler,
                    self.id,
                    policy,
                    &raw const none,
                )
            };
            result == 0
        }

        /// The processor time that it has had, in microseconds.
        pub fn had_us(self) -> u64 {
            let mut had = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: no preconditions but a place for the answer.
            let result = unsafe { libc::clock_gettime(self.clock, &raw mut had) };
            match result {
                0 => had.tv_sec as u64 * 1_000_000 + had.tv_nsec as u64 / 1000,
                _ => u64::MAX,
            }
        }
    }

    /// Gives the calling thread a slice of 100 ms: since Linux 6.12 a thread that is woken takes
    /// the processor from one whose slice is longer than its own, of any priority. Older kernels
    /// ignore it.
    fn be_interruptible() {
        let mut attributes = Attributes {
            size: size_of::<Attributes>() as u32,
            policy: libc::SCHED_OTHER as u32,
            nice: niceness(),
            runtime_ns: 100_000_000,
            ..Attributes::default()
        };
        // SAFETY: 0 names the calling thread; the structure is read, and on failure its size may be
        // written.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw mut attributes, 0) };
    }

    /// `struct sched_attr` in its first version (sched_setattr(2)).
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }

    /// The calling thread's.
    fn niceness() -> libc::c_int {
        // SAFETY: takes numbers only; 0 names the calling thread, whose niceness alone is meant on
        // Linux.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    fn set_niceness(niceness: libc::c_int) -> bool {
        // SAFETY: as above.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, niceness) == 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// A thread of this process. Elsewhere niceness belongs to the whole process.
    #[derive(Clone, Copy, Debug)]
    pub struct Thread;

    impl Thread {
        /// The calling thread.
        pub fn current(_: super::Rank) -> Self {
            Self
        }

        /// Runs only when nobody else would, if that can be undone: whether it does.
        pub fn give_way(self) -> bool {
            false
        }

        /// Runs with a share of its own from now on, if it may.
        pub fn lift(self) -> bool {
            false
        }

        /// The processor time that it has had, in microseconds.
        pub fn had_us(self) -> u64 {
            u64::MAX
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(unsafe_code, reason = "std has no way to a thread's priority")]
mod tests {
    use super::*;

    fn policy() -> libc::c_int {
        // SAFETY: takes a number; 0 names the calling thread.
        unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) as libc::c_int }
    }

    fn own() -> Arc<Watch> {
        OWN.with_borrow(Clone::clone).expect("in the background")
    }

    #[test]
    fn who_works_aside_may_insist_for_a_moment() {
        let background = Background::new(Rank::Lower, 10);
        insist();
        assert_eq!(policy(), libc::SCHED_OTHER);
        background.aside(|| {
            // What the process may do is not in a test's hands.
            let before = policy();
            assert_eq!(is_idle(), before == libc::SCHED_IDLE);
            insist();
            insist();
            assert!(!is_idle() && policy() == libc::SCHED_OTHER);
            relax();
            assert_eq!(policy(), before);
        });
        relax();
        assert!(!is_idle() && policy() == libc::SCHED_OTHER);
    }

    #[test]
    fn a_thread_that_gets_nothing_is_lifted_for_a_while() {
        let background = Background::new(Rank::Equal, 4);
        let watch = own();
        background.aside(|| {
            let before = policy();
            watch.look(monotonic_us() + 1000 * LOOK_US);
            assert!(watch.is_lifted() && policy() == libc::SCHED_OTHER);
            insist();
            relax();
            assert!(!is_idle() && policy() == libc::SCHED_OTHER);
            watch.lifted_until_us.store(monotonic_us(), Relaxed);
            relax();
            assert_eq!(policy(), before);
        });
    }

    #[test]
    fn a_thread_that_has_nothing_to_do_is_not_lifted() {
        let background = Background::new(Rank::Lower, 10);
        let watch = own();
        watch.look(monotonic_us() + 1000 * LOOK_US);
        assert!(!watch.is_lifted());
        watch.lift(monotonic_us());
        assert!(!watch.is_lifted());
        background.aside(|| watch.lift(monotonic_us()));
        assert!(watch.is_lifted());
        background.aside(|| assert!(!watch.is_lifted(), "it has another chance"));
    }

    #[test]
    fn a_thread_that_gets_its_part_is_not_lifted() {
        let background = Background::new(Rank::Lower, 10);
        let watch = own();
        background.aside(|| {
            let before_us = watch.thread.had_us();
            while watch.thread.had_us() - before_us < 6000 {}
            watch.look(watch.at_us.load(Relaxed) + LOOK_US);
            assert!(!watch.is_lifted());
        });
    }

    #[test]
    fn a_thread_of_its_own_right_keeps_its_priority() {
        let before = policy();
        insist();
        relax();
        assert!(policy() == before && !is_idle());
    }
}
