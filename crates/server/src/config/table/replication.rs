//! Directives of replication, with their old `slave` names as aliases.
//!
//! All of them are kept and reported until replication is there.

use super::INT_MAX;
use crate::config::directive::*;

const LATER: &str = "kept and reported; takes effect with replication";
const DISKLESS_LOAD: &[(&str, i64)] = &[
    ("disabled", 0),
    ("on-empty-db", 1),
    ("swapdb", 2),
    ("flush-before-load", 3),
];
const PROPAGATION: &[(&str, i64)] = &[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)];

/// A directive of a subsystem that is still to come.
const fn later(directive: Directive) -> Directive {
    directive.accepted(LATER)
}

pub(super) static REPLICATION: Section = Section {
    title: "Replication",
    intro: "",
    directives: &[
        later(special("replicaof", Special::ReplicaOf))
            .alias(&["slaveof"])
            .with(IMMUTABLE)
            .doc("Host and port of the primary to follow."),
        later(text("masterauth", None))
            .alias(&["primaryauth"])
            .with(SENSITIVE)
            .doc("Password for the primary."),
        later(text("masteruser", None))
            .alias(&["primaryuser"])
            .with(SENSITIVE)
            .doc("User name for the primary."),
        later(flag("replica-serve-stale-data", true))
            .alias(&["slave-serve-stale-data"])
            .doc("Answer while the link to the primary is down."),
        later(flag("replica-read-only", true))
            .alias(&["slave-read-only"])
            .with(DEBUG)
            .doc("Refuse writes of clients on a replica."),
        later(flag("repl-diskless-sync", true))
            .with(DEBUG)
            .doc("Send snapshots to replicas without writing them to disk."),
        later(int("repl-diskless-sync-delay", 5, 0, INT_MAX))
            .doc("Seconds to wait for more replicas before that."),
        later(int("repl-diskless-sync-max-replicas", 0, 0, INT_MAX))
            .doc("Replicas that end the wait early; 0: none."),
        later(choice("repl-diskless-load", 0, DISKLESS_LOAD))
            .with(DEBUG | DENY_LOADING)
            .doc("Whether a replica loads a snapshot without writing it to disk."),
        later(flag("replica-lazy-flush", false))
            .alias(&["slave-lazy-flush"])
            .doc("Free the old dataset in the background before a full sync."),
        flag("repl-disable-tcp-nodelay", false).doc("Send to replicas in fewer, later packets."),
        later(memory("repl-backlog-size", 1 << 20, 1, i64::MAX as i128))
            .doc("Bytes of history kept for replicas that reconnect."),
        later(int("repl-backlog-ttl", 3600, 0, i64::MAX))
            .doc("Seconds after which it is dropped once no replica is left; 0: never."),
        later(memory(
            "replica-full-sync-buffer-limit",
            0,
            0,
            i64::MAX as i128,
        ))
        .doc("Bytes of changes a replica buffers during a full sync; 0: as limited for replicas."),
        later(flag("repl-rdb-channel", false))
            .with(HIDDEN)
            .doc("Send the snapshot over a connection of its own (Redis 8.0)."),
        later(flag("dual-channel-replication-enabled", false))
            .doc("Send the snapshot over a connection of its own (from Valkey)."),
        later(flag("repl-mptcp", false))
            .with(HIDDEN)
            .doc("Multipath TCP towards a primary (from Valkey)."),
        later(int("repl-timeout", 60, 1, INT_MAX))
            .doc("Seconds of silence after which a link counts as broken."),
        later(int("repl-ping-replica-period", 10, 1, INT_MAX))
            .alias(&["repl-ping-slave-period"])
            .doc("Seconds between pings to replicas."),
        later(int("replica-priority", 100, 0, INT_MAX))
            .alias(&["slave-priority"])
            .doc("Preference of Sentinel for this replica, the lowest first; 0: never promote it."),
        later(flag("replica-announced", true)).doc("Whether Sentinel tells of this replica."),
        later(text("replica-announce-ip", None))
            .alias(&["slave-announce-ip"])
            .doc("Address to tell the primary, where it cannot see the true one."),
        later(int("replica-announce-port", 0, 0, 65535))
            .alias(&["slave-announce-port"])
            .doc("Port to tell the primary; 0: the true one."),
        later(int("min-replicas-to-write", 0, 0, INT_MAX))
            .alias(&["min-slaves-to-write"])
            .doc("Replicas that must be in touch for writes to be taken; 0: none."),
        later(int("min-replicas-max-lag", 10, 0, INT_MAX))
            .alias(&["min-slaves-max-lag"])
            .doc("Seconds within which they must have answered."),
        later(flag("replica-ignore-maxmemory", true))
            .alias(&["slave-ignore-maxmemory"])
            .doc("Leave eviction to the primary."),
        later(flag("replica-ignore-disk-write-errors", false))
            .doc("Go on following the primary although the disk fails."),
        later(choice("propagation-error-behavior", 0, PROPAGATION))
            .doc("What to do when a command from the primary or the log fails."),
        later(flag("import-mode", false))
            .doc("Keep expired keys, as a target of an import (from Valkey)."),
    ],
};
