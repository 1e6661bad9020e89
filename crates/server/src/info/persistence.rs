//! `# Persistence`: what is on disk. Nothing is, yet.

use std::sync::atomic::Ordering::Relaxed;

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let server = facts.server;
    let unsaved = server
        .stats
        .changes()
        .saturating_sub(server.changes_at_save.load(Relaxed));
    section.zeros(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    section.field("current_fork_perc", "0.00");
    section.zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    section.field("rdb_changes_since_last_save", unsaved);
    section.zeros(&["rdb_bgsave_in_progress"]);
    section.field("rdb_last_save_time", server.last_save_s.load(Relaxed));
    section.field("rdb_last_bgsave_status", "ok");
    section.field("rdb_last_bgsave_time_sec", -1);
    section.field("rdb_current_bgsave_time_sec", -1);
    section.zeros(&[
        "rdb_saves",
        "rdb_last_cow_size",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
        "aof_enabled",
        "aof_rewrite_in_progress",
        "aof_rewrite_scheduled",
    ]);
    section.field("aof_last_rewrite_time_sec", -1);
    section.field("aof_current_rewrite_time_sec", -1);
    section.field("aof_last_bgrewrite_status", "ok");
    section.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    section.field("aof_last_write_status", "ok");
    section.zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
}
