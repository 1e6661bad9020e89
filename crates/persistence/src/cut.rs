//! The cut as its users see it: every entry of one instant, each once, while writers go on.
//!
//! One thread iterates over it and encodes what it gets, without any lock. What writers are
//! about to change comes first, so that little has to be copied for them. Databases come roughly
//! in order, but may come back.

use keyspace::{CutBegun, CutEntries, CutSize, DbId, Keyspace, Locked, PreImage, ShardId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// Entries taken from a shard under one lock hold, about: one segment of a table.
const SLICE_ENTRIES: usize = 1;

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
        if self.queue.parts_over.load(SeqCst) < self.parts {
            self.keyspace.abandon_cut();
        }
        self.keyspace.end_cut();
    }
}
