//! The end of a primary: its replicas get what they miss first, within `shutdown-timeout`.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use commands::Server;
use commands::host::ShutdownRequest;
use commands::pause::PauseFor;
use common::clock::now_ms;

use crate::config::Config;
use crate::host::ShutdownSwitch;

/// How often the replicas are looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until all replicas have everything, or time is up; writes pause from here on. False if the
/// shutdown was called off meanwhile.
pub fn wait_for_replicas(
    server: &Server,
    config: &Config,
    switch: &ShutdownSwitch,
    request: ShutdownRequest,
) -> bool {
    let replication = &server.replication;
    let timeout_ms = config.unsigned("shutdown-timeout") as i64 * 1000;
    let mut behind = replication.lagging();
    if !request.now && timeout_ms > 0 && behind.in_sync < behind.all {
        tracing::info!("Waiting for replicas before shutting down.");
        let deadline_ms = now_ms() + timeout_ms;
        replication.shutdown_at_ms.store(deadline_ms, Relaxed);
        server
            .pause
            .begin(PauseFor::Shutdown, now_ms(), i64::MAX, true);
        replication.ask_for_acks();
        while behind.in_sync < behind.all && now_ms() < deadline_ms && switch.is_asked() {
            std::thread::sleep(POLL);
            behind = replication.lagging();
        }
        replication.shutdown_at_ms.store(0, Relaxed);
        if !switch.is_asked() {
            server.pause.end(PauseFor::Shutdown);
            return false;
        }
    }
    for line in &behind.lines {
        tracing::info!("{line}");
    }
    if behind.all > 0 {
        tracing::info!(
            "{} of {} replicas are in sync when shutting down.",
            behind.in_sync,
            behind.all
        );
    }
    true
}
