//! A node of a list: a listpack, a compressed one, one with room at its ends, or a single large
//! element; and the limits of nodes.
//!
//! Reading expands a compressed node for the moment only; changing expands it for good, and the
//! deque compresses it again where it lies far from both ends.

use super::End;
use crate::listpack::{Item, Listpack, ListpackRef, Open};
use common::lzf;
use std::borrow::Cow;

/// What positive `list-max-listpack-size` values still bound: bytes of a node of several elements.
const SAFETY_SIZE: usize = 8192;
/// Estimated overhead of one more element; Redis's.
const ELEMENT_OVERHEAD: usize = 8;
/// Nodes below this are not compressed.
const COMPRESS_SIZE_MIN: usize = 48;
/// The first node gets room at its ends from this size on: below, moving its bytes is as cheap.
/// Small in tests, so that they see it happen.
const OPEN_SIZE_MIN: usize = if cfg!(test) { 32 } else { 512 };
/// Compression has to save at least so much.
const COMPRESS_GAIN_MIN: usize = 8;

/// The directives that shape lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`: elements per node, or with -1 to -5 a size class of 4 to 64 KiB.
    pub fill: i32,
    /// `list-compress-depth`: how many nodes at each end stay uncompressed; 0 compresses none.
    pub compress_depth: u32,
    /// Elements of this length or more get a node of their own (DEBUG QUICKLIST-PACKED-THRESHOLD);
    /// 0: those that exceed a node.
    pub packed_threshold: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self {
            fill: -2,
            compress_depth: 0,
            packed_threshold: 0,
        }
    }
}

impl ListLimits {
    /// The size limit of a negative fill.
    fn size_max(&self) -> Option<usize> {
        (self.fill < 0).then(|| 2048 << self.fill.unsigned_abs().min(5))
    }

    /// Whether an element of that length gets a node of its own.
    #[inline]
    pub(super) fn is_large(&self, len: usize) -> bool {
        match self.packed_threshold {
            0 => len > self.size_max().unwrap_or(SAFETY_SIZE),
            threshold => len >= threshold,
        }
    }

    /// Whether a node of `size` bytes and `count` elements may take one more of `len`.
    #[inline]
    pub(super) fn admits(&self, size: usize, count: usize, len: usize) -> bool {
        let size = size + len + ELEMENT_OVERHEAD;
        match self.size_max() {
            Some(size_max) => size <= size_max,
            None => size <= SAFETY_SIZE && count < self.fill.max(1) as usize,
        }
    }

    /// Whether `size` bytes or `count` elements are too many for a node.
    #[inline]
    pub(super) fn exceeded_by(&self, size: usize, count: usize) -> bool {
        match self.size_max() {
            Some(size_max) => size > size_max,
            None => size > SAFETY_SIZE || count > self.fill.max(1) as usize,
        }
    }
}

/// A listpack under LZF.
#[derive(Clone)]
pub(super) struct Lzf {
    bytes: Box<[u8]>,
    size: usize,
}

/// One node. Counts are kept here so that finding an index touches no listpack.
#[derive(Clone)]
pub(super) enum Node {
    Packed {
        count: u32,
        pack: Listpack,
    },
    /// The first node only.
    Open(Box<Open>),
    Lzf {
        count: u32,
        lzf: Box<Lzf>,
    },
    Plain(Box<[u8]>),
}

/// A node as it is kept.
#[derive(Clone, Copy)]
pub enum NodeRef<'a> {
    /// A listpack.
    Packed(ListpackRef<'a>),
    /// A listpack under LZF.
    Lzf {
        /// The compressed bytes.
        bytes: &'a [u8],
        /// The size of the listpack.
        size: usize,
    },
    /// One large element.
    Plain(&'a [u8]),
}

/// A node opened for reading.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Packed(ListpackRef<'a>),
    Plain(&'a [u8]),
}

impl<'a> View<'a> {
    /// The element at `inner`, which is within the node.
    pub(super) fn get(self, inner: usize) -> Item<'a> {
        match self {
            Self::Packed(pack) => pack.get_at(inner as i64).expect("counts are right"),
            Self::Plain(text) => Item::of(text),
        }
    }
}

impl Node {
    pub(super) fn of(pack: Listpack) -> Self {
        Self::Packed {
            count: pack.len() as u32,
            pack,
        }
    }

