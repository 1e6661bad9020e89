//! Keys that clients of a writable replica gave an expiry.
//!
//! The primary knows nothing of them, so that nobody would ever delete them; they are remembered,
//! and expire here.

use keyspace::{DbKey, OnExpired};
use resp::Args;

use crate::call;
use crate::ctx::Ctx;
use crate::keys;
use crate::origin::Origin;
use crate::server::Server;
use crate::session::Session;

/// More are not remembered.
const KEYS_MAX: usize = 1 << 20;

/// A client has changed something on a replica: remembers keys that will expire.
#[cold]
pub(crate) fn note_expiries(ctx: &Ctx<'_>, args: Args<'_>) {
    if ctx.session.origin != Origin::Client {
        return;
    }
    let mut found = Vec::new();
    keys::for_each(ctx.command(), args, &mut |at, _| {
        let key = args.at(at);
        if ctx
            .peek(key)
            .is_some_and(|entry| entry.expire_at().is_some())
        {
            found.push(DbKey {
                db: ctx.db(),
                key: key.into(),
            });
        }
    });
    let mut state = ctx.server.replication.state.lock();
    let known = &mut state.local_volatile;
    found.retain(|key| !known.contains(key));
    if known.len() + found.len() <= KEYS_MAX {
        known.append(&mut found);
    }
}

/// Deletes those whose time is over. Returns when to look again. Not for workers.
pub(crate) fn expire(server: &Server, session: &mut Session, now_ms: i64) -> i64 {
    let replication = &server.replication;
    let mut known = std::mem::take(&mut replication.state.lock().local_volatile);
    known.retain(|DbKey { db, key }| {
        let shard = server.keyspace.shard_of(server.keyspace.hash(key));
        let Some(locked) = server.keyspace.try_lock_one(shard) else {
            return true;
        };
        session.clock_us = now_ms * 1000;
        let mut ctx = call::internal_ctx(server, session, locked);
        let expire_at = ctx.peek_in(*db, key).and_then(|entry| entry.expire_at());
        if !ctx.is_overdue_in(*db, key) {
            return expire_at.is_some();
        }
        ctx.effects.on_expired = OnExpired::Delete;
        ctx.write_in(*db, key).unchanged();
        call::drain(&mut ctx, Args::new(&[]));
        false
    });
    let mut state = replication.state.lock();
    if !replication.is_replica() {
        return now_ms;
    }
    known.append(&mut state.local_volatile);
    state.local_volatile = known;
    match state.local_volatile.is_empty() {
        true => i64::MAX,
        false => now_ms + 10,
    }
}

impl super::Replication {
    /// How many keys are remembered (`slave_expires_tracked_keys`).
    pub fn local_volatile(&self) -> usize {
        self.state.lock().local_volatile.len()
    }
}
