//! LATENCY DOCTOR: what the recorded spikes say, in words, and what to do about them.
//!
//! The words are ours; only the names of events are Redis's.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use crate::latency::Series;
use crate::server::Server;

/// The whole report.
pub(super) fn report(server: &Server) -> String {
    let events = server.latency.all();
    if events.is_empty() {
        return nothing_recorded(server);
    }
    let mut text = "Latency spikes were recorded:\n\n".to_owned();
    for (at, (event, series)) in events.iter().enumerate() {
        describe(&mut text, at + 1, event, series);
    }
    text.push_str("\nWhat may help:\n\n");
    for event in events.keys() {
        for line in advice(event) {
            let _ = writeln!(text, "- {line}");
        }
    }
    text
}

fn nothing_recorded(server: &Server) -> String {
    if server.settings.latency_monitor_threshold_ms.load(Relaxed) == 0 {
        return "Latency monitoring is off. To turn it on, set the shortest spike that matters to \
                you, in milliseconds: CONFIG SET latency-monitor-threshold <milliseconds>.\n"
            .to_owned();
    }
    "No latency spike was recorded since the start or the last LATENCY RESET.\n".to_owned()
}

fn describe(text: &mut String, number: usize, event: &str, series: &Series) {
    let count = series.samples.len().max(1) as u64;
    let sum: u64 = series.samples.iter().map(|(_, ms)| ms).sum();
    let average = sum / count;
    let deviation = series
        .samples
        .iter()
        .map(|(_, ms)| ms.abs_diff(average))
        .sum::<u64>()
        / count;
    let first = series.samples.front().map_or(0, |(time_s, _)| *time_s);
    let since = (common::clock::now_ms() / 1000 - first).max(1);
    let period = since as f64 / count as f64;
    let _ = writeln!(
        text,
        "{number}. {event}: {count} spikes (average {average}ms, mean deviation {deviation}ms, \
         period {period:.2} sec). Worst event of all time {}ms.",
        series.max_ms,
    );
}

fn advice(event: &str) -> &'static [&'static str] {
    match event {
        "command" | "fast-command" => &[
            "SLOWLOG GET shows which commands were slow; `slowlog-log-slower-than` sets from when.",
            "Commands on large values cost time in their size: SCAN in the place of KEYS, UNLINK \
             in the place of DEL, fewer members per call.",
            "A machine that swaps, or whose processors are all busy, makes every command slow.",
        ],
        "expire-cycle" => &[
            "Many keys ran out at once: spread their times to live, or set \
             `lazyfree-lazy-expire yes`.",
        ],
        "eviction-cycle" | "eviction-del" => {
            &["Memory is at its limit: raise `maxmemory`, or set `lazyfree-lazy-eviction yes`."]
        }
        "aof-write" | "aof-fsync-always" | "aof-write-pending-fsync" | "aof-write-active-child" => {
            &[
                "The disk is slow or shared: see `appendfsync`, or move the log to a disk of \
                 its own.",
            ]
        }
        _ => &[],
    }
}
