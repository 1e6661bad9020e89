//! Walking the tree from a rank on, in either direction.
//!
//! Records lie all over memory: while one is handed out, one some places ahead is asked for.

use super::branch::Branch;
use super::record::{Record, Tagged};
use super::tree::{Node, Tree};
use smallvec::SmallVec;
use std::ops::Range;

/// How many entries ahead records are asked for.
const AHEAD: usize = 6;

/// The records of a range of ranks. Keeps the path to the current leaf, since nodes know no
/// parents.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    path: SmallVec<[(&'a Branch, usize); 5]>,
    leaf: &'a [Tagged],
    /// The next entry; out of bounds when another leaf is next.
    at: usize,
    left: u64,
    reverse: bool,
}

impl<'a> Walk<'a> {
    /// `ranks` lie within the tree; with `reverse` they are walked from the last to the first.
    pub(super) fn new(tree: &'a Tree, ranks: Range<u64>, reverse: bool) -> Walk<'a> {
        let left = ranks.end.saturating_sub(ranks.start);
        let mut walk = Walk {
            path: SmallVec::new(),
            leaf: &[],
            at: 0,
            left,
            reverse,
        };
        if left == 0 {
            return walk;
        }
        let mut rank = if reverse { ranks.end - 1 } else { ranks.start };
        let mut node = tree.root();
        while let Node::Branch(branch) = node {
            let (index, rest) = branch.child_of_rank(rank);
            walk.path.push((branch, index));
            (node, rank) = (branch.child(index), rest);
        }
        walk.enter(node);
        walk.at = rank as usize;
        walk.prefetch_first();
        walk
    }

    /// Makes the first or last leaf below `node` the current one.
    fn enter(&mut self, mut node: &'a Node) {
        loop {
            match node {
                Node::Leaf(leaf) => {
                    self.leaf = leaf.records();
                    self.at = if self.reverse { self.leaf.len() - 1 } else { 0 };
                    return;
                }
                Node::Branch(branch) => {
                    let index = if self.reverse { branch.len() - 1 } else { 0 };
                    self.path.push((branch, index));
                    node = branch.child(index);
                }
            }
        }
    }

    /// Asks for the records that the walk begins with.
    fn prefetch_first(&self) {
        let first = if self.reverse {
            self.at.saturating_sub(AHEAD - 1)
        } else {
            self.at
        };
        let count = AHEAD.min(self.left as usize);
        self.leaf
            .iter()
            .skip(first)
            .take(count)
            .for_each(|entry| entry.record().prefetch());
    }

    #[cold]
    fn next_leaf(&mut self) {
        while let Some((branch, index)) = self.path.pop() {
            let next = if self.reverse {
                index.wrapping_sub(1)
            } else {
                index + 1
            };
            if next < branch.len() {
                self.path.push((branch, next));
                self.enter(branch.child(next));
                self.prefetch_first();
                return;
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Record;

    #[inline]
    fn next(&mut self) -> Option<Record> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if self.at >= self.leaf.len() {
            self.next_leaf();
        }
        let record = self.leaf.get(self.at)?.record();
        let (next, ahead) = if self.reverse {
            (self.at.wrapping_sub(1), self.at.wrapping_sub(AHEAD))
        } else {
            (self.at + 1, self.at + AHEAD)
        };
        self.at = next;
        if let Some(entry) = self.leaf.get(ahead) {
            entry.record().prefetch();
        }
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}
