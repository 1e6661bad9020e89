//! From directives to the atomics that the other crates read: at start, and at every CONFIG SET.
//!
//! A line of [`COPIES`] names directives and how their values reach the rest of the server. What
//! cannot fail is here; changes that can be refused (ports, log files) register hooks of their own.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use commands::Server;
use keyspace::clock;
use keyspace::evict::Policy;
use networking::{ClassLimits, ClientClass, NetSettings};

use crate::config::Config;

type Copy = fn(&Config, &Server, &NetSettings);

/// Directives, and what copies their values.
const COPIES: &[(&[&str], Copy)] = &[
    (
        &[
            "timeout",
            "tcp-keepalive",
            "maxclients",
            "client-query-buffer-limit",
        ],
        network,
    ),
    (&["protected-mode", "requirepass"], access),
    (
        &["enable-debug-command", "enable-module-command"],
        protected_commands,
    ),
    (
        &["client-output-buffer-limit", "repl-backlog-size"],
        output_limits,
    ),
    (&["maxmemory-clients", "maxmemory"], client_memory),
    (
        &["min-replicas-to-write", "min-replicas-max-lag"],
        replication,
    ),
    (
        &[
            "replica-read-only",
            "replica-serve-stale-data",
            "replica-ignore-maxmemory",
        ],
        replication,
    ),
    (
        &[
            "repl-diskless-sync",
            "repl-diskless-sync-delay",
            "repl-diskless-sync-max-replicas",
            "repl-disable-tcp-nodelay",
        ],
        replication,
    ),
    (
        &[
            "repl-ping-replica-period",
            "repl-timeout",
            "repl-backlog-size",
            "repl-backlog-ttl",
        ],
        replication,
    ),
    (&["slowlog-log-slower-than", "slowlog-max-len"], slowlog),
    (
        &["slowlog-entry-max-argc", "slowlog-entry-max-string-len"],
        slowlog,
    ),
    (&["latency-monitor-threshold", "latency-tracking"], latency),
    (&["latency-tracking-info-percentiles"], latency),
    (&["proto-max-bulk-len", "notify-keyspace-events"], limits),
    (&["tracking-table-max-keys"], limits),
    (
        &[
            "maxmemory",
            "maxmemory-policy",
            "maxmemory-samples",
            "maxmemory-eviction-tenacity",
            "lfu-log-factor",
            "lfu-decay-time",
            "lazyfree-lazy-eviction",
        ],
        memory,
    ),
    (&["rdbcompression", "sanitize-dump-payload"], dumps),
    (&["save", "stop-writes-on-bgsave-error"], save_points),
    (&["rdb-key-save-delay", "key-load-delay"], key_delays),
    (
        &["lazyfree-lazy-user-del", "lazyfree-lazy-user-flush"],
        lazy_free,
    ),
    (
        &["lazyfree-lazy-server-del", "lazyfree-lazy-expire"],
        lazy_free,
    ),
    (
        &["hash-max-listpack-entries", "hash-max-listpack-value"],
        encodings,
    ),
    (
        &["list-max-listpack-size", "list-compress-depth"],
        encodings,
    ),
    (
        &["set-max-intset-entries", "set-max-listpack-entries"],
        encodings,
    ),
    (&["set-max-listpack-value"], encodings),
    (
        &["zset-max-listpack-entries", "zset-max-listpack-value"],
        encodings,
    ),
    (
        &[
            "stream-node-max-bytes",
            "stream-node-max-entries",
            "hll-sparse-max-bytes",
        ],
        encodings,
    ),
];

/// Copies every directive now, and again whenever it changes.
pub fn connect(config: &Config, server: &Arc<Server>, net: &Arc<NetSettings>) {
    for (directives, copy) in COPIES {
        copy(config, server, net);
        let (server, net) = (Arc::clone(server), Arc::clone(net));
        config.on_change(directives, move |config| {
            copy(config, &server, &net);
            Ok(())
        });
    }
}

fn network(config: &Config, _: &Server, net: &NetSettings) {
    net.timeout_s.store(config.unsigned("timeout"), Relaxed);
    net.tcp_keepalive_s
        .store(config.unsigned("tcp-keepalive") as u32, Relaxed);
    net.maxclients
        .store(config.unsigned("maxclients") as usize, Relaxed);
    let limit = config.unsigned("client-query-buffer-limit");
    net.query_buffer_limit.store(limit as usize, Relaxed);
}

fn access(config: &Config, server: &Server, net: &NetSettings) {
    let password = config
        .bytes("requirepass")
        .filter(|password| !password.is_empty());
    server.users.set_default_password(password.as_deref());
    net.protected_mode
        .store(config.bool("protected-mode"), Relaxed);
    net.default_user_nopass.store(password.is_none(), Relaxed);
}

