//! Keyspace notifications: what happens to keys, published as messages.
//!
//! Called under the locks, after the log was written, so that the events of a key are published in
//! the order of its changes. Events are collected only for the classes that
//! `notify-keyspace-events` names. Each is published up to twice: on the channel of the key (`K`)
//! and on that of the event (`E`). A client that causes events which it receives itself finds them
//! behind the reply of its command.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::{DbId, DbKey, Event, EventClass, KeyEvent};

use crate::ctx::Ctx;
use crate::pubsub::Own;

/// `K`: events are published on the channel of their key.
const BY_KEY: u64 = 1;
/// `E`: events are published on the channel of their name.
const BY_EVENT: u64 = 1 << 1;

/// Publishes what happened in the command.
#[inline]
pub(crate) fn drain(ctx: &mut Ctx<'_>) {
    if !ctx.effects.events.is_empty() {
        publish_all(ctx);
    }
}

#[cold]
fn publish_all(ctx: &mut Ctx<'_>) {
    let events = std::mem::take(&mut ctx.effects.events);
    if ctx.server.pubsub.has_subscribers() {
        events.iter().for_each(|event| publish(ctx, event));
    }
}

fn publish(ctx: &mut Ctx<'_>, KeyEvent { event, db, key }: &KeyEvent) {
    let enabled = ctx.server.settings.notify_keyspace_events.load(Relaxed);
    let (id, out) = (ctx.session.id, &mut ctx.session.pushes);
    let mut own = Own { id, out };
    let name = event.name.as_bytes();
    let pubsub = &ctx.server.pubsub;
    if enabled & BY_KEY != 0 {
        pubsub.publish(&channel("keyspace", *db, key), name, &mut own);
    }
    if enabled & BY_EVENT != 0 {
        pubsub.publish(&channel("keyevent", *db, name), key, &mut own);
    }
}

/// `__keyspace@0__:key`
fn channel(space: &str, db: DbId, rest: &[u8]) -> Vec<u8> {
    let mut channel = Vec::with_capacity(space.len() + rest.len() + 16);
    channel.extend_from_slice(b"__");
    channel.extend_from_slice(space.as_bytes());
    channel.push(b'@');
    common::number::write_i64(&mut channel, i64::from(db.0));
    channel.extend_from_slice(b"__:");
    channel.extend_from_slice(rest);
    channel
}

/// Notes that readers of this command looked for keys that are not there: after the expiry of such
/// keys (the events from `handled` on), and before what the handler did (those before).
#[cold]
pub(crate) fn keys_missed(ctx: &mut Ctx<'_>, handled: usize) {
    let missed = std::mem::take(&mut ctx.seldom().missed);
    let event = Event::new(EventClass::KEY_MISS, "keymiss");
    let events = missed
        .into_iter()
        .map(|DbKey { db, key }| KeyEvent { event, db, key });
    let all = &mut ctx.effects.events;
    all.rotate_left(handled);
    let at = all.len() - handled;
    all.splice(at..at, events);
}
