//! `# Persistence`: what is on disk, and what goes there or comes from there just now.
//!
//! Redis measures what a forked child costs in memory; here it is what a snapshot keeps alive of
//! entries that were changed or deleted meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use commands::persistence::{Loading, Saving};

use super::{Facts, Section};
use crate::aof::{Aof, Figures};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let state = &facts.server.persistence;
    section.field("loading", i32::from(state.is_loading()));
    let is_beside = state.is_loading_beside();
    section.field("async_loading", i32::from(is_beside));
    current_job(&state.saving, section);
    snapshots(facts, section);
    let aof = facts.host.aof().map(Aof::figures).unwrap_or_default();
    append_only(&aof, section);
    section.zeros(&["module_fork_in_progress", "module_fork_last_cow_size"]);
    append_only_sizes(&aof, section);
    if state.is_loading() || is_beside {
        loading(&state.load, facts.now_ms, section);
    }
}

fn current_job(saving: &Saving, section: &mut Section) {
    let is_running = saving.in_progress.load(Relaxed);
    let held = saving.held_bytes_peak.load(Relaxed) * u64::from(is_running);
    let (keys, total) = (&saving.progress.keys, &saving.progress.keys_total);
    let (keys, total) = (keys.load(Relaxed), total.load(Relaxed));
    section.field("current_cow_peak", held);
    section.field("current_cow_size", held);
    section.field("current_cow_size_age", 0);
    let percent = keys as f64 * 100.0 / total.max(1) as f64;
    section.field("current_fork_perc", format_args!("{percent:.2}"));
    section.field("current_save_keys_processed", keys);
    section.field("current_save_keys_total", total);
}

fn snapshots(facts: &Facts<'_>, section: &mut Section) {
    let server = facts.server;
    let (saving, load) = (&server.persistence.saving, &server.persistence.load);
    let flag = |flag: &AtomicBool| i32::from(flag.load(Relaxed));
    let saved = server.changes_at_save.load(Relaxed);
    let unsaved = server.stats.changes().saturating_sub(saved);
    section.field("rdb_changes_since_last_save", unsaved);
    section.field("rdb_bgsave_in_progress", flag(&saving.in_progress));
    section.field("rdb_last_save_time", server.last_save_s.load(Relaxed));
    let status = if saving.failed.load(Relaxed) {
        "err"
    } else {
        "ok"
    };
    section.field("rdb_last_bgsave_status", status);
    section.field("rdb_last_bgsave_time_sec", saving.last_s.load(Relaxed));
    let current_s = match saving.started_s.load(Relaxed) {
        started_s @ 0.. if saving.in_progress.load(Relaxed) => facts.now_ms / 1000 - started_s,
        _ => -1,
    };
    section.field("rdb_current_bgsave_time_sec", current_s);
    section.field("rdb_saves", saving.count.load(Relaxed));
    let number = |number: &AtomicU64| number.load(Relaxed);
    section.field("rdb_last_cow_size", number(&saving.held_bytes_last));
    section.field("rdb_last_load_keys_expired", number(&load.loaded.expired));
    section.field("rdb_last_load_keys_loaded", number(&load.loaded.keys));
}

/// The fields of the append-only file that are always there.
fn append_only(aof: &Figures, section: &mut Section) {
    let status = |ok: bool| if ok { "ok" } else { "err" };
    section.field("aof_enabled", u8::from(aof.enabled));
    section.field("aof_rewrite_in_progress", u8::from(aof.rewrite_in_progress));
    section.field("aof_rewrite_scheduled", u8::from(aof.rewrite_scheduled));
    section.field("aof_last_rewrite_time_sec", aof.last_rewrite_time_sec);
    section.field("aof_current_rewrite_time_sec", aof.current_rewrite_time_sec);
    section.field("aof_last_bgrewrite_status", status(aof.last_bgrewrite_ok));
    section.field("aof_rewrites", aof.rewrites);
    section.field(
        "aof_rewrites_consecutive_failures",
        aof.consecutive_failures,
    );
    section.field("aof_last_write_status", status(aof.last_write_ok));
    section.zeros(&["aof_last_cow_size"]);
}

/// Those that are there while it is on.
fn append_only_sizes(aof: &Figures, section: &mut Section) {
    if aof.enabled {
        section.field("aof_current_size", aof.current_size);
        section.field("aof_base_size", aof.base_size);
        section.field("aof_pending_rewrite", u8::from(aof.rewrite_scheduled));
        section.field("aof_buffer_length", aof.buffer_length);
        section.field("aof_pending_bio_fsync", u8::from(aof.pending_fsync));
        section.field("aof_delayed_fsync", aof.delayed_fsync);
        section.field("aof_fsyncs", aof.fsyncs);
    }
}

fn loading(load: &Loading, now_ms: i64, section: &mut Section) {
    let started_s = load.started_s.load(Relaxed);
    let (total, bytes) = (load.bytes_total.load(Relaxed), load.bytes.load(Relaxed));
    let percent = bytes as f64 * 100.0 / total.max(1) as f64;
    let elapsed_s = (now_ms / 1000 - started_s).max(0) as u64;
    let eta_s = match elapsed_s {
        0 => 1, // Nothing to go by yet; Redis says so too.
        _ => elapsed_s * total.saturating_sub(bytes) / (bytes + 1),
    };
    section.field("loading_start_time", started_s);
    section.field("loading_total_bytes", total);
    section.field("loading_rdb_used_mem", load.used_memory.load(Relaxed));
    section.field("loading_loaded_bytes", bytes);
    section.field("loading_loaded_perc", format_args!("{percent:.2}"));
    section.field("loading_eta_seconds", eta_s);
}
