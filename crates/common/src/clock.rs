//! The clocks. Commands do not call them: time is frozen for a command, and handed to it.

use std::sync::OnceLock;
use std::time::Instant;

/// Milliseconds since 1970, negative before.
#[inline]
pub fn now_ms() -> i64 {
    now_us().div_euclid(1000)
}

/// Microseconds since 1970, negative before. Read once for each command, so without the detour of
/// `SystemTime`, which costs more than the clock itself.
#[inline]
#[allow(unsafe_code, reason = "a system call")]
pub fn now_us() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for the result. The call cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// Microseconds of a clock that never goes back, from an arbitrary start in this process.
#[inline]
pub fn monotonic_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_and_advance() {
        let (ms, us) = (now_ms(), now_us());
        assert!((us / 1000 - ms).abs() < 5_000);
        let before = monotonic_us();
        assert!(monotonic_us() >= before);
    }
}
