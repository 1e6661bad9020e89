//! The large form: a table of members and a tree of scores over the same records.
//!
//! The table owns the records, the tree names them: what leaves is taken out of the tree first,
//! then out of the table, whose item frees the record when dropped.
#![allow(unsafe_code, reason = "the table's items are thin pointers")]

use super::bulk::{BLOCK, Block, Scored};
use super::probe::{Probe, Tie};
use super::record::Record;
use super::tree::Tree;
use super::walk::Walk;
use super::{Change, LexBound};
use crate::listpack::Item;
use crate::table::{self, Table, prefetch};
use common::hash::hash;
use smallvec::SmallVec;
use std::ops::{ControlFlow, Range};
use std::ptr::NonNull;

/// How many members ahead texts and buckets are asked for.
const AHEAD: usize = 8;

/// What the table holds: the owner of a record.
struct Member(Record);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.free();
    }
}

// SAFETY: records have addresses below 2^48 and own their key; the hash is the process's.
unsafe impl table::Item for Member {
    type Ref<'a> = Record;
    type Mut<'a> = Record;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        let record = self.0;
        std::mem::forget(self);
        record.into_ptr()
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        Member(Record::from_ptr(ptr))
    }

    #[inline]
    unsafe fn view<'a>(ptr: NonNull<u8>) -> Self::Ref<'a> {
        Record::from_ptr(ptr)
    }

    #[inline]
    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> Self::Mut<'a> {
        Record::from_ptr(ptr)
    }

    #[inline]
    fn matches(item: Record, key: &[u8]) -> bool {
        item.member() == key
    }

    #[inline]
    fn hash(item: Record) -> u64 {
        hash(item.member())
    }
}

/// The large form.
pub(super) struct Large {
    tree: Tree,
    table: Table<Member>,
    /// Bytes that the allocator holds for records.
    record_bytes: usize,
}

/// One entry, borrowed.
pub(super) type Entry<'a> = (&'a [u8], f64);

