//! List: one listpack while it is small, then a deque of nodes.
//!
//! Nodes are listpacks up to the size that `list-max-listpack-size` allows, single large elements
//! kept plain, and (with `list-compress-depth`) listpacks compressed with LZF where they are far
//! from both ends. Nodes lie in chunks that count their elements, so that an index in the middle of
//! a long list is found by adding up a few counts and not by walking the nodes. The small form is
//! invisible where Redis 7.0's names are reported: [`List::encoding_7_0`].
//!
//! Thresholds are arguments ([`ListLimits`]), so that a changed configuration counts from the next
//! change on.

mod chunks;
mod edit;
mod node;
#[cfg(test)]
mod tests;
mod walk;

pub use node::{ListLimits, NodeRef};

use crate::listpack::{Item, Listpack};
use crate::word::{Of, OneOf};
use chunks::Chunks;
use node::Node;

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Index 0: the left.
    Head,
    /// Index -1: the right.
    Tail,
}

impl End {
    /// Reads the element at this end of a listpack and removes it; `None` when empty.
    #[inline]
    fn pop_from<R>(self, pack: &mut Listpack, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let view = pack.view();
        let pos = match self {
            Self::Head => view.first(),
            Self::Tail => view.last(),
        }?;
        let result = f(view.get(pos));
        pack.delete(pos);
        Some(result)
    }
}

/// A list, held by one pointer.
pub struct List {
    form: OneOf<Listpack, Box<Chunks>>,
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for List {
    fn clone(&self) -> Self {
        let form = match self.form.get() {
            Of::A(pack) => Of::A(Listpack::from_ref(pack)),
            Of::B(chunks) => Of::B(Box::new(chunks.clone())),
        };
        Self {
            form: OneOf::new(form),
        }
    }
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = f.debug_list();
        self.for_each(|item| {
            list.entry(&item);
        });
        list.finish()
    }
}

