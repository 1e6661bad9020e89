//! Directives of keyspace events, encodings and defragmentation.
//!
//! The encodings keep their ziplist names as aliases.

use super::INT_MAX;
use crate::config::directive::*;

pub(super) static EVENTS: Section = Section {
    title: "Keyspace events",
    intro: "K and E choose the channels, __keyspace@<db>__:<key> and __keyevent@<db>__:<event>; \
            the other letters the events: g generic, $ strings, l lists, s sets, h hashes, z \
            sorted sets, t streams, d module types, x expired, e evicted; A is all of these. \
            Beside them m (key misses), n (new keys), o (overwritten) and c (type \
            changed) may be asked for.",
    directives: &[special("notify-keyspace-events", Special::KeyspaceEvents)
        .doc("Events to publish; empty: none.")],
};

const fn bytes(name: &'static str, default: i64) -> Directive {
    memory(name, default, 0, i64::MAX as i128)
}

const fn entries(name: &'static str, default: i64) -> Directive {
    int(name, default, 0, i64::MAX)
}

pub(super) static ENCODINGS: Section = Section {
    title: "Encodings",
    intro: "Up to these sizes collections are kept in the compact form that OBJECT ENCODING calls \
            listpack or intset.",
    directives: &[
        entries("hash-max-listpack-entries", 512)
            .alias(&["hash-max-ziplist-entries"])
            .doc("Fields of a compact hash."),
        bytes("hash-max-listpack-value", 64)
            .alias(&["hash-max-ziplist-value"])
            .doc("Bytes of its longest field or value."),
        int("list-max-listpack-size", -2, i32::MIN as i64, INT_MAX)
            .alias(&["list-max-ziplist-size"])
            .doc("Elements per node of a list; -1 to -5: 4, 8, 16, 32 or 64 kilobytes."),
        int("list-compress-depth", 0, 0, INT_MAX)
            .with(DEBUG)
            .doc("Nodes at either end of a list that are not compressed; 0: compress none."),
        entries("set-max-intset-entries", 512).doc("Members of a compact set of integers."),
        entries("set-max-listpack-entries", 0).doc(
            "Members of a compact set of others; 0: none, as in Redis 7.0, whose encodings \
             applications then see. Redis 7.2 has 128.",
        ),
        int("set-max-listpack-value", 64, 0, i64::MAX).doc("Bytes of its longest member."),
        entries("zset-max-listpack-entries", 128)
            .alias(&["zset-max-ziplist-entries"])
            .doc("Members of a compact sorted set."),
        bytes("zset-max-listpack-value", 64)
            .alias(&["zset-max-ziplist-value"])
            .doc("Bytes of its longest member."),
        bytes("hll-sparse-max-bytes", 3000).doc("Bytes of a sparse HyperLogLog."),
        bytes("stream-node-max-bytes", 4096).doc("Bytes per node of a stream; 0: no limit."),
        entries("stream-node-max-entries", 100).doc("Entries per node of a stream; 0: no limit."),
        int("stream-idmp-duration", 100, 1, 86400)
            .accepted("kept and reported; takes effect with idempotent XADD")
            .doc("Seconds for which XADD remembers idempotence marks (Redis 8.6)."),
        int("stream-idmp-maxsize", 100, 1, 10000)
            .accepted("kept and reported; takes effect with idempotent XADD")
            .doc("Idempotence marks remembered per producer (Redis 8.6)."),
        int("array-slice-size", 4096, 1, INT_MAX)
            .accepted("kept and reported; takes effect with arrays")
            .doc("Elements per slice of an array (Redis 8.8)."),
        int("array-sparse-kmin", 5, 0, INT_MAX)
            .accepted("kept and reported; takes effect with arrays")
            .doc("Elements at which a slice turns sparse (Redis 8.8)."),
        int("array-sparse-kmax", 10, 0, INT_MAX)
            .accepted("kept and reported; takes effect with arrays")
            .doc("Elements at which a slice turns dense (Redis 8.8)."),
        flag("vset-force-single-threaded-execution", false)
            .accepted("kept and reported; takes effect with vector sets")
            .doc("Search vector sets in the worker itself (Redis 8.0)."),
        flag("key-memory-histograms", false)
            .accepted("kept and reported; takes effect with its section of INFO")
            .doc("Keep histograms of the memory per key (Redis 8.6)."),
        flag("activerehashing", true)
            .accepted("kept and reported; tables always grow in small bounded steps")
            .doc("Spend idle time on growing tables."),
    ],
};

const DEFRAG: &str = "kept and reported; the allocator keeps fragmentation low by itself";

/// Defragmentation of memory, which is not done.
const fn defrag(directive: Directive) -> Directive {
    directive.accepted(DEFRAG)
}

pub(super) static DEFRAGMENTATION: Section = Section {
    title: "Defragmentation",
    intro: "",
    directives: &[
        defrag(flag("activedefrag", false))
            .with(DEBUG)
            .doc("Move values to close gaps in memory."),
        defrag(memory(
            "active-defrag-ignore-bytes",
            100 << 20,
            1,
            i64::MAX as i128,
        ))
        .doc("Waste in bytes below which nothing is done."),
        defrag(int("active-defrag-threshold-lower", 10, 0, 1000))
            .doc("Waste in percent at which it begins."),
        defrag(int("active-defrag-threshold-upper", 100, 0, 1000))
            .doc("Waste in percent at which it uses the most effort."),
        defrag(int("active-defrag-cycle-min", 1, 1, 99))
            .doc("The least effort, percent of a core."),
        defrag(int("active-defrag-cycle-max", 25, 1, 99))
            .doc("The most effort, percent of a core."),
        defrag(int("active-defrag-max-scan-fields", 1000, 1, i64::MAX))
            .doc("Fields of a collection handled in one go."),
    ],
};
