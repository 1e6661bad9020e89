//! Where a shard's buckets are, to be read without its lock: for prefetching, nothing else.
//!
//! A copy of the table's directory in atomics. It is brought up to date under the lock, by whoever
//! finds that buckets have moved, and may be behind at any time: a prefetch of the wrong line costs
//! what it would have saved. What a directory took while it was larger stays until the shard goes,
//! so that readers need not be waited for. A shard with few keys has none.
//! Only for the first database, which nearly all keys are in.

use crate::entry::EntryBox;
use datatypes::table::{HintDirectory, Table, prefetch, prefetch_record};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// See the module's text. On lines of its own: the lock's line changes hands all the time.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Hints {
    depth: AtomicU8,
    /// Where the table's own directory is, and the table: what a look-up reads first.
    records: AtomicUsize,
    table: AtomicUsize,
    directory: HintDirectory,
}

impl Hints {
    /// Asks for the bucket where a hash probably is, and for what leads to it.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        let depth = self.depth.load(Relaxed);
        prefetch(std::ptr::without_provenance(self.table.load(Relaxed)));
        let index = (hash >> 1 >> (63 - depth)) as usize;
        prefetch_record(self.records.load(Relaxed), index);
        if let Some(segment) = self.directory.get(index) {
            segment.prefetch(hash);
        }
    }

    /// Follows the table.
    #[cold]
    pub(crate) fn follow(&self, table: &mut Table<EntryBox>) {
        self.table.store(std::ptr::from_ref(table).addr(), Relaxed);
        let is_tiny = table.is_tiny();
        let Some(moved) = table.take_moved() else {
            return;
        };
        debug_assert!(
            moved.first == 0 || moved.depth == self.depth.load(Relaxed),
            "a directory of another depth is new from its beginning"
        );
        for (index, words) in (moved.first..).zip(moved.segments) {
            let hint = if is_tiny {
                self.directory.get(index)
            } else {
                self.directory.get_or_make(index)
            };
            if let Some(hint) = hint {
                hint.set(words);
            }
        }
        self.records.store(moved.directory, Relaxed);
        self.depth.store(moved.depth, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::{DbId, Effects, Event, Keyspace, KeyspaceConfig, ShardSet, Value};
    use datatypes::{hash::HashLimits, set::SetLimits};
    use std::sync::atomic::Ordering::Relaxed;

    fn change(ks: &Keyspace, key: &[u8], is_there: bool) {
        let hash = ks.hash(key);
        let shard = ks.shard_of(hash);
        let mut effects = Effects::at(1);
        let mut locked = ks.lock(&ShardSet::one(shard));
        let mut write = locked
            .db_mut(shard, DbId(0))
            .unwrap()
            .write(hash, key, &mut effects);
        if is_there {
            write.set(Value::plain(b"value"));
        } else {
            write.remove();
        }
        write.commit(Event::string("set"));
    }

    /// What the hints say of the table's own directory.
    fn agree(ks: &Keyspace) {
        for (id, shard) in ks.shard_ids().zip(ks.shard_locks()) {
            let mut locked = ks.lock_one(id);
            let table = &mut locked.db_mut(id, DbId(0)).unwrap().table;
            if table.has_moved() {
                shard.hints.follow(table);
            }
            table.note_all_moved();
            let is_tiny = table.is_tiny();
            let Some(moved) = table.take_moved() else {
                continue;
            };
            for (index, words) in (moved.first..).zip(moved.segments) {
                let hint = shard.hints.directory.get(index);
                assert!(hint.is_some() || is_tiny);
                assert!(hint.is_none_or(|hint| hint.get() == words));
            }
            assert_eq!(shard.hints.depth.load(Relaxed), moved.depth);
        }
    }

    #[test]
    fn hints_follow_a_table_as_it_grows_and_shrinks() {
        let keys = if cfg!(miri) { 2_000 } else { 40_000u32 };
        let ks = Keyspace::new(KeyspaceConfig {
            databases: 2,
            shards: 2,
        });
        let key = |i: u32| format!("key:{i}").into_bytes();
        for i in 0..keys {
            change(&ks, &key(i), true);
            if i % 997 == 0 {
                agree(&ks);
            }
        }
        agree(&ks);
        for i in 0..keys {
            change(&ks, &key(i), false);
            if i % 997 == 0 {
                agree(&ks);
            }
        }
        agree(&ks);
        // Nothing is there that they lead to; asking does no harm.
        (0..100).for_each(|i| ks.prefetch(DbId(0), ks.hash(&key(i))));
    }

    #[test]
    fn hints_follow_flushed_and_swapped_tables() {
        let ks = Keyspace::new(KeyspaceConfig {
            databases: 2,
            shards: 1,
        });
        (0..if cfg!(miri) { 300 } else { 5_000u32 })
            .for_each(|i| change(&ks, &i.to_le_bytes(), true));
        agree(&ks);
        ks.lock_all().swap(DbId(0), DbId(1));
        (0..50u32).for_each(|i| change(&ks, &i.to_le_bytes(), true));
        agree(&ks);
        ks.lock_all().swap(DbId(0), DbId(1));
        agree(&ks);
        ks.lock_all().flush(DbId(0), true);
        (0..50u32).for_each(|i| change(&ks, &i.to_le_bytes(), true));
        agree(&ks);
    }

    #[test]
    fn looking_ahead_into_any_value_does_no_harm() {
        let ks = Keyspace::new(KeyspaceConfig {
            databases: 2,
            shards: 2,
        });
        let large = |texts: std::ops::Range<u32>| texts.map(|i| format!("member:{i}"));
        let mut hash = datatypes::Hash::new();
        let mut set = datatypes::Set::new();
        for name in large(0..300) {
            hash.set(name.as_bytes(), b"value", &HashLimits::default());
            set.add(name.as_bytes(), &SetLimits::default());
        }
        let values: [(&[u8], Value<'_>); 5] = [
            (b"string", Value::plain(b"text")),
            (b"hash", Value::Hash(hash)),
            (b"set", Value::Set(set)),
            (b"small hash", Value::Hash(datatypes::Hash::new())),
            (b"small set", Value::Set(datatypes::Set::new())),
        ];
        for (key, value) in values {
            let hash = ks.hash(key);
            let shard = ks.shard_of(hash);
            let mut effects = Effects::at(1);
            let mut locked = ks.lock(&ShardSet::one(shard));
            let db = locked.db_mut(shard, DbId(0)).unwrap();
            let mut write = db.write(hash, key, &mut effects);
            write.set(value);
            write.commit(Event::string("set"));
        }
        let keys: [&[u8]; 6] = [
            b"string",
            b"hash",
            b"set",
            b"small hash",
            b"small set",
            b"none",
        ];
        for hash in keys.map(|key| ks.hash(key)) {
            for db in [DbId(0), DbId(1), DbId(7)] {
                ks.prefetch(db, hash);
                ks.prefetch_entry(db, hash);
                for member in large(0..20).map(|text| common::hash::hash(text.as_bytes())) {
                    ks.prefetch_value(db, hash, [member].into_iter());
                    ks.prefetch_members(db, hash, [member].into_iter());
                }
            }
        }
    }
}
