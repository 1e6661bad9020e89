//! `# Replication`: a primary without replicas, for now.

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let config = facts.host.config();
    section.field("role", "master");
    section.field("connected_slaves", 0);
    let least = config.unsigned("min-replicas-to-write");
    if least > 0 && config.unsigned("min-replicas-max-lag") > 0 {
        section.field("min_slaves_good_slaves", 0);
    }
    section.field("master_failover_state", "no-failover");
    section.field("master_replid", facts.server.replication_id.lock());
    section.field("master_replid2", "0".repeat(40));
    section.field("master_repl_offset", facts.server.log.end());
    section.field("second_repl_offset", -1);
    section.field("repl_backlog_active", 0);
    section.field("repl_backlog_size", config.unsigned("repl-backlog-size"));
    section.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}
