//! The databases of one shard: the first in place, each other from when something is put there.
//!
//! There are many shards and nearly all keys are in the first database, so what is not used takes
//! no memory. A database that is not here yet is read as `None`, which says the same as an empty
//! one; who wants to change one gets it made ([`Dbs::get_mut`]). Which of them exist is decided
//! by their number alone.

use crate::DbId;
use crate::db::Db;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// See the module's text.
pub(crate) struct Dbs {
    first: Db,
    /// From database 1 on; empty until one of them is used.
    others: Box<[Option<Box<Db>>]>,
    count: u32,
    /// What tables get that are made from now on.
    first_epoch: u32,
    next_due: Arc<AtomicI64>,
}

impl Dbs {
    /// So many, at least one.
    pub(crate) fn new(count: usize, next_due: &Arc<AtomicI64>) -> Self {
        Self {
            first: Db::new(DbId(0), next_due),
            others: Box::default(),
            count: count.max(1) as u32,
            first_epoch: 0,
            next_due: Arc::clone(next_due),
        }
    }

    /// A database to be read; `None` where nothing has been put there yet.
    #[inline]
    pub(crate) fn get(&self, id: DbId) -> Option<&Db> {
        match id.index() {
            0 => Some(&self.first),
            index => self.others.get(index - 1)?.as_deref(),
        }
    }

