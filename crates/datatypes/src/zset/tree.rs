//! A B+tree of records ordered by (score, member), with counts for ranks.
//!
//! The tree owns nodes, not records. Invariants: no node but an empty root leaf is empty; a branch
//! knows the first entry and the number of entries of each child; two neighbours that together
//! would leave a quarter of a node free are merged when one of them is thin. Ascending insertion
//! leaves full leaves behind.

use super::branch::{Branch, FANOUT, FANOUT_MIN};
use super::leaf::{LEAF_MAX, LEAF_MIN, Leaf};
use super::probe::{Probe, Tie, key_of};
use super::record::Record;
use std::ops::Range;

#[derive(Debug)]
pub(super) enum Node {
    Leaf(Leaf),
    Branch(Box<Branch>),
}

/// The tree.
#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
    len: u64,
}

/// What an insertion needs to know on its way down.
struct Insertion<'a> {
    probe: Probe<'a>,
    record: Record,
    /// The path has followed the last children only.
    rightmost: bool,
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Branch(branch) => branch.len(),
        }
    }

    /// The first entry; the node is not empty.
    pub(super) fn first(&self) -> Record {
        match self {
            Node::Leaf(leaf) => leaf.get(0),
            Node::Branch(branch) => branch.first(0),
        }
    }

    fn total(&self) -> u64 {
        match self {
            Node::Leaf(leaf) => leaf.len() as u64,
            Node::Branch(branch) => branch.total(),
        }
    }

    /// Inserts; a node that was full answers its new right neighbour.
    fn insert(&mut self, at: &mut Insertion<'_>) -> Option<Node> {
        match self {
            Node::Leaf(leaf) => insert_in_leaf(leaf, at).map(Node::Leaf),
            Node::Branch(branch) => insert_in_branch(branch, at).map(Node::Branch),
        }
    }

    fn remove(&mut self, probe: &Probe<'_>) -> Record {
        match self {
            Node::Leaf(leaf) => leaf.remove(leaf.position(probe)),
            Node::Branch(branch) => remove_in_branch(branch, probe),
        }
    }

    /// Takes the ranks out, and leaves the node thin or empty if need be.
    fn remove_range(&mut self, ranks: Range<u64>, taken: &mut impl FnMut(Record)) {
        match self {
            Node::Leaf(leaf) => leaf.drain(ranks.start as usize, ranks.end as usize, taken),
            Node::Branch(branch) => remove_range_in_branch(branch, ranks, taken),
        }
    }

    fn each(&self, visit: &mut impl FnMut(&Node)) {
        visit(self);
        if let Node::Branch(branch) = self {
            for index in 0..branch.len() {
                branch.child(index).each(visit);
            }
        }
    }
}

fn insert_in_leaf(leaf: &mut Leaf, at: &Insertion<'_>) -> Option<Leaf> {
    let index = leaf.position(&at.probe);
    if leaf.len() < LEAF_MAX {
        leaf.insert(index, at.record);
        return None;
    }
    let middle = if at.rightmost && index == LEAF_MAX {
        LEAF_MAX
    } else {
        LEAF_MAX / 2
    };
    let mut right = leaf.split_off(middle);
    if index < middle || (index == middle && middle < LEAF_MAX) {
        leaf.insert(index, at.record);
    } else {
        right.insert(index - middle, at.record);
    }
    Some(right)
}

fn insert_in_branch(branch: &mut Branch, at: &mut Insertion<'_>) -> Option<Box<Branch>> {
    let before = branch.children_before(&at.probe);
    let index = before.saturating_sub(1);
    at.rightmost &= index + 1 == branch.len();
    let split = branch.child_mut(index).insert(at);
    if before == 0 {
        branch.set_first(0, at.record);
    }
    *branch.count_mut(index) += 1;
    let new = split?;
    let count = new.total();
    *branch.count_mut(index) -= count;
    if branch.len() < FANOUT {
        branch.insert(index + 1, new, count);
        return None;
    }
    let middle = if at.rightmost { FANOUT - 1 } else { FANOUT / 2 };
    let mut right = branch.split_off(middle);
    if index < middle {
        branch.insert(index + 1, new, count);
    } else {
        right.insert(index + 1 - middle, new, count);
    }
    Some(right)
}

