//! `# Memory`: what is in use, as the allocator counts it, and what the process holds.
//!
//! The allocator counts what it has handed out (`used_memory`); the system says what is resident.
//! Between the two it tells nothing apart, so that what Redis calls active and resident is one
//! figure here.

use ::keyspace::{DbStats, free};
use commands::Server;
use commands::host::MemoryFigures;

use super::{Facts, Section, system};
use crate::host::ServerHost;

/// The figures that INFO and MEMORY share.
pub fn figures(host: &ServerHost, server: &Server, keyspace: &[DbStats]) -> MemoryFigures {
    let (clients, replicas, client_count) = host.client_memory();
    let memory = server.replication.used_memory();
    MemoryFigures {
        used: memory.used,
        uncounted: memory.uncounted,
        peak: common::memory::peak_memory() as u64,
        startup: host.startup_memory(),
        resident: common::os::resident_bytes(),
        clients,
        replicas,
        client_count,
        backlog: server.log.memory() + server.replication.backlog_memory(),
        tables: keyspace.iter().map(|db| db.overhead as u64).sum(),
        keys: keyspace.iter().map(|db| db.keys as u64).sum(),
    }
}

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let memory = figures(facts.host, facts.server, facts.keyspace);
    usage(&memory, section);
    scripts(section);
    limits(facts, section);
    fragmentation(&memory, section);
    section.field("mem_not_counted_for_evict", memory.uncounted);
    section.field("mem_replication_backlog", memory.backlog);
    section.field("mem_total_replication_buffers", memory.backlog);
    section.field("mem_clients_slaves", memory.replicas);
    section.field("mem_clients_normal", memory.clients);
    section.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    section.field("mem_allocator", "mimalloc");
    section.zeros(&["active_defrag_running"]);
    section.field("lazyfree_pending_objects", free::pending());
    section.field("lazyfreed_objects", free::freed());
}

fn usage(memory: &MemoryFigures, section: &mut Section) {
    section.memory("used_memory", memory.used);
    section.memory("used_memory_rss", memory.resident);
    section.memory("used_memory_peak", memory.peak);
    section.field(
        "used_memory_peak_perc",
        format_args!("{:.2}%", memory.peak_percent()),
    );
    section.field("used_memory_overhead", memory.overhead());
    section.field("used_memory_startup", memory.startup);
    section.field("used_memory_dataset", memory.dataset());
    section.field(
        "used_memory_dataset_perc",
        format_args!("{:.2}%", memory.dataset_percent()),
    );
    section.field("allocator_allocated", memory.used);
    section.field("allocator_active", memory.resident);
    section.field("allocator_resident", memory.resident);
    section.memory("total_system_memory", system::total_memory_bytes());
}

/// There are no scripts yet.
fn scripts(section: &mut Section) {
    section.zeros(&["used_memory_lua", "used_memory_vm_eval"]);
    section.human("used_memory_lua", 0);
    section.zeros(&[
        "used_memory_scripts_eval",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
    ]);
    section.memory("used_memory_vm_total", 0);
    section.zeros(&["used_memory_functions"]);
    section.memory("used_memory_scripts", 0);
}

fn limits(facts: &Facts<'_>, section: &mut Section) {
    let config = facts.host.config();
    section.memory("maxmemory", config.unsigned("maxmemory"));
    section.field("maxmemory_policy", config.choice("maxmemory-policy"));
}

fn fragmentation(memory: &MemoryFigures, section: &mut Section) {
    let (ratio, bytes) = (memory.fragmentation(), memory.fragmentation_bytes());
    section.field("allocator_frag_ratio", format_args!("{ratio:.2}"));
    section.field("allocator_frag_bytes", bytes);
    section.field("allocator_rss_ratio", "1.00");
    section.field("allocator_rss_bytes", 0);
    section.field("rss_overhead_ratio", "1.00");
    section.field("rss_overhead_bytes", 0);
    section.field("mem_fragmentation_ratio", format_args!("{ratio:.2}"));
    section.field("mem_fragmentation_bytes", bytes);
}
