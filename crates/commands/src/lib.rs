//! The command table, admission, dispatch and the handlers.
//!
//! A command enters at [`dispatch()`], whoever sends it, and goes strictly forward: table,
//! admission, queue or [`call`], handler, effects. A command is a `const` [`command::Command`]
//! beside its handler in its family's folder; [`families`] lists the families. See
//! `CONTRIBUTING.md` for how to add one.

pub mod admit;
pub mod aof;
pub mod blocking;
pub mod call;
pub mod command;
pub mod cost;
pub mod ctx;
pub mod dispatch;
pub mod docs;
pub mod evict;
pub mod expire;
pub mod families;
mod held;
mod help;
pub mod host;
pub mod hotkeys;
pub mod jobs;
pub mod keys;
pub mod latency;
mod lookahead;
pub mod monitor;
pub mod multi;
pub mod notify;
pub mod origin;
pub mod pause;
pub mod persistence;
mod pinned;
mod plain;
pub mod pubsub;
pub mod replication;
pub mod server;
pub mod session;
pub mod settings;
pub mod slowlog;
pub mod stats;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
mod timing;
pub mod tracking;

mod admin;
mod bitmaps;
mod collection;
mod connection;
mod generic;
mod geo;
mod hashes;
mod hyperloglog;
mod lists;
mod sets;
mod streams;
mod strings;
mod transactions;
mod zsets;

pub use blocking::attend;
pub use ctx::{CmdResult, Ctx};
pub use dispatch::{
    Outcome, Prepared, batch_end, disconnect, dispatch, prepare, prepare_for, timed_out,
};
pub use families::FAMILIES;
pub use generic::migrate::tick as migrate_tick;
pub use lookahead::prefetch;
pub use origin::Origin;
pub use server::Server;
pub use session::Session;
pub use table::Table;
pub use transactions::tidy_watches;