fn protected_commands(config: &Config, server: &Server, _: &NetSettings) {
    for (name, setting) in [
        (
            "enable-debug-command",
            &server.settings.enable_debug_command,
        ),
        (
            "enable-module-command",
            &server.settings.enable_module_command,
        ),
    ] {
        let value = match config.choice(name) {
            "yes" => 1,
            "local" => 2,
            _ => 0,
        };
        setting.store(value, Relaxed);
    }
}

fn output_limits(config: &Config, _: &Server, net: &NetSettings) {
    let classes = [
        ClientClass::Normal,
        ClientClass::Replica,
        ClientClass::Pubsub,
    ];
    for (class, limit) in classes.into_iter().zip(config.output_limits()) {
        // A replica may leave as much unread as the backlog holds: it is the same memory.
        let least = match class {
            ClientClass::Replica if limit.hard_bytes > 0 => config.unsigned("repl-backlog-size"),
            _ => 0,
        };
        let limits = ClassLimits {
            hard_bytes: limit.hard_bytes.max(least),
            soft_bytes: limit.soft_bytes,
            soft_seconds: limit.soft_seconds,
        };
        net.set_limits(class, limits);
    }
}

fn replication(config: &Config, server: &Server, _: &NetSettings) {
    let s = &server.settings;
    for (name, setting) in [
        ("min-replicas-to-write", &s.min_replicas_to_write),
        ("min-replicas-max-lag", &s.min_replicas_max_lag_s),
        ("repl-diskless-sync-delay", &s.repl_diskless_sync_delay_s),
        (
            "repl-diskless-sync-max-replicas",
            &s.repl_diskless_sync_max_replicas,
        ),
        ("repl-ping-replica-period", &s.repl_ping_replica_period_s),
        ("repl-timeout", &s.repl_timeout_s),
        ("repl-backlog-size", &s.repl_backlog_size),
        ("repl-backlog-ttl", &s.repl_backlog_ttl_s),
    ] {
        setting.store(config.unsigned(name), Relaxed);
    }
    for (name, setting) in [
        ("replica-read-only", &s.replica_read_only),
        ("replica-serve-stale-data", &s.replica_serve_stale_data),
        ("replica-ignore-maxmemory", &s.replica_ignore_maxmemory),
        ("repl-diskless-sync", &s.repl_diskless_sync),
        ("repl-disable-tcp-nodelay", &s.repl_disable_tcp_nodelay),
    ] {
        setting.store(config.bool(name), Relaxed);
    }
    // It counts from now on, not from the next look at the clock.
    server.replication.settings_changed(server);
}

/// The least limit that counts: with less, nobody could be talked to.
const CLIENT_MEMORY_MIN: u64 = 128 * 1024;

/// A percentage is negative, and one of `maxmemory`.
fn client_memory(config: &Config, _: &Server, net: &NetSettings) {
    let limit = config.int("maxmemory-clients");
    let limit = match (limit, config.unsigned("maxmemory")) {
        (0, _) | (..0, 0) => 0,
        (..0, all) => (all as f64 * limit.unsigned_abs() as f64 / 100.0) as u64,
        (bytes, _) => bytes as u64,
    };
    let least = if limit == 0 { 0 } else { CLIENT_MEMORY_MIN };
    net.client_memory_limit.store(limit.max(least), Relaxed);
    net.client_memory_changed.store(true, Relaxed);
    net.memory_limited
        .store(config.unsigned("maxmemory") != 0, Relaxed);
    net.unbounded_output.store(limit != 0, Relaxed);
}

fn slowlog(config: &Config, server: &Server, _: &NetSettings) {
    let settings = &server.settings;
    let limit_us = config.int("slowlog-log-slower-than");
    settings.slowlog_log_slower_than_us.store(limit_us, Relaxed);
    settings
        .slowlog_max_len
        .store(config.unsigned("slowlog-max-len"), Relaxed);
    settings
        .slowlog_entry_max_argc
        .store(config.unsigned("slowlog-entry-max-argc"), Relaxed);
    settings
        .slowlog_entry_max_string_len
        .store(config.unsigned("slowlog-entry-max-string-len"), Relaxed);
}

fn latency(config: &Config, server: &Server, _: &NetSettings) {
    let settings = &server.settings;
    let threshold_ms = config.unsigned("latency-monitor-threshold");
    settings
        .latency_monitor_threshold_ms
        .store(threshold_ms, Relaxed);
    settings
        .latency_tracking
        .store(config.bool("latency-tracking"), Relaxed);
    *settings.latency_percentiles.write() = config.percentiles();
}

