//! Intersections and differences, streamed: members go to the caller as they are found.
//!
//! Members of the first set are taken a few at a time; each other set first asks the processor for
//! the cache lines that all of them need, and then looks. Tables keep their items in the order of
//! one and the same hash, so that the lookups of neighbours are near each other too.

use super::{Set, hash};
use crate::listpack::Item;
use crate::word::Of;
use std::ops::ControlFlow;

/// Members looked up at a time.
const BATCH: usize = 16;

/// Some members of the first set, the first `len` of them still in question.
struct Batch<'a> {
    items: [Item<'a>; BATCH],
    /// Of the items, once a table has been asked.
    hashes: [u64; BATCH],
    hashed: bool,
    len: usize,
}

impl<'a> Batch<'a> {
    /// Keeps those of which `keep` says true.
    fn retain(&mut self, mut keep: impl FnMut(u64, Item<'a>) -> bool) {
        let mut kept = 0;
        for index in 0..self.len {
            let (hash, item) = (self.hashes[index], self.items[index]);
            if keep(hash, item) {
                self.hashes[kept] = hash;
                self.items[kept] = item;
                kept += 1;
            }
        }
        self.len = kept;
    }

    /// Keeps those whose membership in `set` is `wanted`.
    fn probe(&mut self, set: &Set, wanted: bool) {
        let Of::C(table) = set.form.get() else {
            return self.retain(|_, item| set.contains_item(item) == wanted);
        };
        if !self.hashed {
            for (hashed, item) in self.hashes.iter_mut().zip(&self.items[..self.len]) {
                *hashed = hash(item.text(&mut itoa::Buffer::new()));
            }
            self.hashed = true;
        }
        for hash in &self.hashes[..self.len] {
            table.prefetch(*hash);
        }
        for hash in &self.hashes[..self.len] {
            table.prefetch_item(*hash);
        }
        self.retain(|hash, item| {
            let mut buffer = itoa::Buffer::new();
            table.find(hash, item.text(&mut buffer)).is_some() == wanted
        });
    }
}

impl Set {
    /// Reads the members that are in all of `others` too, until `f` breaks. Quickest called on the
    /// smallest set, with the others in ascending order of size.
    pub fn intersect<'a>(
        &'a self,
        others: &[&Set],
        f: impl FnMut(Item<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.filter(others, true, f)
    }

    /// Reads the members that are in none of `others`, until `f` breaks.
    pub fn difference<'a>(
        &'a self,
        others: &[&Set],
        f: impl FnMut(Item<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.filter(others, false, f)
    }

    fn filter<'a>(
        &'a self,
        others: &[&Set],
        wanted: bool,
        mut f: impl FnMut(Item<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut batch = Batch {
            items: [Item::Int(0); BATCH],
            hashes: [0; BATCH],
            hashed: false,
            len: 0,
        };
        let mut finish = |batch: &mut Batch<'a>| {
            for set in others {
                batch.probe(set, wanted);
            }
            batch.items[..batch.len]
                .iter()
                .try_for_each(|item| f(*item))?;
            (batch.len, batch.hashed) = (0, false);
            ControlFlow::Continue(())
        };
        self.try_for_each(|item| {
            batch.items[batch.len] = item;
            batch.len += 1;
            if batch.len == BATCH {
                finish(&mut batch)
            } else {
                ControlFlow::Continue(())
            }
        })?;
        finish(&mut batch)
    }
}
