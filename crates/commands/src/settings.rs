//! Directives that handlers read, as atomics which CONFIG SET changes while commands run.
//!
//! The registry of directives in `server` owns names, bounds and defaults; these are its copies
//! for the hot path.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use keyspace::evict::Policy;
use parking_lot::RwLock;

use crate::slowlog::Room;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ident = $default:expr;)*) => {
        /// The directives.
        #[derive(Debug)]
        pub struct Settings {
            $($(#[$doc])* pub $name: settings!(@type $kind),)*
            /// `latency-tracking-info-percentiles`.
            pub latency_percentiles: RwLock<Vec<f64>>,
            /// `maxmemory-policy`.
            pub maxmemory_policy: RwLock<Policy>,
        }
        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($name: <settings!(@type $kind)>::new($default),)*
                    latency_percentiles: RwLock::new(vec![50.0, 99.0, 99.9]),
                    maxmemory_policy: RwLock::default(),
                }
            }
        }
    };
    (@type bool) => { AtomicBool };
    (@type int) => { AtomicI64 };
    (@type uint) => { AtomicU64 };
}

settings! {
    /// `slowlog-log-slower-than`, microseconds; negative: off.
    slowlog_log_slower_than_us: int = 10_000;
    /// `slowlog-max-len`, entries.
    slowlog_max_len: uint = 128;
    /// `slowlog-entry-max-argc`: arguments kept of a slow command.
    slowlog_entry_max_argc: uint = 32;
    /// `slowlog-entry-max-string-len`: bytes kept of each.
    slowlog_entry_max_string_len: uint = 128;
    /// `latency-monitor-threshold`, milliseconds; 0: off.
    latency_monitor_threshold_ms: uint = 0;
    /// `latency-tracking`: keep histograms per command.
    latency_tracking: bool = true;
    /// `proto-max-bulk-len`, bytes: also the longest string value.
    proto_max_bulk_len: uint = 512 * 1024 * 1024;
    /// `maxmemory`, bytes; 0: no limit.
    maxmemory: uint = 0;
    /// `maxmemory` has just been set: evict without waiting for a command.
    evict_now: bool = false;
    /// `maxmemory-eviction-tenacity`: how long a command evicts, from 0 (hardly) to 100 (to the
    /// end).
    maxmemory_eviction_tenacity: uint = 10;
    /// `min-replicas-to-write`; 0: none are needed.
    min_replicas_to_write: uint = 0;
    /// `min-replicas-max-lag`, seconds; 0: `min-replicas-to-write` does not count.
    min_replicas_max_lag_s: uint = 10;
    /// `replica-read-only`.
    replica_read_only: bool = true;
    /// `replica-serve-stale-data`.
    replica_serve_stale_data: bool = true;
    /// `replica-ignore-maxmemory`.
    replica_ignore_maxmemory: bool = true;
    /// `repl-diskless-sync`.
    repl_diskless_sync: bool = true;
    /// `repl-disable-tcp-nodelay`.
    repl_disable_tcp_nodelay: bool = false;
    /// `repl-diskless-sync-delay`, seconds.
    repl_diskless_sync_delay_s: uint = 5;
    /// `repl-diskless-sync-max-replicas`; 0: no limit.
    repl_diskless_sync_max_replicas: uint = 0;
    /// `repl-ping-replica-period`, seconds.
    repl_ping_replica_period_s: uint = 10;
    /// `repl-timeout`, seconds.
    repl_timeout_s: uint = 60;
    /// `repl-backlog-size`, bytes.
    repl_backlog_size: uint = 1 << 20;
    /// `repl-backlog-ttl`, seconds; 0: for ever.
    repl_backlog_ttl_s: uint = 3600;
    /// `tracking-table-max-keys`: keys remembered for client-side caching; 0: no limit.
    tracking_table_max_keys: uint = 1_000_000;
    /// `maxmemory-samples`: keys compared for one eviction.
    maxmemory_samples: uint = 5;
    /// `lazyfree-lazy-eviction`.
    lazyfree_lazy_eviction: bool = false;
    /// `enable-debug-command`: whether DEBUG may be used; 0 no, 1 yes, 2 local connections.
    enable_debug_command: uint = 1;
    /// `enable-module-command`: whether modules may be loaded; as `enable_debug_command`.
    enable_module_command: uint = 0;
    /// `lazyfree-lazy-user-del`: DEL frees like UNLINK.
    lazyfree_lazy_user_del: bool = false;
    /// `lazyfree-lazy-user-flush`: FLUSHALL frees as with ASYNC.
    lazyfree_lazy_user_flush: bool = false;
    /// `lazyfree-lazy-server-del`: implicit deletions free like UNLINK.
    lazyfree_lazy_server_del: bool = false;
    /// `lazyfree-lazy-expire`.
    lazyfree_lazy_expire: bool = false;
    /// `notify-keyspace-events`, as bits of `keyspace::event`.
    notify_keyspace_events: uint = 0;
    /// DEBUG SET-ACTIVE-EXPIRE.
    active_expire: bool = true;
    /// `hash-max-listpack-entries`.
    hash_max_listpack_entries: uint = 512;
    /// `hash-max-listpack-value`, bytes.
    hash_max_listpack_value: uint = 64;
    /// `list-max-listpack-size`.
    list_max_listpack_size: int = -2;
    /// `list-compress-depth`.
    list_compress_depth: uint = 0;
    /// `set-max-intset-entries`.
    set_max_intset_entries: uint = 512;
    /// `set-max-listpack-entries`; 0: no listpack sets, as in Redis 7.0.
    set_max_listpack_entries: uint = 0;
    /// `set-max-listpack-value`, bytes.
    set_max_listpack_value: uint = 64;
    /// `zset-max-listpack-entries`.
    zset_max_listpack_entries: uint = 128;
    /// `zset-max-listpack-value`, bytes.
    zset_max_listpack_value: uint = 64;
    /// `stream-node-max-bytes`.
    stream_node_max_bytes: uint = 4096;
    /// `stream-node-max-entries`.
    stream_node_max_entries: uint = 100;
    /// `rdbcompression`: strings of dumps and snapshots are compressed.
    rdbcompression: bool = true;
    /// `sanitize-dump-payload`: 0 no, 1 yes, 2 clients.
    sanitize_dump_payload: uint = 0;
    /// `hll-sparse-max-bytes`.
    hll_sparse_max_bytes: uint = 3000;
}

impl Settings {
    /// Whether a duration in microseconds belongs into the slow log.
    #[inline]
    pub fn is_slow(&self, us: u64) -> bool {
        let limit = self.slowlog_log_slower_than_us.load(Relaxed);
        limit >= 0 && us >= limit as u64
    }

    /// How much of a command the slow log keeps.
    pub fn slowlog_room(&self) -> Room {
        Room {
            args: self.slowlog_entry_max_argc.load(Relaxed) as usize,
            bytes: self.slowlog_entry_max_string_len.load(Relaxed) as usize,
        }
    }
}
