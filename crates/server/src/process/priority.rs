//! How threads share the cores: what runs in the background steps back for those that answer.
//!
//! With a core to spare it makes no difference. It is for good: a thread cannot take it back
//! without privileges.

/// How far a thread steps back, by the measure of nice(1): to about a third.
#[cfg(target_os = "linux")]
const STEPS: libc::c_int = 5;

/// Lets the threads that answer go before this one.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a system call that std does not offer")]
pub fn step_back() {
    // SAFETY: no pointers; on Linux, process 0 is the calling thread alone. Where it is refused
    // nothing is lost.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, now + STEPS);
    }
}

/// Elsewhere priorities are those of whole processes.
#[cfg(not(target_os = "linux"))]
pub fn step_back() {}
