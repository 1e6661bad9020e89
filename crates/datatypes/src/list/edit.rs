//! Changing lists in the middle: set, insert, remove, trim.
//!
//! A node that has no room is split at the place, and halves that fit are joined with their
//! neighbours afterwards. Places are looked up anew after each structural change.

use super::chunks::{At, Chunks};
use super::node::{ListLimits, Node, View};
use super::{End, List};
use crate::listpack::{Item, Listpack, ListpackRef, Needle};
use crate::word::Of;

impl List {
    /// Puts text in the place of the element of that index (negative: from the end); false when
    /// there is none.
    pub fn set(&mut self, index: i64, text: &[u8], limits: &ListLimits) -> bool {
        let Some(index) = self.absolute(index) else {
            return false;
        };
        if let Of::A(mut pack) = self.form.get_mut()
            && !limits.is_large(text.len())
            && !limits.exceeded_by(pack.size() + text.len(), pack.len())
            && let Some(pos) = pack.view().seek(index as i64)
        {
            pack.replace(pos, text);
            return true;
        }
        self.with_chunks(|chunks| chunks.set(index, text, limits));
        self.shrink(limits);
        true
    }

    /// Adds text before the element of index `index`, or at the end where that is the length.
    pub fn insert(&mut self, index: usize, text: &[u8], limits: &ListLimits) {
        if index >= self.len() {
            return self.push(End::Tail, text, limits);
        }
        if let Of::A(mut pack) = self.form.get_mut()
            && !limits.is_large(text.len())
            && !limits.exceeded_by(pack.size() + text.len(), pack.len() + 1)
            && let Some(pos) = pack.view().seek(index as i64)
        {
            pack.insert_before(pos, text);
            return;
        }
        self.with_chunks(|chunks| chunks.insert(index, text, limits));
    }

    /// Removes `count` elements from `start` on, cut to the list. Answers how many.
    pub fn remove_range(&mut self, start: usize, count: usize, limits: &ListLimits) -> usize {
        let count = count.min(self.len().saturating_sub(start));
        if count == 0 {
            return 0;
        }
        match self.form.get_mut() {
            Of::A(mut pack) => return pack.delete_range(start as i64, count),
            Of::B(mut chunks) => chunks.remove_range(start, count, limits),
        }
        self.shrink(limits);
        count
    }

    /// Keeps `count` elements from `start` on, as LTRIM does.
    pub fn retain_range(&mut self, start: usize, count: usize, limits: &ListLimits) {
        let len = self.len();
        let start = start.min(len);
        let end = start.saturating_add(count).min(len);
        self.remove_range(end, len - end, limits);
        self.remove_range(0, start, limits);
    }

    /// Removes up to `count` elements (0: all) equal to `text`, beginning from that end. Answers
    /// how many.
    pub fn remove_equal(
        &mut self,
        text: &[u8],
        from: End,
        count: usize,
        limits: &ListLimits,
    ) -> usize {
        let count = if count == 0 { usize::MAX } else { count };
        let removed = match self.form.get_mut() {
            Of::A(mut pack) => {
                let matches = matches_in(pack.view(), text, from, count);
                delete_all(&mut pack, &matches);
                return matches.len();
            }
            Of::B(mut chunks) => chunks.remove_equal(text, from, count, limits),
        };
        self.shrink(limits);
        removed
    }
}

