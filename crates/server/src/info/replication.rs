//! `# Replication`: the server's part, its primary, its replicas, its history.
//!
//! Field names and order are Redis's; a replica shows its link in addition, and fields that only
//! one role has are left out for the other.

use commands::replication::{Figures, Phase, Primary};

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let config = facts.host.config();
    let figures = facts.server.replication.figures();
    match &figures.primary {
        None => section.field("role", "master"),
        Some(primary) => {
            section.field("role", "slave");
            upstream(primary, section);
            section.field("slave_priority", config.int("replica-priority"));
            let read_only = config.bool("replica-read-only");
            section.field("slave_read_only", u8::from(read_only));
            let announced = config.bool("replica-announced");
            section.field("replica_announced", u8::from(announced));
        }
    }
    section.field("connected_slaves", figures.replicas.len());
    let least = config.unsigned("min-replicas-to-write");
    if least > 0 && config.unsigned("min-replicas-max-lag") > 0 {
        section.field("min_slaves_good_slaves", figures.good);
    }
    for (i, replica) in figures.replicas.iter().enumerate() {
        section.field(
            &format!("slave{i}"),
            format_args!(
                "ip={},port={},state={},offset={},lag={}",
                replica.ip, replica.port, replica.state, replica.offset, replica.lag_s
            ),
        );
    }
    history(&figures, config.unsigned("repl-backlog-size"), section);
}

fn upstream(primary: &Primary, section: &mut Section) {
    let is_up = primary.phase == Phase::Connected;
    section.field("master_host", &primary.host);
    section.field("master_port", primary.port);
    section.field("master_link_status", if is_up { "up" } else { "down" });
    section.field("master_last_io_seconds_ago", primary.last_io_s);
    let is_syncing = primary.phase == Phase::Transfer;
    section.field("master_sync_in_progress", u8::from(is_syncing));
    section.field("slave_read_repl_offset", primary.read_offset);
    section.field("slave_repl_offset", primary.offset);
    if is_syncing {
        let (size, read, last_io_s) = primary.transfer;
        let left = size - read as i64;
        let percent = match size {
            ..1 => 0.0,
            size => read as f64 * 100.0 / size as f64,
        };
        section.field("master_sync_total_bytes", size);
        section.field("master_sync_read_bytes", read);
        section.field("master_sync_left_bytes", left);
        section.field("master_sync_perc", format_args!("{percent:.2}"));
        section.field("master_sync_last_io_seconds_ago", last_io_s);
    }
    if !is_up {
        section.field("master_link_down_since_seconds", primary.down_s);
    }
}

fn history(figures: &Figures, backlog_size: u64, section: &mut Section) {
    section.field("master_failover_state", figures.failover);
    section.field("master_replid", &figures.history.id);
    section.field("master_replid2", &figures.history.second_id);
    section.field("master_repl_offset", figures.offset);
    section.field("second_repl_offset", figures.history.second_offset);
    section.field("repl_backlog_active", u8::from(figures.backlog.is_some()));
    section.field("repl_backlog_size", backlog_size);
    let (first, len) = figures.backlog.unwrap_or((0, 0));
    section.field("repl_backlog_first_byte_offset", first);
    section.field("repl_backlog_histlen", len);
}
