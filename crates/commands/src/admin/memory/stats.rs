//! MEMORY STATS: the fields and their names are Redis's.
//!
//! What has no counterpart here (replicas, scripts, cluster links) is zero.

use keyspace::DbStats;
use resp::ReplyWriter;

use crate::host::MemoryFigures;

/// Writes the whole reply. `keyspace` is indexed by database.
pub(super) fn write(memory: &MemoryFigures, keyspace: &[DbStats], out: &mut ReplyWriter<'_>) {
    let map = out.deferred_map();
    let mut fields = head(memory, out);
    for (db, stats) in keyspace
        .iter()
        .enumerate()
        .filter(|(_, stats)| stats.keys > 0)
    {
        out.bulk_str(&format!("db.{db}"));
        out.map(3);
        integer(out, "overhead.hashtable.main", stats.overhead as u64);
        integer(out, "overhead.hashtable.expires", 0);
        integer(out, "overhead.hashtable.slot-to-keys", 0);
        fields += 1;
    }
    fields += tail(memory, out);
    out.finish_map(map, fields);
}

fn integer(out: &mut ReplyWriter<'_>, name: &str, value: u64) {
    out.bulk_str(name);
    out.integer(value as i64);
}

fn double(out: &mut ReplyWriter<'_>, name: &str, value: f64) {
    out.bulk_str(name);
    out.double(value);
}

fn head(memory: &MemoryFigures, out: &mut ReplyWriter<'_>) -> usize {
    let fields = [
        ("peak.allocated", memory.peak),
        ("total.allocated", memory.used),
        ("startup.allocated", memory.startup),
        ("replication.backlog", memory.backlog),
        ("clients.slaves", memory.replicas),
        ("clients.normal", memory.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
    ];
    fields
        .iter()
        .for_each(|(name, value)| integer(out, name, *value));
    fields.len()
}

fn tail(memory: &MemoryFigures, out: &mut ReplyWriter<'_>) -> usize {
    integer(out, "overhead.total", memory.overhead());
    integer(out, "keys.count", memory.keys);
    integer(out, "keys.bytes-per-key", memory.bytes_per_key());
    integer(out, "dataset.bytes", memory.dataset());
    double(out, "dataset.percentage", memory.dataset_percent());
    double(out, "peak.percentage", memory.peak_percent());
    integer(out, "allocator.allocated", memory.used);
    integer(out, "allocator.active", memory.resident);
    integer(out, "allocator.resident", memory.resident);
    double(out, "allocator-fragmentation.ratio", memory.fragmentation());
    out.bulk_str("allocator-fragmentation.bytes");
    out.integer(memory.fragmentation_bytes());
    double(out, "allocator-rss.ratio", 1.0);
    integer(out, "allocator-rss.bytes", 0);
    double(out, "rss-overhead.ratio", 1.0);
    integer(out, "rss-overhead.bytes", 0);
    double(out, "fragmentation", memory.fragmentation());
    out.bulk_str("fragmentation.bytes");
    out.integer(memory.fragmentation_bytes());
    17
}
