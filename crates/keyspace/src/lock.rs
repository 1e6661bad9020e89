//! Shard locks: taken in ascending order, never waited for by a worker.
//!
//! A worker spins briefly on a busy shard, then parks a [`Waker`] there and serves its other
//! connections. No wake-up is lost (`lock/raw.rs` says how). Wakers are called outside the lock.

mod raw;

use crate::db::Db;
use crate::dbs::Dbs;
use crate::hints::Hints;
use crate::{DbId, ShardId};
use raw::{ShardMutex, ShardMutexGuard};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Told when a busy shard is free.
pub trait Waker: Send + Sync {
    /// The shard is, or was, free: try again. Called once per registration, from any thread.
    fn wake(&self);
}

/// The lock is busy; the waker has been registered with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parked;

/// Which shards a command needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardSet {
    /// These: distinct, ascending.
    Some(SmallVec<[ShardId; 4]>),
    /// Every shard.
    All,
}

impl Default for ShardSet {
    fn default() -> Self {
        Self::Some(SmallVec::new())
    }
}

impl ShardSet {
    /// One shard.
    #[inline]
    pub fn one(shard: ShardId) -> Self {
        Self::Some(SmallVec::from_slice(&[shard]))
    }

    /// Adds a shard.
    pub fn insert(&mut self, shard: ShardId) {
        if let Self::Some(ids) = self
            && let Err(at) = ids.binary_search(&shard)
        {
            ids.insert(at, shard);
        }
    }

    /// Adds all of another set.
    pub fn union(&mut self, other: &Self) {
        match other {
            Self::All => *self = Self::All,
            Self::Some(ids) => ids.iter().for_each(|&id| self.insert(id)),
        }
    }

    /// Whether it needs no shard.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Some(ids) if ids.is_empty())
    }
}

/// What a shard's lock protects.
pub(crate) struct ShardData {
    pub(crate) dbs: Dbs,
}

/// A lock, and what may be read without it.
#[repr(align(128))]
pub(crate) struct Shard {
    data: ShardMutex<ShardData>,
    /// Where the buckets of the first database are.
    pub(crate) hints: Hints,
    /// When the shard's expiry may next have something to do (Unix ms).
    pub(crate) next_due: Arc<AtomicI64>,
}

impl Shard {
    pub(crate) fn new(databases: usize) -> Self {
        raw::barrier::prepare();
        let next_due = Arc::new(AtomicI64::new(i64::MAX));
        let dbs = Dbs::new(databases, &next_due);
        Self {
            data: ShardMutex::new(ShardData { dbs }),
            hints: Hints::default(),
            next_due,
        }
    }

    /// Asks for the lock's cache line, to take it.
    #[inline]
    pub(crate) fn prefetch(&self) {
        datatypes::table::prefetch_write(&raw const self.data);
    }

    #[inline]
    pub(crate) fn try_lock_once(&self, id: ShardId) -> Option<ShardGuard<'_>> {
        let data = self.data.try_lock()?;
        Some(ShardGuard { data, id })
    }

    #[inline]
    pub(crate) fn try_lock(&self, id: ShardId) -> Option<ShardGuard<'_>> {
        let data = raw::spin(&self.data)?;
        Some(ShardGuard { data, id })
    }

    #[cold]
    fn park(&self, id: ShardId, waker: &Arc<dyn Waker>) -> Option<ShardGuard<'_>> {
        let data = raw::park(&self.data, waker)?;
        Some(ShardGuard { data, id })
    }

    pub(crate) fn lock(&self, id: ShardId) -> ShardGuard<'_> {
        let data = self.data.lock();
        ShardGuard { data, id }
    }
}

/// One locked shard.
pub(crate) struct ShardGuard<'a> {
    data: ShardMutexGuard<'a, ShardData>,
    id: ShardId,
}

impl ShardGuard<'_> {
    #[inline]
    pub(crate) fn data(&self) -> &ShardData {
        &self.data
    }

    #[inline]
    pub(crate) fn data_mut(&mut self) -> &mut ShardData {
        &mut self.data
    }
}

/// Locked shards, ascending.
pub struct Locked<'a> {
    guards: Guards<'a>,
}

