//! The errors of starting and changing the network; none of them concerns a single connection.

use std::io;
use std::path::PathBuf;

/// Why listening, or a worker, could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A `bind` address is not one.
    #[error("{address}: not an IP address or host name that resolves")]
    Address {
        /// As it was configured.
        address: String,
    },
    /// A TCP listener could not be opened.
    #[error("Could not create server TCP listening socket {address}:{port}: {source}")]
    Bind {
        /// As it was configured.
        address: String,
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The unix socket could not be opened.
    #[error("Failed opening Unix socket {}: {source}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate, key or CA did not load.
    #[error("Failed to configure TLS: {0}")]
    Tls(String),
    /// A poll loop or a thread could not be made.
    #[error("Failed to start the network threads: {0}")]
    Start(#[from] io::Error),
    /// The network has been shut down.
    #[error("The network is shut down")]
    Stopped,
}
