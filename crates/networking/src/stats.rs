//! Counters for INFO: one padded set per thread, so that counting never shares a cache line.

use std::sync::atomic::{AtomicU64, Ordering};

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
    pub(crate) input_max: AtomicU64,
    pub(crate) output_max: AtomicU64,
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

    pub(crate) fn max(counter: &AtomicU64, n: u64) {
        if n > counter.load(Ordering::Relaxed) {
            counter.store(n, Ordering::Relaxed);
        }
    }

    fn counters(&self) -> [&AtomicU64; 10] {
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
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a NetStats>) -> Self {
        let mut total = Self::default();
        for stats in all {
            let values = stats.counters().map(|counter| counter.load(Ordering::Relaxed));
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
            ];
            for (sum, value) in sums.into_iter().zip(values) {
                *sum += value;
            }
            total.input_max = total.input_max.max(stats.input_max.load(Ordering::Relaxed));
            total.output_max = total.output_max.max(stats.output_max.load(Ordering::Relaxed));
        }
        total
    }
}
