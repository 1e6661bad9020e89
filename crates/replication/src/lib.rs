//! The command log, the backlog and the PSYNC state machines.
//!
//! The [`log`] is the ordered stream of changes that `commands` appends to while the shards are
//! locked; the AOF and the [`backlog`] read it. [`history`] decides who may continue where,
//! [`handshake`] and [`payload`] are a replica's side of a link. None of it does I/O or knows the
//! time; the links themselves are in `server`.

pub mod backlog;
pub mod handshake;
pub mod history;
pub mod log;
pub mod payload;

pub use backlog::Backlog;
pub use history::History;
pub use log::{Audience, Log, Reader};
