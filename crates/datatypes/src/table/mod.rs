//! The compact hash table behind the keyspace and behind large hashes and sets.
//!
//! An extendible-hash directory leads to *elastic segments* of up to 64 cache-line buckets. A
//! segment grows 32, 40, 48, 56, 64 buckets, then splits in two, so that the load stays about
//! 0.75 to 0.92 at every size of the table and no insertion moves more than one segment (at most
//! 412 entries, without touching them). Small tables begin with segments of 1 to 16 buckets.
//!
//! A *position* is a hash: everything is kept in hash order at the grain of home buckets, so that
//! [`Table::scan`] resumes at a position whatever has been resized since.
//! What is not here: keys and their comparison ([`Item`]), locks, expiry.
#![allow(
    unsafe_code,
    reason = "tagged pointers in raw buckets; Miri runs the tests"
)]

mod bucket;
mod bulk;
mod hints;
mod item;
mod prefetch;
mod segment;
mod walk;

#[cfg(test)]
mod tests;

pub use hints::{HintDirectory, SegmentHint};
pub use item::Item;
pub use prefetch::{Moved, prefetch, prefetch_record, prefetch_write};
pub use walk::{POSITION_BITS, SegmentId};

use bucket::{Bucket, SLOTS};
use segment::{BUCKETS_MAX, DEPTH_MAX, Record, count_max, size_after, size_for};
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// Where an entry is; good until the next insertion or removal in the table. A stale place is
/// harmless: it names another entry, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(NonZeroU64);

impl Place {
    /// In one word, and never 0: a place is handed on with every access to a key, and parts that
    /// are written one by one and read as one make the processor wait.
    #[inline]
    fn new(record: usize, bucket: usize, slot: usize) -> Self {
        let word = (record as u64) << 32 | (bucket as u64) << 16 | (slot as u64) << 8;
        Self(NonZeroU64::MIN | word)
    }

    #[inline]
    fn record(self) -> usize {
        (self.0.get() >> 32) as usize
    }

    #[inline]
    fn bucket(self) -> usize {
        usize::from((self.0.get() >> 16) as u8)
    }

    #[inline]
    fn slot(self) -> usize {
        usize::from((self.0.get() >> 8) as u8)
    }
}

/// No record has changed.
const NONE_MOVED: (u32, u32) = (u32::MAX, 0);

/// A hash table of thin owned pointers. See the module's text.
pub struct Table<T: Item> {
    /// 2^depth records, or none when the table is empty.
    directory: Vec<Record>,
    len: usize,
    /// Segments whose depth is that of the directory; when there is none, it can halve.
    deepest: u32,
    /// The epoch that a first segment gets.
    epoch: u32,
    /// Records changed since [`Table::take_moved`]: the first, and the one behind the last.
    moved: (u32, u32),
    depth: u8,
    items: PhantomData<T>,
}

// SAFETY: the table owns its items and buckets; nothing is shared outside of borrows.
unsafe impl<T: Item + Send> Send for Table<T> {}
// SAFETY: `&Table` gives out only `T::Ref`.
unsafe impl<T: Item + Sync> Sync for Table<T> {}

impl<T: Item> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Item> Table<T> {
    /// An empty table; allocates nothing.
    pub const fn new() -> Self {
        Self {
            directory: Vec::new(),
            len: 0,
            deepest: 0,
            epoch: 0,
            moved: NONE_MOVED,
            depth: 0,
            items: PhantomData,
        }
    }

    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Slots allocated, used or not.
    pub fn capacity(&self) -> usize {
        self.segments()
            .map(|(_, r)| usize::from(r.size) * SLOTS)
            .sum()
    }

    /// Bytes of directory and buckets.
    pub fn memory(&self) -> usize {
        let segments = self.segments().map(|(_, r)| segment::memory(r.size));
        self.directory.capacity() * size_of::<Record>() + segments.sum::<usize>()
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        (hash >> 1 >> (63 - self.depth)) as usize
    }

    /// The record that counts for the segment to which record `index` leads.
    #[inline]
    fn first(&self, index: usize) -> usize {
        index & !(self.span(index) - 1)
    }

    /// How many records lead to the segment of record `index`.
    #[inline]
    fn span(&self, index: usize) -> usize {
        1 << (self.depth - self.directory[index].depth)
    }

