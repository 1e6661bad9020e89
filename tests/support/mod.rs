//! Starts servers for tests, and the clients that talk to them.
//!
//! A [`Server`] lives in a temporary directory on a free port, is ready when `start` returns, and
//! is killed when it is dropped. When a test panics its directory stays, so that the log can be
//! read.

mod failing_disk;
mod raw;
mod self_test;
mod server;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
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

/// Adds so many members to a large value, not in their order; `command` has what comes before
/// them, `each` what comes before each.
pub(crate) fn add_members(client: &mut RawClient, command: &[&str], each: &[&str], count: usize) {
    let member = |i: usize| format!("member:{}", i * 7919 % count);
    let members: Vec<String> = (0..count).map(member).collect();
    for some in members.chunks(1000) {
        let mut words = command.to_vec();
        for member in some {
            words.extend(each);
            words.push(member);
        }
        client.call_args(&words);
    }
}

/// Sends a process a signal, named as for `kill`; whether there was such a process.
pub(crate) fn kill(signal: &str, pid: u32) -> bool {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    sent.expect("kill runs").success()
}

/// A `redis-cli` of which each line can be read as soon as it is printed.
pub(crate) struct RunningCli {
    pub(crate) child: Child,
    path: PathBuf,
}

impl RunningCli {
    pub(crate) fn start(server: &Server, args: &[&str]) -> Self {
        let path = server.dir().join("printed");
        let file = std::fs::File::create(&path).expect("a file");
        let child = Command::new("stdbuf")
            .args(["-oL", "redis-cli", "-p", &server.port().to_string()])
            .args(args)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a handle"))
            .stderr(file)
            .spawn()
            .expect("redis-cli runs");
        Self { child, path }
    }

    /// What it has printed so far.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Stops it, if it has not stopped by itself; all that it has printed.
    pub(crate) fn end(mut self) -> String {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        self.printed()
    }
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
