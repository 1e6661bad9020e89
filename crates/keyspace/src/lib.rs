//! Shards, databases, entries, locks, the write guard, expiry, eviction, snapshot epochs.
//!
//! [`Keyspace`] is the whole; [`Keyspace::try_lock_or_park`] gives [`Locked`] shards, their parts
//! of a database are [`Db`]s, and [`Db::write`] is the one door for changes.

mod ahead;
pub mod clock;
mod db;
mod dbs;
mod effects;
mod entry;
pub mod evict;
mod expiry;
pub mod free;
mod hash;
mod hints;
mod keyspace;
mod load;
mod lock;
mod snapshot;
mod value;
mod watch;
mod write;

#[cfg(test)]
mod tests;

pub use ahead::{Pace, Step};
pub use db::{Db, DueKey};
pub use effects::{DbKey, Effects, Event, EventClass, KeyEvent, OnExpired};
pub use entry::{
    Entry, EntryBox, EntryMut, Pin, Pins, count_holder, held_bytes, held_bytes_total,
    is_over_held_budget, is_snapshot_awaited, pins_are_there, set_held_budget, wait_for_budget,
    wait_for_pins,
};
pub use hash::KeyHash;
pub use keyspace::{DbStats, Keyspace, KeyspaceConfig};
pub use load::{NewEntry, OnDuplicate};
pub use lock::{Locked, Parked, ShardSet, Waker};
pub use snapshot::{CutBegun, CutEntries, CutSize, PreImage};
pub use value::{EMBSTR_MAX, Kind, StrRef, StrValue, Value, ValueMut, ValueRef};
pub use watch::{Waiter, Watcher};
pub use write::{Write, WrongKind};

/// A shard's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u32);

impl ShardId {
    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A database's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DbId(pub u32);

impl DbId {
    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