fn limits(config: &Config, server: &Server, net: &NetSettings) {
    let max = config.unsigned("proto-max-bulk-len");
    server.settings.proto_max_bulk_len.store(max, Relaxed);
    net.proto_max_bulk_len.store(max, Relaxed);
    let keys = config.unsigned("tracking-table-max-keys");
    server.settings.tracking_table_max_keys.store(keys, Relaxed);
    let events = u64::from(config.keyspace_events());
    server
        .settings
        .notify_keyspace_events
        .store(events, Relaxed);
}

fn memory(config: &Config, server: &Server, _: &NetSettings) {
    let s = &server.settings;
    let policy = policy(config.choice("maxmemory-policy"));
    *s.maxmemory_policy.write() = policy;
    clock::set_mode(policy.clock_mode());
    clock::set_lfu(
        config.unsigned("lfu-log-factor") as u32,
        config.unsigned("lfu-decay-time") as u32,
    );
    s.maxmemory_samples
        .store(config.unsigned("maxmemory-samples"), Relaxed);
    s.maxmemory_eviction_tenacity
        .store(config.unsigned("maxmemory-eviction-tenacity"), Relaxed);
    s.lazyfree_lazy_eviction
        .store(config.bool("lazyfree-lazy-eviction"), Relaxed);
    s.maxmemory.store(config.unsigned("maxmemory"), Relaxed);
    s.evict_now.store(true, Relaxed);
}

/// The policy of that name; the registry knows no others.
fn policy(name: &str) -> Policy {
    match name {
        "allkeys-lru" => Policy::AllkeysLru,
        "allkeys-lfu" => Policy::AllkeysLfu,
        "allkeys-lrm" => Policy::AllkeysLrm,
        "allkeys-random" => Policy::AllkeysRandom,
        "volatile-lru" => Policy::VolatileLru,
        "volatile-lfu" => Policy::VolatileLfu,
        "volatile-lrm" => Policy::VolatileLrm,
        "volatile-random" => Policy::VolatileRandom,
        "volatile-ttl" => Policy::VolatileTtl,
        _ => Policy::NoEviction,
    }
}

fn lazy_free(config: &Config, server: &Server, _: &NetSettings) {
    let s = &server.settings;
    s.lazyfree_lazy_user_del
        .store(config.bool("lazyfree-lazy-user-del"), Relaxed);
    s.lazyfree_lazy_user_flush
        .store(config.bool("lazyfree-lazy-user-flush"), Relaxed);
    s.lazyfree_lazy_server_del
        .store(config.bool("lazyfree-lazy-server-del"), Relaxed);
    s.lazyfree_lazy_expire
        .store(config.bool("lazyfree-lazy-expire"), Relaxed);
}

fn dumps(config: &Config, server: &Server, _: &NetSettings) {
    let s = &server.settings;
    s.rdbcompression
        .store(config.bool("rdbcompression"), Relaxed);
    s.sanitize_dump_payload
        .store(config.choice_value("sanitize-dump-payload") as u64, Relaxed);
}

fn save_points(config: &Config, server: &Server, _: &NetSettings) {
    let has_points = !config.save_points().is_empty();
    let stop_writes = config.bool("stop-writes-on-bgsave-error");
    server.persistence.saving.configure(has_points, stop_writes);
}

fn key_delays(config: &Config, server: &Server, _: &NetSettings) {
    let state = &server.persistence;
    let delay = &state.saving.progress.key_delay_us;
    delay.store(config.int("rdb-key-save-delay"), Relaxed);
    let delay = &state.load.loaded.key_delay_us;
    delay.store(config.int("key-load-delay"), Relaxed);
}

fn encodings(config: &Config, server: &Server, _: &NetSettings) {
    let s = &server.settings;
    for (name, setting) in [
        ("hash-max-listpack-entries", &s.hash_max_listpack_entries),
        ("hash-max-listpack-value", &s.hash_max_listpack_value),
        ("list-compress-depth", &s.list_compress_depth),
        ("set-max-intset-entries", &s.set_max_intset_entries),
        ("set-max-listpack-entries", &s.set_max_listpack_entries),
        ("set-max-listpack-value", &s.set_max_listpack_value),
        ("zset-max-listpack-entries", &s.zset_max_listpack_entries),
        ("zset-max-listpack-value", &s.zset_max_listpack_value),
        ("stream-node-max-bytes", &s.stream_node_max_bytes),
        ("stream-node-max-entries", &s.stream_node_max_entries),
        ("hll-sparse-max-bytes", &s.hll_sparse_max_bytes),
    ] {
        setting.store(config.unsigned(name), Relaxed);
    }
    s.list_max_listpack_size
        .store(config.int("list-max-listpack-size"), Relaxed);
}
