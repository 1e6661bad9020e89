//! Command statistics: calls, time, refusals, failures and latency histograms.
//!
//! Each worker writes to its own copy with plain loads and stores (one writer per copy, so no
//! read-modify-write on the hot path); INFO and LATENCY sum the copies when asked. A reset is an
//! epoch: the sums at the reset are subtracted from then on, so that readers never write what a
//! worker is counting.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::table::CommandId;

/// Buckets of a latency histogram: one per power of two below 16 us, then eight per power.
pub const HISTOGRAM_BUCKETS: usize = 16 + 8 * 28;

/// The bucket of a duration in microseconds.
#[inline]
pub fn histogram_bucket(us: u64) -> usize {
    if us < 16 {
        return us as usize;
    }
    let exponent = 63 - us.leading_zeros() as usize;
    let step = (us >> (exponent - 3)) as usize & 7;
    (16 + (exponent - 4) * 8 + step).min(HISTOGRAM_BUCKETS - 1)
}

/// The largest duration in microseconds that falls into a bucket.
pub fn histogram_upper_us(bucket: usize) -> u64 {
    if bucket < 16 {
        return bucket as u64;
    }
    let (exponent, step) = ((bucket - 16) / 8 + 4, (bucket - 16) % 8);
    ((8 + step as u64 + 1) << (exponent - 3)) - 1
}

/// Counts of durations per bucket.
pub type Histogram = Box<[AtomicU64]>;

#[derive(Default)]
struct Cell {
    calls: AtomicU64,
    usec: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    histogram: OnceLock<Histogram>,
}

/// Sums over all workers for one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Times it ran.
    pub calls: u64,
    /// Microseconds spent in it.
    pub usec: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it ran and answered with an error.
    pub failed: u64,
}

impl CommandTotals {
    fn minus(self, base: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(base.calls),
            usec: self.usec.saturating_sub(base.usec),
            rejected: self.rejected.saturating_sub(base.rejected),
            failed: self.failed.saturating_sub(base.failed),
        }
    }
}

/// One worker's counters. Only that worker's thread may call the methods that count.
#[repr(align(128))]
pub struct WorkerStats {
    cells: Box<[Cell]>,
    /// Commands processed (`total_commands_processed`).
    pub commands: AtomicU64,
    /// Lookups that found a key.
    pub hits: AtomicU64,
    /// Lookups that found none.
    pub misses: AtomicU64,
    /// Changes to the data set (`dirty`), never reset.
    pub changes: AtomicU64,
}

