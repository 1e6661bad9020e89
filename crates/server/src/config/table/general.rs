//! Directives of general matters, of logging and of the process.
//!
//! Facilities are numbered as the C library numbers them.

use super::INT_MAX;
use crate::config::directive::*;
use crate::process::title;

pub(super) static GENERAL: Section = Section {
    title: "General",
    intro: "",
    directives: &[
        int("databases", 16, 1, INT_MAX)
            .with(IMMUTABLE)
            .doc("Number of databases, numbered from 0. A cluster node uses database 0 only."),
        int("hz", 10, 0, INT_MAX).doc(
            "Rounds per second of periodic work, within 1 and 500. Expiry does not depend on it.",
        ),
        flag("dynamic-hz", true)
            .accepted("kept and reported; periodic work does not grow with the number of clients")
            .doc("Raise hz with the number of clients."),
        flag("always-show-logo", false)
            .with(IMMUTABLE)
            .doc("Print the banner at start even if the output is no terminal."),
        text("ignore-warnings", Some("")).doc("Start-up checks that only warn, by name."),
        text("locale-collate", Some(""))
            .accepted("kept and reported; strings are compared byte by byte")
            .doc("Locale by which SORT ALPHA orders text."),
        flag("extended-redis-compatibility", false)
            .accepted("kept and reported; answers are always those of Redis")
            .doc("Introduce the server as Redis even more (from Valkey)."),
        text("availability-zone", Some(""))
            .accepted("kept and reported")
            .doc("Zone of this server, for clients (from Valkey)."),
        text("hash-seed", None)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept; the seed of hash tables stays random, which resists flooding")
            .doc("Fixed seed of hash tables (from Valkey)."),
    ],
};

const LEVELS: &[(&str, i64)] = &[
    ("debug", 0),
    ("verbose", 1),
    ("notice", 2),
    ("warning", 3),
    ("nothing", 4),
];
const FACILITIES: &[(&str, i64)] = &[
    ("user", libc::LOG_USER as i64),
    ("local0", libc::LOG_LOCAL0 as i64),
    ("local1", libc::LOG_LOCAL1 as i64),
    ("local2", libc::LOG_LOCAL2 as i64),
    ("local3", libc::LOG_LOCAL3 as i64),
    ("local4", libc::LOG_LOCAL4 as i64),
    ("local5", libc::LOG_LOCAL5 as i64),
    ("local6", libc::LOG_LOCAL6 as i64),
    ("local7", libc::LOG_LOCAL7 as i64),
];

pub(super) static LOGGING: Section = Section {
    title: "Logging",
    intro: "",
    directives: &[
        choice("loglevel", 2, LEVELS)
            .doc("What is logged: debug, verbose, notice, warning, nothing."),
        text("logfile", Some(""))
            .with(IMMUTABLE)
            .doc("Log file; empty: standard output."),
        choice(
            "log-format",
            0,
            &[("legacy", 0), ("logfmt", 1), ("json", 2)],
        )
        .doc("Form of a log line: Redis's own, key=value pairs, or one JSON object."),
        choice(
            "log-timestamp-format",
            0,
            &[("legacy", 0), ("iso8601", 1), ("milliseconds", 2)],
        )
        .doc("Form of the time in a log line."),
        flag("syslog-enabled", false)
            .with(IMMUTABLE)
            .doc("Log to the system log as well."),
        text("syslog-ident", Some("redis"))
            .with(IMMUTABLE)
            .doc("Name in the system log."),
        choice("syslog-facility", libc::LOG_LOCAL0 as i64, FACILITIES)
            .with(IMMUTABLE)
            .doc("Facility in the system log: user or local0 to local7."),
        flag("hide-user-data-from-log", false)
            .accepted("kept and reported; the log holds no keys and values in any case")
            .doc("Keep keys and values out of the log and of crash reports."),
        flag("crash-log-enabled", true).doc("Write a report into the log upon a crash."),
        flag("crash-memcheck-enabled", true)
            .accepted("kept and reported; a crash report says that no memory test was run")
            .doc("Test memory after a crash."),
    ],
};

const SUPERVISED: &[(&str, i64)] = &[("upstart", 3), ("systemd", 2), ("auto", 1), ("no", 0)];
const OOM: &[(&str, i64)] = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];
const AFFINITY: &str = "kept and reported; threads run where the kernel puts them";

pub(super) static PROCESS: Section = Section {
    title: "Process",
    intro: "",
    directives: &[
        flag("daemonize", false)
            .with(IMMUTABLE)
            .doc("Detach from the terminal and run on."),
        text("pidfile", None)
            .with(IMMUTABLE)
            .doc("File for the process id; a daemon uses /var/run/redis.pid if none is named."),
        choice("supervised", 0, SUPERVISED)
            .with(IMMUTABLE)
            .doc("Tell a supervisor when the server is ready: systemd, upstart, auto or no."),
        flag("set-proc-title", true)
            .with(IMMUTABLE)
            .doc("Show address and mode in the process list."),
        checked(
            "proc-title-template",
            Some("{title} {listen-addr} {server-mode}"),
            title::check,
        )
        .doc("Form of the process title."),
        choice("oom-score-adj", 0, OOM)
            .doc("Tell the kernel which process to end first when memory runs out."),
        special("oom-score-adj-values", Special::OomValues)
            .doc("The adjustments of a primary, a replica and a background child."),
        flag("disable-thp", true)
            .with(IMMUTABLE)
            .doc("Do without transparent huge pages: they stall whoever touches one first."),
        text("server_cpulist", None)
            .alias(&["server-cpulist"])
            .with(IMMUTABLE | HIDDEN_ALIAS)
            .accepted(AFFINITY)
            .doc("Processors of the workers."),
        text("bio_cpulist", None)
            .alias(&["bio-cpulist"])
            .with(IMMUTABLE | HIDDEN_ALIAS)
            .accepted(AFFINITY)
            .doc("Processors of background threads."),
        text("aof_rewrite_cpulist", None)
            .alias(&["aof-rewrite-cpulist"])
            .with(IMMUTABLE | HIDDEN_ALIAS)
            .accepted(AFFINITY)
            .doc("Processors of AOF rewriting."),
        text("bgsave_cpulist", None)
            .alias(&["bgsave-cpulist"])
            .with(IMMUTABLE | HIDDEN_ALIAS)
            .accepted(AFFINITY)
            .doc("Processors of snapshot writing."),
        flag("jemalloc-bg-thread", true)
            .accepted("kept and reported; the allocator needs no thread")
            .doc("Let the allocator return memory in a thread of its own."),
    ],
};