/// One shard is the common case, and costs no list.
enum Guards<'a> {
    One(ShardGuard<'a>),
    Many(Vec<ShardGuard<'a>>),
}

impl<'a> Guards<'a> {
    #[inline]
    fn as_slice(&self) -> &[ShardGuard<'a>] {
        match self {
            Self::One(guard) => std::slice::from_ref(guard),
            Self::Many(guards) => guards,
        }
    }

    #[inline]
    fn as_mut_slice(&mut self) -> &mut [ShardGuard<'a>] {
        match self {
            Self::One(guard) => std::slice::from_mut(guard),
            Self::Many(guards) => guards,
        }
    }
}

impl<'a> Locked<'a> {
    /// No shard at all.
    pub fn none() -> Self {
        Self {
            guards: Guards::Many(Vec::new()),
        }
    }

    #[inline]
    fn find(&self, shard: ShardId) -> Option<usize> {
        match &self.guards {
            Guards::One(only) => (only.id == shard).then_some(0),
            Guards::Many(guards) => guards.binary_search_by_key(&shard, |g| g.id).ok(),
        }
    }

    /// Whether this shard is locked.
    #[inline]
    pub fn contains(&self, shard: ShardId) -> bool {
        self.find(shard).is_some()
    }

    /// A database's part in a locked shard; `None` if the shard is not locked, there is no such
    /// database, or nothing has been put there yet.
    #[inline]
    pub fn db(&self, shard: ShardId, db: DbId) -> Option<&Db> {
        self.guards.as_slice()[self.find(shard)?].data().dbs.get(db)
    }

    /// As [`Locked::db`], to be changed; `None` in the first two cases only.
    #[inline]
    pub fn db_mut(&mut self, shard: ShardId, db: DbId) -> Option<&mut Db> {
        let at = self.find(shard)?;
        self.guards.as_mut_slice()[at].data_mut().dbs.get_mut(db)
    }

    /// As [`Locked::db_mut`], but makes none.
    pub(crate) fn used_db_mut(&mut self, shard: ShardId, db: DbId) -> Option<&mut Db> {
        let at = self.find(shard)?;
        let guard = &mut self.guards.as_mut_slice()[at];
        guard.data_mut().dbs.used_mut(db)
    }

    /// All databases of a locked shard where something has been put.
    pub(crate) fn used_dbs_mut(&mut self, shard: ShardId) -> impl Iterator<Item = &mut Db> {
        let at = self.find(shard);
        let guards = self.guards.as_mut_slice();
        let guard = at.map(|at| &mut guards[at]);
        guard
            .into_iter()
            .flat_map(|guard| guard.data_mut().dbs.iter_mut())
    }

    /// The locked shards' parts of a database, but for those where nothing has been put yet.
    pub fn dbs(&self, db: DbId) -> impl Iterator<Item = &Db> {
        self.guards
            .as_slice()
            .iter()
            .filter_map(move |g| g.data().dbs.get(db))
    }

    /// As [`Locked::dbs`], to be changed.
    pub fn dbs_mut(&mut self, db: DbId) -> impl Iterator<Item = &mut Db> {
        self.guards
            .as_mut_slice()
            .iter_mut()
            .filter_map(move |g| g.data_mut().dbs.used_mut(db))
    }

    /// The locked shards.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> {
        self.guards.as_slice().iter().map(|g| g.id)
    }

    pub(crate) fn data_mut(&mut self) -> impl Iterator<Item = &mut ShardData> {
        self.guards
            .as_mut_slice()
            .iter_mut()
            .map(ShardGuard::data_mut)
    }

    /// Empties a database in the locked shards; returns how many keys went. Tables are freed
    /// in the background unless `sync`.
    pub fn flush(&mut self, db: DbId, sync: bool) -> usize {
        self.dbs_mut(db).map(|db| db.flush(sync)).sum()
    }

    /// Exchanges the data of two databases in the locked shards; whether both exist.
    pub fn swap(&mut self, a: DbId, b: DbId) -> bool {
        self.data_mut().all(|data| data.dbs.swap(a, b))
    }
}

/// Locks a set of shards: `take` gets one of them, or gives up.
#[inline]
fn lock_set<'a, E>(
    shards: &'a [Shard],
    set: &ShardSet,
    mut take: impl FnMut(&'a Shard, ShardId) -> Result<ShardGuard<'a>, E>,
) -> Result<Locked<'a>, E> {
    let mut guards = Vec::new();
    match set {
        ShardSet::Some(ids) => {
            if let &[id] = &ids[..] {
                return Ok(Locked {
                    guards: Guards::One(take(&shards[id.index()], id)?),
                });
            }
            for &id in ids {
                guards.push(take(&shards[id.index()], id)?);
            }
        }
        ShardSet::All => {
            for (id, shard) in shards.iter().enumerate() {
                guards.push(take(shard, ShardId(id as u32))?);
            }
        }
    }
    Ok(Locked {
        guards: Guards::Many(guards),
    })
}

pub(crate) fn try_lock<'a>(shards: &'a [Shard], set: &ShardSet) -> Option<Locked<'a>> {
    lock_set(shards, set, |shard, id| shard.try_lock(id).ok_or(())).ok()
}

pub(crate) fn lock<'a>(shards: &'a [Shard], set: &ShardSet) -> Locked<'a> {
    let result = lock_set(shards, set, |shard, id| Ok::<_, Parked>(shard.lock(id)));
    result.unwrap_or_else(|Parked| unreachable!("a blocking lock does not give up"))
}

/// One shard, as most commands need.
#[inline]
pub(crate) fn try_lock_one(shards: &[Shard], id: ShardId) -> Option<Locked<'_>> {
    let guard = shards[id.index()].try_lock(id)?;
    Some(Locked {
        guards: Guards::One(guard),
    })
}

/// As [`try_lock_one`], but where the shard is busy a waker is parked there.
#[inline]
pub(crate) fn try_lock_one_or_park<'a>(
    shards: &'a [Shard],
    id: ShardId,
    park: impl FnOnce() -> Arc<dyn Waker>,
) -> Result<Locked<'a>, Parked> {
    let shard = &shards[id.index()];
    let guard = shard
        .try_lock(id)
        .or_else(|| shard.park(id, &park()))
        .ok_or(Parked)?;
    Ok(Locked {
        guards: Guards::One(guard),
    })
}

pub(crate) fn try_lock_or_park<'a>(
    shards: &'a [Shard],
    set: &ShardSet,
    park: &dyn Fn() -> Arc<dyn Waker>,
) -> Result<Locked<'a>, Parked> {
    lock_set(shards, set, |shard, id| match shard.try_lock(id) {
        Some(guard) => Ok(guard),
        None => shard.park(id, &park()).ok_or(Parked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_shard_is_small() {
        // Behind it there is nothing but the counter that it shares with its databases.
        let behind = size_of::<[AtomicI64; 3]>();
        assert!(size_of::<Shard>() + behind <= 640, "{}", size_of::<Shard>());
    }
}
