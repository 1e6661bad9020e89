//! Publish and subscribe: channels, patterns, shard channels.
//!
//! [`registry`] knows who receives what and sends it; [`session`] is a client's own list. Channels
//! belong to no database and take no locks of the keyspace. A message reaches the receivers of a
//! worker through one post with a shared payload; each connection's output limits (class `pubsub`)
//! then decide whether its client keeps up.

mod inspect;
mod patterns;
mod publish;
mod receivers;
pub(crate) mod registry;
pub(crate) mod session;
mod subscribe;
#[cfg(test)]
mod tests;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &publish::PUBLISH,
    &publish::SPUBLISH,
    &inspect::PUBSUB,
    &subscribe::PSUBSCRIBE,
    &subscribe::PUNSUBSCRIBE,
    &subscribe::SSUBSCRIBE,
    &subscribe::SUBSCRIBE,
    &subscribe::SUNSUBSCRIBE,
    &subscribe::UNSUBSCRIBE,
];

pub use receivers::Courier;
pub(crate) use receivers::Own;
pub use registry::PubSub;
pub use session::Subscriptions;
pub(crate) use session::{change_proto, leave};
