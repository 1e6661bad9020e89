//! Long commands that hold no locks while they work.
//!
//! On an executor, a command that only reads its keys has their entries pinned
//! ([`keyspace::Pin`]): alive and unchanged, whatever becomes of the keys. It lets its locks go
//! before its handler runs, and the doors of [`Ctx`] that only read lead to the pinned entries. So
//! all that it sees is of the instant of pinning, and there it stands in the order of commands.
//!
//! A command that stores what it found ([`flag::SETTLES`]) calls [`Ctx::settle`] before its first
//! [`Ctx::write`]. That takes its locks, and looks whether each key still leads to the entry that
//! was read: then the command stands in the order there. If not, it is run again, under its locks.
//! It also goes back if a reason not to run it has come up since it was admitted.
//!
//! Locks are kept by what may touch more than the keys it declares (EXEC, scripts, SORT with
//! patterns), and where something follows from reading: a key whose time is over, or a missing one.

use std::sync::Arc;

use common::priority;
use keyspace::{Db, DbId, Entry, EventClass, KeyHash, Locked, OnExpired, Pin, ShardSet};
use resp::Args;

use crate::command::{Command, Group, flag};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::LinkWaker;
use crate::table::CommandId;
use crate::{call, dispatch, held, keys};

/// Commands with these flags may touch more than their keys, or change what they read.
const NEVER: u64 = flag::ALL_SHARDS | flag::WALKS_SHARDS | flag::MAY_REPLICATE;

/// Whether a command can do without locks while it works. Scripts run others.
pub(crate) const fn is_for(command: &Command) -> bool {
    let has_keys = !command.keys.is_empty() || command.key_finder.is_some();
    let is_fit = command.flags & (flag::READONLY | flag::SETTLES) != 0;
    has_keys && is_fit && command.flags & NEVER == 0 && !matches!(command.group, Group::Scripting)
}

/// A key as it was read; without a pin it was not there.
struct Source {
    hash: KeyHash,
    key: Box<[u8]>,
    pin: Option<Pin>,
}

/// What a command reads, and what it needs to get its locks back.
pub(crate) struct Pinned {
    id: CommandId,
    db: DbId,
    shards: ShardSet,
    /// By hash; none comes twice.
    sources: Vec<Source>,
}

/// What came of trying to pin.
enum Begun {
    Pinned(Box<Pinned>),
    /// The command is to run under its locks.
    Locked,
    /// Somebody waits to change what it reads: it waits behind them.
    Waits,
}

/// Pins what the command reads and lets its locks go, if that may be; false if it has to wait, and
/// will be resumed.
pub(crate) fn begin(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) -> bool {
    if ctx.session.keeps_locks || ctx.command.any_key.is_some_and(|may| may(args)) {
        return true;
    }
    priority::insist();
    match Pinned::try_new(ctx, id, args) {
        Begun::Locked => {
            priority::relax();
            true
        }
        Begun::Waits => false,
        Begun::Pinned(pinned) => {
            // Under the locks, so that no change is missed.
            if ctx.session.tracking.is_some() {
                crate::tracking::remember(ctx, args);
            }
            ctx.pinned = Some(pinned);
            ctx.locked = Locked::none();
            ctx.session.link.wake_others();
            priority::relax();
            true
        }
    }
}

/// The keys that are read, with their hashes, in order.
fn keys_read<'k>(ctx: &Ctx<'_>, args: Args<'k>) -> Vec<(KeyHash, &'k [u8])> {
    let mut found = Vec::new();
    keys::for_each(ctx.command, args, &mut |at, flags| {
        if flags.starts_with("RO") {
            found.push((ctx.hash(args.at(at)), args.at(at)));
        }
    });
    found.sort_unstable_by_key(|(hash, key)| (hash.0, *key));
    found.dedup();
    found
}

/// Pins an entry; if somebody waits to change it, sees to it that the client is resumed when they
/// are.
fn pin_or_wait(ctx: &Ctx<'_>, db: &Db, entry: Entry<'_>) -> Option<Pin> {
    db.pin(entry).or_else(|| {
        let link = Arc::clone(&ctx.session.link);
        keyspace::wait_for_pins(Arc::new(LinkWaker(link)));
        // It may have been let go of meanwhile.
        let waits = db.is_awaited(entry);
        (!waits).then(|| db.pin(entry)).flatten()
    })
}

