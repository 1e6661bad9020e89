//! The keyspace: all shards of all databases, and the operations that go from shard to shard.
//!
//! Lock order: ascending shard ids. Functions here that lock a shard themselves hold one at a
//! time (but for [`Keyspace::begin_cut`]) and must not be called with a shard locked.

use crate::db::DueKey;
use crate::entry;
use crate::hash::{KeyHash, SHARD_BITS};
use crate::lock::{self, Locked, Parked, Shard, ShardSet, Waker};
use crate::snapshot::{CutBegun, CutSize, CutState, PreImage};
use crate::value::ValueRef;
use crate::{DbId, ShardId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// How large a keyspace is.
#[derive(Clone, Copy, Debug)]
pub struct KeyspaceConfig {
    /// Number of databases.
    pub databases: usize,
    /// Number of shards: rounded up to a power of two, at most 4096.
    pub shards: usize,
}

impl KeyspaceConfig {
    /// So many shards for so many worker threads. Each time a worker comes to a shard that another
    /// was in since it looked ahead at it, the lock's line has to come over again: with 64 shards
    /// two workers did 1.4 times the operations of one, with 512 1.9 times. One worker takes
    /// nothing away from itself, and fewer shards lie closer together. The bound is for memory:
    /// each shard takes half a KB, and as much again where keys expire.
    #[must_use]
    pub fn shards_for(workers: usize) -> usize {
        match workers {
            0 | 1 => 64,
            _ => workers.saturating_mul(256).min(2048),
        }
    }
}

impl Default for KeyspaceConfig {
    fn default() -> Self {
        Self {
            databases: 16,
            shards: 64,
        }
    }
}

/// Counters of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DbStats {
    /// Keys.
    pub keys: usize,
    /// Keys with an expiry.
    pub volatile: usize,
    /// Average remaining time of those, in ms.
    pub ttl_avg_ms: i64,
    /// Bytes of tables and expiry indexes.
    pub overhead: usize,
}

/// See the module's text.
pub struct Keyspace {
    shards: Box<[Shard]>,
    databases: usize,
    epoch: AtomicU32,
    is_cutting: AtomicBool,
}

