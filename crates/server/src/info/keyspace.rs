//! `# Keyspace`: a line for each database that has keys.

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    for (db, stats) in facts
        .keyspace
        .iter()
        .enumerate()
        .filter(|(_, stats)| stats.keys > 0)
    {
        let (keys, volatile, ttl_ms) = (stats.keys, stats.volatile, stats.ttl_avg_ms);
        section.field(
            &format!("db{db}"),
            format_args!("keys={keys},expires={volatile},avg_ttl={ttl_ms}"),
        );
    }
}