#[inline]
fn add(counter: &AtomicU64, n: u64) {
    // One writer: a plain load and store is enough.
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

impl WorkerStats {
    fn new(commands: usize) -> Self {
        Self {
            cells: (0..commands).map(|_| Cell::default()).collect(),
            commands: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// Counts changes to the data set.
    #[inline]
    pub fn changed(&self, n: u64) {
        add(&self.changes, n);
    }

    /// Counts a command that ran so many times, in `us` microseconds altogether; `failed` is
    /// said of the last time.
    #[inline]
    pub fn ran(&self, id: CommandId, calls: u32, us: u64, failed: bool, track_latency: bool) {
        let cell = &self.cells[usize::from(id)];
        let calls = u64::from(calls);
        add(&cell.calls, calls);
        add(&cell.usec, us);
        add(&self.commands, calls);
        if failed {
            add(&cell.failed, 1);
        }
        if track_latency {
            let histogram = cell.histogram.get_or_init(new_histogram);
            let each = if calls == 1 { us } else { us / calls };
            add(&histogram[histogram_bucket(each)], calls);
        }
    }

    /// Counts what a command that had to wait, and was counted when it began to, took in the end:
    /// `more_us` since then.
    pub fn unblocked(&self, id: CommandId, more_us: u64, us: u64, failed: bool, track: bool) {
        let cell = &self.cells[usize::from(id)];
        add(&cell.usec, more_us);
        if failed {
            add(&cell.failed, 1);
        }
        if track {
            let histogram = cell.histogram.get_or_init(new_histogram);
            add(&histogram[histogram_bucket(us)], 1);
        }
    }

    /// Counts a command that was refused.
    pub fn rejected(&self, id: CommandId) {
        add(&self.cells[usize::from(id)].rejected, 1);
    }

    /// Counts lookups.
    #[inline]
    pub fn looked_up(&self, hits: u32, misses: u32) {
        if hits > 0 {
            add(&self.hits, u64::from(hits));
        }
        if misses > 0 {
            add(&self.misses, u64::from(misses));
        }
    }
}

fn new_histogram() -> Histogram {
    (0..HISTOGRAM_BUCKETS).map(|_| AtomicU64::new(0)).collect()
}

/// How many different error prefixes are kept (`errorstats`), as in Redis 7.2.
const ERRORS_MAX: usize = 128;

struct Base {
    totals: Vec<CommandTotals>,
    histograms: Vec<Option<Vec<u64>>>,
    commands: u64,
    hits: u64,
    misses: u64,
}

/// Executors that have counters of their own.
const EXECUTORS: usize = 8;

/// The statistics of the whole process.
pub struct Stats {
    /// Those of workers, then the spare ones.
    workers: Box<[WorkerStats]>,
    /// Those of executors that have run something.
    executors: [OnceLock<Box<WorkerStats>>; EXECUTORS],
    base: Mutex<Base>,
    errors: Mutex<BTreeMap<Vec<u8>, u64>>,
    /// Error replies in all.
    pub error_replies: AtomicU64,
    /// Keys deleted because their time was over.
    pub expired_keys: AtomicU64,
    /// Fields of hashes deleted because their time was over.
    pub expired_fields: AtomicU64,
    /// Packed values of RESTORE that were checked in full (`dump_payload_sanitizations`).
    pub dump_payload_sanitizations: AtomicU64,
    /// Keys evicted.
    pub evicted_keys: AtomicU64,
}

impl Stats {
    /// Counters for that many workers (the last index is for other threads, see
    /// [`Stats::worker`]) and commands.
    pub fn new(workers: usize, commands: usize) -> Self {
        Self {
            workers: (0..=workers).map(|_| WorkerStats::new(commands)).collect(),
            executors: Default::default(),
            base: Mutex::new(Base {
                totals: vec![CommandTotals::default(); commands],
                histograms: vec![None; commands],
                commands: 0,
                hits: 0,
                misses: 0,
            }),
            errors: Mutex::new(BTreeMap::new()),
            error_replies: AtomicU64::new(0),
            expired_keys: AtomicU64::new(0),
            expired_fields: AtomicU64::new(0),
            dump_payload_sanitizations: AtomicU64::new(0),
            evicted_keys: AtomicU64::new(0),
        }
    }

    /// How many workers have counters of their own.
    pub fn workers(&self) -> usize {
        self.workers.len() - 1
    }

    /// The index of the counters of an executor; see [`Stats::worker`].
    pub fn executor(&self, number: usize) -> usize {
        self.workers.len() + number
    }

    /// The counters of a worker; any index past workers and executors gives the shared spare ones.
    #[inline]
    pub fn worker(&self, index: usize) -> &WorkerStats {
        match self.workers.get(index) {
            Some(worker) => worker,
            None => self.other(index),
        }
    }

    #[cold]
    fn other(&self, index: usize) -> &WorkerStats {
        let spare = &self.workers[self.workers.len() - 1];
        match self.executors.get(index - self.workers.len()) {
            Some(stats) => stats.get_or_init(|| Box::new(WorkerStats::new(spare.cells.len()))),
            None => spare,
        }
    }

    fn all(&self) -> impl Iterator<Item = &WorkerStats> {
        let executors = self.executors.iter().filter_map(OnceLock::get);
        self.workers.iter().chain(executors.map(|stats| &**stats))
    }

    fn raw_totals(&self, id: usize) -> CommandTotals {
        let mut sum = CommandTotals::default();
        for cell in self.all().map(|worker| &worker.cells[id]) {
            sum.calls += cell.calls.load(Relaxed);
            sum.usec += cell.usec.load(Relaxed);
            sum.rejected += cell.rejected.load(Relaxed);
            sum.failed += cell.failed.load(Relaxed);
        }
        sum
    }

    fn raw_histogram(&self, id: usize) -> Option<Vec<u64>> {
        let mut sum: Option<Vec<u64>> = None;
        for cell in self
            .all()
            .filter_map(|worker| worker.cells[id].histogram.get())
        {
            let sum = sum.get_or_insert_with(|| vec![0; HISTOGRAM_BUCKETS]);
            sum.iter_mut()
                .zip(cell.iter())
                .for_each(|(sum, n)| *sum += n.load(Relaxed));
        }
        sum
    }

    /// What a command did since the last reset.
    pub fn totals(&self, id: CommandId) -> CommandTotals {
        let id = usize::from(id);
        self.raw_totals(id).minus(self.base.lock().totals[id])
    }

    /// A command's durations per bucket since the last reset; `None` where it never ran.
    pub fn histogram(&self, id: CommandId) -> Option<Vec<u64>> {
        let id = usize::from(id);
        let mut counts = self.raw_histogram(id)?;
        if let Some(base) = &self.base.lock().histograms[id] {
            counts
                .iter_mut()
                .zip(base)
                .for_each(|(n, base)| *n = n.saturating_sub(*base));
        }
        counts.iter().any(|n| *n > 0).then_some(counts)
    }

    /// Forgets one command's durations (LATENCY HISTOGRAM RESET and the like).
    pub fn reset_histogram(&self, id: CommandId) {
        let id = usize::from(id);
        self.base.lock().histograms[id] = self.raw_histogram(id);
    }

    fn raw_sum(&self, field: impl Fn(&WorkerStats) -> &AtomicU64) -> u64 {
        self.all().map(|worker| field(worker).load(Relaxed)).sum()
    }

    /// Commands processed, hits and misses since the last reset.
    pub fn processed(&self) -> (u64, u64, u64) {
        let base = self.base.lock();
        (
            self.raw_sum(|w| &w.commands).saturating_sub(base.commands),
            self.raw_sum(|w| &w.hits).saturating_sub(base.hits),
            self.raw_sum(|w| &w.misses).saturating_sub(base.misses),
        )
    }

    /// Changes to the data set since the start.
    pub fn changes(&self) -> u64 {
        self.raw_sum(|w| &w.changes)
    }

    /// Counts an error reply under its code.
    pub fn error(&self, code: &[u8]) {
        self.error_replies.fetch_add(1, Relaxed);
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if errors.len() < ERRORS_MAX {
            errors.insert(code.to_owned(), 1);
        }
    }

    /// Error prefixes and how often each was sent.
    pub fn errors(&self) -> Vec<(String, u64)> {
        let text = |code: &Vec<u8>| String::from_utf8_lossy(code).into_owned();
        self.errors
            .lock()
            .iter()
            .map(|(code, n)| (text(code), *n))
            .collect()
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        let mut base = self.base.lock();
        for id in 0..base.totals.len() {
            base.totals[id] = self.raw_totals(id);
            base.histograms[id] = self.raw_histogram(id);
        }
        base.commands = self.raw_sum(|w| &w.commands);
        base.hits = self.raw_sum(|w| &w.hits);
        base.misses = self.raw_sum(|w| &w.misses);
        drop(base);
        self.errors.lock().clear();
        self.error_replies.store(0, Relaxed);
        self.expired_keys.store(0, Relaxed);
        self.expired_fields.store(0, Relaxed);
        self.dump_payload_sanitizations.store(0, Relaxed);
        self.evicted_keys.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_their_bounds_say() {
        for us in (0..5000).chain([1 << 20, (1 << 31) - 1]) {
            let bucket = histogram_bucket(us);
            assert!(us <= histogram_upper_us(bucket), "{us}");
            assert!(bucket == 0 || us > histogram_upper_us(bucket - 1), "{us}");
        }
    }

    #[test]
    fn what_executors_count_is_counted_and_other_threads_share_one_copy() {
        let stats = Stats::new(1, 2);
        stats.worker(0).changed(1);
        stats.worker(stats.executor(0)).changed(2);
        stats.worker(stats.executor(EXECUTORS - 1)).changed(4);
        stats.worker(usize::MAX).changed(8);
        stats.worker(stats.executor(EXECUTORS)).changed(16);
        assert_eq!(stats.changes(), 31);
        assert_eq!(stats.all().count(), 4);
    }

    #[test]
    fn a_reset_hides_what_was_counted_before() {
        let stats = Stats::new(2, 3);
        stats.worker(0).ran(1, 1, 20, false, true);
        stats.worker(1).ran(1, 1, 30, true, true);
        assert_eq!(
            stats.totals(1),
            CommandTotals {
                calls: 2,
                usec: 50,
                rejected: 0,
                failed: 1
            }
        );
        stats.reset();
        assert_eq!(stats.totals(1), CommandTotals::default());
        assert_eq!(stats.histogram(1), None);
        stats.worker(0).ran(1, 1, 7, false, true);
        assert_eq!(stats.totals(1).usec, 7);
        assert_eq!(stats.histogram(1).unwrap()[7], 1);
    }
}
