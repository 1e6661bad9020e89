//! Starts servers for tests, and the clients that talk to them.
//!
//! A [`Server`] lives in a temporary directory on a free port, is ready when `start` returns, and
//! is killed when it is dropped. When a test panics its directory stays, so that the log can be
//! read.

mod failing_disk;
mod raw;
mod self_test;
mod server;

use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) use failing_disk::{Call, EIO, ENOSPC, EROFS, FailingDisk};
pub(crate) use raw::{RawClient, Value};
pub(crate) use server::{Server, free_port, is_corewire, program};

/// A server with these arguments, and a client of it.
pub(crate) fn start(args: &[&str]) -> (Server, RawClient) {
    let server = Server::start(args);
    let client = server.raw();
    (server, client)
}

/// Sends a process a signal, named as for `kill`; whether there was such a process.
pub(crate) fn kill(signal: &str, pid: u32) -> bool {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    sent.expect("kill runs").success()
}

/// How long tests wait for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds; panics with `what` after [`PATIENCE`].
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
