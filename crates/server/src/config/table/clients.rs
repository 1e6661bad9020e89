//! Directives of security, clients, memory and eviction, lazy freeing and threads.
//!
//! Numbers of choices are ours, but for those that other crates take as bits.

use super::INT_MAX;
use crate::config::directive::*;

const PROTECTED_ACTION: &[(&str, i64)] = &[("no", 0), ("yes", 1), ("local", 2)];

pub(super) static SECURITY: Section = Section {
    title: "Security",
    intro: "Users are declared with 'user' lines in this file or in the file that aclfile names, \
            not in both. rename-command <name> <new name> renames a command, or removes it if the \
            new name is \"\".",
    directives: &[
        text("requirepass", None)
            .with(SENSITIVE)
            .doc("Password of the default user."),
        text("aclfile", Some(""))
            .with(IMMUTABLE)
            .accepted("kept and reported; takes effect with users")
            .doc("File that declares the users."),
        int("acllog-max-len", 128, 0, i64::MAX)
            .accepted("kept and reported; takes effect with users")
            .doc("Entries kept by ACL LOG."),
        choice(
            "acl-pubsub-default",
            0,
            &[("allchannels", 1), ("resetchannels", 0)],
        )
        .accepted("kept and reported; takes effect with users")
        .doc("Channels that new users may use."),
        choice("enable-protected-configs", 0, PROTECTED_ACTION)
            .with(IMMUTABLE)
            .doc("Who may set dir and dbfilename at run time: no, yes or local connections."),
        choice("enable-debug-command", 0, PROTECTED_ACTION)
            .with(IMMUTABLE)
            .doc("Who may use DEBUG: no, yes or local connections."),
        choice("enable-module-command", 0, PROTECTED_ACTION)
            .with(IMMUTABLE)
            .doc("Who may use MODULE: no, yes or local connections."),
    ],
};

pub(super) static CLIENTS: Section = Section {
    title: "Clients",
    intro: "",
    directives: &[
        int("maxclients", 10000, 1, u32::MAX as i64)
            .doc("Connections at a time. The limit on open files is raised to match at start."),
        memory(
            "client-query-buffer-limit",
            1 << 30,
            1 << 20,
            i64::MAX as i128,
        )
        .with(DEBUG)
        .doc("Bytes of requests that one client may have buffered."),
        special("client-output-buffer-limit", Special::OutputBufferLimit).doc(
            "Per class (normal, replica, pubsub): bytes of waiting replies at which a client is \
             closed at once, and bytes at which it is closed after so many seconds. 0: no limit.",
        ),
        memory("proto-max-bulk-len", 512 << 20, 1 << 20, i64::MAX as i128)
            .with(DEBUG)
            .doc("Bytes of the largest argument, and of the largest string."),
        memory_or_percent("maxmemory-clients", 0, -100, i64::MAX)
            .doc("Bytes, or percent of maxmemory, that all clients' buffers may use; 0: no limit."),
        int("tracking-table-max-keys", 1_000_000, 0, i64::MAX)
            .doc("Keys remembered for client-side caching; 0: no limit."),
    ],
};

const POLICIES: &[(&str, i64)] = &[
    ("volatile-lru", 0),
    ("volatile-lfu", 1),
    ("volatile-random", 2),
    ("volatile-ttl", 3),
    ("volatile-lrm", 4),
    ("allkeys-lru", 5),
    ("allkeys-lfu", 6),
    ("allkeys-random", 7),
    ("allkeys-lrm", 8),
    ("noeviction", 9),
];

pub(super) static MEMORY: Section = Section {
    title: "Memory and eviction",
    intro: "Units: 1k is 1000 bytes, 1kb 1024; likewise m, mb, g and gb, in any case.",
    directives: &[
        memory("maxmemory", 0, 0, u64::MAX as i128).doc("Bytes of memory to use; 0: no limit."),
        choice("maxmemory-policy", 9, POLICIES).doc(
            "What to evict when maxmemory is reached: nothing, or of all keys or those with an \
             expiry the least recently used, least frequently used, least recently modified, \
             random ones, or the soonest to expire.",
        ),
        int("maxmemory-samples", 5, 1, INT_MAX).doc("Keys looked at to find one to evict."),
        int("maxmemory-eviction-tenacity", 10, 0, 100)
            .doc("How long a command may be held up by eviction, from 0 to 100 (10: 0.5 ms)."),
        int("lfu-log-factor", 10, 0, INT_MAX).doc("How many hits it takes to raise a use counter."),
        int("lfu-decay-time", 1, 0, INT_MAX).doc("Minutes after which a use counter is lowered."),
        int("active-expire-effort", 1, 1, 10)
            .accepted("kept and reported; expiry is exact and needs no effort setting")
            .doc("Effort spent on looking for expired keys."),
    ],
};

pub(super) static LAZY_FREEING: Section = Section {
    title: "Lazy freeing",
    intro: "",
    directives: &[
        flag("lazyfree-lazy-eviction", false)
            .with(DEBUG)
            .doc("Free evicted values in the background."),
        flag("lazyfree-lazy-expire", false)
            .with(DEBUG)
            .doc("Free expired values in the background."),
        flag("lazyfree-lazy-server-del", false)
            .with(DEBUG)
            .doc("Free overwritten values in the background."),
        flag("lazyfree-lazy-user-del", false)
            .with(DEBUG)
            .doc("Let DEL behave as UNLINK."),
        flag("lazyfree-lazy-user-flush", false)
            .with(DEBUG)
            .doc("Let FLUSHALL and FLUSHDB without an argument mean ASYNC."),
    ],
};

pub(super) static THREADS: Section = Section {
    title: "Threads",
    intro: "",
    directives: &[
        record("io-threads", Kind::PerCore { max: 128 })
            .with(DEBUG | IMMUTABLE)
            .doc("Workers that serve connections; by default one per processor."),
        flag("io-threads-do-reads", false)
            .with(DEBUG | IMMUTABLE)
            .accepted("kept and reported; workers always read, run and write")
            .doc("Let I/O threads read as well."),
        int("lookahead", 16, 1, INT_MAX)
            .accepted("kept and reported; up to a batch of commands is looked at")
            .doc("Commands of a pipeline looked at before the first one runs (Redis 8.4)."),
        int("prefetch-batch-max-size", 16, 0, 128)
            .accepted("kept and reported; see lookahead")
            .doc("Keys prefetched at a time (from Valkey)."),
        int("events-per-io-thread", 2, 0, INT_MAX)
            .with(HIDDEN)
            .accepted("kept and reported; all workers are always in use")
            .doc("Load at which another I/O thread is put to work (from Valkey)."),
        flag("io-threads-always-active", false)
            .with(HIDDEN)
            .accepted("kept and reported; all workers are always in use")
            .doc("Keep all I/O threads at work (from Valkey)."),
        int("min-io-threads-avoid-copy-reply", 7, 0, INT_MAX)
            .with(HIDDEN)
            .accepted("kept and reported; large values are always sent without a copy")
            .doc("I/O threads from which replies are not copied (from Valkey)."),
        int("min-string-size-avoid-copy-reply", 16384, 0, INT_MAX)
            .with(HIDDEN)
            .accepted("kept and reported; large values are always sent without a copy")
            .doc("Bytes from which a reply is not copied (from Valkey)."),
        int(
            "min-string-size-avoid-copy-reply-threaded",
            65536,
            0,
            INT_MAX,
        )
        .with(HIDDEN)
        .accepted("kept and reported; large values are always sent without a copy")
        .doc("The same with I/O threads (from Valkey)."),
    ],
};
