//! The volatile keys of a [`Db`]: counters, the expiry index and its generations.
//!
//! Hashes with fields that expire have records as well, for the first of them, whether or not the
//! key itself expires; the counters do not count them.
//!
//! Stale records (of keys deleted or given a shorter expiry) stay in the index until they fire.
//! When they outnumber the live ones, a new generation begins: what is live moves over, some at
//! each further change, and the old one is dropped. A mark in the entry says whether the
//! current generation has a record of it.

use super::Db;
use crate::entry::{Entry, EntryBox};
use crate::expiry::ExpiryIndex;
use crate::hash::KeyHash;
use datatypes::table::{Place, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Stale records that do not yet make a new generation worth while.
const STALE_MIN: usize = 256;

/// A key whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// Its hash.
    pub hash: KeyHash,
    /// The key.
    pub key: Box<[u8]>,
}

/// See the module's text.
pub(crate) struct Volatile {
    current: Option<Box<ExpiryIndex>>,
    old: Option<Box<ExpiryIndex>>,
    /// The mark of the current generation.
    mark: bool,
    len: usize,
    /// Records that were live when the generation had taken over.
    live_at_start: usize,
    expire_sum: i128,
    /// The shard's: when there may be something to do next.
    next_due: Arc<AtomicI64>,
}

impl Volatile {
    pub(super) fn new(next_due: Arc<AtomicI64>) -> Self {
        Self {
            current: None,
            old: None,
            mark: false,
            len: 0,
            live_at_start: 0,
            expire_sum: 0,
            next_due,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn ttl_sum(&self, now_ms: i64) -> i128 {
        self.expire_sum - i128::from(now_ms) * self.len as i128
    }

    pub(super) fn memory(&self) -> usize {
        self.generations().map(ExpiryIndex::memory).sum()
    }

    fn generations(&self) -> impl Iterator<Item = &ExpiryIndex> {
        self.current.iter().chain(&self.old).map(|index| &**index)
    }

    /// The key now expires at `at`; before, at `old`.
    pub(super) fn add(
        &mut self,
        hash: KeyHash,
        entry: Entry<'_>,
        old: Option<i64>,
        at: i64,
        now_ms: i64,
    ) {
        self.expire_sum += i128::from(at) - i128::from(old.unwrap_or(0));
        self.len += usize::from(old.is_none());
        // A later expiry needs no record: the one there is will be filed anew when it fires.
        if old.is_none_or(|old| at < old) {
            self.file(hash.prefix(), entry, at, now_ms);
        }
    }

    fn file(&mut self, prefix: u32, entry: Entry<'_>, at: i64, now_ms: i64) {
        let due = at.saturating_add(1);
        let index = self
            .current
            .get_or_insert_with(|| Box::new(ExpiryIndex::new(now_ms.min(due))));
        index.add(prefix, due);
        entry.set_expiry_mark(self.mark);
        if due < self.next_due.load(Relaxed) {
            self.next_due.store(due, Relaxed);
        }
    }

    /// A key that expired at `at` is no longer volatile.
    pub(super) fn remove(&mut self, at: i64) {
        self.expire_sum -= i128::from(at);
        self.len -= 1;
    }

    pub(super) fn clear(&mut self) {
        self.current = None;
        self.old = None;
        self.len = 0;
        self.live_at_start = 0;
        self.expire_sum = 0;
    }

    /// Exchanges the data of two of different shards, each of which stays with its shard.
    pub(super) fn exchange(&mut self, other: &mut Self) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.next_due, &mut other.next_due);
        let due = self.next_due().unwrap_or(i64::MAX);
        self.next_due.fetch_min(due, Relaxed);
    }

    pub(crate) fn next_due(&self) -> Option<i64> {
        self.generations().filter_map(ExpiryIndex::next_due).min()
    }

    /// Records held, stale ones included.
    pub(crate) fn records(&self) -> usize {
        self.generations().map(ExpiryIndex::len).sum()
    }

