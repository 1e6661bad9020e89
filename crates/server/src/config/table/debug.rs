//! Directives for tests and debugging.
//!
//! All of them are hidden from `CONFIG GET` patterns, as in Redis.

use super::INT_MAX;
use crate::config::directive::*;

pub(super) static DEBUGGING: Section = Section {
    title: "Debugging",
    intro: "For tests; not shown by CONFIG GET with a pattern.",
    directives: &[
        int("watchdog-period", 0, 0, INT_MAX)
            .with(HIDDEN)
            .doc("Milliseconds after which a stalled worker's stack is logged; 0: never."),
        flag("use-exit-on-panic", false)
            .with(HIDDEN)
            .doc("End with exit instead of abort after a failed assertion."),
        int("rdb-key-save-delay", 0, i32::MIN as i64, INT_MAX)
            .with(HIDDEN)
            .doc("Microseconds to wait after each key saved."),
        int("key-load-delay", 0, i32::MIN as i64, INT_MAX)
            .with(HIDDEN)
            .doc("Microseconds to wait after each key loaded."),
        int(
            "loading-process-events-interval-bytes",
            2 << 20,
            1024,
            INT_MAX,
        )
        .with(HIDDEN)
        .accepted("kept and reported; clients are served while loading in any case")
        .doc("Bytes loaded between two looks at clients."),
        int("client-default-resp", 2, 2, 3)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; connections begin in RESP2")
            .doc("Protocol in which connections begin."),
        text("req-res-logfile", None)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; nothing is written")
            .doc("File for all requests and replies."),
        flag("enable-debug-assert", false)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; assertions are chosen when the server is built")
            .doc("Run costly assertions (from Valkey)."),
        text("debug-context", Some(""))
            .with(HIDDEN | DEBUG)
            .doc("A note that appears in crash reports (from Valkey)."),
    ],
};
