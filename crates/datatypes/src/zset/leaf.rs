//! A leaf of the tree: up to 128 records in order.
//!
//! To search them without touching each record, a leaf keeps 16 bits of every score in the unused
//! top of the pointer: `(key - base) >> shift`, saturated at both ends, which never orders two
//! scores wrongly, only fails to tell them apart. `base` and `shift` are chosen anew from the
//! scores at hand when the leaf splits, merges, or grows while its edge is saturated.

use super::probe::{Probe, key_of};
use super::record::{Record, Tagged};
use crate::size_class;
use crate::table::prefetch;

/// Most records in a leaf: 1024 bytes of pointers. Small under Miri, which then sees trees of three
/// levels.
pub(super) const LEAF_MAX: usize = if cfg!(miri) { 16 } else { 128 };
/// Leaves below this look for a neighbour to merge with.
pub(super) const LEAF_MIN: usize = LEAF_MAX / 4;

#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// Capacity is kept at what the allocator's size classes give.
    entries: Vec<Tagged>,
    base: u64,
    shift: u8,
}

impl Leaf {
    /// One of up to [`LEAF_MAX`] records that are in order.
    pub(super) fn from_sorted(records: &[Record]) -> Leaf {
        let mut entries = Vec::with_capacity(capacity_for(records.len()));
        entries.extend(records.iter().map(|record| Tagged::new(*record, 0)));
        let mut leaf = Leaf {
            entries,
            ..Leaf::default()
        };
        leaf.retag();
        leaf
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Record {
        self.entries[index].record()
    }

    #[inline]
    pub(super) fn records(&self) -> &[Tagged] {
        &self.entries
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        size_class(self.entries.capacity() * size_of::<Tagged>())
    }

    #[inline]
    fn tag(&self, key: u64) -> u16 {
        (key.saturating_sub(self.base) >> self.shift).min(0xffff) as u16
    }

    /// Asks for the whole array at once: a search would wait for line after line.
    pub(super) fn prefetch(&self) {
        for line in self.entries.chunks(8) {
            prefetch(line.as_ptr().cast());
        }
    }

    /// How many entries lie before the probe.
    pub(super) fn position(&self, probe: &Probe<'_>) -> usize {
        self.prefetch();
        let Some(key) = probe.key else {
            return self
                .entries
                .partition_point(|entry| probe.passes(entry.record()));
        };
        let tag = self.tag(key);
        let low = self.entries.partition_point(|entry| entry.tag() < tag);
        let rest = &self.entries[low..];
        let same = rest.partition_point(|entry| entry.tag() == tag);
        low + rest[..same].partition_point(|entry| probe.passes(entry.record()))
    }

    /// Puts a record at an index; the leaf is not full.
    pub(super) fn insert(&mut self, index: usize, record: Record) {
        if self.entries.len() == self.entries.capacity() {
            self.grow();
        }
        let tag = self.tag(key_of(record.score()));
        self.entries.insert(index, Tagged::new(record, tag));
    }

    /// The record at `index` has a new score that keeps its place.
    pub(super) fn rescored(&mut self, index: usize) {
        let record = self.get(index);
        self.entries[index] = Tagged::new(record, self.tag(key_of(record.score())));
    }

    pub(super) fn remove(&mut self, index: usize) -> Record {
        let entry = self.entries.remove(index);
        self.shrink();
        entry.record()
    }

    /// Takes a range out.
    pub(super) fn drain(&mut self, from: usize, to: usize, mut taken: impl FnMut(Record)) {
        for entry in self.entries.drain(from..to) {
            taken(entry.record());
        }
        self.shrink();
    }

    /// Cuts off what is from `index` on.
    pub(super) fn split_off(&mut self, index: usize) -> Leaf {
        let mut entries = Vec::with_capacity(capacity_for(self.entries.len() - index + 1));
        entries.extend_from_slice(&self.entries[index..]);
        self.entries.truncate(index);
        self.shrink();
        let mut right = Leaf {
            entries,
            base: self.base,
            shift: self.shift,
        };
        right.retag();
        self.retag();
        right
    }

    /// Takes all of the right neighbour's entries.
    pub(super) fn absorb(&mut self, right: Leaf) {
        self.entries
            .reserve_exact(capacity_for(self.len() + right.len()) - self.len());
        self.entries.extend_from_slice(&right.entries);
        self.retag();
    }

    fn grow(&mut self) {
        let len = self.entries.len();
        self.entries.reserve_exact(capacity_for(len + 1) - len);
        let edges = (
            self.entries.first().map(|e| e.tag()),
            self.entries.last().map(|e| e.tag()),
        );
        if edges.0 == Some(0) || edges.1 == Some(0xffff) {
            self.retag();
        }
    }

    fn shrink(&mut self) {
        if self.entries.capacity() > 8 && self.entries.len() * 2 <= self.entries.capacity() {
            self.entries.shrink_to(capacity_for(self.entries.len() + 1));
        }
    }

    /// Chooses base and shift from the scores at hand: they take half of the tags, with as much
    /// again for scores to come on both sides.
    fn retag(&mut self) {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return;
        };
        let low = key_of(first.record().score());
        let spread = key_of(last.record().score()) - low;
        self.shift = (64 - spread.leading_zeros()).saturating_sub(15) as u8;
        self.base = low.saturating_sub(0x4000 << self.shift);
        for index in 0..self.entries.len() {
            self.rescored(index);
        }
    }
}

/// How many pointers fit where the allocator puts this many.
fn capacity_for(len: usize) -> usize {
    (size_class(len * size_of::<Tagged>()) / size_of::<Tagged>()).min(LEAF_MAX)
}