impl Large {
    pub(super) fn new() -> Large {
        Large {
            tree: Tree::new(),
            table: Table::new(),
            record_bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// One of members that are in order. Their texts and buckets are asked for some places ahead.
    pub(super) fn from_sorted(members: &[Scored<'_>]) -> Large {
        let mut large = Large::new();
        large.table.reserve(members.iter().map(|entry| entry.hash));
        let mut records = Vec::with_capacity(members.len());
        let mut buffer = itoa::Buffer::new();
        for (index, entry) in members.iter().enumerate() {
            if let Some(ahead) = members.get(index + AHEAD) {
                large.table.prefetch(ahead.hash);
                if let Item::Str(text) = ahead.member {
                    prefetch(text.as_ptr());
                }
            }
            let member = entry.member.text(&mut buffer);
            let record = Record::new(entry.score, member);
            large.record_bytes += record.allocated();
            large.table.insert_new(entry.hash, Member(record));
            records.push(record);
        }
        large.tree = Tree::from_sorted(&records);
        large
    }

    /// Calls `f` with all members, some at a time, in no order, until it breaks. Records of the
    /// next ones are asked for meanwhile.
    pub(super) fn try_blocks<'a>(
        &'a self,
        mut f: impl FnMut(&mut [Scored<'a>]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut all = self.table.iter();
        let mut next = || -> SmallVec<[Record; BLOCK]> {
            let ask = |record: &Record| record.prefetch();
            all.by_ref().take(BLOCK).inspect(ask).collect()
        };
        let mut records = next();
        while !records.is_empty() {
            let following = next();
            let scored = |record: &Record| Scored::new(Item::Str(record.member()), record.score());
            f(&mut records.iter().map(scored).collect::<Block<'a>>())?;
            records = following;
        }
        ControlFlow::Continue(())
    }

    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.table.prefetch(hash);
    }

    #[inline]
    pub(super) fn prefetch_member(&self, hash: u64) {
        self.table.prefetch_item(hash);
    }

    #[inline]
    pub(super) fn score_hashed(&self, member: &[u8], hash: u64) -> Option<f64> {
        self.table.find_item(hash, member).map(Record::score)
    }

    fn find(&self, member: &[u8]) -> Option<Record> {
        self.table.find_item(hash(member), member)
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(Record::score)
    }

    pub(super) fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        let hash = hash(member);
        let found = self.table.find_item(hash, member);
        let old = found.map(Record::score);
        let Some(score) = decide(old) else {
            return Change::Kept;
        };
        let Some(record) = found else {
            self.insert_new(hash, member, score);
            return Change::Added;
        };
        // Bits, because -0 and 0 are equal but print differently; NaN never gets here.
        if old.map(f64::to_bits) == Some(score.to_bits()) {
            return Change::Kept;
        }
        if old == Some(score) {
            return Change::Kept;
        }
        self.tree.rescore(record, score);
        Change::Rescored
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        self.insert_new(hash(member), member, score);
    }

    fn insert_new(&mut self, hash: u64, member: &[u8], score: f64) {
        let record = Record::new(score, member);
        self.record_bytes += record.allocated();
        self.table.insert_new(hash, Member(record));
        self.tree.insert(record);
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (place, record) = self.table.locate(hash(member), member)?;
        let score = record.score();
        self.record_bytes -= record.allocated();
        self.tree.remove(record);
        drop(self.table.remove(place));
        Some(score)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let record = self.find(member)?;
        Some((self.tree.rank(record) as usize, record.score()))
    }

    pub(super) fn get(&self, rank: usize) -> Option<Entry<'_>> {
        (rank < self.len()).then(|| entry(self.tree.get(rank as u64)))
    }

    pub(super) fn count_below(&self, score: f64, with_equal: bool) -> usize {
        self.tree.count_below(score, with_equal) as usize
    }

    /// How many members lie before a bound: of a minimum those left out, of a maximum those within.
    pub(super) fn count_before(&self, bound: LexBound<'_>, is_max: bool) -> usize {
        let tie = match (bound, is_max) {
            (LexBound::Lowest, _) => return 0,
            (LexBound::Highest, _) => return self.len(),
            (LexBound::Included(member), false) | (LexBound::Excluded(member), true) => {
                Tie::Before(member)
            }
            (LexBound::Included(member), true) | (LexBound::Excluded(member), false) => {
                Tie::After(member)
            }
        };
        self.tree.position(&Probe { key: None, tie }) as usize
    }

    pub(super) fn iter(&self, ranks: Range<usize>, reverse: bool) -> LargeIter<'_> {
        LargeIter(Walk::new(
            &self.tree,
            ranks.start as u64..ranks.end as u64,
            reverse,
        ))
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let Large {
            tree,
            table,
            record_bytes,
        } = self;
        tree.remove_range(ranks.start as u64..ranks.end as u64, |record| {
            *record_bytes -= record.allocated();
            if let Some(place) = table.find(hash(record.member()), record.member()) {
                drop(table.remove(place));
            }
        });
    }

    pub(super) fn scan(&self, position: u64, mut visit: impl FnMut(Entry<'_>)) -> Option<u64> {
        self.table.scan(position, |record| visit(entry(record)))
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Large>() + self.record_bytes + self.tree.memory().0 + self.table.memory()
    }

    pub(super) fn allocations(&self) -> usize {
        // A segment of the table holds some 350 members, a leaf of the tree some 90.
        self.len() + self.len() / 80 + self.len() / 350 + 3
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check();
        assert_eq!(self.tree.len() as usize, self.table.len());
        assert_eq!(
            self.table.iter().map(Record::allocated).sum::<usize>(),
            self.record_bytes
        );
    }
}

impl Drop for Large {
    /// In the tree's order: that is how records of a set built at once lie in memory.
    fn drop(&mut self) {
        Walk::new(&self.tree, 0..self.len() as u64, false).for_each(Record::free);
        self.table.forget_items();
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let members: Vec<Scored<'_>> = self
            .iter(0..self.len(), false)
            .map(|(member, score)| Scored::new(Item::Str(member), score))
            .collect();
        Large::from_sorted(&members)
    }
}

fn entry<'a>(record: Record) -> Entry<'a> {
    (record.member(), record.score())
}

/// Entries of a range of ranks.
#[derive(Clone, Debug)]
pub(super) struct LargeIter<'a>(Walk<'a>);

impl<'a> Iterator for LargeIter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        self.0.next().map(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
