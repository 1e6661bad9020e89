//! What a handler works with: the locked keys, the client, the frozen time, the doors to data.
//!
//! [`Ctx::read`] and [`Ctx::write`] are the only ways to a key. Both know the key's hash already
//! when it is the command's first key, because the network layer had it hashed to prefetch it.
//! Time stands still for a command and for a whole transaction.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{
    Db, DbId, DbKey, Effects, Entry, EventClass, KeyHash, Locked, OnExpired, ShardId, ShardSet,
    StrRef, Write, WrongKind,
};
use resp::{Args, ReplyError, errors};
use smallvec::SmallVec;

use crate::command::Command;
use crate::pinned::Pinned;
use crate::server::Server;
use crate::session::{LinkWaker, Session, client_flag};

/// What a handler returns: its reply is written, or this error takes the reply's place.
pub type CmdResult = Result<(), ReplyError>;

/// How the running command goes to the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// As the client sent it.
    #[default]
    Verbatim,
    /// As these commands instead; none at all means not at all.
    Rewritten(Vec<Vec<Vec<u8>>>),
}

/// Which arguments of the running command are secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Redacted {
    /// None.
    #[default]
    No,
    /// These, as bits; the last bit stands for all behind it too.
    Some(u64),
    /// All but the command's name.
    All,
}

impl Redacted {
    fn hides(self, at: usize) -> bool {
        match self {
            Self::No => false,
            Self::Some(bits) => bits >> at.min(63) & 1 != 0,
            Self::All => at > 0,
        }
    }
}

/// Commands for the log, each with its database.
pub(crate) type Unit = Vec<(DbId, Vec<Vec<u8>>)>;

/// What has been collected of things that few commands cause: room for them is made only then.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    /// Keys that readers found to be past their time.
    pub(crate) overdue: Vec<DbKey>,
    /// Keys that were looked for in vain, if somebody wants to know.
    pub(crate) missed: Vec<DbKey>,
    /// Changed keys still to be broadcast, and whether each changed because its time was over.
    pub(crate) broadcast: Vec<(Box<[u8]>, bool)>,
    /// What a transaction has for the log so far, to be appended as one unit.
    pub(crate) unit: Option<Unit>,
}

/// The surroundings of one running command.
pub struct Ctx<'a> {
    /// What all workers share.
    pub server: &'a Server,
    /// The client.
    pub session: &'a mut Session,
    pub(crate) locked: Locked<'a>,
    /// What is read while no locks are held; see [`crate::pinned`].
    pub(crate) pinned: Option<Box<Pinned>>,
    pub(crate) now_us: i64,
    /// Address of the first key in the arguments, and its hash.
    pub(crate) hint: (*const u8, KeyHash),
    pub(crate) command: &'static Command,
    pub(crate) effects: Effects,
    pub(crate) propagation: Propagation,
    /// `None` while there is nothing in it. Taken and put back by who only reads.
    pub(crate) seldom: Cell<Option<Box<Seldom>>>,
    pub(crate) hits: Cell<u32>,
    pub(crate) misses: Cell<u32>,
    /// A shard that the handler wanted was busy: the command is to be run again later.
    pub(crate) deferred: bool,
    /// The command takes too long for a worker: it is to be run again, on an executor.
    pub(crate) away: Cell<bool>,
    /// The client is to be closed once the reply is out.
    pub(crate) close: bool,
    /// The client waits without a reply.
    pub(crate) blocked: bool,
    /// Inside EXEC.
    pub(crate) in_exec: bool,
    /// Arguments that SLOWLOG and MONITOR must not show.
    pub(crate) redacted: Redacted,
}

