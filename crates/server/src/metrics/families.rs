//! What `/metrics` shows, gathered when it is asked for.
//!
//! Names are those of the exporter that most dashboards for Redis are made for, so that they work
//! unchanged; what only this server has follows the same pattern.

use std::sync::atomic::Ordering::Relaxed;

use commands::session::client_flag::{BLOCKED, REPLICA, TRACKING};
use commands::stats::{CommandTotals, histogram_upper_us};
use commands::table::CommandId;
use keyspace::{DbId, DbStats};

use super::Source;
use super::format::{Family, Labels, Number, Values, counter, family, gauge};
use crate::info;
use crate::version;

/// All families.
pub(super) fn all(source: &Source) -> Vec<Family> {
    let now_ms = common::clock::now_ms();
    let keyspace = &source.server.keyspace;
    let dbs: Vec<DbStats> = (0..keyspace.databases())
        .map(|db| keyspace.stats(DbId(db as u32), now_ms))
        .collect();
    let mut all = process(source, now_ms);
    all.extend(clients(source));
    all.extend(memory(source, &dbs));
    all.extend(counters(source));
    all.extend(disk(source));
    all.extend(databases(&dbs));
    all.extend(commands(source));
    all.extend(errors(source));
    all
}

fn process(source: &Source, now_ms: i64) -> Vec<Family> {
    let host = &source.host;
    let labels: Labels = vec![
        ("redis_version", version::REDIS_VERSION.to_owned()),
        ("corewire_version", version::COREWIRE_VERSION.to_owned()),
        ("process_id", std::process::id().to_string()),
        ("run_id", host.run_id().to_owned()),
        ("tcp_port", host.config().unsigned("port").to_string()),
    ];
    let instance = Values::Gauge(vec![(labels, Number::Int(1))]);
    let uptime_s = (now_ms - host.started_ms()).max(0) as u64 / 1000;
    let (system_s, user_s) = info::cpu_seconds();
    vec![
        gauge("up", "Whether the server answers", true),
        family("instance_info", "What the server is", instance),
        gauge("uptime_in_seconds", "Seconds since the start", uptime_s),
        gauge("threads", "Workers that run commands", host.workers()),
        counter("cpu_sys_seconds", "System time of the process", system_s),
        counter("cpu_user_seconds", "User time of the process", user_s),
    ]
}

fn clients(source: &Source) -> Vec<Family> {
    let (mut connected, mut blocked, mut tracking) = (0_u64, 0_u64, 0_u64);
    source.host.each_state(|state| {
        let flags = state.flags.load(Relaxed);
        connected += u64::from(flags & REPLICA == 0);
        blocked += u64::from(flags & BLOCKED != 0);
        tracking += u64::from(flags & TRACKING != 0);
    });
    let max = source.host.config().unsigned("maxclients");
    vec![
        gauge("connected_clients", "Connections of clients", connected),
        gauge("blocked_clients", "Clients that wait", blocked),
        gauge("tracking_clients", "Clients that track keys", tracking),
        gauge("config_maxclients", "Clients allowed", max),
    ]
}

fn memory(source: &Source, dbs: &[DbStats]) -> Vec<Family> {
    let memory = info::memory_figures(&source.host, &source.server, dbs);
    let max = source.host.config().unsigned("maxmemory");
    let pending = keyspace::free::pending();
    vec![
        gauge("memory_used_bytes", "Bytes in use", memory.used),
        gauge(
            "memory_used_peak_bytes",
            "The most ever in use",
            memory.peak,
        ),
        gauge("memory_used_rss_bytes", "Bytes resident", memory.resident),
        gauge(
            "memory_used_dataset_bytes",
            "Bytes of data",
            memory.dataset(),
        ),
        gauge(
            "memory_used_overhead_bytes",
            "Bytes beside data",
            memory.overhead(),
        ),
        gauge("memory_clients_bytes", "Bytes of clients", memory.clients),
        gauge("memory_max_bytes", "The limit; 0 is none", max),
        gauge(
            "mem_fragmentation_ratio",
            "Resident bytes by bytes in use",
            memory.fragmentation(),
        ),
        gauge(
            "lazyfree_pending_objects",
            "Values that wait to be freed",
            pending as u64,
        ),
    ]
}

