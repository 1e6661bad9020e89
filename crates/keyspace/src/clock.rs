//! The access clock of entries: what LRU, LFU and LRM eviction go by.
//!
//! 24 bits, as in Redis: seconds for LRU and LRM; for LFU 16 bits of minutes (of the last decay)
//! and an 8-bit logarithmic counter. Which of them is a setting of the process.

use crate::entry::Entry;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

/// What the clock of an entry means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ClockMode {
    /// Time of the last access.
    Lru = 0,
    /// Frequency of access.
    Lfu = 1,
    /// Time of the last change.
    Lrm = 2,
}

/// The counter of a key that was never accessed since it was made.
pub const LFU_INIT: u32 = 5;

static MODE: AtomicU8 = AtomicU8::new(0);
static LOG_FACTOR: AtomicU32 = AtomicU32::new(10);
static DECAY_MIN: AtomicU32 = AtomicU32::new(1);

/// Sets what clocks mean (it follows `maxmemory-policy`).
pub fn set_mode(mode: ClockMode) {
    MODE.store(mode as u8, Relaxed);
}

/// What clocks mean.
pub fn mode() -> ClockMode {
    match MODE.load(Relaxed) {
        1 => ClockMode::Lfu,
        2 => ClockMode::Lrm,
        _ => ClockMode::Lru,
    }
}

/// Sets `lfu-log-factor` and `lfu-decay-time` (minutes).
pub fn set_lfu(log_factor: u32, decay_minutes: u32) {
    LOG_FACTOR.store(log_factor, Relaxed);
    DECAY_MIN.store(decay_minutes, Relaxed);
}

/// The LRU clock: seconds, 24 bits.
#[inline]
pub fn lru_clock(now_ms: i64) -> u32 {
    (now_ms / 1000) as u32 & 0x00ff_ffff
}

fn lfu_minutes(now_ms: i64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}

/// The clock of a new entry.
#[inline]
pub(crate) fn initial(now_ms: i64) -> u32 {
    if MODE.load(Relaxed) == ClockMode::Lfu as u8 {
        lfu_minutes(now_ms) << 8 | LFU_INIT
    } else {
        lru_clock(now_ms)
    }
}

/// Notes an access by a read.
#[inline]
pub(crate) fn touch_read(entry: &Entry<'_>, now_ms: i64) {
    match MODE.load(Relaxed) {
        0 => entry.set_clock(lru_clock(now_ms)),
        1 => touch_lfu(entry, now_ms),
        _ => {}
    }
}

/// Notes an access by a write.
#[inline]
pub(crate) fn touch_write(entry: &Entry<'_>, now_ms: i64) {
    if MODE.load(Relaxed) == ClockMode::Lfu as u8 {
        touch_lfu(entry, now_ms);
    } else {
        entry.set_clock(lru_clock(now_ms));
    }
}

#[cold]
fn touch_lfu(entry: &Entry<'_>, now_ms: i64) {
    let counter = lfu_increment(lfu_counter(entry.clock(), now_ms), rand::random());
    entry.set_clock(lfu_minutes(now_ms) << 8 | counter);
}

/// The LFU counter after its decay.
pub fn lfu_counter(clock: u32, now_ms: i64) -> u32 {
    let decay = DECAY_MIN.load(Relaxed);
    let elapsed = lfu_minutes(now_ms).wrapping_sub(clock >> 8) & 0xffff;
    let periods = elapsed.checked_div(decay).unwrap_or(0);
    (clock & 0xff).saturating_sub(periods)
}

/// A logarithmic increment: the higher the counter, the less probable; `random` is in [0, 1).
fn lfu_increment(counter: u32, random: f64) -> u32 {
    if counter >= 255 {
        return 255;
    }
    let above = f64::from(counter.saturating_sub(LFU_INIT));
    let chance = 1.0 / (above * f64::from(LOG_FACTOR.load(Relaxed)) + 1.0);
    counter + u32::from(random < chance)
}

/// Seconds since the last access, from an LRU clock; 24 bits wrap in 194 days.
pub fn idle_seconds(clock: u32, now_ms: i64) -> u32 {
    lru_clock(now_ms).wrapping_sub(clock) & 0x00ff_ffff
}

/// A clock as RESTORE and RDB files give it: so many seconds idle.
pub fn clock_from_idle(idle_seconds: u64, now_ms: i64) -> u32 {
    lru_clock(now_ms).wrapping_sub(idle_seconds as u32) & 0x00ff_ffff
}

/// A clock as RESTORE and RDB files give it: an LFU counter.
pub fn clock_from_frequency(frequency: u8, now_ms: i64) -> u32 {
    lfu_minutes(now_ms) << 8 | u32::from(frequency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lfu_increments_are_certain_at_first_and_rare_later() {
        assert_eq!(lfu_increment(0, 0.99), 1);
        assert_eq!(lfu_increment(LFU_INIT, 0.99), LFU_INIT + 1);
        assert_eq!(lfu_increment(100, 0.99), 100);
        assert_eq!(lfu_increment(100, 0.0), 101);
        assert_eq!(lfu_increment(255, 0.0), 255);
    }

    #[test]
    fn lfu_decays_by_the_minute_and_the_clock_wraps() {
        let minute = 60_000;
        let clock = lfu_minutes(10 * minute) << 8 | 20;
        assert_eq!(lfu_counter(clock, 10 * minute), 20);
        assert_eq!(lfu_counter(clock, 15 * minute), 15);
        assert_eq!(lfu_counter(clock, 100 * minute), 0);
        let before_wrap = 0xffff << 8 | 20;
        assert_eq!(lfu_counter(before_wrap, 65_537 * minute), 18);
    }

    #[test]
    fn idle_time_survives_the_wrap_of_the_clock() {
        let now_ms = (1 << 24) * 1000 + 5_000;
        assert_eq!(idle_seconds(clock_from_idle(7, now_ms), now_ms), 7);
        assert_eq!(idle_seconds(0x00ff_ffff, now_ms), 6);
    }
}