impl Keyspace {
    /// An empty keyspace.
    pub fn new(config: KeyspaceConfig) -> Self {
        let shards = config.shards.clamp(1, 1 << SHARD_BITS).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Shard::new(config.databases)).collect(),
            databases: config.databases,
            epoch: AtomicU32::new(0),
            is_cutting: AtomicBool::new(false),
        }
    }

    /// An empty one of the same shape, for data that is to take the place of what is here: see
    /// [`Self::take_over`].
    #[must_use]
    pub fn alike(&self) -> Self {
        Self::new(KeyspaceConfig {
            databases: self.databases,
            shards: self.shards.len(),
        })
    }

    /// Puts all data of another keyspace, made by [`Self::alike`], in the place of what is here, by
    /// one who has locked all shards here. What was here is freed in the background.
    pub fn take_over(&self, locked: &mut Locked<'_>, other: &Self) {
        let mut theirs = other.lock_all();
        for (ours, theirs) in locked.data_mut().zip(theirs.data_mut()) {
            ours.dbs.take_over(&mut theirs.dbs);
        }
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash::of(key)
    }

    /// The shard of a key.
    #[inline]
    pub fn shard_of(&self, hash: KeyHash) -> ShardId {
        ShardId((hash.shard_bits() & (self.shards.len() - 1)) as u32)
    }

    /// Number of shards.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// All shard ids.
    pub fn shard_ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.shards.len() as u32).map(ShardId)
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    #[inline]
    fn shard(&self, hash: KeyHash) -> (&Shard, ShardId) {
        let id = self.shard_of(hash);
        (&self.shards[id.index()], id)
    }

    /// Asks for the bucket of a key. Does not lock if the key is in the first database; if in
    /// another, gives up if the shard is busy.
    #[inline]
    pub fn prefetch(&self, db: DbId, hash: KeyHash) {
        let (shard, id) = self.shard(hash);
        if db == DbId(0) {
            shard.hints.prefetch(hash.0);
        } else {
            Self::prefetch_locked(shard, id, db, hash);
        }
    }

    /// Asks for the lock of a key's shard, to take it soon.
    #[inline]
    pub fn prefetch_lock(&self, hash: KeyHash) {
        self.shard(hash).0.prefetch();
    }

    fn prefetch_locked(shard: &Shard, id: ShardId, db: DbId, hash: KeyHash) {
        if let Some(guard) = shard.try_lock_once(id)
            && let Some(db) = guard.data().dbs.get(db)
        {
            db.table.prefetch(hash.0);
        }
    }

    /// Asks for the entry of a key (its bucket should be near by now); gives up if busy.
    #[inline]
    pub fn prefetch_entry(&self, db: DbId, hash: KeyHash) {
        let (shard, id) = self.shard(hash);
        if let Some(mut guard) = shard.try_lock_once(id)
            && let Some(db) = guard.data_mut().dbs.used_mut(db)
        {
            db.table.prefetch_item(hash.0);
            if db.table.has_moved() && db.id() == DbId(0) {
                shard.hints.follow(&mut db.table);
            }
        }
    }

    /// Asks for what a look at members of the hash or set at a key reads first. Answers whether
    /// [`Self::prefetch_members`] has more to ask for then. Gives up if the shard is busy.
    #[inline]
    pub fn prefetch_value(
        &self,
        db: DbId,
        hash: KeyHash,
        members: impl Iterator<Item = u64>,
    ) -> bool {
        self.with_probable(db, hash, |value| match value {
            ValueRef::Hash(fields) => members.fold(false, |_, member| fields.prefetch(member)),
            ValueRef::Set(set) => members.fold(false, |_, member| set.prefetch(member)),
            _ => false,
        })
    }

    /// Asks for members, when what leads to them should be near. Gives up if the shard is busy.
    #[inline]
    pub fn prefetch_members(&self, db: DbId, hash: KeyHash, members: impl Iterator<Item = u64>) {
        self.with_probable(db, hash, |value| match value {
            ValueRef::Hash(fields) => members.for_each(|member| fields.prefetch_field(member)),
            ValueRef::Set(set) => members.for_each(|member| set.prefetch_member(member)),
            _ => {}
        });
    }

    /// Calls `f` with the value that is probably at a key.
    #[inline]
    fn with_probable<R: Default>(
        &self,
        db: DbId,
        hash: KeyHash,
        f: impl FnOnce(ValueRef<'_>) -> R,
    ) -> R {
        let (shard, id) = self.shard(hash);
        let Some(guard) = shard.try_lock_once(id) else {
            return R::default();
        };
        let db = guard.data().dbs.get(db);
        let entry = db.and_then(|db| db.table.probable(hash.0));
        entry.map(|entry| f(entry.value())).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn shard_locks(&self) -> &[Shard] {
        &self.shards
    }

    /// About how many keys a database has: shards that others have locked are left out.
    pub fn len_hint(&self, db: DbId, locked: &Locked<'_>) -> usize {
        let own: usize = locked.dbs(db).map(crate::Db::len).sum();
        let others = self.shard_ids().filter(|id| !locked.contains(*id));
        let others = others.filter_map(|id| {
            let guard = self.shards[id.index()].try_lock_once(id)?;
            guard.data().dbs.get(db).map(crate::Db::len)
        });
        own + others.sum::<usize>()
    }

    /// Locks shards, spinning briefly on busy ones.
    #[inline]
    pub fn try_lock(&self, set: &ShardSet) -> Option<Locked<'_>> {
        lock::try_lock(&self.shards, set)
    }

    /// Locks shards; on a busy one, parks the waker that `park` makes.
    ///
    /// # Errors
    /// [`Parked`]: nothing is locked; the waker will be called once, when the busy shard is free.
    #[inline]
    pub fn try_lock_or_park(
        &self,
        set: &ShardSet,
        park: &dyn Fn() -> Arc<dyn Waker>,
    ) -> Result<Locked<'_>, Parked> {
        lock::try_lock_or_park(&self.shards, set, park)
    }

    /// Locks one shard if it is free, or becomes so while this spins briefly.
    #[inline]
    pub fn try_lock_one(&self, shard: ShardId) -> Option<Locked<'_>> {
        lock::try_lock_one(&self.shards, shard)
    }

    /// [`Self::try_lock_or_park`] for one shard.
    ///
    /// # Errors
    /// [`Parked`], likewise.
    #[inline]
    pub fn try_lock_one_or_park(
        &self,
        shard: ShardId,
        park: impl FnOnce() -> Arc<dyn Waker>,
    ) -> Result<Locked<'_>, Parked> {
        lock::try_lock_one_or_park(&self.shards, shard, park)
    }

    /// Locks shards, waiting for them: not for workers.
    pub fn lock(&self, set: &ShardSet) -> Locked<'_> {
        lock::lock(&self.shards, set)
    }

    /// Locks one shard, waiting for it: not for workers.
    pub fn lock_one(&self, shard: ShardId) -> Locked<'_> {
        self.lock(&ShardSet::one(shard))
    }

    /// Locks every shard, waiting for them.
    pub fn lock_all(&self) -> Locked<'_> {
        self.lock(&ShardSet::All)
    }

    /// Counters of a database, shard by shard.
    pub fn stats(&self, db: DbId, now_ms: i64) -> DbStats {
        let mut stats = DbStats::default();
        let mut ttl_sum = 0;
        for shard in self.shard_ids() {
            for db in self.lock_one(shard).dbs(db) {
                stats.keys += db.len();
                stats.volatile += db.volatile_len();
                stats.overhead += db.overhead();
                ttl_sum += db.ttl_sum(now_ms);
            }
        }
        if stats.volatile > 0 {
            stats.ttl_avg_ms = (ttl_sum / stats.volatile as i128).max(0) as i64;
        }
        stats
    }

    /// The cursor of SCAN for a shard and a hash position in it: at most 44 bits.
    pub fn scan_cursor(&self, shard: ShardId, position: u64) -> u64 {
        position >> 32 << SHARD_BITS | u64::from(shard.0)
    }

    /// Shard and position of a cursor; one that no scan gave leads to the end or anywhere.
    pub fn scan_position(&self, cursor: u64) -> Option<(ShardId, u64)> {
        let shard = cursor & ((1 << SHARD_BITS) - 1);
        ((shard as usize) < self.shards.len() && cursor >> (SHARD_BITS + 32) == 0)
            .then_some((ShardId(shard as u32), cursor >> SHARD_BITS << 32))
    }

    /// The cursor after `next`, a result of [`crate::Db::scan`] in `shard`; 0 at the end.
    pub fn next_cursor(&self, shard: ShardId, next: Option<u64>) -> u64 {
        match next {
            Some(position) => self.scan_cursor(shard, position),
            None if shard.index() + 1 < self.shards.len() => {
                self.scan_cursor(ShardId(shard.0 + 1), 0)
            }
            None => 0,
        }
    }

    /// When the shard's expiry may next have something to do, in Unix ms: read without a lock.
    pub fn next_due(&self, shard: ShardId) -> i64 {
        self.shards[shard.index()].next_due.load(Relaxed)
    }

    /// Keys of a locked shard whose time has come, after looking at up to about `limit` records
    /// in each database; the caller deletes them under the same lock. Keeps `next_due` right.
    pub fn due(
        &self,
        locked: &mut Locked<'_>,
        shard: ShardId,
        now_ms: i64,
        limit: usize,
    ) -> Vec<(DbId, DueKey)> {
        let mut keys = Vec::new();
        let mut next = i64::MAX;
        for db in locked.used_dbs_mut(shard) {
            if db.next_due().is_some_and(|due| due <= now_ms) {
                let id = db.id();
                keys.extend(db.due(now_ms, limit).0.into_iter().map(|key| (id, key)));
            }
            next = next.min(db.next_due().unwrap_or(i64::MAX));
        }
        self.shards[shard.index()].next_due.store(next, Relaxed);
        keys
    }

    /// Begins a cut: with all shards locked, every table's state of this instant is promised to
    /// the sink, and `at_cut` is called (to note the log's offset). A cut that is not over is
    /// abandoned. Then call [`Keyspace::walk`] until it says that nothing is left, and
    /// [`Keyspace::end_cut`]. Returns how much each database holds.
    pub fn begin_cut(&self, sink: &Arc<dyn PreImage>, at_cut: impl FnOnce()) -> CutBegun {
        let mut locked = self.lock_all();
        let begun = self.begin_cut_locked(&mut locked, sink);
        at_cut();
        begun
    }

    /// The same, for who has locked all shards already.
    pub fn begin_cut_locked(&self, locked: &mut Locked<'_>, sink: &Arc<dyn PreImage>) -> CutBegun {
        let mut sizes = vec![CutSize::default(); self.databases.max(1)];
        let mut parts = 0;
        if !self.is_cutting.swap(true, Relaxed) {
            entry::count_cut(true);
        }
        let epoch = self.epoch.load(Relaxed).wrapping_add(1);
        self.epoch.store(epoch, Relaxed);
        for data in locked.data_mut() {
            data.dbs.set_first_epoch(epoch);
            for db in data.dbs.iter_mut() {
                let size = &mut sizes[db.id().index()];
                size.keys += db.len();
                size.volatile += db.volatile_len();
                size.has_field_expiry |= db.has_field_expiry();
                parts += usize::from(!db.is_empty());
                db.cut = (!db.is_empty()).then(|| {
                    Box::new(CutState {
                        epoch,
                        db: db.id(),
                        next: Some(0),
                        sink: Arc::clone(sink),
                    })
                });
            }
        }
        CutBegun { sizes, parts }
    }

    /// Hands about `entries_max` more entries of a shard's part of a database to the sink;
    /// whether any are left there. SWAPDB moves what is left to another database: the cut is
    /// over when there is nothing left in any.
    pub fn walk(&self, shard: ShardId, db: DbId, entries_max: usize) -> bool {
        let mut locked = self.lock_one(shard);
        let Some(db) = locked.used_db_mut(shard, db) else {
            return false;
        };
        let Some(cut) = &mut db.cut else {
            return false;
        };
        cut.walk(&mut db.table, entries_max);
        if cut.next.is_none() {
            db.cut = None;
        }
        db.cut.is_some()
    }

    /// Ends the cut, which must be over or abandoned.
    pub fn end_cut(&self) {
        if self.is_cutting.swap(false, Relaxed) {
            entry::count_cut(false);
        }
    }

    /// Gives up what of the cut has not been handed over.
    pub fn abandon_cut(&self) {
        for shard in self.shard_ids() {
            for data in self.lock_one(shard).data_mut() {
                data.dbs.iter_mut().for_each(|db| db.cut = None);
            }
        }
    }
}
