//! Snapshots without fork: the cut, the walker's side, the pre-images.
//!
//! A cut raises the epoch with all shards locked. Each segment of each table is then handed to
//! the sink exactly once, as pins on its entries: by the walker when it comes by, or by the first
//! write that is about to change the segment. Nothing is copied for that; see [`crate::Pins`] for
//! who copies what when a pinned entry is changed. A flushed table goes to the sink whole. The
//! state of the walk lives with the table, so that SWAPDB takes it along.

use crate::DbId;
use crate::entry::{Entry, EntryBox, Pins, pin_all};
use crate::free;
use datatypes::table::Table;
use std::sync::Arc;

/// Takes the entries of a cut. Called under a shard's lock: it only puts them into a queue.
pub trait PreImage: Send + Sync {
    /// Entries as they were at the cut; each comes once.
    fn save(&self, entries: CutEntries);
    /// One of the cut's parts ([`CutBegun::parts`]) has been handed over whole, or given up.
    fn part_over(&self);
}

/// What [`crate::Keyspace::begin_cut`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutBegun {
    /// How much of each database there is.
    pub sizes: Vec<CutSize>,
    /// Tables that are not empty.
    pub parts: usize,
}

/// How much of a database belongs to a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutSize {
    /// Keys.
    pub keys: usize,
    /// Keys with an expiry.
    pub volatile: usize,
    /// There may be hashes of which fields expire.
    pub has_field_expiry: bool,
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

impl Drop for CutState {
    fn drop(&mut self) {
        self.sink.part_over();
    }
}

impl CutState {
    /// Hands over the segment of `hash` unless that has been done.
    #[cold]
    pub(crate) fn save_segment(&self, table: &mut Table<EntryBox>, hash: u64) -> usize {
        let Some(segment) = table.segment_of(hash) else {
            return 0;
        };
        if table.epoch(segment) == self.epoch {
            return 0;
        }
        let pins = pin_all(table.segment_items(segment));
        table.set_epoch(segment, self.epoch);
        let saved = pins.len();
        if saved > 0 {
            let db = self.db;
            self.sink.save(CutEntries(Kind::Pinned { db, pins }));
        }
        saved
    }

    /// Visits segments until `entries_max` entries are handed over or the walk is over.
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

enum Kind {
    Pinned { db: DbId, pins: Pins },
    Flushed(Detached),
}

/// Entries of one database that belong to a cut, readable without a lock.
pub struct CutEntries(Kind);

impl CutEntries {
    /// The database's number at the cut.
    pub fn db(&self) -> DbId {
        match &self.0 {
            Kind::Pinned { db, .. } => *db,
            Kind::Flushed(detached) => detached.db,
        }
    }

    /// Calls `visit` for each entry, until it fails; each is let go of after its visit.
    ///
    /// # Errors
    /// What `visit` failed with.
    pub fn visit<E>(self, visit: impl FnMut(Entry<'_>) -> Result<(), E>) -> Result<(), E> {
        match self.0 {
            Kind::Pinned { pins, .. } => pins.visit(visit),
            Kind::Flushed(detached) => detached.entries().try_for_each(visit),
        }
    }

    pub(crate) fn flushed(table: Table<EntryBox>, epoch: u32, db: DbId) -> Self {
        Self(Kind::Flushed(Detached { table, epoch, db }))
    }
}

/// A flushed table of which a part belongs to a cut.
struct Detached {
    table: Table<EntryBox>,
    epoch: u32,
    db: DbId,
}

impl Detached {
    /// The entries that have not been handed over.
    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
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
