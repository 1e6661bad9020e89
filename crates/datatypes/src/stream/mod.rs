//! Streams: entries of fields and values in order of their ids, and the groups that consume them.
//!
//! Entries are packed into nodes in Redis's format (see [`node`]), which DUMP, RDB and replication
//! copy as they are; an ordered map finds the node of an id. Deletion marks entries, and drops
//! nodes in which none is left.
//!
//! Times, limits and consumers' names are arguments: the stream knows neither clock nor
//! configuration.

mod append;
mod consume;
mod delete;
mod group;
mod id;
mod lag;
mod node;
mod radix;
#[cfg(test)]
mod tests;
mod trim;
mod walk;

use crate::listpack::{Listpack, ListpackRef};
use std::collections::BTreeMap;

pub use append::AppendError;
pub use consume::{Claim, ClaimOptions, Claimed, Delivery};
pub use delete::Deleted;
pub use group::{Consumer, Group, Pending};
pub use id::{IdText, NewId, StreamId};
pub use node::NodeLimits;
pub use trim::{Keep, Trim};
pub use walk::{Entries, Entry};

/// What happens to references from groups when an entry is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They stay, dangling (KEEPREF, the behaviour before Redis 8.2).
    #[default]
    Keep,
    /// They are removed from all pending lists (DELREF).
    Delete,
    /// Entries that some group has not read or not acknowledged are not deleted (ACKED).
    Acked,
}

/// A stream; one pointer.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    body: Box<Body>,
}

#[derive(Clone, Debug, Default)]
struct Body {
    nodes: BTreeMap<StreamId, Listpack>,
    counters: Counters,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// What a stream knows besides its entries and groups; RDB stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Live entries.
    pub length: u64,
    /// The greatest id that an entry ever had.
    pub last_id: StreamId,
    /// The first live entry; zero when there is none.
    pub first_id: StreamId,
    /// The greatest id that was deleted.
    pub max_deleted_id: StreamId,
    /// Entries ever added.
    pub entries_added: u64,
}

impl Stream {
    /// An empty stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of live entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.body.counters.length
    }

    /// Whether there is no live entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.counters.length == 0
    }

    /// What OBJECT ENCODING says.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        "stream"
    }

    /// Length, ids and counts.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.body.counters
    }

    /// The greatest id that an entry ever had.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.body.counters.last_id
    }

    /// The last live entry's id (XSETID may not go below it).
    #[must_use]
    pub fn last_live_id(&self) -> Option<StreamId> {
        self.range(StreamId::MIN, StreamId::MAX, true)
            .next_entry()
            .map(|entry| entry.id)
    }

    /// XSETID: sets the last id and, where given, the other two.
    pub fn set_last_id(&mut self, id: StreamId, added: Option<u64>, max_deleted: Option<StreamId>) {
        self.body.counters.last_id = id;
        self.body.counters.entries_added = added.unwrap_or(self.body.counters.entries_added);
        self.body.counters.max_deleted_id =
            max_deleted.unwrap_or(self.body.counters.max_deleted_id);
    }

    /// The live entries from `start` to `end`, both included; with `reverse` from `end` on.
    #[must_use]
    pub fn range(&self, start: StreamId, end: StreamId, reverse: bool) -> Entries<'_> {
        Entries::new(&self.body.nodes, start, end, reverse)
    }

    /// A walk that stands on the entry of that id, ready to read its fields.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<(Entry, Entries<'_>)> {
        let mut entries = self.range(id, id, false);
        let entry = entries.next_entry()?;
        Some((entry, entries))
    }

    /// Whether there is a live entry of that id.
    #[must_use]
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The nodes as they go to disk, in order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, ListpackRef<'_>)> {
        self.body.nodes.iter().map(|(id, pack)| (*id, pack.view()))
    }

    /// How many nodes Redis's radix tree would have for the keys of our nodes (XINFO).
    #[must_use]
    pub fn radix_nodes(&self) -> usize {
        radix::count(self.body.nodes.keys().map(|id| id.to_key()))
    }

    /// A group by name.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.body.groups.get(name)
    }

    /// A group by name, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.body.groups.get_mut(name)
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.body
            .groups
            .iter()
            .map(|(name, group)| (&**name, group))
    }

    /// Creates a group that has read up to `last_id`, and `entries_read` entries if that is known;
    /// `false` when there is one of that name.
    pub fn create_group(
        &mut self,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<i64>,
    ) -> bool {
        if self.body.groups.contains_key(name) {
            return false;
        }
        self.body
            .groups
            .insert(name.into(), Group::new(last_id, entries_read));
        true
    }

    /// Removes a group with all that it holds; `false` when there is none.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        self.body.groups.remove(name).is_some()
    }

    /// Adds a node that was on disk; `false` when it is no node (`deep`: when any part of it is
    /// wrong), has no entry, or one of that id is there.
    #[must_use]
    pub fn restore_node(&mut self, id: StreamId, pack: Listpack, deep: bool) -> bool {
        let fits = pack.view().first().is_some()
            && !self.body.nodes.contains_key(&id)
            && (!deep || node::is_valid(id, pack.view()));
        if fits {
            self.body.nodes.insert(id, pack);
        }
        fits
    }

    /// Sets what was on disk beside nodes and groups; `first_id` is searched for where the file
    /// does not have it (before Redis 7).
    pub fn restore_counters(&mut self, counters: Counters, has_first_id: bool) {
        self.body.counters = counters;
        if !has_first_id {
            self.find_first_id();
        }
    }

    /// Live entries as the nodes count them; must be `len` in a sound file.
    #[must_use]
    pub fn count_entries(&self) -> u64 {
        self.body
            .nodes
            .values()
            .map(|pack| node::counts(pack.view()).0)
            .sum()
    }

    fn find_first_id(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX, false).next_entry();
        self.body.counters.first_id = first.map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Bytes held.
    #[must_use]
    pub fn memory(&self) -> usize {
        // A B-tree node holds 11 entries, two thirds of them in use.
        const SLOT: usize = (size_of::<StreamId>() + size_of::<Listpack>()) * 3 / 2;
        let packs: usize = self
            .body
            .nodes
            .values()
            .map(|pack| pack.allocated() + SLOT)
            .sum();
        size_of::<Body>() + packs + self.body.groups.values().map(Group::memory).sum::<usize>()
    }

    /// How many allocations dropping this frees, roughly.
    #[must_use]
    pub fn allocations(&self) -> usize {
        let groups: usize = self.body.groups.values().map(Group::allocations).sum();
        1 + self.body.nodes.len() + self.body.nodes.len() / 8 + groups
    }
}
