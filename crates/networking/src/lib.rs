//! Sockets: listeners, workers, connections, the client registry and output buffers.
//!
//! A worker is a thread with a `mio` poll loop that owns its connections and runs their commands
//! from bytes to reply in place, through the one seam to the rest of the server: [`Service`].
//! Other threads reach a connection only by posting a [`Message`] to its worker's mailbox.
//!
//! This crate knows the protocol (`resp`) and nothing of keys, commands, users or configuration
//! files: what it must know of those, it asks the `Service` or reads from [`NetSettings`].

mod address;
mod client;
mod config;
mod error;
mod listener;
mod mailbox;
mod network;
mod registry;
mod service;
mod settings;
mod stats;

pub use address::{Bind, ConnInfo, ConnKind};
pub use client::{Client, ClientAddress};
pub use config::{Listen, NetConfig, TlsAuth, TlsConfig};
pub use error::NetError;
pub use mailbox::Post;
pub use network::Network;
pub use registry::Registry;
pub use service::{BatchInfo, ClientClass, Message, Outcome, Service};
pub use settings::{ClassLimits, NetSettings};
pub use stats::{NetStats, StatsTotals};

/// The memory of a connection without buffers, beside its [`Client`].
pub(crate) const CONNECTION_BYTES: usize = 512;