/// Indexes of up to `count` elements equal to `text`, counted from that end, in ascending order.
fn matches_in(pack: ListpackRef<'_>, text: &[u8], from: End, count: usize) -> Vec<usize> {
    let mut found = Vec::new();
    if pack.find(text, 0).is_none() {
        return found;
    }
    let needle = Needle::new(text);
    let equal = |(index, item): (usize, Item<'_>)| needle.is(item).then_some(index);
    match from {
        End::Head => found.extend(pack.iter().enumerate().filter_map(equal).take(count)),
        End::Tail => {
            found.extend(pack.iter().enumerate().filter_map(equal));
            found.drain(..found.len().saturating_sub(count));
        }
    }
    found
}

/// Removes the elements of these ascending indexes: one by itself, several by packing the rest
/// anew.
fn delete_all(pack: &mut Listpack, indexes: &[usize]) {
    match indexes {
        [] => {}
        [one] => {
            pack.delete_range(*one as i64, 1);
        }
        _ => {
            let mut gone = indexes.iter().copied().peekable();
            let kept = pack.view().iter().enumerate();
            let kept = kept.filter(|(index, _)| gone.next_if_eq(index).is_none());
            *pack = Listpack::from_items(kept.map(|(_, item)| item));
        }
    }
}

impl Chunks {
    fn set(&mut self, index: usize, text: &[u8], limits: &ListLimits) {
        let Some(at) = self.locate(index) else { return };
        let Some(node) = self.node(at) else { return };
        if node.admits(text.len(), limits) || (node.count() == 1 && !limits.is_large(text.len())) {
            self.edit(at, |node| {
                let replaced = node.edit(|pack| {
                    if let Some(pos) = pack.view().seek(at.inner as i64) {
                        pack.replace(pos, text);
                    }
                });
                if replaced.is_none() {
                    *node = Node::of_text(text, limits);
                }
            });
            self.compress_at(at, limits);
        } else if node.count() == 1 {
            self.edit(at, |node| *node = Node::of_text(text, limits));
        } else {
            self.insert(index, text, limits);
            self.remove_range(index + 1, 1, limits);
        }
    }

    fn insert(&mut self, index: usize, text: &[u8], limits: &ListLimits) {
        let Some(at) = self.locate(index) else { return };
        if self.insert_within(at, text, limits) {
            return;
        }
        if at.inner == 0 {
            // At the seam of two nodes: perhaps the one before has room.
            if let Some(before) = self.node_before(at)
                && self
                    .node(before)
                    .is_some_and(|node| node.admits(text.len(), limits))
            {
                self.edit(before, |node| node.edit(|pack| pack.append(text)));
                return self.compress_at(before, limits);
            }
            self.insert_node(at, Node::of_text(text, limits));
            return self.compress_ends(limits);
        }
        self.split(at);
        let second = At {
            node: at.node + 1,
            inner: 0,
            ..at
        };
        self.insert_node(second, Node::of_text(text, limits));
        self.merge_around(index, limits);
        if let Some(at) = self.locate(index) {
            let around = [self.node_before(at), Some(at), self.node_after(at)];
            around
                .into_iter()
                .flatten()
                .for_each(|at| self.compress_at(at, limits));
        }
        self.compress_ends(limits);
    }

    /// Adds text at a place in a node that has room for it.
    fn insert_within(&mut self, at: At, text: &[u8], limits: &ListLimits) -> bool {
        if !self
            .node(at)
            .is_some_and(|node| node.admits(text.len(), limits))
        {
            return false;
        }
        self.edit(at, |node| {
            node.edit(|pack| {
                if let Some(pos) = pack.view().seek(at.inner as i64) {
                    pack.insert_before(pos, text);
                }
            })
        });
        self.compress_at(at, limits);
        true
    }

    /// Makes two nodes of one: the elements from `at` on become the next node of the same chunk.
    fn split(&mut self, at: At) {
        let rest = self.edit(at, |node| {
            node.edit(|pack| {
                let pos = pack.view().seek(at.inner as i64)?;
                Some(pack.split_off(pos))
            })
        });
        if let Some(Some(rest)) = rest {
            self.insert_node(
                At {
                    node: at.node + 1,
                    inner: 0,
                    ..at
                },
                Node::of(rest),
            );
        }
    }

    /// Joins the node of that index with its neighbours where they fit in one.
    fn merge_around(&mut self, index: usize, limits: &ListLimits) {
        for _ in 0..2 {
            let Some(at) = self.locate(index) else { return };
            let before = self.node_before(at);
            let after = self.node_after(at);
            if !before.is_some_and(|before| self.merge(before, at, limits))
                && !after.is_some_and(|after| self.merge(at, after, limits))
            {
                return;
            }
        }
    }

    fn merge(&mut self, first: At, second: At, limits: &ListLimits) -> bool {
        let (Some(a), Some(b)) = (self.node(first), self.node(second)) else {
            return false;
        };
        if !a.admits_node(b, limits) {
            return false;
        }
        // The later place goes first, so that the earlier one stays what it is.
        let Some(rest) = self.remove_node(second).into_pack() else {
            return false;
        };
        self.edit(first, |node| node.edit(|pack| pack.append_all(rest.view())));
        true
    }

    fn remove_range(&mut self, start: usize, count: usize, limits: &ListLimits) {
        let mut left = count;
        let mut place = self.locate(start);
        while let (Some(at), true) = (place, left > 0) {
            if at.node == 0
                && at.inner == 0
                && self.chunk_len(at.chunk).is_some_and(|len| len <= left)
            {
                left -= self.remove_chunks(at.chunk, at.chunk + 1);
                place = self.node(at).map(|_| at);
                continue;
            }
            let held = self.node(at).map_or(0, Node::count);
            let gone = left.min(held - at.inner);
            left -= gone;
            if gone == held {
                place = self.remove_and_next(at);
                continue;
            }
            self.edit(at, |node| {
                node.edit(|pack| pack.delete_range(at.inner as i64, gone))
            });
            self.compress_at(at, limits);
            place = self.node_after(at);
        }
        self.compress_ends(limits);
    }

    fn remove_equal(&mut self, text: &[u8], from: End, count: usize, limits: &ListLimits) -> usize {
        let mut removed = 0;
        let mut place = match from {
            End::Head => self.locate(0),
            End::Tail => self.locate(self.len().saturating_sub(1)),
        };
        while let (Some(at), true) = (place, removed < count) {
            let Some(node) = self.node(at) else { break };
            let held = node.count();
            let matches = node.read(|view| match view {
                View::Packed(pack) => matches_in(pack, text, from, count - removed),
                View::Plain(own) if own == text => vec![0],
                View::Plain(_) => Vec::new(),
            });
            removed += matches.len();
            // Towards the head, removing a node does not touch what is before it.
            let before = self.node_before(at);
            if matches.len() == held {
                place = self.remove_and_next(at);
            } else {
                if !matches.is_empty() {
                    self.edit(at, |node| node.edit(|pack| delete_all(pack, &matches)));
                    self.compress_at(at, limits);
                }
                place = self.node_after(at);
            }
            if from == End::Tail {
                place = before;
            }
        }
        if removed > 0 {
            self.compress_ends(limits);
        }
        removed
    }
}
