//! The data's part of ending the server: the last snapshot, and whether the server may end.

use commands::Server;
use commands::host::ShutdownRequest;
use commands::pause::PauseFor;
use common::clock::now_ms;

use super::Snapshots;
use crate::config::Config;

/// Until when clients' writes wait: as long as it takes.
const FOREVER_MS: i64 = i64::MAX;

/// Saves what is to be saved; whether the server may end now. If not, it goes on as before.
pub fn may_end(
    server: &Server,
    config: &Config,
    snapshots: &Snapshots,
    request: ShutdownRequest,
) -> bool {
    snapshots.call_off();
    let is_wanted = match request.save {
        Some(wanted) => wanted,
        None => !config.save_points().is_empty(),
    };
    if !is_wanted || server.persistence.is_loading() {
        return true;
    }
    tracing::info!("Saving the final RDB snapshot before exiting.");
    server
        .pause
        .begin(PauseFor::Shutdown, now_ms(), FOREVER_MS, true);
    if snapshots.save_before_end() {
        return true;
    }
    if request.force {
        tracing::error!("Error trying to save the DB. Exit anyway.");
        return true;
    }
    tracing::error!("Error trying to save the DB, can't exit.");
    server.pause.end(PauseFor::Shutdown);
    false
}
