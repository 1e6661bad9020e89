//! What happens to keys whose time is over: on access, and actively.
//!
//! A reader that meets such a key notes it; it is deleted at the end of the command, under the same
//! lock ([`delete_overdue`]); a writer deletes it at once. The active cycle ([`cycle`]) takes due
//! keys from each shard's index in short slices, so that a key is gone and its `expired` event is
//! out within 10 ms of its time on an idle server, however many volatile keys there are. Either
//! way the log gets a DEL (or UNLINK) before anything that was done with the key afterwards.
//! Fields of hashes expire in the same way, with HDEL. While CLIENT PAUSE holds writes, such keys
//! are absent for readers, but stay.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::{DbId, DbKey, DueKey, OnExpired, ShardId, ShardSet};

use crate::call;
use crate::command::Command;
use crate::ctx::Ctx;
use crate::origin::Origin;
use crate::server::Server;
use crate::session::Session;

/// Keys deleted under one lock hold.
const SLICE_KEYS: usize = 64;
/// Fields deleted of one hash under one lock hold.
const SLICE_FIELDS: usize = 1000;
/// After which time a hash is looked at again that could not be changed.
const HELD_MS: i64 = 50;

/// Stands for the server where it changes data of its own accord.
pub(crate) const INTERNAL: Command = Command::new("internal", 0, crate::dispatch::container);

/// Deletes the keys that readers of this command found to be past their time.
#[cold]
pub(crate) fn delete_overdue(ctx: &mut Ctx<'_>) {
    let overdue = std::mem::take(&mut ctx.seldom().overdue);
    if ctx.server.pause.holds_writes(ctx.now_ms()) {
        return;
    }
    for DbKey { db, key } in &overdue {
        // Opening an expired key for change deletes it.
        ctx.write_in(*db, key).unchanged();
    }
}

/// Deletes keys that a walk over shards met past their time, each by itself as the active cycle
/// does: not as a part of the command. Returns how many; one that is busy just now is left to the
/// cycle, and one under this command's own locks to its end.
#[cold]
pub(crate) fn delete_met(ctx: &mut Ctx<'_>, db: DbId, keys: &[Box<[u8]>]) -> usize {
    let server = ctx.server;
    if ctx.effects.on_expired != OnExpired::Delete || server.pause.holds_writes(ctx.now_ms()) {
        return 0;
    }
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    let mut count = 0;
    for key in keys {
        let shard = server.keyspace.shard_of(server.keyspace.hash(key));
        if ctx.locked.contains(shard) {
            let key = key.clone();
            ctx.seldom().overdue.push(DbKey { db, key });
            continue;
        }
        let Some(locked) = server.keyspace.try_lock(&ShardSet::one(shard)) else {
            continue;
        };
        session.clock_us = ctx.now_ms() * 1000;
        let mut own = call::internal_ctx(server, &mut session, locked);
        if own.is_overdue_in(db, key) {
            own.write_in(db, key).unchanged();
            count += 1;
        }
        call::drain(&mut own, resp::Args::new(&[]));
        if !own.effects.ready.is_empty() {
            crate::blocking::serve(own);
        }
    }
    count
}

/// Counts the keys and fields that expired in this command and logs their deletion, before the
/// command.
#[cold]
pub(crate) fn record(ctx: &mut Ctx<'_>) {
    let server = ctx.server;
    let expired = std::mem::take(&mut ctx.effects.expired);
    let fields = std::mem::take(&mut ctx.effects.expired_fields);
    server
        .stats
        .expired_keys
        .fetch_add(expired.len() as u64, Relaxed);
    let expired_fields = fields.iter().map(|(_, names)| names.len() as u64).sum();
    server
        .stats
        .expired_fields
        .fetch_add(expired_fields, Relaxed);
    if !server.log.is_wanted() {
        return;
    }
    let lazy = server.settings.lazyfree_lazy_expire.load(Relaxed);
    let name = if lazy { "UNLINK" } else { "DEL" };
    let deletions = expired
        .into_iter()
        .map(|DbKey { db, key }| (db, vec![name.into(), key.into()]));
    let fields = fields.into_iter().map(|(DbKey { db, key }, names)| {
        let names = names.into_iter().map(<[u8]>::into_vec);
        let words = [b"HDEL".to_vec(), key.into_vec()];
        (db, words.into_iter().chain(names).collect())
    });
    let deletions = deletions.chain(fields);
    match ctx.unit() {
        Some(unit) => unit.extend(deletions),
        None => deletions.for_each(|deletion| {
            server.append_to_log(vec![deletion]);
        }),
    }
}

/// Leaves the due fields of a large hash for later that is being read without its lock: it would
/// have to be copied first.
fn is_postponed(ctx: &mut Ctx<'_>, shard: ShardId, db: DbId, due: &DueKey, now_ms: i64) -> bool {
    let is_over = ctx.is_overdue_in(db, &due.key);
    let db = ctx.locked.db_mut(shard, db).filter(|_| !is_over);
    let until_ms = now_ms + HELD_MS;
    db.is_some_and(|db| db.postpone_fields((due.hash, &due.key), until_ms, now_ms))
}

/// Deletes what is due in all shards, on behalf of `session`, an internal one. Returns when the
/// next key will be due (Unix ms), or `i64::MAX` for never. What is due in a
/// busy shard counts as due next.
pub fn cycle(server: &Server, session: &mut Session, now_ms: i64) -> i64 {
    if server.persistence.is_loading() {
        return i64::MAX;
    }
    if !server.settings.active_expire.load(Relaxed) || server.pause.holds_writes(now_ms) {
        return i64::MAX;
    }
    if server.replication.is_replica() {
        return crate::replication::expire(server, session, now_ms);
    }
    let mut next = i64::MAX;
    for shard in server.keyspace.shard_ids() {
        while server.keyspace.next_due(shard) <= now_ms {
            let Some(locked) = server.keyspace.try_lock_one(shard) else {
                // Busy, perhaps for long: the other shards are not to wait for it.
                break;
            };
            session.clock_us = now_ms * 1000;
            let mut ctx = call::internal_ctx(server, session, locked);
            let due = server
                .keyspace
                .due(&mut ctx.locked, shard, now_ms, SLICE_KEYS);
            for (db, due) in &due {
                if is_postponed(&mut ctx, shard, *db, due, now_ms) {
                    continue;
                }
                let mut key = ctx.write_in(*db, &due.key);
                key.expire_fields(SLICE_FIELDS);
                key.unchanged();
            }
            call::drain(&mut ctx, resp::Args::new(&[]));
            if !ctx.effects.ready.is_empty() {
                crate::blocking::serve(ctx);
            }
        }
        next = next.min(server.keyspace.next_due(shard));
    }
    next
}
