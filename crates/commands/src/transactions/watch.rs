//! WATCH and UNWATCH.
//!
//! A watch is a flag that the keyspace sets under the shard's lock when the key changes; EXEC reads
//! it under the same locks, so nothing can slip in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, Ordering::Relaxed};

use keyspace::{DbId, Watcher};
use parking_lot::Mutex;
use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ALLOW_BUSY, FAST, LOADING, LOCKS_QUEUE, NOSCRIPT, NOT_QUEUED, STALE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::Session;

/// `WATCH`
pub const WATCH: Command = Command::new("watch", -2, watch)
    .group(Group::Transactions)
    .since("2.2.0")
    .docs(
        "Makes the next EXEC fail if a key changes before it.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED)
    .categories(category::TRANSACTION)
    .keys(&[KeySpec::at(1, "RO").range(-1, 1, 0)])
    .args("key:key@0*");

/// `UNWATCH`
pub const UNWATCH: Command = Command::new("unwatch", 1, unwatch_command)
    .group(Group::Transactions)
    .since("2.2.0")
    .docs("Gives up all watches.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | LOCKS_QUEUE)
    .categories(category::TRANSACTION);

fn watch(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.session.transaction.is_some() {
        return Err(errors::WATCH_INSIDE_MULTI);
    }
    let db = ctx.session.db;
    let dirty = {
        let mut watch = ctx.session.state.watch.lock();
        Arc::clone(watch.get_or_insert_with(|| Arc::new(AtomicBool::new(false))))
    };
    for key in args.from(1).iter() {
        if ctx
            .session
            .watched
            .iter()
            .any(|(d, k)| *d == db && **k == *key)
        {
            continue;
        }
        let watcher = Watcher {
            dirty: Arc::clone(&dirty),
            expired: ctx.is_overdue_in(db, key),
        };
        let shard = ctx.server.keyspace.shard_of(ctx.hash(key));
        if let Some(db) = ctx.locked().db_mut(shard, db) {
            db.watch(key, watcher);
        }
        ctx.session.watched.push((db, key.into()));
        let bytes = (key.len() + WATCH_BYTES) as u64;
        ctx.session.state.watch_mem.fetch_add(bytes, Relaxed);
    }
    out.ok();
    Ok(())
}

fn unwatch_command(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    // Inside EXEC the watches have ended already.
    unwatch(ctx);
    out.ok();
    Ok(())
}

/// What a watch costs beside its key: the client's and the shard's shares.
const WATCH_BYTES: usize = 112;

/// Gives up all watches. The shards of the watched keys must be locked.
pub(crate) fn unwatch(ctx: &mut Ctx<'_>) {
    let Some(dirty) = ctx.session.state.watch.lock().take() else {
        return;
    };
    ctx.session.state.watch_mem.store(0, Relaxed);
    for (db, key) in std::mem::take(&mut ctx.session.watched) {
        let shard = ctx.server.keyspace.shard_of(ctx.server.keyspace.hash(&key));
        if let Some(db) = ctx.locked().db_mut(shard, db) {
            db.unwatch(&key, &dirty);
        }
    }
}

/// Watches of clients that are gone, whose shards were busy when they left.
#[derive(Default)]
pub struct Leftovers(Mutex<Vec<Leftover>>);

type Leftover = (DbId, Box<[u8]>, Arc<AtomicBool>);

/// Gives up the watches of a client that is gone, locking one shard after the other. Where one is
/// busy that is left to [`tidy_watches`].
pub(crate) fn unwatch_gone(server: &Server, session: &mut Session) {
    let Some(dirty) = session.state.watch.lock().take() else {
        return;
    };
    for (db, key) in std::mem::take(&mut session.watched) {
        let watch = (db, key, Arc::clone(&dirty));
        if !try_unwatch(server, &watch) {
            server.watch_leftovers.0.lock().push(watch);
        }
    }
}

/// Whether the key's shard was free, and the watch is given up.
fn try_unwatch(server: &Server, (db, key, dirty): &Leftover) -> bool {
    let shard = server.keyspace.shard_of(server.keyspace.hash(key));
    let Some(mut locked) = server.keyspace.try_lock_one(shard) else {
        return false;
    };
    if let Some(db) = locked.db_mut(shard, *db) {
        db.unwatch(key, dirty);
    }
    true
}

/// Gives up what [`unwatch_gone`] left, as far as shards are free. Called now and then.
pub fn tidy_watches(server: &Server) {
    let left = std::mem::take(&mut *server.watch_leftovers.0.lock());
    let busy = left.into_iter().filter(|watch| !try_unwatch(server, watch));
    let busy: Vec<_> = busy.collect();
    if !busy.is_empty() {
        server.watch_leftovers.0.lock().extend(busy);
    }
}

/// Whether a watched key changed, or its time came since it was watched. To be asked with the
/// shards of the watched keys locked.
pub(crate) fn is_stale(ctx: &Ctx<'_>) -> bool {
    let watch = ctx.session.state.watch.lock();
    let Some(dirty) = watch.as_ref() else {
        return false;
    };
    let overdue = |(db, key): &(DbId, Box<[u8]>)| {
        let shard = ctx.server.keyspace.shard_of(ctx.server.keyspace.hash(key));
        let db_part = ctx.locked.db(shard, *db);
        ctx.is_overdue_in(*db, key) && db_part.is_some_and(|db| !db.watched_expired(key, dirty))
    };
    dirty.load(Ordering::Acquire) || ctx.session.watched.iter().any(overdue)
}