    /// A database to be changed; `None` where it does not exist.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: DbId) -> Option<&mut Db> {
        match id.index() {
            0 => Some(&mut self.first),
            index => self.other_mut(index - 1),
        }
    }

    fn other_mut(&mut self, at: usize) -> Option<&mut Db> {
        let others = self.count as usize - 1;
        if at < others && self.others.is_empty() {
            self.others = (0..others).map(|_| None).collect();
        }
        let (next_due, epoch) = (&self.next_due, self.first_epoch);
        let made = || {
            let mut db = Db::new(DbId(at as u32 + 1), next_due);
            db.table.set_first_epoch(epoch);
            Box::new(db)
        };
        Some(self.others.get_mut(at)?.get_or_insert_with(made))
    }

    /// As [`Self::get_mut`], but makes none.
    pub(crate) fn used_mut(&mut self, id: DbId) -> Option<&mut Db> {
        match id.index() {
            0 => Some(&mut self.first),
            index => self.others.get_mut(index - 1)?.as_deref_mut(),
        }
    }

    /// All that are here.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Db> {
        let others = self.others.iter_mut().flatten();
        std::iter::once(&mut self.first).chain(others.map(|db| &mut **db))
    }

    /// Tables without entries get this epoch with their first, those made later too.
    pub(crate) fn set_first_epoch(&mut self, epoch: u32) {
        self.first_epoch = epoch;
        self.iter_mut()
            .for_each(|db| db.table.set_first_epoch(epoch));
    }

    /// Exchanges the data of two databases; whether both exist.
    pub(crate) fn swap(&mut self, a: DbId, b: DbId) -> bool {
        let (low, high) = (a.min(b), a.max(b));
        if high.0 >= self.count {
            return false;
        }
        let is_used = |id| self.get(id).is_some();
        if low == high || !(is_used(low) || is_used(high)) {
            return true;
        }
        // Both are made, so that each of them can be had while the other is.
        for id in [low, high] {
            self.get_mut(id);
        }
        let (before, from_high) = self.others.split_at_mut(high.index() - 1);
        let low = match low.index() {
            0 => Some(&mut self.first),
            index => before[index - 1].as_deref_mut(),
        };
        if let (Some(low), Some(high)) = (low, from_high[0].as_deref_mut()) {
            low.swap_data(high);
        }
        true
    }

    /// Puts all data of another keyspace's shard in the place of what is here.
    pub(crate) fn take_over(&mut self, other: &mut Self) {
        for id in (0..self.count).map(DbId) {
            if self.get(id).is_none() && other.get(id).is_none() {
                continue;
            }
            if let (Some(ours), Some(theirs)) = (self.get_mut(id), other.get_mut(id)) {
                ours.take_over(theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effects, Event, KeyHash, Value};

    fn dbs(count: usize) -> Dbs {
        Dbs::new(count, &Arc::new(AtomicI64::new(i64::MAX)))
    }

    fn set(dbs: &mut Dbs, id: u32, key: &[u8]) {
        let mut effects = Effects::at(1);
        let db = dbs.get_mut(DbId(id)).unwrap();
        let mut write = db.write(KeyHash::of(key), key, &mut effects);
        write.set(Value::plain(b"value"));
        write.commit(Event::string("set"));
    }

    fn has(dbs: &Dbs, id: u32, key: &[u8]) -> bool {
        let db = dbs.get(DbId(id));
        db.is_some_and(|db| db.get(KeyHash::of(key), key).is_some())
    }

    #[test]
    fn a_database_is_made_when_it_is_first_changed() {
        let mut dbs = dbs(3);
        assert!(dbs.get(DbId(0)).is_some());
        assert!(dbs.get(DbId(2)).is_none() && dbs.used_mut(DbId(2)).is_none());
        assert!(dbs.get_mut(DbId(3)).is_none() && dbs.others.is_empty());
        set(&mut dbs, 2, b"key");
        assert!(has(&dbs, 2, b"key"));
        assert_eq!(dbs.used_mut(DbId(2)).map(|db| db.id()), Some(DbId(2)));
        assert!(dbs.get(DbId(1)).is_none() && dbs.get_mut(DbId(3)).is_none());
        assert_eq!(dbs.iter_mut().count(), 2);
    }

    #[test]
    fn a_single_database_has_no_others() {
        let mut dbs = dbs(1);
        assert!(dbs.get_mut(DbId(1)).is_none());
        assert!(dbs.swap(DbId(0), DbId(0)) && !dbs.swap(DbId(0), DbId(1)));
    }

    #[test]
    fn databases_are_swapped_whichever_of_them_are_used() {
        for (from, to) in [(0, 2), (2, 0), (1, 2), (2, 1)] {
            let mut dbs = dbs(3);
            set(&mut dbs, from, b"key");
            assert!(dbs.swap(DbId(0), DbId(from)) && dbs.swap(DbId(from), DbId(0)));
            assert!(dbs.swap(DbId(from), DbId(to)));
            assert!(has(&dbs, to, b"key") && !has(&dbs, from, b"key"));
            assert_eq!(dbs.get(DbId(to)).map(Db::id), Some(DbId(to)));
            set(&mut dbs, from, b"other");
            assert!(dbs.swap(DbId(to), DbId(from)));
            assert!(has(&dbs, from, b"key") && has(&dbs, to, b"other"));
        }
        let mut dbs = dbs(3);
        assert!(dbs.swap(DbId(1), DbId(2)) && dbs.others.is_empty());
        assert!(!dbs.swap(DbId(1), DbId(3)));
    }

    #[test]
    fn a_database_made_late_begins_in_the_epoch_of_the_others() {
        let mut dbs = dbs(2);
        dbs.set_first_epoch(7);
        for id in [0, 1] {
            set(&mut dbs, id, b"key");
            let table = &dbs.get(DbId(id)).unwrap().table;
            let segment = table.segment_of(KeyHash::of(b"key").0).unwrap();
            assert_eq!(table.epoch(segment), 7);
        }
    }

    #[test]
    fn all_data_is_taken_over_and_nothing_else_left() {
        let (mut ours, mut theirs) = (dbs(4), dbs(4));
        set(&mut ours, 0, b"old");
        set(&mut ours, 1, b"old");
        set(&mut theirs, 0, b"new");
        set(&mut theirs, 2, b"new");
        ours.take_over(&mut theirs);
        assert!(has(&ours, 0, b"new") && has(&ours, 2, b"new"));
        assert!(!has(&ours, 0, b"old") && !has(&ours, 1, b"old"));
        assert!(ours.get(DbId(3)).is_none());
    }
}
