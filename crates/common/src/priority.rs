//! How threads in the background give way to those that serve clients, and what helps one that gets
//! nothing.
//!
//! A thread of a lower niceness still runs for its slice, 3 to 4 ms on today's Linux, when a worker
//! on its processor wakes up; only an idle thread (`SCHED_IDLE`) is taken off at once. But such a
//! thread gets next to nothing where others never sleep, and it may hold what they wait for.
//! So that is for a process that may also undo it (with `CAP_SYS_NICE`, or a large enough
//! `RLIMIT_NICE`); in any other one only the niceness of threads can be lowered.

use std::cell::Cell;

#[cfg(target_os = "linux")]
pub use linux::Thread;
#[cfg(not(target_os = "linux"))]
pub use other::Thread;

thread_local! {
    /// The calling thread, if it has stepped back, and whether it insists.
    static STEPPED_BACK: Cell<(Option<Thread>, bool)> = const { Cell::new((None, false)) };
}

/// Lifts the calling thread, if it has stepped back, because it is about to hold for a moment what
/// others may wait for; until [`relax`].
pub fn insist() {
    if let (Some(thread), false) = STEPPED_BACK.get() {
        STEPPED_BACK.set((Some(thread), thread.lift()));
    }
}

/// Ends what [`insist`] began, if it did.
pub fn relax() {
    if let (Some(thread), true) = STEPPED_BACK.get() {
        STEPPED_BACK.set((Some(thread), false));
        thread.give_way();
    }
}

#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "std has no way to a thread's priority and its processor time"
)]
mod linux {
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
        /// The calling thread. It keeps its priority, or, where the process could not give that
        /// back, the next lower one.
        pub fn current() -> Self {
            Self::of_niceness(niceness())
        }

        /// Makes the calling thread give way to the workers for good. Best effort.
        pub fn step_back() -> Self {
            let base = niceness();
            let mut this = Self::of_niceness(base + NICE);
            this.may_lift = this.give_way();
            if !this.may_lift {
                set_niceness(base + NICE_FOR_GOOD);
            }
            super::STEPPED_BACK.set((Some(this), false));
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
            // Who may take back a step may take back all.
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
        pub fn current() -> Self {
            Self
        }

        /// Makes the calling thread give way to the workers for good. Best effort.
        pub fn step_back() -> Self {
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

    #[test]
    fn who_has_stepped_back_may_insist_for_a_moment() {
        let thread = Thread::step_back();
        let before = policy();
        insist();
        assert_eq!(policy(), libc::SCHED_OTHER);
        insist();
        relax();
        assert_eq!(policy(), before);
        // Whoever was lifted by others stays so.
        thread.lift();
        relax();
        assert_eq!(policy(), libc::SCHED_OTHER);
    }

    #[test]
    fn a_thread_of_its_own_right_keeps_its_priority() {
        let before = policy();
        Thread::current();
        insist();
        relax();
        assert_eq!(policy(), before);
    }
}