    /// Visits volatile keys, beginning with a random one, until `visit` says false.
    pub(crate) fn sample<'a>(
        &self,
        table: &'a Table<EntryBox>,
        random: u64,
        mut visit: impl FnMut(Entry<'a>) -> bool,
    ) {
        let mut more = self.len > 0;
        for index in self.generations() {
            index.sample(random, |prefix| {
                table.find_prefix(prefix, |_, entry| {
                    more = more && (entry.expire_at().is_none() || visit(entry));
                });
                more
            });
        }
    }

    /// Moves some of the old generation over, or begins a new one if that is due.
    #[inline]
    fn sweep(&mut self, table: &Table<EntryBox>, now_ms: i64) {
        if self.old.is_some() {
            self.move_over(table, now_ms);
        } else if self
            .current
            .as_ref()
            .is_some_and(|c| c.len() > 2 * self.len.max(self.live_at_start) + STALE_MIN)
        {
            self.old = self.current.take();
            self.mark = !self.mark;
        }
    }

    fn move_over(&mut self, table: &Table<EntryBox>, now_ms: i64) {
        let Some(old) = &mut self.old else { return };
        let mut prefixes = Vec::new();
        old.drain(&mut prefixes);
        if prefixes.is_empty() {
            self.old = None;
            self.live_at_start = self.current.as_ref().map_or(0, |index| index.len());
        }
        for prefix in prefixes {
            self.refile(table, prefix, now_ms, None);
        }
    }

    /// A record has left the index. If it fired, `due` gets the keys of its prefix that have
    /// expired, and the others are filed anew; if it was only moved, what the current generation
    /// has no record of is filed in it.
    fn refile(
        &mut self,
        table: &Table<EntryBox>,
        prefix: u32,
        now_ms: i64,
        mut due: Option<&mut Vec<DueKey>>,
    ) {
        table.find_prefix(prefix, |_, entry| {
            let Some(at) = entry.first_due() else { return };
            match &mut due {
                Some(due) if at < now_ms => {
                    due.push(DueKey {
                        hash: entry.hash(),
                        key: entry.key().into(),
                    });
                }
                None if entry.expiry_mark() == self.mark => {}
                _ => self.file(prefix, entry, at, now_ms),
            }
        });
    }
}

impl Db {
    /// Files a hash whose first field expires at `at`.
    pub(crate) fn file_fields(&mut self, hash: KeyHash, place: Place, at: i64, now_ms: i64) {
        self.has_field_expiry = true;
        if let Some(entry) = self.table.get(place) {
            self.volatile.file(hash.prefix(), entry, at, now_ms);
        }
        self.sweep_expiry(now_ms);
    }

    pub(super) fn sweep_expiry(&mut self, now_ms: i64) {
        self.volatile.sweep(&self.table, now_ms);
    }

    /// Keys whose time has come, after looking at up to about `limit` records. The caller must
    /// delete them (through [`Db::write`]): the index has forgotten them. The flag says whether
    /// there is more to do now.
    pub fn due(&mut self, now_ms: i64, limit: usize) -> (Vec<DueKey>, bool) {
        let mut due = Vec::new();
        let mut prefixes = Vec::new();
        let mut done = 0;
        let mut more = true;
        while more && done < limit {
            more = false;
            for index in [&mut self.volatile.current, &mut self.volatile.old] {
                more |= index
                    .as_mut()
                    .is_some_and(|i| i.fire(now_ms, &mut prefixes));
            }
            done += prefixes.len().max(1);
            for prefix in prefixes.drain(..) {
                self.volatile
                    .refile(&self.table, prefix, now_ms, Some(&mut due));
            }
        }
        self.sweep_expiry(now_ms);
        due.sort_by(|a, b| (a.hash.0, &a.key).cmp(&(b.hash.0, &b.key)));
        due.dedup();
        (due, more)
    }

    /// When there may be an expired key next, in Unix ms; never later than the first expiry.
    pub fn next_due(&self) -> Option<i64> {
        self.volatile.next_due()
    }

    /// Records in the expiry index, stale ones included (DEBUG, tests).
    pub fn expiry_records(&self) -> usize {
        self.volatile.records()
    }
}