fn remove_in_branch(branch: &mut Branch, probe: &Probe<'_>) -> Record {
    let index = branch.children_before(&probe.after()).saturating_sub(1);
    let removed = branch.child_mut(index).remove(probe);
    *branch.count_mut(index) -= 1;
    if branch.count(index) == 0 {
        branch.remove(index);
    } else {
        if branch.first(index) == removed {
            let first = branch.child(index).first();
            branch.set_first(index, first);
        }
        rebalance(branch, index);
    }
    removed
}

fn remove_range_in_branch(branch: &mut Branch, ranks: Range<u64>, taken: &mut impl FnMut(Record)) {
    let (mut start, mut index) = (0, 0);
    while index < branch.len() {
        let count = branch.count(index);
        let from = ranks.start.saturating_sub(start).min(count);
        let to = ranks.end.saturating_sub(start).min(count);
        start += count;
        if from < to {
            branch.child_mut(index).remove_range(from..to, taken);
            *branch.count_mut(index) -= to - from;
            if from == 0 && to == count {
                branch.remove(index);
                continue;
            }
            let first = branch.child(index).first();
            branch.set_first(index, first);
        }
        index += 1;
    }
    for index in (0..branch.len()).rev() {
        rebalance(branch, index);
    }
}

/// Merges a thin child with a neighbour, if one is thin enough.
fn rebalance(branch: &mut Branch, index: usize) {
    if index >= branch.len() {
        return;
    }
    let (min, max) = match branch.child(index) {
        Node::Leaf(_) => (LEAF_MIN, LEAF_MAX * 3 / 4),
        Node::Branch(_) => (FANOUT_MIN, FANOUT * 3 / 4),
    };
    if branch.child(index).len() >= min {
        return;
    }
    let fits = |left: usize| {
        left + 1 < branch.len() && branch.child(left).len() + branch.child(left + 1).len() <= max
    };
    let left = if fits(index) {
        index
    } else if index > 0 && fits(index - 1) {
        index - 1
    } else {
        return;
    };
    let (right, count) = branch.remove(left + 1);
    match (branch.child_mut(left), right) {
        (Node::Leaf(leaf), Node::Leaf(right)) => leaf.absorb(right),
        (Node::Branch(inner), Node::Branch(right)) => inner.absorb(right),
        _ => unreachable!("all leaves have one depth"),
    }
    *branch.count_mut(left) += count;
}

impl Tree {
    pub(super) fn new() -> Tree {
        Tree {
            root: Node::Leaf(Leaf::default()),
            len: 0,
        }
    }

