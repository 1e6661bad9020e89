//! Large hashes: the compact table of fields, and the index of those that expire.
//!
//! Invariant: for each field with an expiry, its `Due` is in `dues`; and for each `Due` there is at
//! least one such field. Two fields of one expiry and one hash prefix share theirs.

use super::field::{Field, Parts};
use super::{Expiry, FieldRef};
use crate::listpack::Item;
use crate::table::{Item as _, Place, Table};
use common::hash::hash;
use std::collections::BTreeSet;

/// Expiry (48 bits) and hash prefix (32), big endian: in the order of expiry, ten bytes each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due([u8; 10]);

impl Due {
    fn new(expire_at: i64, hash: u64) -> Self {
        let mut bytes = [0; 10];
        bytes[..6].copy_from_slice(&expire_at.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&hash.to_be_bytes()[..4]);
        Self(bytes)
    }

    fn expire_at(self) -> i64 {
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&self.0[..6]);
        i64::from_be_bytes(bytes)
    }

    fn prefix(self) -> u32 {
        u32::from_be_bytes([self.0[6], self.0[7], self.0[8], self.0[9]])
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct FieldTable {
    table: Table<Field>,
    dues: BTreeSet<Due>,
}

impl Clone for FieldTable {
    fn clone(&self) -> Self {
        let mut copy = Self {
            table: Table::new(),
            dues: self.dues.clone(),
        };
        for parts in self.table.iter() {
            let field = Field::new(parts.name, parts.value, parts.expire_at);
            copy.table.insert_new(hash(parts.name), field);
        }
        copy
    }
}

#[inline]
fn field_ref(parts: Parts<'_>) -> FieldRef<'_> {
    FieldRef {
        name: Item::Str(parts.name),
        value: Item::Str(parts.value),
        expire_at: parts.expire_at,
    }
}

impl FieldTable {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.table.capacity()
    }

    pub(super) fn memory(&self, samples: usize) -> usize {
        let len = self.len();
        let samples = if samples == 0 { len } else { samples.min(len) };
        let seen: usize = self.table.iter().take(samples).map(Field::allocated).sum();
        // A B-tree's nodes are about two thirds full.
        let dues = self.dues.len() * size_of::<Due>() * 3 / 2;
        self.table.memory() + dues + (seen * len).div_ceil(samples.max(1))
    }

    #[inline]
    pub(super) fn field(&self, name: &[u8]) -> Option<FieldRef<'_>> {
        let place = self.table.find(hash(name), name)?;
        self.table.get(place).map(field_ref)
    }

    /// Asks for the bucket of a hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.table.prefetch(hash);
    }

    /// Asks for the field of a hash.
    #[inline]
    pub(super) fn prefetch_field(&self, hash: u64) {
        self.table.prefetch_item(hash);
    }

    pub(super) fn put(&mut self, name: &[u8], value: &[u8], expiry: Expiry) -> bool {
        let hash = hash(name);
        let found = self.table.locate(hash, name);
        let own = found.and_then(|(_, parts)| parts.expire_at);
        let place = found.map(|(place, _)| place);
        let expire_at = match expiry {
            Expiry::Keep => own,
            Expiry::Clear => None,
            Expiry::At(ms) => Some(ms),
        };
        match place {
            Some(place) => {
                self.table
                    .replace_with(place, |field| field.with(value, expire_at));
            }
            None => {
                self.table
                    .insert_new(hash, Field::new(name, value, expire_at));
            }
        }
        self.follow(hash, own, expire_at);
        place.is_none()
    }

    /// Adds a field that is not in.
    pub(super) fn insert(&mut self, field: FieldRef<'_>) {
        let (mut a, mut b) = (itoa::Buffer::new(), itoa::Buffer::new());
        let expiry = field.expire_at.map_or(Expiry::Clear, Expiry::At);
        self.put(field.name.text(&mut a), field.value.text(&mut b), expiry);
    }

    pub(super) fn set_expiry(&mut self, name: &[u8], expire_at: Option<i64>) -> bool {
        let hash = hash(name);
        let Some(place) = self.table.find(hash, name) else {
            return false;
        };
        let own = self.table.get(place).and_then(|parts| parts.expire_at);
        if own != expire_at {
            self.table.replace_with(place, |field| {
                let parts = field.parts();
                Field::new(parts.name, parts.value, expire_at)
            });
            self.follow(hash, own, expire_at);
        }
        true
    }

    pub(super) fn delete(&mut self, name: &[u8]) -> bool {
        let hash = hash(name);
        let Some(place) = self.table.find(hash, name) else {
            return false;
        };
        let Some(field) = self.table.remove(place) else {
            return false;
        };
        self.follow(hash, field.parts().expire_at, None);
        true
    }

    /// Lets the index follow a field whose expiry changed.
    #[inline]
    fn follow(&mut self, hash: u64, was: Option<i64>, is: Option<i64>) {
        if was == is {
            return;
        }
        if let Some(ms) = is {
            self.dues.insert(Due::new(ms, hash));
        }
        if let Some(ms) = was {
            let due = Due::new(ms, hash);
            if self.find_due(due).is_none() {
                self.dues.remove(&due);
            }
        }
    }

    /// A field that is due so.
    fn find_due(&self, due: Due) -> Option<Place> {
        let mut found = None;
        self.table.find_prefix(due.prefix(), |place, parts| {
            let same = parts.expire_at == Some(due.expire_at());
            if same && Field::hash(parts) >> 32 == u64::from(due.prefix()) {
                found = Some(place);
            }
        });
        found
    }

    #[inline]
    pub(super) fn next_due(&self) -> Option<i64> {
        self.dues.first().map(|due| due.expire_at())
    }

    /// Removes a field that is due at `now`, and reads it.
    pub(super) fn expire_one(&mut self, now: i64, f: &mut impl FnMut(FieldRef<'_>)) -> bool {
        while let Some(due) = self
            .dues
            .first()
            .copied()
            .filter(|due| due.expire_at() <= now)
        {
            let field = self
                .find_due(due)
                .and_then(|place| self.table.remove(place));
            if let Some(field) = field {
                self.follow(u64::from(due.prefix()) << 32, Some(due.expire_at()), None);
                f(field_ref(field.parts()));
                return true;
            }
            self.dues.remove(&due);
        }
        false
    }

    #[inline]
    pub(super) fn fields(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.table.iter().map(field_ref)
    }

    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(FieldRef<'a>),
    ) -> u64 {
        crate::scan::scan(&self.table, cursor, count, |parts| f(field_ref(parts)))
    }

    pub(super) fn random(&self, rng: &mut impl rand::Rng) -> Option<FieldRef<'_>> {
        self.table.random(|| rng.random()).map(field_ref)
    }

    pub(super) fn random_distinct<'a>(
        &'a self,
        rng: &mut impl rand::Rng,
        count: usize,
        mut f: impl FnMut(FieldRef<'a>),
    ) {
        crate::scan::distinct(
            &self.table,
            rng,
            count,
            |parts| parts.name.as_ptr(),
            |parts| f(field_ref(parts)),
        );
    }

    /// How many expiries the index holds, for tests.
    #[cfg(test)]
    pub(super) fn dues(&self) -> usize {
        self.dues.len()
    }
}
