//! Counters for INFO: one padded set per thread, so that counting never shares a cache line.
//!
//! Each worker counts for itself, on cache lines of its own; INFO adds the counters up when asked.
//! A reset remembers the sums of that moment and subtracts them, so that readers never write what a
//! worker counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The counters of one worker or of the acceptor.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct NetStats {
    pub(crate) accepted: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) input_bytes: AtomicU64,
    pub(crate) output_bytes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) query_limit_closed: AtomicU64,
    pub(crate) output_limit_closed: AtomicU64,
    pub(crate) idle_closed: AtomicU64,
    pub(crate) deferred: AtomicU64,
    pub(crate) away: AtomicU64,
    pub(crate) evicted: AtomicU64,
    input_max: RecentMax,
    output_max: RecentMax,
}

/// The largest value of the latest seconds: the maxima of the current window and the one before.
#[derive(Debug, Default)]
struct RecentMax {
    window: AtomicI64,
    current: AtomicU64,
    before: AtomicU64,
}

impl RecentMax {
    /// Redis looks back 8 seconds; two windows are 4 to 8.
    const WINDOW_MS: i64 = 4000;

    fn note(&self, n: u64, now_ms: i64) {
        let (window, last) = (
            now_ms / Self::WINDOW_MS,
            self.window.load(Ordering::Relaxed),
        );
        if window != last {
            let current = self.current.swap(0, Ordering::Relaxed);
            let before = if window == last + 1 { current } else { 0 };
            self.before.store(before, Ordering::Relaxed);
            self.window.store(window, Ordering::Relaxed);
        }
        if n > self.current.load(Ordering::Relaxed) {
            self.current.store(n, Ordering::Relaxed);
        }
    }

    fn get(&self, now_ms: i64) -> u64 {
        let age = now_ms / Self::WINDOW_MS - self.window.load(Ordering::Relaxed);
        let (current, before) = (&self.current, &self.before);
        match age {
            ..=0 => current
                .load(Ordering::Relaxed)
                .max(before.load(Ordering::Relaxed)),
            1 => current.load(Ordering::Relaxed),
            _ => 0,
        }
    }
}

/// The sums over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsTotals {
    /// `total_connections_received`.
    pub accepted: u64,
    /// `rejected_connections`.
    pub rejected: u64,
    /// `total_net_input_bytes`.
    pub input_bytes: u64,
    /// `total_net_output_bytes`.
    pub output_bytes: u64,
    /// `total_reads_processed`.
    pub reads: u64,
    /// `total_writes_processed`.
    pub writes: u64,
    /// `client_query_buffer_limit_disconnections`.
    pub query_limit_closed: u64,
    /// `client_output_buffer_limit_disconnections`.
    pub output_limit_closed: u64,
    /// Clients closed by `timeout`.
    pub idle_closed: u64,
    /// Commands deferred because a shard was busy or clients were paused.
    pub deferred: u64,
    /// Commands that ran on an executor.
    pub away: u64,
    /// `evicted_clients`.
    pub evicted: u64,
    /// `client_recent_max_input_buffer`: the largest of the latest seconds.
    pub input_max: u64,
    /// `client_recent_max_output_buffer`: likewise.
    pub output_max: u64,
}

impl NetStats {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        // One writer per counter: no read-modify-write needed.
        counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// Notes the size of a client's requests.
    pub(crate) fn note_input(&self, n: u64, now_ms: i64) {
        self.input_max.note(n, now_ms);
    }

    /// Notes the size of a client's unsent output.
    pub(crate) fn note_output(&self, n: u64, now_ms: i64) {
        self.output_max.note(n, now_ms);
    }

    fn counters(&self) -> [&AtomicU64; 12] {
        [
            &self.accepted,
            &self.rejected,
            &self.input_bytes,
            &self.output_bytes,
            &self.reads,
            &self.writes,
            &self.query_limit_closed,
            &self.output_limit_closed,
            &self.idle_closed,
            &self.deferred,
            &self.away,
            &self.evicted,
        ]
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        for counter in self.counters() {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

impl StatsTotals {
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a NetStats>, now_ms: i64) -> Self {
        let mut total = Self::default();
        for stats in all {
            let values = stats
                .counters()
                .map(|counter| counter.load(Ordering::Relaxed));
            let sums = [
                &mut total.accepted,
                &mut total.rejected,
                &mut total.input_bytes,
                &mut total.output_bytes,
                &mut total.reads,
                &mut total.writes,
                &mut total.query_limit_closed,
                &mut total.output_limit_closed,
                &mut total.idle_closed,
                &mut total.deferred,
                &mut total.away,
                &mut total.evicted,
            ];
            for (sum, value) in sums.into_iter().zip(values) {
                *sum += value;
            }
            total.input_max = total.input_max.max(stats.input_max.get(now_ms));
            total.output_max = total.output_max.max(stats.output_max.get(now_ms));
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_maxima_fade_and_counters_sum_and_reset() {
        let (a, b) = (NetStats::default(), NetStats::default());
        NetStats::add(&a.reads, 2);
        NetStats::add(&b.reads, 3);
        a.note_input(500, 40_000);
        b.note_input(70, 44_000);
        let at = |now_ms| StatsTotals::sum([&a, &b].into_iter(), now_ms);
        assert_eq!((at(40_001).reads, at(40_001).input_max), (5, 500));
        assert_eq!(at(44_001).input_max, 500);
        assert_eq!(at(48_001).input_max, 70);
        assert_eq!(at(60_000).input_max, 0);
        a.note_input(1, 44_000);
        assert_eq!(at(44_001).input_max, 500);
        a.reset();
        assert_eq!(at(44_001).reads, 3);
    }
}
