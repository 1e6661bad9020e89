//! `# Stats`: what has happened since the start or the last CONFIG RESETSTAT.
//!
//! The counters are those of the commands' workers and of the network's, summed when asked.

use std::sync::atomic::Ordering::Relaxed;

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    traffic(facts, section);
    keys(facts, section);
    let pubsub = &facts.server.pubsub;
    section.field("pubsub_channels", pubsub.channel_count());
    section.field("pubsub_patterns", pubsub.pattern_count());
    section.field("pubsubshard_channels", pubsub.shard_channel_count());
    section.zeros(&["latest_fork_usec"]);
    section.field("total_forks", facts.server.jobs.started());
    let sockets = facts.server.migrations.cached_sockets();
    section.field("migrate_cached_sockets", sockets);
    let local = facts.server.replication.local_volatile();
    section.field("slave_expires_tracked_keys", local);
    section.zeros(&[
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    let tracking = &facts.server.tracking;
    section.field("tracking_total_keys", tracking.key_count());
    section.field("tracking_total_items", tracking.item_count());
    section.field("tracking_total_prefixes", tracking.prefix_count());
    section.zeros(&["unexpected_error_replies"]);
    let net = facts.host.net_stats();
    section.field(
        "total_error_replies",
        facts.server.stats.error_replies.load(Relaxed),
    );
    let sanitizations = &facts.server.stats.dump_payload_sanitizations;
    section.field("dump_payload_sanitizations", sanitizations.load(Relaxed));
    section.field("total_reads_processed", net.reads);
    section.field("total_writes_processed", net.writes);
    let threaded = facts.host.workers() > 1;
    section.field(
        "io_threaded_reads_processed",
        if threaded { net.reads } else { 0 },
    );
    section.field(
        "io_threaded_writes_processed",
        if threaded { net.writes } else { 0 },
    );
    section.zeros(&["reply_buffer_shrinks", "reply_buffer_expands"]);
}

fn traffic(facts: &Facts<'_>, section: &mut Section) {
    let net = facts.host.net_stats();
    let rates = facts.host.rates();
    let kbps = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    section.field("total_connections_received", net.accepted);
    section.field("total_commands_processed", facts.server.stats.processed().0);
    section.field("instantaneous_ops_per_sec", rates.commands());
    section.field("total_net_input_bytes", net.input_bytes);
    section.field("total_net_output_bytes", net.output_bytes);
    let replication = &facts.server.replication;
    section.field(
        "total_net_repl_input_bytes",
        replication.received_bytes.load(Relaxed),
    );
    section.field(
        "total_net_repl_output_bytes",
        replication.sent_bytes.load(Relaxed),
    );
    section.field("instantaneous_input_kbps", kbps(rates.input_bytes()));
    section.field("instantaneous_output_kbps", kbps(rates.output_bytes()));
    section.field("instantaneous_input_repl_kbps", "0.00");
    section.field("instantaneous_output_repl_kbps", "0.00");
    section.field("rejected_connections", net.rejected);
    let replication = &facts.server.replication;
    for (name, counter) in [
        ("sync_full", &replication.full_syncs),
        ("sync_partial_ok", &replication.partial_syncs),
        ("sync_partial_err", &replication.partial_refusals),
    ] {
        section.field(name, counter.load(Relaxed));
    }
}

fn keys(facts: &Facts<'_>, section: &mut Section) {
    let stats = &facts.server.stats;
    let (_, hits, misses) = stats.processed();
    section.field("expired_keys", stats.expired_keys.load(Relaxed));
    section.field("expired_subkeys", stats.expired_fields.load(Relaxed));
    // Expiry goes by an exact index: there is no share of keys that it overlooks.
    section.field("expired_stale_perc", "0.00");
    section.zeros(&[
        "expired_time_cap_reached_count",
        "expire_cycle_cpu_milliseconds",
    ]);
    section.field("evicted_keys", stats.evicted_keys.load(Relaxed));
    section.field("evicted_clients", facts.host.net_stats().evicted);
    let [total_ms, now_ms] = facts.server.eviction.exceeded_ms();
    section.field("total_eviction_exceeded_time", total_ms);
    section.field("current_eviction_exceeded_time", now_ms);
    section.field("keyspace_hits", hits);
    section.field("keyspace_misses", misses);
}
