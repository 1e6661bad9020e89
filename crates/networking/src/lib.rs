//! Sockets: listeners, workers, connections, the client registry and output buffers.
//!
//! A worker is a thread with a `mio` poll loop that owns its connections and runs their commands
//! from bytes to reply in place, through the one seam to the rest of the server: [`Service`].
//! Other threads reach a connection only by posting a [`Message`] to its worker's mailbox.
//!
//! This crate knows the protocol (`resp`) and nothing of keys, commands, users or configuration
//! files: what it must know of those, it asks the `Service` or reads from [`NetSettings`].

mod acceptor;
mod address;
mod affinity;
mod client;
mod config;
mod connection;
mod context;
mod error;
mod executors;
mod input;
mod listener;
mod mailbox;
mod memory;
mod network;
mod output;
mod registry;
mod service;
mod settings;
mod stats;
mod timers;
mod tls;
mod transport;
mod worker;

pub use address::{Bind, ConnInfo, ConnKind};
pub use client::{Client, ClientAddress};
pub use config::{Listen, NetConfig, TlsAuth, TlsConfig};
pub use error::NetError;
pub use executors::EXECUTORS_MAX;
pub use mailbox::{HeldWakes, Post, flush_wakes, hold_wakes};
pub use network::{Handle, Network};
pub use registry::Registry;
pub use service::{BatchInfo, ClientClass, Eviction, Message, Outcome, Service};
pub use settings::{ClassLimits, NetSettings};
pub use stats::{NetStats, StatsTotals};

/// The memory of a connection without buffers, beside its [`Client`]: its structure, and about as
/// much for the registry's entry and the worker's slot.
pub(crate) const CONNECTION_BYTES: usize = 512;