    /// The first record of each segment.
    fn segments(&self) -> impl Iterator<Item = (usize, &Record)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let index = next;
            let record = self.directory.get(index)?;
            next += self.span(index);
            Some((index, record))
        })
    }

    /// Where the item with this key is.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.locate(hash, key).map(|(place, _)| place)
    }

    /// The item with this key.
    #[inline]
    pub fn find_item(&self, hash: u64, key: &[u8]) -> Option<T::Ref<'_>> {
        self.locate(hash, key).map(|(_, item)| item)
    }

    /// The item with this key, and where it is.
    #[inline]
    pub fn locate(&self, hash: u64, key: &[u8]) -> Option<(Place, T::Ref<'_>)> {
        let index = self.index(hash);
        let record = self.directory.get(index)?;
        let stored = record.stored(hash);
        let fp = Bucket::fingerprint(hash);
        let home = record.home(stored);
        let mut at = home;
        loop {
            let bucket = record.bucket(at);
            for slot in bucket.candidates(fp) {
                // SAFETY: no candidate for a fingerprint is an empty slot.
                let Some(ptr) = (unsafe { bucket.slot(slot).pointer_if(stored) }) else {
                    continue;
                };
                // SAFETY: a pointer in a slot is that of an item of this table.
                let item = unsafe { T::view(ptr) };
                if T::matches(item, key) {
                    return Some((Place::new(index, at, slot), item));
                }
            }
            if !bucket.overflows() {
                return None;
            }
            at = record.after(at);
            if at == home {
                return None;
            }
        }
    }

    #[inline]
    fn occupied(&self, place: Place) -> Option<(&Record, usize, usize)> {
        let record = self.directory.get(place.record())?;
        let (bucket, slot) = (place.bucket(), place.slot());
        let is_within = bucket < usize::from(record.size) && slot < SLOTS;
        (is_within && record.bucket(bucket).is_occupied(slot)).then_some((record, bucket, slot))
    }

    /// The item at a place.
    #[inline]
    pub fn get(&self, place: Place) -> Option<T::Ref<'_>> {
        let (record, bucket, slot) = self.occupied(place)?;
        // SAFETY: an occupied slot; the view borrows the table.
        Some(unsafe { T::view(record.bucket(bucket).slot(slot).non_null()) })
    }

    /// The item at a place, to be changed (not its key).
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> Option<T::Mut<'_>> {
        let (record, bucket, slot) = self.occupied(place)?;
        // SAFETY: an occupied slot; the view borrows the table exclusively.
        Some(unsafe { T::view_mut(record.bucket(bucket).slot(slot).non_null()) })
    }

    /// Puts `make(old)` in the place of an item. The key must stay the same.
    #[inline]
    pub fn replace_with(&mut self, place: Place, make: impl FnOnce(T) -> T) -> bool {
        let Some((record, bucket, slot)) = self.occupied(place) else {
            return false;
        };
        let abort = AbortOnUnwind;
        // SAFETY: exclusive access; the slot is written again before anyone reads it, since a
        // panic in `make` aborts.
        unsafe {
            let bucket = record.bucket_mut(bucket);
            let old = T::from_ptr(bucket.slot(slot).non_null());
            bucket.set_ptr(slot, make(old).into_ptr());
        }
        std::mem::forget(abort);
        true
    }

    /// Adds an item whose key is not in the table. Moves at most one segment.
    pub fn insert_new(&mut self, hash: u64, item: T) -> Place {
        if self.directory.is_empty() {
            // Of exact size: most tables of a small keyspace never have a second record.
            self.directory = vec![Record::allocate(1, 0, self.epoch)];
            self.depth = 0;
            self.deepest = 1;
            self.note_moved(0, 1);
        }
        let first = loop {
            let first = self.first(self.index(hash));
            let record = &self.directory[first];
            if record.count < count_max(record.size) {
                break first;
            }
            self.grow(first);
        };
        let record = &mut self.directory[first];
        record.count += 1;
        self.len += 1;
        let stored = record.stored(hash);
        // SAFETY: exclusive access, and the count says that a slot is free.
        let (bucket, slot) =
            unsafe { record.put(stored, Bucket::fingerprint(hash), item.into_ptr()) };
        Place::new(first, bucket, slot)
    }

    /// Takes an item out. Moves at most one segment (two small ones when they merge).
    pub fn remove(&mut self, place: Place) -> Option<T> {
        let (record, bucket, slot) = self.occupied(place)?;
        // SAFETY: exclusive access to an occupied slot; the item leaves the table.
        let item = unsafe { T::from_ptr(record.take(bucket, slot)) };
        let first = self.first(place.record());
        self.len -= 1;
        let record = &mut self.directory[first];
        record.count -= 1;
        let sparse = u32::from(record.count) * 16 < u32::from(record.size) * (SLOTS as u32) * 7;
        if self.len == 0 {
            self.release_all();
        } else if sparse && record.size > 1 {
            self.shrink(first);
        }
        Some(item)
    }

    /// Drops every item.
    pub fn clear(&mut self) {
        for (_, record) in self.segments() {
            for index in 0..usize::from(record.size) {
                record.bucket(record.after(index)).prefetch_items();
                for (_, slot) in record.bucket(index).entries() {
                    // SAFETY: each item is taken once; `release_all` forgets the slots.
                    drop(unsafe { T::from_ptr(slot.non_null()) });
                }
            }
        }
        self.len = 0;
        self.release_all();
    }

    fn release_all(&mut self) {
        for (_, record) in self.segments() {
            // SAFETY: the directory is emptied below; `segments` reads records, not buckets.
            unsafe { record.release() };
        }
        self.directory = Vec::new();
        self.moved = NONE_MOVED;
        self.depth = 0;
        self.deepest = 0;
    }

    fn grow(&mut self, first: usize) {
        let record = self.directory[first];
        if record.size < BUCKETS_MAX || record.depth >= DEPTH_MAX {
            let size = size_after(record.size);
            assert!(
                size > record.size,
                "keyed hashes do not collide by the hundreds"
            );
            // SAFETY: exclusive access; the old record is overwritten.
            let new = unsafe { record.resized(size) };
            self.set(first, new);
            return;
        }
        let first = if record.depth == self.depth {
            self.double(first)
        } else {
            first
        };
        // SAFETY: as above.
        let [lower, upper] = unsafe { record.split::<T>() };
        let half = self.span(first) / 2;
        self.directory[first..first + half].fill(lower);
        self.directory[first + half..first + 2 * half].fill(upper);
        self.note_moved(first, 2 * half);
        if lower.depth == self.depth {
            self.deepest += 2;
        }
    }

    fn set(&mut self, first: usize, record: Record) {
        let span = self.span(first);
        self.directory[first..first + span].fill(record);
        self.note_moved(first, span);
    }

    /// Doubles the directory; returns where record `index` is now.
    fn double(&mut self, index: usize) -> usize {
        self.directory = self.directory.iter().flat_map(|&r| [r, r]).collect();
        self.depth += 1;
        self.deepest = 0;
        self.note_moved(0, self.directory.len());
        index * 2
    }

    fn shrink(&mut self, first: usize) {
        let record = self.directory[first];
        if record.depth > 0 && self.merge(first) {
            return;
        }
        let size_min = if record.depth > 0 { 8 } else { 1 };
        let size = size_for(record.count + record.count / 4).max(size_min);
        if size < record.size {
            // SAFETY: exclusive access; the old record is overwritten.
            let new = unsafe { record.resized(size) };
            self.set(first, new);
        }
    }

    /// Joins a segment and its buddy, when both are of one depth and epoch and fit well.
    fn merge(&mut self, first: usize) -> bool {
        let span = self.span(first);
        let (low, high) = (first & !span, first | span);
        let (lower, upper) = (self.directory[low], self.directory[high]);
        let fits = lower.count + upper.count <= count_max(BUCKETS_MAX) * 3 / 4;
        if lower.depth != upper.depth || lower.epoch != upper.epoch || !fits {
            return false;
        }
        let prefix = low >> (self.depth - lower.depth);
        // SAFETY: exclusive access; both records are overwritten.
        let new = unsafe { lower.merged(&upper, prefix) };
        self.directory[low..low + 2 * span].fill(new);
        self.note_moved(low, 2 * span);
        if lower.depth == self.depth {
            self.deepest -= 2;
            while self.deepest == 0 {
                self.halve();
            }
        }
        true
    }

    fn halve(&mut self) {
        self.directory = self.directory.iter().copied().step_by(2).collect();
        self.depth -= 1;
        self.moved = NONE_MOVED;
        self.note_moved(0, self.directory.len());
        let depth = self.depth;
        self.deepest = self.segments().filter(|(_, r)| r.depth == depth).count() as u32;
    }
}

impl<T: Item> Drop for Table<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Leaving a slot half exchanged would free its item twice.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}
