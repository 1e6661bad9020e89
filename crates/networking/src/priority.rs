//! How threads for long commands give way to the workers, and what helps one that gets nothing.
//!
//! A thread of a lower niceness still runs for its slice, 3 to 4 ms on today's Linux, when a worker
//! on its processor wakes up; only an idle thread (`SCHED_IDLE`) is taken off at once. But such a
//! thread gets next to nothing where others never sleep, and it may hold shards that they wait for.
//! So that is for a process that may also undo it (with `CAP_SYS_NICE`, or `RLIMIT_NICE` of 15 or
//! more); any other one only lowers its niceness.

#[cfg(target_os = "linux")]
pub(crate) use linux::Thread;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Thread;

#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "std has no way to a thread's priority and its processor time"
)]
mod linux {
    use std::io;

    /// Beside the workers', of an idle thread for when it is lifted: a third of their share.
    const NICE: libc::c_int = 5;
    /// Of one that cannot be: a tenth.
    const NICE_FOR_GOOD: libc::c_int = 10;

    /// A thread of this process.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Thread {
        id: libc::pid_t,
        clock: libc::clockid_t,
        may_lift: bool,
    }

    impl Thread {
        /// Makes the calling thread give way to the workers. Best effort.
        pub(crate) fn step_back() -> Self {
            let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
            // SAFETY: no preconditions but a place for the answer.
            let (id, failed) = unsafe {
                let failed = libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock);
                (libc::gettid(), failed != 0)
            };
            // SAFETY: both take numbers only; 0 names the calling thread, whose niceness alone is
            // meant on Linux.
            let base = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
            let nice = |beside| {
                // SAFETY: as above.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, base + beside) == 0 }
            };
            let mut this = Self {
                id,
                clock,
                may_lift: !failed && nice(NICE) && nice(NICE - 1) && nice(NICE),
            };
            this.may_lift = this.may_lift && this.give_way();
            if !this.may_lift && !nice(NICE_FOR_GOOD) {
                tracing::debug!("Lowering a priority: {}", io::Error::last_os_error());
            }
            this
        }

        /// Runs only when nobody else would.
        pub(crate) fn give_way(self) -> bool {
            self.schedule(libc::SCHED_IDLE)
        }

        /// Runs with a share of its own from now on, if it may.
        pub(crate) fn lift(self) -> bool {
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
        pub(crate) fn had_us(self) -> u64 {
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
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// A thread of this process. Elsewhere niceness belongs to the whole process.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Thread;

    impl Thread {
        pub(crate) fn step_back() -> Self {
            Self
        }

        pub(crate) fn give_way(self) -> bool {
            false
        }

        pub(crate) fn lift(self) -> bool {
            false
        }

        pub(crate) fn had_us(self) -> u64 {
            u64::MAX
        }
    }
}
