//! Walking entries: of one node, and of a range of ids over all nodes, in either direction.
//!
//! Fields are read from the walk itself, between one entry and the next, so that each element is
//! passed once. What is not read is skipped.

use super::StreamId;
use super::node::{SAME_FIELDS, int, int_at, is_deleted};
use crate::listpack::{Item, Listpack, ListpackRef, Pos};
use std::collections::{BTreeMap, btree_map};

/// What an entry begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: StreamId,
    /// How many fields it has.
    pub fields: usize,
    /// Where its flags are.
    pub(super) at: Pos,
    pub(super) deleted: bool,
}

/// Walks the entries of one node.
#[derive(Clone)]
pub(super) struct NodeWalk<'a> {
    id: StreamId,
    pack: ListpackRef<'a>,
    master_fields: usize,
    /// The first field of the master entry.
    master_at: Option<Pos>,
    reverse: bool,
    /// Backward: the element count of the next entry.
    next_back: Option<Pos>,
    /// What is next to be read of the current entry; at first, of the master entry.
    field_at: Option<Pos>,
    value_at: Option<Pos>,
    /// Fields that were not read yet.
    left: usize,
    same_fields: bool,
}

impl<'a> NodeWalk<'a> {
    pub(super) fn new(id: StreamId, pack: ListpackRef<'a>, reverse: bool) -> Self {
        let count_at = pack.seek(2);
        let master_fields = int_at(pack, count_at).max(0) as usize;
        let master_at = count_at.and_then(|pos| pack.next(pos));
        NodeWalk {
            id,
            pack,
            master_fields,
            master_at,
            reverse,
            next_back: if reverse { pack.last() } else { None },
            field_at: None,
            // The master entry is skipped as if it were one that has values only.
            value_at: master_at,
            left: master_fields,
            same_fields: true,
        }
    }

    /// The next entry, deleted or not.
    pub(super) fn next_entry(&mut self) -> Option<Entry> {
        let at = if self.reverse {
            self.step_back()?
        } else {
            self.step_forward()?
        };
        let pack = self.pack;
        let flags = int(pack.get(at));
        let ms_at = pack.next(at)?;
        let seq_at = pack.next(ms_at)?;
        let id = self.id.plus(int(pack.get(ms_at)), int(pack.get(seq_at)));
        self.same_fields = flags & SAME_FIELDS != 0;
        self.value_at = pack.next(seq_at);
        self.left = self.master_fields;
        if !self.same_fields {
            self.left = int_at(pack, self.value_at).max(0) as usize;
            self.value_at = self.value_at.and_then(|pos| pack.next(pos));
        }
        self.field_at = if self.same_fields {
            self.master_at
        } else {
            self.value_at
        };
        Some(Entry {
            id,
            fields: self.left,
            at,
            deleted: is_deleted(flags),
        })
    }

    /// The next field and value of the current entry.
    fn next_field(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let field_at = self.field_at?;
        let behind = self.pack.next(field_at);
        let value_at = if self.same_fields {
            self.value_at?
        } else {
            behind?
        };
        self.value_at = self.pack.next(value_at);
        self.field_at = if self.same_fields {
            behind
        } else {
            self.value_at
        };
        Some((self.pack.get(field_at), self.pack.get(value_at)))
    }

    /// Skips what was not read of the current entry, and its element count.
    fn step_forward(&self) -> Option<Pos> {
        let mut at = self.value_at?;
        for _ in 0..self.left * if self.same_fields { 1 } else { 2 } {
            at = self.pack.next(at)?;
        }
        self.pack.next(at)
    }

    fn step_back(&mut self) -> Option<Pos> {
        let mut at = self.next_back?;
        // 0 ends the master entry.
        let elements = int(self.pack.get(at));
        if elements <= 0 {
            return None;
        }
        for _ in 0..elements {
            at = self.pack.prev(at)?;
        }
        self.next_back = self.pack.prev(at);
        Some(at)
    }
}

/// The live entries of a range of ids. One that is not read to its end is skipped for less.
#[derive(Clone)]
pub struct Entries<'a> {
    nodes: btree_map::Range<'a, StreamId, Listpack>,
    node: Option<NodeWalk<'a>>,
    start: StreamId,
    end: StreamId,
    reverse: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        nodes: &'a BTreeMap<StreamId, Listpack>,
        start: StreamId,
        end: StreamId,
        reverse: bool,
    ) -> Self {
        // The entry of id `start` is in the last node that begins at or before it.
        let from = nodes
            .range(..=start)
            .next_back()
            .map_or(start, |(id, _)| *id);
        let nodes = if from <= end {
            nodes.range(from..=end)
        } else {
            nodes.range(from..from)
        };
        Entries {
            nodes,
            node: None,
            start,
            end,
            reverse,
        }
    }

    /// The next entry; its fields are read with [`Entries::next_field`].
    pub fn next_entry(&mut self) -> Option<Entry> {
        loop {
            let Some(node) = &mut self.node else {
                let (id, pack) = if self.reverse {
                    self.nodes.next_back()?
                } else {
                    self.nodes.next()?
                };
                self.node = Some(NodeWalk::new(*id, pack.view(), self.reverse));
                continue;
            };
            let Some(entry) = node.next_entry() else {
                self.node = None;
                continue;
            };
            let (before, beyond) = if self.reverse {
                (entry.id > self.end, entry.id < self.start)
            } else {
                (entry.id < self.start, entry.id > self.end)
            };
            if beyond {
                self.nodes = btree_map::Range::default();
                self.node = None;
                return None;
            }
            if !before && !entry.deleted {
                return Some(entry);
            }
        }
    }

    /// The next field and value of the entry that [`Entries::next_entry`] answered last.
    pub fn next_field(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.node.as_mut()?.next_field()
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.next_entry()
    }
}
