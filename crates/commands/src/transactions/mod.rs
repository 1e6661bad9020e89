//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC locks the union of its commands' shards once (see [`crate::call`]), so that a transaction
//! is atomic for every worker. WATCH registers the client with each key's shard; whoever commits a
//! change there sets the client's dirty flag under the same lock.

mod exec;
mod watch;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &exec::MULTI,
    &exec::EXEC,
    &exec::DISCARD,
    &watch::WATCH,
    &watch::UNWATCH,
];

pub(crate) use exec::{give_up, leave};
pub use watch::{Leftovers, tidy_watches};
pub(crate) use watch::{unwatch, unwatch_gone};
