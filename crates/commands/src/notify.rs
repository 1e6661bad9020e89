//! Keyspace notifications and other consequences of a change that reach other clients.
//!
//! Called under the locks, after the log was written. Events are collected only for the classes
//! that `notify-keyspace-events` names; pub/sub, which would carry them, does not exist yet, so
//! that for now they end here.

use crate::ctx::Ctx;

/// Takes what the command's effects have for others.
#[inline]
pub(crate) fn drain(ctx: &mut Ctx<'_>) {
    ctx.effects.events.clear();
}
