//! Entries from a snapshot file: put into the keyspace without effects.
//!
//! Loading is no command: nothing is counted as a change, no event is sent, no watcher flagged.

use crate::db::Db;
use crate::entry::EntryBox;
use crate::hash::KeyHash;
use crate::keyspace::Keyspace;
use crate::lock::Locked;
use crate::value::Value;
use crate::{DbId, clock, free};

/// An entry that was read from a file.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its database.
    pub db: DbId,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Value<'a>,
    /// When it expires, Unix ms.
    pub expire_at: Option<i64>,
    /// The access clock, if the file has one (see [`crate::clock`]).
    pub clock: Option<u32>,
}

/// What to do about a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// Keep what is there, and say so.
    Refuse,
    /// Replace it.
    Replace,
}

impl NewEntry<'_> {
    fn build(self, now_ms: i64) -> EntryBox {
        let clock = self.clock.unwrap_or_else(|| clock::initial(now_ms));
        EntryBox::new(self.key, self.value, self.expire_at, clock)
    }
}

impl Keyspace {
    /// Puts an entry in; false if its key is there and must not be replaced. Waits for its shard.
    /// The database must exist.
    pub fn load(&self, entry: NewEntry<'_>, duplicate: OnDuplicate, now_ms: i64) -> bool {
        let hash = self.hash(entry.key);
        let (shard, db) = (self.shard_of(hash), entry.db);
        // Allocated before the lock is taken.
        let entry = entry.build(now_ms);
        let mut locked = self.lock_one(shard);
        locked
            .db_mut(shard, db)
            .is_some_and(|db| db.load(hash, entry, duplicate, now_ms))
    }

    /// The same, with the shard locked already.
    pub fn load_locked(
        &self,
        locked: &mut Locked<'_>,
        entry: NewEntry<'_>,
        duplicate: OnDuplicate,
        now_ms: i64,
    ) -> bool {
        let hash = self.hash(entry.key);
        let db = entry.db;
        let entry = entry.build(now_ms);
        locked
            .db_mut(self.shard_of(hash), db)
            .is_some_and(|db| db.load(hash, entry, duplicate, now_ms))
    }
}

impl Db {
    fn load(
        &mut self,
        hash: KeyHash,
        entry: EntryBox,
        duplicate: OnDuplicate,
        now_ms: i64,
    ) -> bool {
        self.before_change(hash);
        if let Some(place) = self.table.find(hash.0, entry.view().key()) {
            if duplicate == OnDuplicate::Refuse {
                return false;
            }
            self.remove(place).into_iter().for_each(free::entry);
        }
        self.insert_entry(hash, entry, now_ms);
        true
    }
}
