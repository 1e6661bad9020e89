//! Directives of snapshots, the append-only file, and shutting down.
//!
//! Flags of a shutdown are numbered as Redis numbers them, so that they can be or-ed.

use super::INT_MAX;
use crate::config::checks;
use crate::config::directive::*;

const LATER: &str = "kept and reported; takes effect with persistence";

pub(super) static SNAPSHOTS: Section = Section {
    title: "Snapshots",
    intro: "save <seconds> <changes>: a snapshot is written once that many seconds have passed \
            with at least so many changes. save \"\" switches snapshots off.",
    directives: &[
        special("save", Special::Save).doc("When to write a snapshot."),
        checked("dbfilename", Some("dump.rdb"), checks::base_name_of_dump)
            .with(PROTECTED)
            .doc("Name of the snapshot in dir."),
        special("dir", Special::Dir)
            .with(PROTECTED | DENY_LOADING)
            .doc("Working directory: where the snapshot, the AOF and the cluster's file are."),
        flag("stop-writes-on-bgsave-error", true).doc("Refuse writes while snapshots fail."),
        flag("rdbcompression", true).doc("Compress strings in snapshots and dumps."),
        flag("rdbchecksum", true)
            .with(IMMUTABLE)
            .doc("Write and check a checksum at the end of snapshots."),
        flag("rdb-save-incremental-fsync", true)
            .doc("Sync a snapshot every few megabytes while it is written."),
        flag("rdb-del-sync-files", false)
            .accepted(LATER)
            .doc("Delete snapshots that only replication needed."),
        choice(
            "sanitize-dump-payload",
            0,
            &[("no", 0), ("yes", 1), ("clients", 2)],
        )
        .with(DEBUG)
        .doc(
            "Look for fields and members that are there twice in packed values of snapshots and \
             RESTORE: no, yes, or clients only. All else is always checked.",
        ),
        choice("rdb-version-check", 0, &[("strict", 0), ("relaxed", 1)])
            .accepted(LATER)
            .doc("Whether snapshots of unknown versions are tried (from Valkey)."),
    ],
};

const FSYNC: &[(&str, i64)] = &[("everysec", 2), ("always", 1), ("no", 0)];

pub(super) static APPEND_ONLY: Section = Section {
    title: "Append-only file",
    intro: "",
    directives: &[
        flag("appendonly", false)
            .with(DENY_LOADING)
            .doc("Log every change to disk."),
        checked(
            "appendfilename",
            Some("appendonly.aof"),
            checks::base_name_of_aof,
        )
        .with(IMMUTABLE)
        .doc("Base of the names of the log's files."),
        checked(
            "appenddirname",
            Some("appendonlydir"),
            checks::base_name_of_aof_dir,
        )
        .with(IMMUTABLE)
        .doc("Directory of the log's files, in dir."),
        choice("appendfsync", 2, FSYNC)
            .doc("When the log is synced to disk: before a reply, every second, or by the system."),
        flag("no-appendfsync-on-rewrite", false)
            .doc("Do not sync the log while a snapshot is written."),
        int("auto-aof-rewrite-percentage", 100, 0, INT_MAX)
            .doc("Growth in percent at which the log is rewritten; 0: never."),
        memory("auto-aof-rewrite-min-size", 64 << 20, 0, i64::MAX as i128)
            .doc("Size below which it is not."),
        flag("aof-load-truncated", true).doc("Load a log whose end is missing."),
        memory("aof-load-corrupt-tail-max-size", 0, 0, i64::MAX as i128)
            .accepted(LATER)
            .doc("Bytes of damage at the log's end that are cut off (Redis 8.4)."),
        flag("aof-use-rdb-preamble", true).doc("Write the base of the log as a snapshot."),
        flag("aof-timestamp-enabled", false)
            .doc("Write times into the log, for recovery to a moment."),
        flag("aof-rewrite-incremental-fsync", true)
            .doc("Sync every few megabytes while the log is rewritten."),
        flag("aof-disable-auto-gc", false).doc("Keep the files that a rewrite made superfluous."),
    ],
};

const ON_SIGNAL: &[(&str, i64)] = &[
    ("default", 0),
    ("save", 2),
    ("nosave", 1),
    ("now", 4),
    ("force", 8),
];

const fn on_signal(name: &'static str) -> Directive {
    let check = Some(checks::shutdown_flags as fn(i64) -> _);
    record(
        name,
        Kind::Choice {
            default: 0,
            names: ON_SIGNAL,
            many: true,
            check,
        },
    )
}

pub(super) static SHUTDOWN: Section = Section {
    title: "Shutdown",
    intro: "",
    directives: &[
        int("shutdown-timeout", 10, 0, INT_MAX)
            .accepted("kept and reported; replication does not use it yet")
            .doc("Seconds to wait for replicas to catch up before the server ends."),
        on_signal("shutdown-on-sigint")
            .doc("How SIGINT ends the server: default, or any of save, nosave, now, force."),
        on_signal("shutdown-on-sigterm").doc("How SIGTERM ends the server; as above."),
    ],
};
