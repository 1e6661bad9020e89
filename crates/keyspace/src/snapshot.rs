//! Snapshots without fork: the cut, the walker's side, the pre-images.
//!
//! A cut raises the epoch with all shards locked. Each segment of each table is then handed to
//! the sink exactly once, in the state of the cut: by the walker when it comes by, or by the
//! first write that is about to change it. A flushed table goes to the sink whole. The state of
//! the walk lives with the table, so that SWAPDB takes it along.

use crate::DbId;
use crate::entry::{Entry, EntryBox};
use crate::free;
use datatypes::table::Table;
use std::sync::Arc;

/// Takes the entries of a cut. Called under a shard's lock: it only copies.
pub trait PreImage: Send + Sync {
    /// An entry of database `db`, as it was at the cut.
    fn save(&self, db: DbId, entry: Entry<'_>);
    /// A table that is being flushed: its unsaved entries belong to the cut. To be read and
    /// dropped outside the lock.
    fn save_detached(&self, detached: Detached);
}

/// Where a table's walk is.
pub(crate) struct CutState {
    pub(crate) epoch: u32,
    /// The database's number at the cut.
    pub(crate) db: DbId,
    /// Hash position of the next segment to visit; `None` when the walk is over.
    pub(crate) next: Option<u64>,
    pub(crate) sink: Arc<dyn PreImage>,
}

impl CutState {
    /// Saves the segment of `hash` unless that has been done.
    #[cold]
    pub(crate) fn save_segment(&self, table: &mut Table<EntryBox>, hash: u64) -> usize {
        let Some(segment) = table.segment_of(hash) else {
            return 0;
        };
        if table.epoch(segment) == self.epoch {
            return 0;
        }
        let mut saved = 0;
        for entry in table.segment_items(segment) {
            self.sink.save(self.db, entry);
            saved += 1;
        }
        table.set_epoch(segment, self.epoch);
        saved
    }

    /// Visits segments until `entries_max` entries are saved or the walk is over.
    pub(crate) fn walk(&mut self, table: &mut Table<EntryBox>, entries_max: usize) -> usize {
        let mut saved = 0;
        while let Some(position) = self.next {
            if saved >= entries_max {
                break;
            }
            saved += self.save_segment(table, position);
            self.next = table
                .segment_of(position)
                .and_then(|s| table.position_after(s));
        }
        saved
    }
}

/// A flushed table of which a part belongs to a cut.
pub struct Detached {
    pub(crate) table: Table<EntryBox>,
    pub(crate) epoch: u32,
    pub(crate) db: DbId,
}

impl Detached {
    /// The database's number at the cut.
    pub fn db(&self) -> DbId {
        self.db
    }

    /// The entries that have not been saved.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut next = Some(0);
        let segments = std::iter::from_fn(move || {
            let segment = self.table.segment_of(next?)?;
            next = self.table.position_after(segment);
            Some(segment)
        });
        segments
            .filter(|&s| self.table.epoch(s) != self.epoch)
            .flat_map(|s| self.table.segment_items(s))
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        free::table(std::mem::take(&mut self.table), false);
    }
}
