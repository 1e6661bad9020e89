//! An inner node of the tree: up to 31 children, with the key of each one's first entry and its
//! number of entries.
//!
//! Keys and counts stand in arrays of their own, since searching looks at nothing else. 31 children
//! make the node fit a 2048-byte allocation.

use super::probe::{Probe, key_of};
use super::record::Record;
use super::tree::Node;

/// Most children. Small under Miri, as leaves are.
pub(super) const FANOUT: usize = if cfg!(miri) { 8 } else { 31 };
/// Branches below this look for a neighbour to merge with.
pub(super) const FANOUT_MIN: usize = FANOUT / 4;

/// A child with its first entry; the key stands in the branch.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) first: Record,
    pub(super) node: Node,
}

/// An inner node. `children[..len]` are there; the rest is `None`.
#[derive(Debug)]
pub(super) struct Branch {
    keys: [u64; FANOUT],
    counts: [u64; FANOUT],
    children: [Option<Child>; FANOUT],
    len: usize,
}

impl Branch {
    pub(super) fn new() -> Box<Branch> {
        Box::new(Branch {
            keys: [u64::MAX; FANOUT],
            counts: [0; FANOUT],
            children: [const { None }; FANOUT],
            len: 0,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn child(&self, index: usize) -> &Node {
        match &self.children[index] {
            Some(child) => &child.node,
            None => unreachable!("children[..len] are there"),
        }
    }

    pub(super) fn child_mut(&mut self, index: usize) -> &mut Node {
        match &mut self.children[index] {
            Some(child) => &mut child.node,
            None => unreachable!("children[..len] are there"),
        }
    }

    /// The first entry of a child.
    pub(super) fn first(&self, index: usize) -> Record {
        match &self.children[index] {
            Some(child) => child.first,
            None => unreachable!("children[..len] are there"),
        }
    }

    /// Writes down which entry comes first in a child.
    pub(super) fn set_first(&mut self, index: usize, first: Record) {
        self.keys[index] = key_of(first.score());
        if let Some(child) = &mut self.children[index] {
            child.first = first;
        }
    }

    pub(super) fn count(&self, index: usize) -> u64 {
        self.counts[index]
    }

    pub(super) fn count_mut(&mut self, index: usize) -> &mut u64 {
        &mut self.counts[index]
    }

    /// Entries in the children before `index`.
    pub(super) fn count_before(&self, index: usize) -> u64 {
        self.counts[..index].iter().sum()
    }

    pub(super) fn total(&self) -> u64 {
        self.count_before(self.len)
    }

    /// The child that the entry of this rank is in, and its rank there.
    pub(super) fn child_of_rank(&self, rank: u64) -> (usize, u64) {
        let mut rest = rank;
        for (index, &count) in self.counts[..self.len].iter().enumerate() {
            if rest < count {
                return (index, rest);
            }
            rest -= count;
        }
        let last = self.len - 1;
        (last, rest + self.counts[last])
    }

    /// How many children begin before the probe.
    pub(super) fn children_before(&self, probe: &Probe<'_>) -> usize {
        let firsts = &self.children[..self.len];
        let passes = |child: &Option<Child>| child.as_ref().is_some_and(|c| probe.passes(c.first));
        let Some(key) = probe.key else {
            return firsts.partition_point(passes);
        };
        let keys = &self.keys[..self.len];
        let low = keys.partition_point(|&k| k < key);
        let same = keys[low..].partition_point(|&k| k == key);
        low + firsts[low..low + same].partition_point(passes)
    }

    /// Puts a child at an index; there is room.
    pub(super) fn insert(&mut self, index: usize, node: Node, count: u64) {
        let len = self.len;
        let first = node.first();
        self.keys[index..=len].rotate_right(1);
        self.counts[index..=len].rotate_right(1);
        self.children[index..=len].rotate_right(1);
        self.keys[index] = key_of(first.score());
        self.counts[index] = count;
        self.children[index] = Some(Child { first, node });
        self.len += 1;
    }

    pub(super) fn push(&mut self, node: Node, count: u64) {
        self.insert(self.len, node, count);
    }

    /// Takes a child out, with its number of entries.
    pub(super) fn remove(&mut self, index: usize) -> (Node, u64) {
        let len = self.len;
        let count = self.counts[index];
        let child = self.children[index].take();
        self.keys[index..len].rotate_left(1);
        self.counts[index..len].rotate_left(1);
        self.children[index..len].rotate_left(1);
        self.len -= 1;
        match child {
            Some(child) => (child.node, count),
            None => unreachable!("children[..len] are there"),
        }
    }

    /// Cuts off the children from `index` on.
    pub(super) fn split_off(&mut self, index: usize) -> Box<Branch> {
        let mut right = Branch::new();
        right.absorb_from(self, index);
        right
    }

    /// Takes all children of the right neighbour.
    pub(super) fn absorb(&mut self, mut right: Box<Branch>) {
        self.absorb_from(&mut right, 0);
    }

    fn absorb_from(&mut self, other: &mut Branch, index: usize) {
        for from in index..other.len {
            self.keys[self.len] = other.keys[from];
            self.counts[self.len] = other.counts[from];
            self.children[self.len] = other.children[from].take();
            self.len += 1;
        }
        other.len = index;
    }
}
