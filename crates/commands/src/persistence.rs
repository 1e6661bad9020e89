//! What commands, INFO and the server around them must know of loading and saving.
//!
//! Counters and flags only; what writes and reads files is the host's.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use keyspace::evict::Policy;
use parking_lot::Mutex;
use persistence::rdb::load::{LoadOptions, Loaded, TakeClocks};
use persistence::rdb::save::{Clocks, Progress, SaveOptions};
use persistence::rdb::value::Check;

use crate::server::Server;

/// A load that goes on, or the last one.
#[derive(Debug, Default)]
pub struct Loading {
    /// When it began, Unix seconds.
    pub started_s: AtomicI64,
    /// Size of the file.
    pub bytes_total: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// `used-mem` of the file.
    pub used_memory: AtomicU64,
    /// Keys.
    pub loaded: Loaded,
}

/// Snapshots that were saved, and the one being saved.
#[derive(Debug)]
pub struct Saving {
    /// A snapshot is being saved in the background.
    pub in_progress: AtomicBool,
    /// BGSAVE SCHEDULE: one is to be saved when the running job is through.
    pub scheduled: AtomicBool,
    /// Whether the last attempt failed.
    pub failed: AtomicBool,
    /// When the last background save was tried, Unix seconds.
    pub tried_s: AtomicI64,
    /// When the running one began, Unix seconds.
    pub started_s: AtomicI64,
    /// How long the last one took, seconds; -1: there was none.
    pub last_s: AtomicI64,
    /// How many were begun.
    pub count: AtomicU64,
    /// What the last one cost in memory, at its peak.
    pub held_bytes_last: AtomicU64,
    /// The same of the running one, so far.
    pub held_bytes_peak: AtomicU64,
    /// Keys.
    pub progress: Progress,
    /// Whether writes are refused: saving failed, and is configured so that this matters.
    denies_writes: AtomicBool,
    /// Configuration: there are save points, and failures count.
    failure_matters: AtomicBool,
    /// Configuration: there are save points.
    has_points: AtomicBool,
}

impl Default for Saving {
    fn default() -> Self {
        Self {
            in_progress: AtomicBool::default(),
            scheduled: AtomicBool::default(),
            failed: AtomicBool::default(),
            tried_s: AtomicI64::default(),
            started_s: AtomicI64::new(-1),
            last_s: AtomicI64::new(-1),
            count: AtomicU64::default(),
            held_bytes_last: AtomicU64::default(),
            held_bytes_peak: AtomicU64::default(),
            progress: Progress::default(),
            denies_writes: AtomicBool::default(),
            failure_matters: AtomicBool::default(),
            has_points: AtomicBool::default(),
        }
    }
}

impl Saving {
    /// Notes how an attempt ended.
    pub fn ended(&self, success: bool) {
        self.failed.store(!success, SeqCst);
        self.decide();
    }

    /// Takes over the configuration: whether there are save points, and whether writes are
    /// refused after a failure (`stop-writes-on-bgsave-error`).
    pub fn configure(&self, has_points: bool, stop_writes: bool) {
        self.has_points.store(has_points, Relaxed);
        self.failure_matters
            .store(has_points && stop_writes, SeqCst);
        self.decide();
    }

    fn decide(&self) {
        let denies = self.failed.load(SeqCst) && self.failure_matters.load(SeqCst);
        self.denies_writes.store(denies, Relaxed);
    }

    /// Whether writes are refused because saving failed.
    #[inline]
    pub fn denies_writes(&self) -> bool {
        self.denies_writes.load(Relaxed)
    }

    /// Whether snapshots are saved by themselves.
    pub fn has_points(&self) -> bool {
        self.has_points.load(Relaxed)
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct State {
    /// Data is being loaded: commands that are not flagged `loading` are refused.
    pub loading: AtomicBool,
    /// Data is being loaded beside what is there, which is served meanwhile: commands that are
    /// flagged `no_async_loading` are refused.
    pub loading_beside: AtomicBool,
    /// The load.
    pub load: Loading,
    /// Snapshots.
    pub saving: Saving,
    /// Libraries of functions, as snapshots have them.
    pub functions: Mutex<Vec<Vec<u8>>>,
    /// Held while a snapshot gets the name under which a restart looks for it: see
    /// [`State::name_unless`].
    naming: Mutex<()>,
}

impl State {
    /// Gives a snapshot its name unless it was called off: who calls it off, and gives the name to
    /// another one then, will not see it overwritten.
    pub fn name_unless(&self, is_called_off: impl FnOnce() -> bool, rename: &mut dyn FnMut()) {
        let _naming = self.naming.lock();
        if !is_called_off() {
            rename();
        }
    }

    /// Whether data is being loaded.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.load(Relaxed)
    }

    /// A load of so many bytes begins: commands are refused from here on.
    pub fn begin_loading(&self, bytes_total: u64, now_ms: i64) {
        self.reset_loading(bytes_total, now_ms);
        self.loading.store(true, SeqCst);
    }

    /// Whether data is being loaded beside what is there and served.
    #[inline]
    pub fn is_loading_beside(&self) -> bool {
        self.loading_beside.load(Relaxed)
    }

    /// The same, but what is there is served meanwhile.
    pub fn begin_loading_beside(&self, bytes_total: u64, now_ms: i64) {
        self.reset_loading(bytes_total, now_ms);
        self.loading_beside.store(true, SeqCst);
    }

    /// A load begins that nobody notices but by its figures.
    pub fn reset_loading(&self, bytes_total: u64, now_ms: i64) {
        let load = &self.load;
        load.started_s.store(now_ms / 1000, Relaxed);
        load.bytes_total.store(bytes_total, Relaxed);
        load.bytes.store(0, Relaxed);
        load.used_memory.store(0, Relaxed);
        load.loaded.keys.store(0, Relaxed);
        load.loaded.expired.store(0, Relaxed);
        load.loaded.empty.store(0, Relaxed);
    }

    /// The load is over.
    pub fn end_loading(&self) {
        self.loading.store(false, SeqCst);
        self.loading_beside.store(false, SeqCst);
    }
}

/// How to load a snapshot with the directives as they are now.
pub fn load_options(server: &Server, now_ms: i64) -> LoadOptions {
    let settings = &server.settings;
    LoadOptions {
        limits: crate::generic::dump::limits(server),
        check: match settings.sanitize_dump_payload.load(Relaxed) {
            1 => Check::Full,
            _ => Check::Shape,
        },
        now_ms,
        skip_expired: true,
        checksum: !server.debug.skip_checksums.load(Relaxed),
        databases: server.keyspace.databases() as u64,
        clocks: match *settings.maxmemory_policy.read() {
            Policy::AllkeysLfu | Policy::VolatileLfu => TakeClocks::Frequency,
            _ => TakeClocks::Idle,
        },
    }
}

/// How to save a snapshot with the directives as they are now; `aux` are the fields about it.
pub fn save_options(server: &Server, aux: Vec<(&'static str, String)>, now_ms: i64) -> SaveOptions {
    SaveOptions {
        compression: crate::generic::dump::compression(server),
        checksum: true,
        aux,
        functions: Vec::new(),
        clocks: match *server.settings.maxmemory_policy.read() {
            Policy::AllkeysLfu | Policy::VolatileLfu => Clocks::Frequency,
            Policy::AllkeysLru | Policy::VolatileLru => Clocks::Idle,
            _ => Clocks::Unsaved,
        },
        now_ms,
    }
}