    /// A new node for one element.
    pub(super) fn of_text(text: &[u8], limits: &ListLimits) -> Self {
        if limits.is_large(text.len()) {
            return Self::Plain(text.into());
        }
        let mut pack = Listpack::new();
        pack.append(text);
        Self::Packed { count: 1, pack }
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Packed { count, .. } | Self::Lzf { count, .. } => *count as usize,
            Self::Open(open) => open.count(),
            Self::Plain(_) => 1,
        }
    }

    /// Whether it may take one more element of `len` bytes.
    #[inline]
    pub(super) fn admits(&self, len: usize, limits: &ListLimits) -> bool {
        match self {
            Self::Packed { count, pack } => {
                !limits.is_large(len) && limits.admits(pack.size(), *count as usize, len)
            }
            Self::Open(open) => {
                !limits.is_large(len) && limits.admits(open.size(), open.count(), len)
            }
            Self::Lzf { count, lzf } => {
                !limits.is_large(len) && limits.admits(lzf.size, *count as usize, len)
            }
            Self::Plain(_) => false,
        }
    }

    /// Size and count, where it is a listpack that is not compressed.
    #[inline]
    pub(super) fn extent(&self) -> Option<(usize, usize)> {
        match self {
            Self::Packed { count, pack } => Some((pack.size(), *count as usize)),
            Self::Open(open) => Some((open.size(), open.count())),
            Self::Lzf { .. } | Self::Plain(_) => None,
        }
    }

    /// Whether it may take all of `other`.
    pub(super) fn admits_node(&self, other: &Self, limits: &ListLimits) -> bool {
        match (self.extent(), other.extent()) {
            (Some((a, m)), Some((b, n))) => !limits.exceeded_by(a + b, m + n),
            _ => false,
        }
    }

    /// Reads it, expanding a compressed one for the moment.
    pub(super) fn read<R>(&self, f: impl FnOnce(View<'_>) -> R) -> R {
        match self {
            Self::Packed { pack, .. } => f(View::Packed(pack.view())),
            Self::Open(open) => f(View::Packed(open.view())),
            Self::Lzf { lzf, .. } => f(View::Packed(ListpackRef::new(&lzf.expand()))),
            Self::Plain(text) => f(View::Plain(text)),
        }
    }

    /// The listpack for changing, expanding a compressed one for good; `None` for a plain node. The
    /// caller keeps `count` right: see `edit`.
    pub(super) fn edit<R>(&mut self, f: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        self.inflate();
        self.close();
        match self {
            Self::Packed { count, pack } => {
                let result = f(pack);
                *count = pack.len() as u32;
                Some(result)
            }
            _ => None,
        }
    }

    /// Adds text that it admits. A node pushed to at the head is the first one of its list.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        if end == End::Head {
            self.open();
        }
        match (self, end) {
            (Self::Open(open), End::Head) => open.prepend(text),
            (Self::Open(open), End::Tail) => open.append(text),
            (node, _) => {
                node.edit(|pack| match end {
                    End::Head => pack.prepend(text),
                    End::Tail => pack.append(text),
                });
            }
        }
    }

    /// Reads the element at an end of a listpack of more than one, and removes it.
    #[inline]
    pub(super) fn pop<R>(&mut self, end: End, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        if end == End::Head {
            self.open();
        }
        match (self, end) {
            (Self::Open(open), End::Head) => open.pop_first(f),
            (Self::Open(open), End::Tail) => open.pop_last(f),
            (Self::Packed { count, pack }, _) => {
                let result = end.pop_from(pack, f)?;
                *count -= 1;
                Some(result)
            }
            (Self::Lzf { .. } | Self::Plain(_), _) => None,
        }
    }

    /// Gives the first node of a list room at its ends, where that is worth it.
    #[inline]
    pub(super) fn open(&mut self) {
        if let Self::Packed { count, pack } = self
            && pack.size() >= OPEN_SIZE_MIN
        {
            *self = Self::Open(Box::new(Open::of(pack.view(), *count as usize)));
        }
    }

    /// Takes the room back: the node is to be changed in the middle, or is no longer the first.
    pub(super) fn close(&mut self) {
        if let Self::Open(open) = self {
            *self = Self::Packed {
                count: open.count() as u32,
                pack: open.close(),
            };
        }
    }

    /// Its listpack, unless it is compressed or plain.
    pub(super) fn into_pack(mut self) -> Option<Listpack> {
        self.close();
        match self {
            Self::Packed { pack, .. } => Some(pack),
            _ => None,
        }
    }

    /// Undoes the compression.
    pub(super) fn inflate(&mut self) {
        if let Self::Lzf { count, lzf } = self {
            let pack = Listpack::from_ref(ListpackRef::new(&lzf.expand()));
            *self = Self::Packed {
                count: *count,
                pack,
            };
        }
    }

    /// Compresses, where that is worth it.
    pub(super) fn deflate(&mut self) {
        let Self::Packed { count, pack } = self else {
            return;
        };
        let size = pack.size();
        if size < COMPRESS_SIZE_MIN {
            return;
        }
        if let Some(bytes) = lzf::compress(pack.view().bytes(), size - COMPRESS_GAIN_MIN - 1) {
            let lzf = Box::new(Lzf {
                bytes: bytes.into_boxed_slice(),
                size,
            });
            *self = Self::Lzf { count: *count, lzf };
        }
    }

    pub(super) fn as_node_ref(&self) -> NodeRef<'_> {
        match self {
            Self::Packed { pack, .. } => NodeRef::Packed(pack.view()),
            Self::Open(open) => NodeRef::Packed(open.view()),
            Self::Lzf { lzf, .. } => NodeRef::Lzf {
                bytes: &lzf.bytes,
                size: lzf.size,
            },
            Self::Plain(text) => NodeRef::Plain(text),
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Packed { pack, .. } => pack.allocated(),
            Self::Open(open) => open.allocated(),
            Self::Lzf { lzf, .. } => size_of::<Lzf>() + crate::size_class(lzf.bytes.len()),
            Self::Plain(text) => crate::size_class(text.len()),
        }
    }
}

impl Lzf {
    fn expand(&self) -> Vec<u8> {
        lzf::decompress(&self.bytes, self.size).expect("what was compressed here expands")
    }
}

impl<'a> NodeRef<'a> {
    /// The listpack, expanded where it is compressed; `None` for a plain node.
    #[must_use]
    pub fn pack(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Packed(pack) => Some(Cow::Borrowed(pack.bytes())),
            Self::Lzf { bytes, size } => lzf::decompress(bytes, size).map(Cow::Owned),
            Self::Plain(_) => None,
        }
    }
}