fn counters(source: &Source) -> Vec<Family> {
    let (stats, net) = (&source.server.stats, source.host.net_stats());
    let (processed, hits, misses) = stats.processed();
    let expired = stats.expired_keys.load(Relaxed);
    let expired_fields = stats.expired_fields.load(Relaxed);
    let evicted = stats.evicted_keys.load(Relaxed);
    let errors = stats.error_replies.load(Relaxed);
    let slow = source.server.slowlog.len();
    vec![
        counter("connections_received", "Connections accepted", net.accepted),
        counter("rejected_connections", "Connections refused", net.rejected),
        counter("commands_processed", "Commands run", processed),
        counter(
            "deferred_commands",
            "Commands put off by a busy shard",
            net.deferred,
        ),
        counter(
            "long_commands",
            "Commands run away from their worker",
            net.away,
        ),
        counter("net_input_bytes", "Bytes received", net.input_bytes),
        counter("net_output_bytes", "Bytes sent", net.output_bytes),
        counter("keyspace_hits", "Lookups that found a key", hits),
        counter("keyspace_misses", "Lookups that found none", misses),
        counter("expired_keys", "Keys whose time was over", expired),
        counter(
            "expired_subkeys",
            "Fields whose time was over",
            expired_fields,
        ),
        counter("evicted_keys", "Keys evicted", evicted),
        counter("total_error_replies", "Error replies", errors),
        gauge("slowlog_length", "Entries of the slow log", slow),
    ]
}

fn disk(source: &Source) -> Vec<Family> {
    let server = &source.server;
    let at_save = server.changes_at_save.load(Relaxed);
    let unsaved = server.stats.changes().saturating_sub(at_save);
    let saved_s = server.last_save_s.load(Relaxed).max(0) as u64;
    let loading = server.persistence.is_loading();
    vec![
        gauge("loading_dump_file", "Whether data is being loaded", loading),
        gauge(
            "rdb_changes_since_last_save",
            "Changes not in a snapshot",
            unsaved,
        ),
        gauge(
            "rdb_last_save_timestamp_seconds",
            "Time of the last snapshot",
            saved_s,
        ),
    ]
}

fn databases(dbs: &[DbStats]) -> Vec<Family> {
    let by_db = |number: &dyn Fn(&DbStats) -> Number| {
        let labelled = dbs
            .iter()
            .enumerate()
            .map(|(db, stats)| (vec![("db", format!("db{db}"))], number(stats)));
        Values::Gauge(labelled.collect())
    };
    let keys = by_db(&|stats| stats.keys.into());
    let volatile = by_db(&|stats| stats.volatile.into());
    let ttl = by_db(&|stats| (stats.ttl_avg_ms as f64 / 1000.0).into());
    vec![
        family("db_keys", "Keys", keys),
        family("db_keys_expiring", "Keys with an expiry", volatile),
        family("db_avg_ttl_seconds", "Average time to live of those", ttl),
    ]
}

fn commands(source: &Source) -> Vec<Family> {
    let table = &source.server.table;
    let called = (0..table.len() as CommandId).filter_map(|id| {
        let totals = source.server.stats.totals(id);
        let any = totals.calls + totals.rejected + totals.failed > 0;
        any.then(|| {
            (
                id,
                vec![("cmd", table.entry(id).full_name.to_string())],
                totals,
            )
        })
    });
    let called: Vec<(CommandId, Labels, CommandTotals)> = called.collect();
    let by_command = |number: &dyn Fn(&CommandTotals) -> Number| {
        let labelled = called
            .iter()
            .map(|(_, labels, totals)| (labels.clone(), number(totals)));
        Values::Counter(labelled.collect())
    };
    let calls = by_command(&|totals| totals.calls.into());
    let seconds = by_command(&|totals| (totals.usec as f64 / 1e6).into());
    let rejected = by_command(&|totals| totals.rejected.into());
    let failed = by_command(&|totals| totals.failed.into());
    let histograms = called.iter().filter_map(|(id, labels, totals)| {
        let counts = source.server.stats.histogram(*id)?;
        Some((
            labels.clone(),
            (totals.usec as f64, counts.iter().sum(), steps(&counts)),
        ))
    });
    let histograms = Values::Histogram(histograms.collect());
    vec![
        family("commands", "Calls by command", calls),
        family("commands_duration_seconds", "Time by command", seconds),
        family(
            "commands_rejected_calls",
            "Refused before they ran",
            rejected,
        ),
        family(
            "commands_failed_calls",
            "Ran and answered with an error",
            failed,
        ),
        family(
            "commands_latencies_usec",
            "Microseconds that calls took",
            histograms,
        ),
    ]
}

/// Counts by powers of two, up to about a minute; the last step has no bound.
fn steps(counts: &[u64]) -> Vec<(f64, u64)> {
    let mut steps: Vec<(f64, u64)> = (0..27).map(|power| ((1_u64 << power) as f64, 0)).collect();
    steps.push((f64::MAX, 0));
    for (bucket, count) in counts.iter().enumerate() {
        let upper_us = histogram_upper_us(bucket) as f64;
        if let Some(step) = steps.iter_mut().find(|(bound, _)| upper_us <= *bound) {
            step.1 += count;
        }
    }
    steps
}

fn errors(source: &Source) -> Vec<Family> {
    let by_code = source.server.stats.errors();
    let by_code = by_code
        .into_iter()
        .map(|(code, count)| (vec![("err", code)], count.into()));
    let values = Values::Counter(by_code.collect());
    vec![family("errors", "Error replies by their code", values)]
}
