//! The cut as its users see it: every entry of one instant, each once, while writers go on.
//!
//! One thread iterates over it and encodes what it gets, without any lock. What writers are
//! about to change comes first, so that little has to be copied for them. Databases come roughly
//! in order, but may come back.

use crate::pace;
use keyspace::{CutBegun, CutEntries, CutSize, DbId, Keyspace, Locked, PreImage, ShardId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// Entries taken from a shard under one lock hold, about: one segment of a table.
const SLICE_ENTRIES: usize = 1;

/// A bounded cut may cost so many bytes at least, and this part of the memory in use, before
/// writers wait for it.
const HELD_MIN: usize = 16 << 20;
const HELD_PART: usize = 20;
/// After so many calls of [`ease`] in a row that find writers waiting, it may cost more.
const EASE_TICKS: u32 = 10;

/// To be called about ten times a second. Where writers have waited for a bounded cut for about a
/// second, it may cost half as much again: a disk that hangs must not stop them for long.
pub fn ease() {
    static TICKS: AtomicU32 = AtomicU32::new(0);
    if !keyspace::is_over_held_budget() {
        TICKS.store(0, SeqCst);
    } else if TICKS.fetch_add(1, SeqCst) + 1 >= EASE_TICKS {
        TICKS.store(0, SeqCst);
        keyspace::set_held_budget(keyspace::held_bytes() / 2 * 3);
    }
}

/// What writers have handed over.
#[derive(Default)]
struct Queue {
    entries: Mutex<VecDeque<CutEntries>>,
    parts_over: AtomicUsize,
}

impl PreImage for Queue {
    fn save(&self, entries: CutEntries) {
        let mut queue = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(entries);
    }

    fn part_over(&self) {
        self.parts_over.fetch_add(1, SeqCst);
    }
}

impl Queue {
    fn pop(&self) -> Option<CutEntries> {
        let mut queue = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    }
}

/// See the module's text.
pub struct Cut {
    keyspace: Arc<Keyspace>,
    queue: Arc<Queue>,
    sizes: Vec<CutSize>,
    parts: usize,
    /// The part to be walked next.
    db: DbId,
    shard: ShardId,
}

impl Cut {
    /// Begins a cut. Waits for all shards, so it is not for workers; `at_cut` runs while all of
    /// them are locked. There is one cut at a time: a new one ends the one before.
    pub fn begin(keyspace: &Arc<Keyspace>, at_cut: impl FnOnce()) -> Self {
        Self::new(keyspace, |sink| keyspace.begin_cut(sink, at_cut))
    }

    /// The same for who has locked all shards. It must not be dropped before they are unlocked.
    pub fn begin_locked(keyspace: &Arc<Keyspace>, locked: &mut Locked<'_>) -> Self {
        Self::new(keyspace, |sink| keyspace.begin_cut_locked(locked, sink))
    }

    fn new(keyspace: &Arc<Keyspace>, begin: impl FnOnce(&Arc<dyn PreImage>) -> CutBegun) -> Self {
        let queue = Arc::new(Queue::default());
        let sink: Arc<dyn PreImage> = queue.clone();
        let begun = begin(&sink);
        Self {
            keyspace: Arc::clone(keyspace),
            queue,
            sizes: begun.sizes,
            parts: begun.parts,
            db: DbId(0),
            shard: ShardId(0),
        }
    }

    /// Gives the cut a byte budget: while what was changed or removed meanwhile, and is kept for
    /// it, takes more than a twentieth of the memory in use, writers wait who would add to that.
    /// Not for who is as slow as somebody at the other end of a connection.
    #[must_use]
    pub fn bounded(self) -> Self {
        let memory = common::memory::used_memory();
        keyspace::set_held_budget(HELD_MIN.max(memory / HELD_PART));
        self
    }

    /// How much each database holds.
    pub fn sizes(&self) -> &[CutSize] {
        &self.sizes
    }

    /// Keys in all.
    pub fn keys(&self) -> usize {
        self.sizes.iter().map(|size| size.keys).sum()
    }

    fn advance(&mut self) {
        self.shard.0 += 1;
        if self.shard.index() == self.keyspace.shards() {
            self.shard.0 = 0;
            self.db.0 += 1;
        }
        // SWAPDB may have moved what is left to a database that was walked already.
        if self.db.index() == self.keyspace.databases() {
            self.db.0 = 0;
        }
    }
}

impl Iterator for Cut {
    type Item = CutEntries;

    /// More entries, of one database. Waits for a shard, briefly.
    fn next(&mut self) -> Option<CutEntries> {
        pace::give_way();
        pace::hold(|| self.take())
    }
}

impl Cut {
    fn take(&mut self) -> Option<CutEntries> {
        loop {
            if let Some(entries) = self.queue.pop() {
                return Some(entries);
            }
            if self.queue.parts_over.load(SeqCst) >= self.parts {
                // What the last part gave was queued before it was over.
                return self.queue.pop();
            }
            if !self.keyspace.walk(self.shard, self.db, SLICE_ENTRIES) {
                self.advance();
            }
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        pace::hold(|| {
            if self.queue.parts_over.load(SeqCst) < self.parts {
                self.keyspace.abandon_cut();
            }
            self.keyspace.end_cut();
            keyspace::set_held_budget(usize::MAX);
        });
    }
}
