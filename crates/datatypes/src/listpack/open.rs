//! A listpack with room at both ends: what the first node of a list is while it is pushed to and
//! popped from there.
//!
//! A plain listpack moves all of its bytes for an element that comes or goes at the front. This one
//! lies within a larger buffer: the six bytes of header are written anew before the first element,
//! so that the bytes in use are a plain listpack at any time.
//!
//! Invariant: `bytes[start..end]` is a listpack of `count` elements. The buffer is of a class that
//! the allocator hands out: growth takes the one that a plain listpack would be in, and removal
//! leaves no more than an eighth beyond that.

use super::encode::{EOF, Encoded};
use super::view::COUNT_UNKNOWN;
use super::{Full, HEADER_SIZE, Item, Listpack, ListpackRef};
use crate::size_class;

/// The buffer and where in it the listpack lies.
#[derive(Clone)]
pub(crate) struct Open {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    count: usize,
}

impl Open {
    /// Copies a listpack of `count` elements.
    pub(crate) fn of(pack: ListpackRef<'_>, count: usize) -> Self {
        let mut bytes = vec![0; size_class(pack.bytes().len())].into_boxed_slice();
        let start = bytes.len() - pack.bytes().len();
        bytes[start..].copy_from_slice(pack.bytes());
        Self {
            start,
            end: bytes.len(),
            bytes,
            count,
        }
    }

    /// The same elements without the room.
    pub(crate) fn close(&self) -> Listpack {
        Listpack::from_ref(self.view())
    }

    /// For reading.
    #[inline]
    pub(crate) fn view(&self) -> ListpackRef<'_> {
        ListpackRef::new(&self.bytes[self.start..self.end])
    }

    /// The number of elements.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes in use.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.end - self.start
    }

    /// Bytes that the allocator holds for it.
    pub(crate) fn allocated(&self) -> usize {
        size_class(size_of::<Self>()) + self.bytes.len()
    }

    /// Adds text at the start.
    #[inline]
    pub(crate) fn prepend(&mut self, text: &[u8]) {
        let value = Encoded::<Full>::of(text);
        let len = value.len();
        if self.start < len {
            self.reserve_front(len);
        }
        self.start -= len;
        value.write_to(&mut self.bytes[self.start + HEADER_SIZE..][..len]);
        self.count += 1;
        self.write_header();
    }

    /// Adds text at the end.
    #[inline]
    pub(crate) fn append(&mut self, text: &[u8]) {
        let value = Encoded::<Full>::of(text);
        let len = value.len();
        if self.bytes.len() - self.end < len {
            self.reserve_back(len);
        }
        value.write_to(&mut self.bytes[self.end - 1..][..len]);
        self.end += len;
        self.bytes[self.end - 1] = EOF;
        self.count += 1;
        self.write_header();
    }

    /// Reads the first element and removes it; `None` when empty.
    #[inline]
    pub(crate) fn pop_first<R>(&mut self, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let view = self.view();
        let pos = view.first()?;
        let len = view.end_of(pos) - HEADER_SIZE;
        let result = f(view.get(pos));
        self.start += len;
        self.removed_one();
        Some(result)
    }

    /// Reads the last element and removes it; `None` when empty.
    #[inline]
    pub(crate) fn pop_last<R>(&mut self, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let view = self.view();
        let pos = view.last()?;
        let result = f(view.get(pos));
        self.end = self.start + pos.offset() + 1;
        self.bytes[self.end - 1] = EOF;
        self.removed_one();
        Some(result)
    }

    #[inline]
    fn removed_one(&mut self) {
        self.count -= 1;
        self.write_header();
        let size = self.size();
        if self.bytes.len() > size_class(size + size / 8) {
            let cap = size_class(size);
            self.place(cap, self.start.min(cap - size));
        }
    }

    #[inline]
    fn write_header(&mut self) {
        let total = (self.size() as u32).to_le_bytes();
        let count = (self.count.min(COUNT_UNKNOWN) as u16).to_le_bytes();
        let header = [total[0], total[1], total[2], total[3], count[0], count[1]];
        self.bytes[self.start..][..HEADER_SIZE].copy_from_slice(&header);
    }

    /// Makes room for `need` bytes in front. The other end keeps what it has, up to half.
    #[cold]
    fn reserve_front(&mut self, need: usize) {
        let cap = size_class(self.size() + need);
        let slack = cap - self.size();
        let back = (self.bytes.len() - self.end).min(slack / 2);
        self.place(cap, slack - back.min(slack - need));
    }

    /// Makes room for `need` bytes behind, likewise.
    #[cold]
    fn reserve_back(&mut self, need: usize) {
        let cap = size_class(self.size() + need);
        let slack = cap - self.size();
        self.place(cap, self.start.min(slack / 2).min(slack - need));
    }

    /// Moves the listpack to `start` of a buffer of `cap` bytes.
    fn place(&mut self, cap: usize, start: usize) {
        let (live, size) = (self.start..self.end, self.size());
        if cap == self.bytes.len() {
            self.bytes.copy_within(live, start);
        } else {
            let mut bytes = vec![0; cap].into_boxed_slice();
            bytes[start..start + size].copy_from_slice(&self.bytes[live]);
            self.bytes = bytes;
        }
        (self.start, self.end) = (start, start + size);
    }
}
