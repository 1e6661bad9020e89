//! The lines with which the server starts. Scripts, clients' test set-ups and Redis's own suite
//! wait for them, so the wording is Redis's.
//!
//! The banner itself is ours; what tools look for in it are the port and the process id.

use super::log;
use crate::config::Config;
use crate::version::{COREWIRE_VERSION, REDIS_VERSION};
use std::path::Path;

/// The first lines, once the configuration is read.
pub fn starting(program: &str, configured: bool) {
    let (bits, pid) = (usize::BITS, std::process::id());
    tracing::error!("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    tracing::error!(
        "Redis version={REDIS_VERSION}, bits={bits}, commit=00000000, modified=0, pid={pid}, just \
         started (Corewire {COREWIRE_VERSION})"
    );
    match configured {
        true => tracing::error!("Configuration loaded"),
        false => tracing::error!(
            "Warning: no config file specified, using the default config. In order to specify a \
             config file use {program} /path/to/redis.conf"
        ),
    }
}

/// The banner or, where the output is no terminal and `always-show-logo` is off, one line.
pub fn show(config: &Config, mode: &str) {
    let port = match config.int("port") {
        0 => config.int("tls-port"),
        port => port,
    };
    if !config.bool("always-show-logo") && !log::is_terminal() {
        tracing::info!("Running mode={mode}, port={port}.");
        return;
    }
    let (bits, pid) = (usize::BITS, std::process::id());
    log::raw(&format!(
        "\n\
        \x20    o---o---o\n\
        \x20    |   |   |    Corewire {COREWIRE_VERSION}, compatible with Redis {REDIS_VERSION}, \
         {bits} bit\n\
        \x20    o---O---o    Running in {mode} mode\n\
        \x20    |   |   |    Port: {port}\n\
        \x20    o---o---o    PID: {pid}\n\n"
    ));
}

/// Everything but the data is there.
pub fn initialized() {
    tracing::error!("Server initialized");
}

/// Connections are accepted, over TCP and on the Unix socket respectively.
pub fn ready(has_tcp: bool, unixsocket: Option<&Path>) {
    if has_tcp {
        tracing::info!("Ready to accept connections");
    }
    if let Some(path) = unixsocket {
        tracing::info!(
            "The server is now ready to accept connections at {}",
            path.display()
        );
    }
}

/// What a listening socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Plain TCP.
    Tcp,
    /// TLS.
    Tls,
    /// The cluster bus.
    Cluster,
}

/// An address could not be listened on; `error` names the call that failed, such as
/// `bind: Address already in use`.
pub fn listen_failed(address: &str, port: u16, error: &str) {
    let address = address.strip_prefix('-').unwrap_or(address);
    tracing::error!(
        "Warning: Could not create server TCP listening socket {address}:{port}: {error}"
    );
}

/// A port could not be listened on at all; the caller ends the process.
pub fn listen_aborted(listener: Listener, port: u16) {
    let what = match listener {
        Listener::Tcp => "TCP",
        Listener::Tls => "TLS",
        Listener::Cluster => "cluster",
    };
    tracing::error!("Failed listening on port {port} ({what}), aborting.");
}

/// The Unix socket could not be listened on; the caller ends the process.
pub fn unixsocket_failed(error: &str) {
    tracing::error!("Failed opening Unix socket: {error}");
}

/// There is nothing to listen on; the caller ends the process.
pub fn listens_nowhere() {
    tracing::error!("Configured to not listen anywhere, exiting.");
}
