//! The thread that feeds the replicas and keeps replication's clock.

use std::time::Duration;

use common::clock::now_ms;

use super::{Context, snapshot, spawn};

/// The longest time between two looks at the clock.
const TICK_MS: i64 = 100;

/// Runs until it is told to stop.
pub(super) fn run(context: &Context) {
    let server = &context.server;
    let (mut nudges, mut next_tick_ms) = (0, 0);
    while !context.is_stopping() {
        let position = server.replication.feed();
        let now = now_ms();
        if now >= next_tick_ms {
            let wanted_ms = server.replication.tick(server, now);
            next_tick_ms = wanted_ms.min(now + TICK_MS);
            begin_snapshot(context, now);
        }
        let wait_ms = (next_tick_ms - now).clamp(1, TICK_MS);
        let (known, wait) = (nudges, Duration::from_millis(wait_ms as u64));
        match server.log.is_replicated() {
            true => server.log.wait_beyond(position, &mut nudges, wait),
            // What is appended is not for us, and those who append it should not have to wake us.
            false => server.log.rest(&mut nudges, wait),
        }
        if nudges != known && server.log.end() == position {
            // Somebody wants us to look at other things than the log.
            next_tick_ms = 0;
        }
    }
}

/// Begins a snapshot for replicas that wait for one, if it is time.
fn begin_snapshot(context: &Context, now: i64) {
    let replication = &context.server.replication;
    let Some(plan) = replication.plan_sync(&context.server, now) else {
        return;
    };
    let of_thread = context.clone();
    let spawned = spawn("repl-sync", move || snapshot::run(&of_thread, plan));
    if let Err(error) = spawned {
        tracing::error!("Can't start a thread for a synchronization: {error}");
        replication.end_sync();
    }
}
