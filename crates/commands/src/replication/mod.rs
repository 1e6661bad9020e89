//! Replication as the commands see it: the replicas that follow this server, the primary that it
//! follows, and the commands for both.
//!
//! [`Replication`] holds the state. Workers change it through commands; a thread of the server
//! feeds the stream to replicas ([`Replication::feed`]) and looks after time
//! ([`Replication::tick`]); another one follows the primary. Both are in `server`, which has the
//! sockets and files. The pure decisions are in the `replication` crate.
//!
//! Locks, in this order: shards, [`Replication`]'s `applying`, its `state`, the log.

mod admission;
mod failover;
mod feed;
mod figures;
mod follow;
mod local;
mod replconf;
mod replicaof;
mod replicas;
mod role;
mod seat;
mod state;
mod sync;
mod syncing;
mod tick;
mod wait;

use crate::command::Command;

pub(crate) use admission::{admit, admit_replica, note_refusal, replied};
pub use figures::{Figures, Lagging, Primary, ReplicaFigures, UsedMemory};
pub(crate) use follow::{Following, applied};
pub use follow::{Phase, Target, settle};
pub(crate) use local::{expire, note_expiries};
pub use replicas::Peer;
pub use state::Replication;
pub(crate) use syncing::gone;
pub use syncing::{SyncPlan, SyncTarget};
pub(crate) use wait::unblock;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &failover::FAILOVER,
    &sync::PSYNC,
    &replconf::REPLCONF,
    &replicaof::REPLICAOF,
    &role::ROLE,
    &replicaof::SLAVEOF,
    &sync::SYNC,
    &wait::WAIT,
    &wait::WAITAOF,
];