impl List {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            form: OneOf::new(Of::A(Listpack::new())),
        }
    }

    /// The number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self.form.get() {
            Of::A(pack) => pack.len(),
            Of::B(chunks) => chunks.len(),
        }
    }

    /// Whether there is no element.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says since Redis 7.2: `listpack` while it is a single listpack, then
    /// `quicklist`.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        match self.form.get() {
            Of::A(_) => "listpack",
            Of::B(_) => "quicklist",
        }
    }

    /// What OBJECT ENCODING says in Redis 7.0, whatever the form.
    #[must_use]
    pub fn encoding_7_0(&self) -> &'static str {
        "quicklist"
    }

    /// How many allocations dropping this frees, roughly; quick to tell.
    #[must_use]
    pub fn allocations(&self) -> usize {
        match self.form.get() {
            Of::A(_) => 1,
            Of::B(chunks) => 1 + chunks.allocations(),
        }
    }

    /// Bytes that it holds on the heap; only `samples` nodes (0: all) are looked at.
    #[must_use]
    pub fn memory(&self, samples: usize) -> usize {
        match self.form.get() {
            Of::A(pack) => crate::size_class(pack.bytes().len()),
            Of::B(chunks) => size_of::<Chunks>() + chunks.memory(samples),
        }
    }

    /// Becomes a deque of nodes where the elements about to be pushed (`count` of them, `bytes` of
    /// text in all) would exceed a single listpack. Pushes see to it themselves, one by one;
    /// calling this first converts when Redis does.
    pub fn prepare_push(&mut self, count: usize, bytes: usize, limits: &ListLimits) {
        if let Of::A(pack) = self.form.get()
            && limits.exceeded_by(pack.bytes().len() + bytes, pack.len() + count)
        {
            self.chunks_mut();
        }
    }

    /// Adds text at an end.
    pub fn push(&mut self, end: End, text: &[u8], limits: &ListLimits) {
        match self.form.get_mut() {
            Of::A(mut pack)
                if !limits.is_large(text.len())
                    && !limits.exceeded_by(pack.size() + text.len(), pack.len() + 1) =>
            {
                match end {
                    End::Head => pack.prepend(text),
                    End::Tail => pack.append(text),
                };
                return;
            }
            Of::A(_) => {}
            Of::B(mut chunks) => return chunks.push(end, text, limits),
        }
        self.with_chunks(|chunks| chunks.push(end, text, limits));
    }

    /// Reads the element at an end and removes it; `None` when empty.
    pub fn pop<R>(
        &mut self,
        end: End,
        limits: &ListLimits,
        f: impl FnOnce(Item<'_>) -> R,
    ) -> Option<R> {
        let result = match self.form.get_mut() {
            Of::A(mut pack) => return end.pop_from(&mut pack, f),
            Of::B(mut chunks) => chunks.pop(end, limits, f),
        };
        self.shrink(limits);
        result
    }

    /// Reads the element of that index (negative: from the end).
    pub fn get<R>(&self, index: i64, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match self.form.get() {
            Of::A(pack) => pack.get_at(index).map(f),
            Of::B(chunks) => {
                let at = chunks.locate(self.absolute(index)?)?;
                Some(chunks.node(at)?.read(|view| f(view.get(at.inner))))
            }
        }
    }

    /// The index counted from the head, if it is within the list.
    #[must_use]
    pub fn absolute(&self, index: i64) -> Option<usize> {
        let len = self.len();
        let index = if index < 0 {
            len.checked_sub(index.unsigned_abs() as usize)?
        } else {
            index as usize
        };
        (index < len).then_some(index)
    }

    /// The form of nodes, whichever it is now.
    fn chunks_mut(&mut self) {
        let pack = match self.form.get_mut() {
            Of::A(mut pack) => std::mem::take(&mut *pack),
            Of::B(_) => return,
        };
        let mut chunks = Chunks::default();
        if !pack.is_empty() {
            chunks.push_node(Node::of(pack));
        }
        self.form = OneOf::new(Of::B(Box::new(chunks)));
    }

    fn with_chunks<R>(&mut self, f: impl FnOnce(&mut Chunks) -> R) -> R {
        self.chunks_mut();
        match self.form.get_mut() {
            Of::B(mut chunks) => f(&mut chunks),
            Of::A(_) => unreachable!("just converted"),
        }
    }

    /// After removals: becomes a single listpack again where no more than half a node is left.
    /// Half, so that a list at the limit does not go to and fro.
    #[inline]
    fn shrink(&mut self, limits: &ListLimits) {
        self.pack_if_within(2, limits);
    }

    fn pack_if_within(&mut self, times: usize, limits: &ListLimits) {
        let pack = match self.form.get_mut() {
            Of::B(mut chunks) if chunks.is_empty() || chunks.is_one_node(times, limits) => {
                chunks.take_single().unwrap_or_default()
            }
            _ => return,
        };
        self.form = OneOf::new(Of::A(pack));
    }

    /// Builds a list from the nodes of an RDB file, one after the other. Empty listpacks are left
    /// out.
    pub fn push_pack(&mut self, pack: Listpack) {
        if !pack.is_empty() {
            self.with_chunks(|chunks| chunks.push_node(Node::of(pack)));
        }
    }

    /// Adds an element too large for listpacks, which becomes a node without a copy.
    pub fn push_plain(&mut self, text: Box<[u8]>) {
        self.with_chunks(|chunks| chunks.push_node(Node::Plain(text)));
    }

    /// After building from nodes: takes the form that a list of this size has, and compresses.
    pub fn settle(&mut self, limits: &ListLimits) {
        self.pack_if_within(1, limits);
        if let Of::B(mut chunks) = self.form.get_mut() {
            chunks.compress_all(limits.compress_depth as usize);
        }
    }

    /// The nodes as they are, for RDB files and DEBUG.
    pub fn for_each_node(&self, mut f: impl FnMut(NodeRef<'_>)) {
        match self.form.get() {
            Of::A(pack) => f(NodeRef::Packed(pack)),
            Of::B(chunks) => chunks.nodes().for_each(|node| f(node.as_node_ref())),
        }
    }

    /// The number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        match self.form.get() {
            Of::A(_) => 1,
            Of::B(chunks) => chunks.nodes().count(),
        }
    }
}