impl Pinned {
    fn try_new(ctx: &Ctx<'_>, id: CommandId, args: Args<'_>) -> Begun {
        let mut sources = Vec::new();
        for (hash, key) in keys_read(ctx, args) {
            let shard = ctx.server.keyspace.shard_of(hash);
            // A shard has no part of a database of which it never had a key.
            let db = ctx.locked.db(shard, ctx.db());
            let pin = match db.and_then(|db| Some((db, db.get(hash, key)?))) {
                None if ctx.effects.wants.intersects(EventClass::KEY_MISS) => return Begun::Locked,
                None => None,
                Some((_, entry)) if is_over(ctx, entry, ctx.now_ms()) => return Begun::Locked,
                Some((db, entry)) => match pin_or_wait(ctx, db, entry) {
                    None => return Begun::Waits,
                    pin => pin,
                },
            };
            let key = key.into();
            sources.push(Source { hash, key, pin });
        }
        if sources.iter().all(|source| source.pin.is_none()) {
            return Begun::Locked;
        }
        let mut shards = ShardSet::default();
        ctx.locked.shards().for_each(|shard| shards.insert(shard));
        Begun::Pinned(Box::new(Self {
            id,
            db: ctx.db(),
            shards,
            sources,
        }))
    }

    fn entry(&self, db: DbId, hash: KeyHash, key: &[u8]) -> Option<Entry<'_>> {
        let from = self.sources.partition_point(|s| s.hash.0 < hash.0);
        let mut of_hash = self.sources[from..].iter().take_while(|s| s.hash == hash);
        let source = of_hash.find(|s| *s.key == *key && db == self.db)?;
        Some(source.pin.as_ref()?.entry())
    }

    /// Whether all keys are what they were.
    fn is_unchanged(&self, ctx: &Ctx<'_>, locked: &Locked<'_>, now_ms: i64) -> bool {
        self.sources.iter().all(|Source { hash, key, pin }| {
            let shard = ctx.server.keyspace.shard_of(*hash);
            let entry = locked.db(shard, self.db).and_then(|db| db.get(*hash, key));
            match (pin, entry) {
                (Some(pin), Some(entry)) => pin.is(entry) && !is_over(ctx, entry, now_ms),
                (pin, entry) => pin.is_none() && entry.is_none(),
            }
        })
    }

    #[cold]
    fn settle(self: Box<Self>, ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
        let server: &Server = ctx.server;
        // To the end of the command: it is not far.
        priority::insist();
        let mut locked = server.keyspace.lock(&self.shards);
        let now_us = common::clock::now_us();
        if !self.is_unchanged(ctx, &locked, now_us / 1000) {
            ctx.session.keeps_locks = true;
            ctx.session.link.resume();
            return Err(ctx.defer());
        }
        // Its own pins are not to be in its way.
        let id = self.id;
        drop(self);
        if is_hindered(ctx, (id, args), &mut locked) {
            return Err(ctx.defer());
        }
        ctx.locked = locked;
        ctx.effects = call::effects_for(server, ctx.session);
        (ctx.now_us, ctx.effects.now_ms) = (now_us, now_us / 1000);
        Ok(())
    }
}

/// Whether the time of the entry is over, so that for the command it is not there.
fn is_over(ctx: &Ctx<'_>, entry: Entry<'_>, now_ms: i64) -> bool {
    ctx.effects.on_expired != OnExpired::Keep && entry.is_expired(now_ms)
}

/// Whether there is now a reason why the command must not run, as [`mod@crate::dispatch`] and
/// [`mod@crate::call`] look for; if so, it will be resumed, and find it there again.
fn is_hindered(
    ctx: &mut Ctx<'_>,
    (id, args): (CommandId, Args<'_>),
    locked: &mut Locked<'_>,
) -> bool {
    let server = ctx.server;
    let entry = server.table.entry(id);
    let link = Arc::clone(&ctx.session.link);
    let park = || -> Arc<dyn keyspace::Waker> { Arc::new(LinkWaker(Arc::clone(&link))) };
    if keyspace::pins_are_there() && held::must_wait(server, ctx.session, (id, args), locked, &park)
    {
        return true;
    }
    if server.pause.is_possible() && dispatch::is_paused(server, ctx.session, entry) {
        return true;
    }
    let is_refused = server.replication.restricts()
        && crate::replication::admit(server, ctx.session, entry.command).is_err();
    if is_refused {
        link.resume();
    }
    is_refused
}

impl Ctx<'_> {
    /// To be called before the first change by commands flagged [`flag::SETTLES`], when all keys
    /// have been read: from here on the locks are held, and what was read is as it is now.
    ///
    /// # Errors
    /// Where that cannot be: the handler must return this error at once; the command runs again.
    #[inline]
    pub(crate) fn settle(&mut self, args: Args<'_>) -> CmdResult {
        match self.pinned.take() {
            None => Ok(()),
            Some(pinned) => pinned.settle(self, args),
        }
    }

    /// A key of a command that has no locks.
    #[cold]
    pub(crate) fn pinned_entry(&self, db: DbId, hash: KeyHash, key: &[u8]) -> Option<Entry<'_>> {
        self.pinned.as_ref()?.entry(db, hash, key)
    }
}

#[cfg(test)]
mod tests;