impl<'a> Ctx<'a> {
    /// Unix time in milliseconds, frozen.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.effects.now_ms
    }

    /// Unix time in microseconds, frozen.
    #[inline]
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// The selected database.
    #[inline]
    pub fn db(&self) -> DbId {
        self.session.db
    }

    /// The running command.
    pub fn command(&self) -> &'static Command {
        self.command
    }

    /// Whether the command runs inside EXEC.
    pub fn in_transaction(&self) -> bool {
        self.in_exec
    }

    /// The key's hash: remembered for the first key, computed for others.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        if key.as_ptr() == self.hint.0 {
            self.hint.1
        } else {
            self.server.keyspace.hash(key)
        }
    }

    /// The shard of a key and its part of the selected database, if that has any keys.
    #[inline]
    fn shard_db(&self, db: DbId, hash: KeyHash) -> Option<&Db> {
        self.locked.db(self.server.keyspace.shard_of(hash), db)
    }

    /// Reads a key: counts a hit or miss, notes the access for LRU and LFU. A key past its time
    /// is absent, and deleted when the command is done.
    #[inline]
    pub fn read(&self, key: &[u8]) -> Option<Entry<'_>> {
        let found = self.find(key);
        if let Some(entry) = found.as_ref().filter(|_| !self.effects.no_touch) {
            entry.touch(self.now_ms());
        }
        found
    }

    /// Reads a key without a trace: no statistics, no LRU.
    #[inline]
    pub fn peek(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.peek_in(self.session.db, key)
    }

    /// [`peek`](Self::peek) in another database.
    #[inline]
    pub fn peek_in(&self, db: DbId, key: &[u8]) -> Option<Entry<'_>> {
        let hash = self.hash(key);
        let entry = match self.shard_db(db, hash) {
            Some(db) => db.get(hash, key)?,
            None => self.pinned_entry(db, hash, key)?,
        };
        if entry.is_expired(self.now_ms()) && self.effects.on_expired != OnExpired::Keep {
            self.note_overdue(db, key);
            return None;
        }
        Some(entry)
    }

    /// Adds to what is seldom collected.
    fn note(&self, add: impl FnOnce(&mut Seldom)) {
        let mut seldom = self.seldom.take().unwrap_or_default();
        add(&mut seldom);
        self.seldom.set(Some(seldom));
    }

    /// What is seldom collected, to be changed.
    pub(crate) fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_mut().get_or_insert_default()
    }

    /// What is seldom collected, if there has been anything.
    #[inline]
    pub(crate) fn seldom_if_any(&mut self) -> Option<&mut Seldom> {
        self.seldom.get_mut().as_deref_mut()
    }

    /// What a transaction has for the log so far; `None` where commands go there at once.
    pub(crate) fn unit(&mut self) -> Option<&mut Unit> {
        self.seldom_if_any()?.unit.as_mut()
    }

    #[cold]
    fn note_miss(&self, db: DbId, key: &[u8]) {
        let key = key.into();
        self.note(|seldom| seldom.missed.push(DbKey { db, key }));
    }

    #[cold]
    fn note_overdue(&self, db: DbId, key: &[u8]) {
        if self.effects.on_expired == OnExpired::Delete {
            let overdue = DbKey {
                db,
                key: key.into(),
            };
            self.note(|seldom| {
                if !seldom.overdue.contains(&overdue) {
                    seldom.overdue.push(overdue);
                }
            });
        }
    }

    /// Whether the key is there but past its time. Notes nothing.
    pub fn is_overdue_in(&self, db: DbId, key: &[u8]) -> bool {
        let hash = self.hash(key);
        let entry = self.shard_db(db, hash).and_then(|db| db.get(hash, key));
        entry.is_some_and(|entry| entry.is_expired(self.now_ms()))
    }

    /// Finds a key: counts a hit or miss, but is no access for LRU and LFU.
    pub fn find(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.find_in(self.session.db, key)
    }

    /// [`find`](Self::find) in another database.
    pub fn find_in(&self, db: DbId, key: &[u8]) -> Option<Entry<'_>> {
        let found = self.counted(self.peek_in(db, key));
        if found.is_none() && self.effects.wants.intersects(EventClass::KEY_MISS) {
            self.note_miss(db, key);
        }
        found
    }

    /// [`find`](Self::find) that causes no `keymiss` event.
    pub fn find_quietly(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.counted(self.peek(key))
    }

    /// Counts a hit or miss.
    #[inline]
    fn counted<'e>(&self, found: Option<Entry<'e>>) -> Option<Entry<'e>> {
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.set(counter.get() + 1);
        found
    }

    /// Reads a string.
    ///
    /// # Errors
    /// WRONGTYPE where the key holds something else.
    #[inline]
    pub fn read_str(&self, key: &[u8]) -> Result<Option<StrRef<'_>>, ReplyError> {
        as_str(self.read(key))
    }

    /// [`read_str`](Self::read_str) without a trace.
    ///
    /// # Errors
    /// WRONGTYPE where the key holds something else.
    #[inline]
    pub fn peek_str(&self, key: &[u8]) -> Result<Option<StrRef<'_>>, ReplyError> {
        as_str(self.peek(key))
    }

    /// Opens a key for change. A key past its time is deleted first.
    #[inline]
    pub fn write<'k>(&'k mut self, key: &'k [u8]) -> Write<'k> {
        self.write_in(self.session.db, key)
    }

    /// [`write`](Self::write) in another database.
    #[inline]
    pub fn write_in<'k>(&'k mut self, db: DbId, key: &'k [u8]) -> Write<'k> {
        let hash = self.hash(key);
        let shard = self.server.keyspace.shard_of(hash);
        match self.locked.db_mut(shard, db) {
            Some(db) => db.write(hash, key, &mut self.effects),
            // The key specs and the handler disagree: better to stop than to change unlocked data.
            None => panic!("{} writes a key that is not locked", self.command.name),
        }
    }

    /// Whether a reply of so many bytes so far is more than the client may leave unread. Then it is
    /// going to be closed, and the rest need not be written.
    pub(crate) fn is_cut_off(&self, reply_len: usize) -> bool {
        let over = self.session.link.is_over_limit(reply_len);
        if over {
            self.session.link.kill(false);
        }
        over
    }

    /// Replaces what goes to the log by this command; several calls add several commands.
    pub fn propagate_as(&mut self, args: &[&[u8]]) {
        if !self.server.log.is_wanted() {
            return;
        }
        let command = args.iter().map(|arg| arg.to_vec()).collect();
        match &mut self.propagation {
            Propagation::Rewritten(commands) => commands.push(command),
            Propagation::Verbatim => self.propagation = Propagation::Rewritten(vec![command]),
        }
    }

    /// Whether what goes to the log was replaced already.
    pub fn rewrites(&self) -> bool {
        matches!(self.propagation, Propagation::Rewritten(_))
    }

    /// Keeps the command out of the log although it changed something.
    pub fn no_propagation(&mut self) {
        self.propagation = Propagation::Rewritten(Vec::new());
    }

    /// From here on, what goes to the log is collected, to be appended as a unit.
    pub(crate) fn begin_unit(&mut self) {
        self.seldom().unit = Some(Vec::new());
    }

    /// Appends what was collected since [`begin_unit`](Self::begin_unit).
    pub(crate) fn end_unit(&mut self) {
        let unit = self.seldom_if_any().and_then(|seldom| seldom.unit.take());
        if let Some(unit) = unit.filter(|unit| !unit.is_empty()) {
            self.session.log_offset = self.server.append_to_log(unit);
            self.session.replicated_offset = self.server.log.replicated();
        }
    }

    /// Closes the client once the reply is out.
    pub fn close_after_reply(&mut self) {
        self.close = true;
        let flags = &self.session.state.flags;
        flags.fetch_or(client_flag::CLOSING, Relaxed);
    }

    /// Keeps the arguments out of SLOWLOG and MONITOR.
    pub fn redact(&mut self) {
        self.redacted = Redacted::All;
    }

    /// Keeps one argument out of SLOWLOG and MONITOR.
    pub fn redact_arg(&mut self, at: usize) {
        self.redacted = match self.redacted {
            Redacted::All => Redacted::All,
            Redacted::No => Redacted::Some(1 << at.min(63)),
            Redacted::Some(bits) => Redacted::Some(bits | 1 << at.min(63)),
        };
    }

    /// The client gets no reply now; one may come through its link.
    pub fn wait_without_reply(&mut self) {
        self.blocked = true;
    }

    /// All databases.
    pub fn databases(&self) -> impl Iterator<Item = DbId> + use<> {
        (0..self.server.keyspace.databases() as u32).map(DbId)
    }

    /// Number of shards, to walk with [`with_shard`](Self::with_shard).
    pub fn shards(&self) -> usize {
        self.server.keyspace.shards()
    }

    /// Runs `f` on one shard's part of a database, with its lock held: the way of commands that
    /// walk the whole keyspace one shard at a time. `None` is given where the part has no keys.
    ///
    /// # Errors
    /// When the shard is busy: the handler must return this error at once, its reply is dropped
    /// and the command runs again, from its beginning, when the shard is free.
    pub fn with_shard<R>(
        &mut self,
        shard: ShardId,
        db: DbId,
        f: impl FnOnce(Option<&Db>) -> R,
    ) -> Result<R, ReplyError> {
        self.with_locked(shard, |locked| f(locked.db(shard, db)))
    }

    /// Runs `f` on one shard's part of every database that has keys there, under one lock.
    ///
    /// # Errors
    /// As [`Self::with_shard`].
    pub fn with_parts(
        &mut self,
        shard: ShardId,
        mut f: impl FnMut(DbId, &Db),
    ) -> Result<(), ReplyError> {
        let databases = self.server.keyspace.databases() as u32;
        self.with_locked(shard, |locked| {
            let parts = (0..databases).map(DbId);
            let parts = parts.filter_map(|db| Some((db, locked.db(shard, db)?)));
            parts.for_each(|(db, part)| f(db, part));
        })
    }

    fn with_locked<R>(
        &mut self,
        shard: ShardId,
        f: impl FnOnce(&Locked<'_>) -> R,
    ) -> Result<R, ReplyError> {
        if self.locked.contains(shard) {
            return Ok(f(&self.locked));
        }
        let link = &self.session.link;
        let park = || -> std::sync::Arc<dyn keyspace::Waker> {
            std::sync::Arc::new(LinkWaker(std::sync::Arc::clone(link)))
        };
        let keyspace = &self.server.keyspace;
        match keyspace.try_lock_or_park(&ShardSet::one(shard), &park) {
            Ok(locked) => Ok(f(&locked)),
            Err(_) => Err(self.defer()),
        }
    }

    /// The command is to be run again, from its beginning, when its client is resumed: what its
    /// handler must return at once.
    pub(crate) fn defer(&mut self) -> ReplyError {
        self.deferred = true;
        errors::DEFERRED
    }

    /// All the locks that the command holds.
    pub fn locked(&mut self) -> &mut Locked<'a> {
        &mut self.locked
    }

    /// The effects collected so far; for keyspace-wide operations that bypass the write guard
    /// (FLUSHALL, SWAPDB).
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    /// The arguments as others may see them.
    pub(crate) fn shown_args<'s>(&self, args: Args<'s>) -> SmallVec<[&'s [u8]; 8]> {
        let shown = |(at, arg)| {
            if self.redacted.hides(at) {
                &b"(redacted)"[..]
            } else {
                arg
            }
        };
        args.iter().enumerate().map(shown).collect()
    }
}

#[inline]
fn as_str(entry: Option<Entry<'_>>) -> Result<Option<StrRef<'_>>, ReplyError> {
    entry
        .map(|entry| entry.str_value().ok_or(errors::WRONGTYPE))
        .transpose()
}

/// The error reply for a value of another type than the command is for.
pub(crate) fn wrong_type(_: WrongKind) -> ReplyError {
    errors::WRONGTYPE
}
