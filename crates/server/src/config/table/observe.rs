//! Directives of scripts, the slow log, latency and metrics.
//!
//! Valkey's names of the slow log's directives are aliases.

use super::INT_MAX;
use crate::config::directive::*;

pub(super) static SCRIPTING: Section = Section {
    title: "Scripts and functions",
    intro: "",
    directives: &[
        int("busy-reply-threshold", 5000, 0, i64::MAX)
            .alias(&["lua-time-limit"])
            .accepted("kept and reported; takes effect with scripts")
            .doc("Milliseconds after which a script's clients are told BUSY."),
        flag("lua-enable-insecure-api", false)
            .accepted("kept and reported; scripts get the safe environment")
            .doc("Give scripts functions that are unsafe (from Valkey)."),
        flag("lua-enable-deprecated-api", false)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; scripts get the safe environment")
            .doc("Give scripts functions that were withdrawn."),
    ],
};

const COMMANDLOG: &str = "kept and reported; only slow commands are logged";

pub(super) static SLOW_LOG: Section = Section {
    title: "Slow log",
    intro: "",
    directives: &[
        int("slowlog-log-slower-than", 10000, -1, i64::MAX)
            .alias(&["commandlog-execution-slower-than"])
            .doc("Microseconds from which a command is logged; 0: all, -1: none."),
        int("slowlog-max-len", 128, 0, i64::MAX)
            .alias(&["commandlog-slow-execution-max-len"])
            .doc("Entries kept."),
        int("slowlog-entry-max-argc", 32, 1, INT_MAX).doc("Arguments kept per entry (Redis 8.8)."),
        int("slowlog-entry-max-string-len", 128, 1, INT_MAX)
            .doc("Bytes kept per argument (Redis 8.8)."),
        int("commandlog-request-larger-than", 1 << 20, -1, i64::MAX)
            .accepted(COMMANDLOG)
            .doc("Bytes from which a request is logged (from Valkey)."),
        int("commandlog-large-request-max-len", 128, 0, i64::MAX)
            .accepted(COMMANDLOG)
            .doc("Entries kept of large requests (from Valkey)."),
        int("commandlog-reply-larger-than", 1 << 20, -1, i64::MAX)
            .accepted(COMMANDLOG)
            .doc("Bytes from which a reply is logged (from Valkey)."),
        int("commandlog-large-reply-max-len", 128, 0, i64::MAX)
            .accepted(COMMANDLOG)
            .doc("Entries kept of large replies (from Valkey)."),
    ],
};

pub(super) static LATENCY: Section = Section {
    title: "Latency",
    intro: "",
    directives: &[
        int("latency-monitor-threshold", 0, 0, i64::MAX)
            .doc("Milliseconds from which LATENCY records an event; 0: none."),
        flag("latency-tracking", true).doc("Keep a latency histogram per command."),
        special("latency-tracking-info-percentiles", Special::Percentiles)
            .doc("Percentiles that INFO latencystats shows."),
    ],
};

pub(super) static METRICS: Section = Section {
    title: "Metrics",
    intro: "A listener for monitoring systems, which Redis does not have: /metrics in the \
            OpenMetrics text format, /healthz and /readyz over plain HTTP.",
    directives: &[
        int("metrics-port", 0, 0, 65535).doc("TCP port of the metrics listener; 0 closes it."),
        text("metrics-bind", Some("127.0.0.1"))
            .doc("IP addresses that it listens on, separated by blanks; it asks for no password."),
    ],
};
