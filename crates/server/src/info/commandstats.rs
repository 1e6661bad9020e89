//! `# Commandstats`, `# Errorstats`, `# Latencystats`: figures by command and by error.
//!
//! Only commands that were called appear, each under its full name (`config|get`).

use std::sync::atomic::Ordering::Relaxed;

use commands::stats::histogram_upper_us;
use commands::table::CommandId;

use super::{Facts, Section};

/// A name that cannot break the text: what has a meaning in it becomes `_`.
fn safe(name: &str) -> String {
    name.replace(['#', ':', '\n', '\r'], "_")
}

fn ids(facts: &Facts<'_>) -> impl Iterator<Item = (CommandId, String)> {
    let table = &facts.server.table;
    (0..table.len() as CommandId).map(|id| (id, safe(&table.entry(id).full_name)))
}

pub(super) fn write_calls(facts: &Facts<'_>, section: &mut Section) {
    for (id, name) in ids(facts) {
        let totals = facts.server.stats.totals(id);
        let (calls, usec) = (totals.calls, totals.usec);
        let (rejected, failed) = (totals.rejected, totals.failed);
        if calls + rejected + failed > 0 {
            let per_call = if calls == 0 {
                0.0
            } else {
                usec as f64 / calls as f64
            };
            section.field(
                &format!("cmdstat_{name}"),
                format_args!(
                    "calls={calls},usec={usec},usec_per_call={per_call:.2},\
                     rejected_calls={rejected},failed_calls={failed}"
                ),
            );
        }
    }
}

pub(super) fn write_errors(facts: &Facts<'_>, section: &mut Section) {
    for (code, count) in facts.server.stats.errors() {
        section.field(
            &format!("errorstat_{}", safe(&code)),
            format_args!("count={count}"),
        );
    }
}

pub(super) fn write_latencies(facts: &Facts<'_>, section: &mut Section) {
    let settings = &facts.server.settings;
    if !settings.latency_tracking.load(Relaxed) {
        return;
    }
    let percentiles = settings.latency_percentiles.read().clone();
    for (id, name) in ids(facts) {
        if let Some(counts) = facts.server.stats.histogram(id) {
            let shown = percentiles.iter().map(|p| {
                format!(
                    "p{p}={:.3}",
                    recorded_ns(value_at(&counts, *p)) as f64 / 1000.0
                )
            });
            let shown = shown.collect::<Vec<_>>().join(",");
            section.field(&format!("latency_percentiles_usec_{name}"), shown);
        }
    }
}

/// The duration in microseconds that this share of the calls did not exceed.
fn value_at(counts: &[u64], percentile: f64) -> u64 {
    let total: u64 = counts.iter().sum();
    let wanted = ((percentile / 100.0 * total as f64 + 0.5) as u64).max(1);
    let mut seen = 0;
    let bucket = counts.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    bucket.map_or(0, histogram_upper_us)
}

/// The nanoseconds that Redis's histogram, of two significant digits, makes of a duration: the
/// largest that falls into the same bucket.
fn recorded_ns(us: u64) -> u64 {
    let ns = (us * 1000).max(1);
    let shift = (64 - (ns | 255).leading_zeros()) - 8;
    (ns >> shift << shift) + (1 << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_found_by_counting() {
        let mut counts = [0; 10];
        (counts[1], counts[5]) = (99, 1);
        assert_eq!(
            [0.0, 50.0, 99.0, 100.0].map(|p| value_at(&counts, p)),
            [1, 1, 1, 5]
        );
    }

    #[test]
    fn microseconds_are_recorded_as_redis_records_them() {
        // Seen in the answers of a real server: p50=1.003, 2.007, 10.047, 104.447.
        assert_eq!(
            [1, 2, 10, 104].map(recorded_ns),
            [1_003, 2_007, 10_047, 104_447]
        );
    }

    #[test]
    fn names_cannot_break_the_text() {
        assert_eq!(safe("a:b\r\n#c|d"), "a_b___c|d");
    }
}
