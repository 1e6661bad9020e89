//! The nodes of a list, in chunks that know how many elements they hold.
//!
//! Invariants: no chunk is empty, no node is empty; only the first node is open; `Chunk::len` is
//! the sum of its nodes' counts, `Chunks::len` that of the chunks. All changes of nodes go through
//! `edit`, `insert_node`, `push_node_at`, `push`, `pop` and `remove_node`, which keep them.

use super::End;
use super::node::{ListLimits, Node};
use crate::listpack::{Item, Listpack};
use std::collections::VecDeque;

/// A chunk with more nodes is split. Small in tests, so that they see it happen.
const NODES_MAX: usize = if cfg!(test) { 4 } else { 256 };

#[derive(Clone, Default)]
struct Chunk {
    nodes: VecDeque<Node>,
    len: usize,
}

/// The deque; see the module.
#[derive(Clone, Default)]
pub(super) struct Chunks {
    chunks: VecDeque<Chunk>,
    len: usize,
}

/// A place: chunk, node in it, element in that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct At {
    pub(super) chunk: usize,
    pub(super) node: usize,
    pub(super) inner: usize,
}

impl Chunks {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.chunks.iter().flat_map(|chunk| &chunk.nodes)
    }

    /// Nodes and chunks; the second allocation of compressed nodes is not looked up.
    pub(super) fn allocations(&self) -> usize {
        1 + self
            .chunks
            .iter()
            .map(|chunk| 1 + chunk.nodes.len())
            .sum::<usize>()
    }

    /// Estimated from the first `samples` nodes (0: all).
    pub(super) fn memory(&self, samples: usize) -> usize {
        let count: usize = self.chunks.iter().map(|chunk| chunk.nodes.len()).sum();
        let samples = if samples == 0 {
            count
        } else {
            samples.min(count)
        };
        let seen: usize = self.nodes().take(samples).map(Node::memory).sum();
        let slots: usize = self.chunks.iter().map(|chunk| chunk.nodes.capacity()).sum();
        (seen * count).div_ceil(samples.max(1))
            + slots * size_of::<Node>()
            + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// The place of the element of that index, from the nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<At> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            self.locate_forward(index)
        } else {
            self.locate_backward(self.len - 1 - index)
        }
    }

    fn locate_forward(&self, mut left: usize) -> Option<At> {
        for (chunk, held) in self.chunks.iter().enumerate() {
            if left >= held.len {
                left -= held.len;
                continue;
            }
            for (node, count) in held.nodes.iter().map(Node::count).enumerate() {
                if left < count {
                    return Some(At {
                        chunk,
                        node,
                        inner: left,
                    });
                }
                left -= count;
            }
        }
        None
    }

    /// `left` elements are behind the one looked for.
    fn locate_backward(&self, mut left: usize) -> Option<At> {
        for (chunk, held) in self.chunks.iter().enumerate().rev() {
            if left >= held.len {
                left -= held.len;
                continue;
            }
            for (node, count) in held.nodes.iter().map(Node::count).enumerate().rev() {
                if left < count {
                    return Some(At {
                        chunk,
                        node,
                        inner: count - 1 - left,
                    });
                }
                left -= count;
            }
        }
        None
    }

    #[inline]
    pub(super) fn node(&self, at: At) -> Option<&Node> {
        self.chunks.get(at.chunk)?.nodes.get(at.node)
    }

    /// The first element of the node behind that of `at`.
    pub(super) fn node_after(&self, at: At) -> Option<At> {
        let (chunk, node) = if at.node + 1 < self.chunks.get(at.chunk)?.nodes.len() {
            (at.chunk, at.node + 1)
        } else {
            (at.chunk + 1, 0)
        };
        let next = At {
            chunk,
            node,
            inner: 0,
        };
        self.node(next).map(|_| next)
    }

    /// The last element of the node before that of `at`.
    pub(super) fn node_before(&self, at: At) -> Option<At> {
        let (chunk, node) = match at.node.checked_sub(1) {
            Some(node) => (at.chunk, node),
            None => {
                let chunk = at.chunk.checked_sub(1)?;
                (chunk, self.chunks[chunk].nodes.len() - 1)
            }
        };
        let before = At {
            chunk,
            node,
            inner: 0,
        };
        let count = self.node(before)?.count();
        Some(At {
            inner: count - 1,
            ..before
        })
    }

    fn end(&self, end: End) -> Option<At> {
        match end {
            End::Head => (!self.is_empty()).then_some(At {
                chunk: 0,
                node: 0,
                inner: 0,
            }),
            End::Tail => self.node_before(At {
                chunk: self.chunks.len(),
                node: 0,
                inner: 0,
            }),
        }
    }

    /// Changes a node, and follows with the counts. It must not become empty; `remove_node` is for
    /// that.
    pub(super) fn edit<R>(&mut self, at: At, f: impl FnOnce(&mut Node) -> R) -> R {
        let chunk = &mut self.chunks[at.chunk];
        let node = &mut chunk.nodes[at.node];
        let before = node.count();
        let result = f(node);
        let after = node.count();
        debug_assert!(after > 0);
        chunk.len = chunk.len + after - before;
        self.len = self.len + after - before;
        result
    }

    /// Puts a node in the place of the node of `at`, which moves back. `at.node` counts on into the
    /// next chunk where this one has been split meanwhile.
    pub(super) fn insert_node(&mut self, mut at: At, node: Node) {
        if self.chunks.is_empty() {
            return self.push_node(node);
        }
        if (at.chunk, at.node) == (0, 0) {
            self.close_first();
        }
        while at.node > self.chunks[at.chunk].nodes.len() {
            at.node -= self.chunks[at.chunk].nodes.len();
            at.chunk += 1;
        }
        let chunk = &mut self.chunks[at.chunk];
        let count = node.count();
        chunk.nodes.insert(at.node, node);
        chunk.len += count;
        self.len += count;
        if chunk.nodes.len() > NODES_MAX {
            let nodes = chunk.nodes.split_off(NODES_MAX / 2);
            let len = nodes.iter().map(Node::count).sum();
            chunk.len -= len;
            self.chunks.insert(at.chunk + 1, Chunk { nodes, len });
        }
    }

    /// Takes a node out; what followed is at its place then, if that is still in the chunk.
    pub(super) fn remove_node(&mut self, at: At) -> Node {
        let chunk = &mut self.chunks[at.chunk];
        let node = chunk
            .nodes
            .remove(at.node)
            .expect("a place within the list");
        chunk.len -= node.count();
        self.len -= node.count();
        if chunk.nodes.is_empty() {
            self.chunks.remove(at.chunk);
        } else if chunk.nodes.capacity() > 4 * chunk.nodes.len().max(4) {
            chunk.nodes.shrink_to(2 * chunk.nodes.len());
        }
        node
    }

    /// Removes whole chunks `from..to`; answers how many elements that were.
    pub(super) fn remove_chunks(&mut self, from: usize, to: usize) -> usize {
        let removed = self.chunks.drain(from..to).map(|chunk| chunk.len).sum();
        self.len -= removed;
        removed
    }

    pub(super) fn chunk_len(&self, chunk: usize) -> Option<usize> {
        self.chunks.get(chunk).map(|chunk| chunk.len)
    }

    /// Removes a node; answers the first element of the one that followed.
    pub(super) fn remove_and_next(&mut self, at: At) -> Option<At> {
        let next = self.node_after(at);
        let alone = self.chunks[at.chunk].nodes.len() == 1;
        self.remove_node(at);
        let next = next?;
        Some(match (next.chunk == at.chunk, alone) {
            (true, _) => At { inner: 0, ..at },
            (false, true) => At {
                chunk: at.chunk,
                ..next
            },
            (false, false) => next,
        })
    }

    /// The first node is about to be one no longer.
    fn close_first(&mut self) {
        if let Some(node) = self.chunks.front_mut().and_then(|it| it.nodes.front_mut()) {
            node.close();
        }
    }

    /// Adds a node behind all others.
    pub(super) fn push_node(&mut self, node: Node) {
        self.push_node_at(End::Tail, node);
    }

    fn push_node_at(&mut self, end: End, node: Node) {
        let count = node.count();
        if end == End::Head {
            self.close_first();
        }
        self.len += count;
        let chunk = match end {
            End::Head => self.chunks.front_mut(),
            End::Tail => self.chunks.back_mut(),
        };
        if let Some(chunk) = chunk.filter(|chunk| chunk.nodes.len() < NODES_MAX) {
            chunk.len += count;
            match end {
                End::Head => chunk.nodes.push_front(node),
                End::Tail => chunk.nodes.push_back(node),
            }
            return;
        }
        let chunk = Chunk {
            nodes: VecDeque::from([node]),
            len: count,
        };
        match end {
            End::Head => self.chunks.push_front(chunk),
            End::Tail => self.chunks.push_back(chunk),
        }
    }

    /// Adds an element at an end.
    pub(super) fn push(&mut self, end: End, text: &[u8], limits: &ListLimits) {
        let chunk = match end {
            End::Head => self.chunks.front_mut(),
            End::Tail => self.chunks.back_mut(),
        };
        if let Some(chunk) = chunk {
            let node = match end {
                End::Head => chunk.nodes.front_mut(),
                End::Tail => chunk.nodes.back_mut(),
            };
            if let Some(node) = node.filter(|node| node.admits(text.len(), limits)) {
                node.push(end, text);
                chunk.len += 1;
                self.len += 1;
                return;
            }
        }
        self.push_node_at(end, Node::of_text(text, limits));
        self.compress_around(end, limits);
    }

    /// Reads the element at an end and removes it.
    pub(super) fn pop<R>(
        &mut self,
        end: End,
        limits: &ListLimits,
        f: impl FnOnce(Item<'_>) -> R,
    ) -> Option<R> {
        let at = self.end(end)?;
        let chunk = &mut self.chunks[at.chunk];
        let node = &mut chunk.nodes[at.node];
        if node.count() > 1 && node.extent().is_some() {
            chunk.len -= 1;
            self.len -= 1;
            return node.pop(end, f);
        }
        let result = node.read(|view| f(view.get(at.inner)));
        if node.count() == 1 {
            self.remove_node(at);
            self.compress_around(end, limits);
        } else {
            self.edit(at, |node| {
                node.edit(|pack| pack.delete_range(at.inner as i64, 1))
            });
        }
        Some(result)
    }

    /// Whether one listpack is all there is, and `times` of it would still be within the limits.
    #[inline]
    pub(super) fn is_one_node(&self, times: usize, limits: &ListLimits) -> bool {
        if self.chunks.len() != 1 || self.chunks[0].nodes.len() != 1 {
            return false;
        }
        self.chunks[0].nodes[0]
            .extent()
            .is_some_and(|(size, count)| !limits.exceeded_by(size * times, count * times))
    }

    /// Takes the only node's listpack.
    pub(super) fn take_single(&mut self) -> Option<Listpack> {
        let at = self.end(End::Head)?;
        self.remove_node(at).into_pack()
    }

    /// Whether `depth` nodes or more lie on both sides of the node of `at`.
    pub(super) fn is_inner(&self, at: At, depth: usize) -> bool {
        let far = |mut place: At, step: fn(&Self, At) -> Option<At>| {
            (0..depth).all(|_| match step(self, place) {
                Some(next) => {
                    place = next;
                    true
                }
                None => false,
            })
        };
        depth > 0 && far(at, Self::node_before) && far(at, Self::node_after)
    }

    /// After a node came or went at an end: the outer `depth` nodes are expanded, the next one is
    /// compressed.
    fn compress_around(&mut self, end: End, limits: &ListLimits) {
        let depth = limits.compress_depth as usize;
        if depth == 0 {
            return;
        }
        let mut place = self.end(end);
        for passed in 0..=depth {
            let Some(at) = place else { return };
            if passed < depth {
                self.edit(at, Node::inflate);
            } else if self.is_inner(at, depth) {
                self.edit(at, Node::deflate);
            }
            place = match end {
                End::Head => self.node_after(at),
                End::Tail => self.node_before(at),
            };
        }
    }

    /// After a change in the middle: compresses the node of `at` again if it is far from both ends,
    /// and expands the ends, which may have come nearer.
    pub(super) fn compress_at(&mut self, at: At, limits: &ListLimits) {
        let depth = limits.compress_depth as usize;
        if depth > 0 && self.node(at).is_some() && self.is_inner(at, depth) {
            self.edit(at, Node::deflate);
        }
    }

    /// Both ends, after whole nodes went.
    pub(super) fn compress_ends(&mut self, limits: &ListLimits) {
        self.compress_around(End::Head, limits);
        self.compress_around(End::Tail, limits);
    }

    /// All nodes from `depth` on from both ends.
    pub(super) fn compress_all(&mut self, depth: usize) {
        if depth == 0 {
            return;
        }
        let nodes = self.nodes().count();
        let all = self.chunks.iter_mut().flat_map(|chunk| &mut chunk.nodes);
        for (index, node) in all.enumerate() {
            if index >= depth && index + depth < nodes {
                node.deflate();
            } else {
                node.inflate();
            }
        }
    }
}