    /// One of records that are in order.
    pub(super) fn from_sorted(records: &[Record]) -> Tree {
        let leaf = |part| (Node::Leaf(Leaf::from_sorted(part)), part.len() as u64);
        let mut nodes: Vec<(Node, u64)> = records.chunks(LEAF_MAX).map(leaf).collect();
        while nodes.len() > 1 {
            // Of about one size, so that none is left with a single child.
            let parents = nodes.len().div_ceil(FANOUT);
            let (each, more) = (nodes.len() / parents, nodes.len() % parents);
            let mut children = nodes.into_iter();
            nodes = (0..parents)
                .map(|index| {
                    let mut branch = Branch::new();
                    let count = each + usize::from(index < more);
                    for (node, count) in children.by_ref().take(count) {
                        branch.push(node, count);
                    }
                    let total = branch.total();
                    (Node::Branch(branch), total)
                })
                .collect();
        }
        let len = records.len() as u64;
        match nodes.pop() {
            Some((root, _)) => Tree { root, len },
            None => Tree::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Adds a record that is not in the tree.
    pub(super) fn insert(&mut self, record: Record) {
        let probe = Probe::at(record.score(), record.member());
        let split = self.root.insert(&mut Insertion {
            probe,
            record,
            rightmost: true,
        });
        self.len += 1;
        if let Some(right) = split {
            let count = right.total();
            let left = std::mem::replace(&mut self.root, Node::Branch(Branch::new()));
            if let Node::Branch(root) = &mut self.root {
                root.push(left, self.len - count);
                root.push(right, count);
            }
        }
    }

    /// Takes out a record that is in the tree.
    pub(super) fn remove(&mut self, record: Record) {
        let probe = Probe::at(record.score(), record.member());
        let removed = self.root.remove(&probe);
        debug_assert_eq!(removed, record);
        self.removed(1);
    }

    /// Takes out a range of ranks within `len`.
    pub(super) fn remove_range(&mut self, ranks: Range<u64>, mut taken: impl FnMut(Record)) {
        let count = ranks.end - ranks.start;
        self.root.remove_range(ranks, &mut taken);
        self.removed(count);
    }

    fn removed(&mut self, count: u64) {
        self.len -= count;
        if self.len == 0 {
            self.root = Node::Leaf(Leaf::default());
        }
        while let Node::Branch(branch) = &mut self.root
            && branch.len() == 1
        {
            self.root = branch.remove(0).0;
        }
    }

    /// Gives a record of the tree a new score.
    pub(super) fn rescore(&mut self, record: Record, score: f64) {
        if !self.rescore_in_place(record, score) {
            self.remove(record);
            record.set_score(score);
            self.insert(record);
        }
    }

    /// Writes the score where the record keeps its place inside its leaf. Scores of ties and leaf
    /// edges are left to the general way.
    fn rescore_in_place(&mut self, record: Record, score: f64) -> bool {
        let probe = Probe::at(record.score(), record.member());
        let mut node = &mut self.root;
        let leaf = loop {
            match node {
                Node::Leaf(leaf) => break leaf,
                Node::Branch(branch) => {
                    let index = branch.children_before(&probe.after()).saturating_sub(1);
                    node = branch.child_mut(index);
                }
            }
        };
        let index = leaf.position(&probe);
        if index == 0 || index + 1 >= leaf.len() {
            return false;
        }
        let key = key_of(score);
        let fits =
            key_of(leaf.get(index - 1).score()) < key && key < key_of(leaf.get(index + 1).score());
        if fits {
            record.set_score(score);
            leaf.rescored(index);
        }
        fits
    }

    /// How many entries lie before the probe.
    pub(super) fn position(&self, probe: &Probe<'_>) -> u64 {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.position(probe) as u64,
                Node::Branch(branch) => {
                    let index = branch.children_before(probe).saturating_sub(1);
                    rank += branch.count_before(index);
                    node = branch.child(index);
                }
            }
        }
    }

    /// The rank of a record that is in the tree.
    pub(super) fn rank(&self, record: Record) -> u64 {
        // Child boundaries count as passed when they are the record itself.
        let probe = Probe::at(record.score(), record.member()).after();
        self.position(&probe) - 1
    }

    /// How many entries lie before a score, or before and at it.
    pub(super) fn count_below(&self, score: f64, with_equal: bool) -> u64 {
        self.position(&Probe::score(
            score,
            if with_equal { Tie::Last } else { Tie::First },
        ))
    }

    /// The record of that rank, which is below `len`.
    pub(super) fn get(&self, rank: u64) -> Record {
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.get(rank as usize),
                Node::Branch(branch) => {
                    let (index, rest) = branch.child_of_rank(rank);
                    (node, rank) = (branch.child(index), rest);
                }
            }
        }
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Bytes and allocations of the nodes.
    pub(super) fn memory(&self) -> (usize, usize) {
        let (mut bytes, mut nodes) = (0, 0);
        self.root.each(&mut |node| {
            nodes += 1;
            bytes += match node {
                Node::Leaf(leaf) => leaf.memory(),
                Node::Branch(_) => size_of::<Branch>(),
            };
        });
        (bytes, nodes)
    }

    /// Checks the invariants; for tests.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(check_node(&self.root), self.len);
    }
}

#[cfg(test)]
fn check_node(node: &Node) -> u64 {
    match node {
        Node::Leaf(leaf) => {
            let order = |r: Record| (key_of(r.score()), r.member());
            let records: Vec<_> = leaf.records().iter().map(|entry| entry.record()).collect();
            assert!(records.is_sorted_by(|a, b| order(*a) < order(*b)));
            assert!(leaf.records().is_sorted_by_key(|entry| entry.tag()));
            leaf.len() as u64
        }
        Node::Branch(branch) => (0..branch.len())
            .map(|index| {
                assert!(branch.child(index).len() > 0);
                assert_eq!(branch.first(index), branch.child(index).first());
                let count = check_node(branch.child(index));
                assert_eq!(count, branch.count(index));
                count
            })
            .sum(),
    }
}
