//! The owning listpack: one pointer, allocation sized to the allocator's classes.
//!
//! Every change is one `splice` of the block, which keeps total and count in the header right.
//! Callers ask [`Listpack::can_add`] before they add what may be large.

use super::encode::{EOF, Encoded};
use super::view::{COUNT_UNKNOWN, Invalid};
use super::{Form, Full, HEADER_SIZE, Item, Listpack, PackRef, Pos, validate};
use crate::thin::{Head, ThinBytes};
use smallvec::SmallVec;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// The first bytes, which [`ThinBytes`] writes.
const FIXED_BYTES: usize = 4;
/// Elements of up to so many bytes are put together before they are copied in.
const SHORT_BYTES: usize = 72;
/// Several elements, likewise.
const EXTEND_BYTES: usize = 256;

/// No listpack grows beyond this: its total stands in 32 bits. Redis's limit.
pub const SIZE_MAX: usize = 1 << 30;

/// Short elements put together, to be added in one move.
pub(crate) struct Short {
    bytes: [u8; EXTEND_BYTES],
    len: usize,
    count: usize,
}

impl Short {
    /// None yet.
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; EXTEND_BYTES],
            len: 0,
            count: 0,
        }
    }

    /// How many there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Adds an element; whether there was room.
    #[inline]
    fn push(&mut self, value: &Encoded<'_, Full>) -> bool {
        let Some(len) = value.write_to(&mut self.bytes[self.len..]) else {
            return false;
        };
        self.len += len;
        self.count += 1;
        true
    }

    /// Adds an integer; whether there was room.
    #[inline]
    pub(crate) fn push_int(&mut self, int: i64) -> bool {
        if let (0..=127, Some([head, back])) = (int, self.bytes[self.len..].first_chunk_mut::<2>())
        {
            (*head, *back) = (int as u8, 1);
            self.len += 2;
            self.count += 1;
            return true;
        }
        self.push(&Encoded::of_int(int))
    }

    /// Adds text; whether there was room.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &[u8]) -> bool {
        self.push(&Encoded::of(text))
    }
}

/// The length stands in the first four bytes.
struct Total;

impl Head for Total {
    #[inline]
    fn fixed(_: [u8; 8]) -> usize {
        FIXED_BYTES
    }

    #[inline]
    fn used(head: [u8; 8]) -> usize {
        u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize
    }
}

/// A listpack of its own, held by one pointer. `Option<Pack<F>>` is one pointer too.
#[derive(Clone)]
pub struct Pack<F: Form> {
    block: ThinBytes<Total>,
    form: PhantomData<F>,
}

impl<F: Form> Default for Pack<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Form> std::fmt::Debug for Pack<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Listpack {
    /// Takes bytes from outside; see [`validate`].
    ///
    /// # Errors
    /// [`Invalid`] where they are not a listpack.
    pub fn from_bytes(bytes: &[u8], deep: bool) -> Result<Self, Invalid> {
        validate(bytes, deep).map(Self::from_ref)
    }

    /// Adds what was put together at the end.
    pub(crate) fn append_short(&mut self, short: &Short) {
        self.splice_here(self.end(), 0, 0, &[&short.bytes[..short.len]], short.count);
    }
}

impl<F: Form> Pack<F> {
    /// An empty one: seven bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::own(ThinBytes::from_slice(&[7, 0, 0, 0, 0, 0, EOF]))
    }

    /// Copies a listpack from elsewhere.
    #[must_use]
    pub fn from_ref(pack: PackRef<'_, F>) -> Self {
        Self::own(ThinBytes::from_slice(pack.bytes()))
    }

    #[inline]
    fn own(block: ThinBytes<Total>) -> Self {
        Self {
            block,
            form: PhantomData,
        }
    }

    /// Packs items in one go.
    #[must_use]
    pub fn from_items<'a>(items: impl IntoIterator<Item = Item<'a>>) -> Self {
        let mut pack = Self::new();
        pack.extend_items(items);
        pack
    }

    /// For reading.
    #[inline]
    #[must_use]
    pub fn view(&self) -> PackRef<'_, F> {
        PackRef::new(self.block.as_slice())
    }

    /// The number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is no element.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Bytes in use.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        self.block.used()
    }

    /// Bytes that the allocator holds for it.
    #[inline]
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.block.allocated()
    }

    /// Whether elements of `bytes` more, with backlens, may be added without passing [`SIZE_MAX`],
    /// with backlens too.
    #[inline]
    #[must_use]
    pub fn can_add(&self, bytes: usize) -> bool {
        self.view().can_add(bytes)
    }

    /// Gives up ownership for a tagged pointer; aligned to 8.
    #[inline]
    #[must_use]
    pub fn into_raw(self) -> NonNull<u8> {
        self.block.into_raw()
    }

    /// Reads it without owning it.
    ///
    /// # Safety
    /// `ptr` came from [`Pack::into_raw`] of the same form, and nothing changes or frees it during
    /// `'a`.
    #[allow(unsafe_code, reason = "the counterpart of into_raw")]
    #[inline]
    #[must_use]
    pub unsafe fn borrow_raw<'a>(ptr: NonNull<u8>) -> PackRef<'a, F> {
        // SAFETY: the caller's promise is the one asked for.
        let bytes = unsafe { ThinBytes::<Total>::borrow_raw(ptr) };
        PackRef::new(bytes)
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `ptr` came from [`Pack::into_raw`] of the same form, and is given back once.
    #[allow(unsafe_code, reason = "the counterpart of into_raw")]
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise is the one asked for.
        Self::own(unsafe { ThinBytes::from_raw(ptr) })
    }

    /// Replaces `remove` bytes (`removed` elements) at `at` by `parts` (`added` elements), and
    /// keeps the header right.
    fn splice(&mut self, at: usize, remove: usize, removed: usize, parts: &[&[u8]], added: usize) {
        self.splice_here(at, remove, removed, parts, added);
    }

    /// [`Self::splice`] for the changes that are made most.
    #[inline(always)]
    fn splice_here(
        &mut self,
        at: usize,
        remove: usize,
        removed: usize,
        parts: &[&[u8]],
        added: usize,
    ) {
        let stated =
            u16::from_le_bytes([self.block.body_mut()[0], self.block.body_mut()[1]]) as usize;
        let insert: usize = parts.iter().map(|part| part.len()).sum();
        let total = self.size() - remove + insert;
        let head = u32::try_from(total)
            .expect("callers ask can_add before they add")
            .to_le_bytes();
        self.block.splice(&head, at, remove, parts);
        if stated != COUNT_UNKNOWN && added != removed {
            let count = (stated + added).saturating_sub(removed).min(COUNT_UNKNOWN) as u16;
            self.block.body_mut()[..2].copy_from_slice(&count.to_le_bytes());
        }
    }

    #[inline]
    fn insert_encoded(&mut self, at: usize, value: &Encoded<'_, F>) -> Pos {
        // What is short is put together first: one copy into the pack instead of three.
        let mut short = [0; SHORT_BYTES];
        match value.write_to(&mut short) {
            Some(len) => self.splice_here(at, 0, 0, &[&short[..len]], 1),
            None => self.splice(at, 0, 0, &value.parts(), 1),
        }
        Pos(at as u32)
    }

    #[inline]
    fn end(&self) -> usize {
        self.size() - 1
    }

    /// Adds text at the end.
    #[inline]
    pub fn append(&mut self, text: &[u8]) -> Pos {
        self.insert_encoded(self.end(), &Encoded::of(text))
    }

    /// Adds an integer at the end.
    #[inline]
    pub fn append_int(&mut self, int: i64) -> Pos {
        self.insert_encoded(self.end(), &Encoded::of_int(int))
    }

    /// Adds an element of a listpack at the end, in the form it has.
    #[inline]
    pub fn append_item(&mut self, item: Item<'_>) -> Pos {
        self.insert_encoded(self.end(), &Encoded::of_item(item))
    }

    /// Adds two texts at the end in one step: field and value.
    pub fn append_pair(&mut self, first: &[u8], second: &[u8]) {
        let (first, second) = (Encoded::<F>::of(first), Encoded::<F>::of(second));
        let ([a, b, c], [d, e, f]) = (first.parts(), second.parts());
        self.splice(self.end(), 0, 0, &[a, b, c, d, e, f], 2);
    }

    /// Adds many texts at the end: one reallocation, one move.
    pub fn extend<'a>(&mut self, texts: impl IntoIterator<Item = &'a [u8]>) {
        self.extend_encoded(texts.into_iter().map(Encoded::of));
    }

    /// Adds many items at the end: one reallocation, one move.
    pub fn extend_items<'a>(&mut self, items: impl IntoIterator<Item = Item<'a>>) {
        self.extend_encoded(items.into_iter().map(Encoded::of_item));
    }

    fn extend_encoded<'a>(&mut self, values: impl Iterator<Item = Encoded<'a, F>>) {
        let mut values = values.peekable();
        let (mut short, mut end, mut count) = ([0; EXTEND_BYTES], 0, 0);
        while let Some(len) = values.peek().and_then(|v| v.write_to(&mut short[end..])) {
            (end, count) = (end + len, count + 1);
            values.next();
        }
        self.splice(self.end(), 0, 0, &[&short[..end]], count);
        if values.peek().is_some() {
            self.extend_with_long(values);
        }
    }

    fn extend_with_long<'a>(&mut self, values: impl Iterator<Item = Encoded<'a, F>>) {
        let values: SmallVec<[Encoded<'a, F>; 16]> = values.collect();
        let parts: SmallVec<[&[u8]; 48]> = values.iter().flat_map(Encoded::parts).collect();
        self.splice(self.end(), 0, 0, &parts, values.len());
    }

    /// Adds text at the start.
    #[inline]
    pub fn prepend(&mut self, text: &[u8]) -> Pos {
        self.insert_encoded(HEADER_SIZE, &Encoded::of(text))
    }

    /// Adds an integer at the start.
    #[inline]
    pub fn prepend_int(&mut self, int: i64) -> Pos {
        self.insert_encoded(HEADER_SIZE, &Encoded::of_int(int))
    }

    /// Adds text before `pos`; answers where it is.
    #[inline]
    pub fn insert_before(&mut self, pos: Pos, text: &[u8]) -> Pos {
        self.insert_encoded(pos.offset(), &Encoded::of(text))
    }

    /// Adds text behind `pos`; answers where it is.
    #[inline]
    pub fn insert_after(&mut self, pos: Pos, text: &[u8]) -> Pos {
        self.insert_encoded(self.view().end_of(pos), &Encoded::of(text))
    }

    /// Adds an item (stored in the form given) before `pos`, at the end where that is `None`.
    pub fn insert_item(&mut self, pos: Option<Pos>, item: Item<'_>) -> Pos {
        let at = pos.map_or(self.end(), Pos::offset);
        self.insert_encoded(at, &Encoded::of_item(item))
    }

    /// Adds several items before `pos`, at the end where that is `None`, in one move.
    pub fn insert_items(&mut self, pos: Option<Pos>, items: &[Item<'_>]) {
        let at = pos.map_or(self.end(), Pos::offset);
        let mut bytes = Vec::new();
        for item in items {
            Encoded::<F>::of_item(*item).append_to(&mut bytes);
        }
        self.splice(at, 0, 0, &[&bytes], items.len());
    }

    /// Puts text in the place of the element at `pos`, which stays its position.
    #[inline]
    pub fn replace(&mut self, pos: Pos, text: &[u8]) {
        self.replace_encoded(pos, &Encoded::of(text));
    }

    /// Puts an integer in the place of the element at `pos`.
    #[inline]
    pub fn replace_int(&mut self, pos: Pos, int: i64) {
        self.replace_encoded(pos, &Encoded::of_int(int));
    }

    #[inline]
    fn replace_encoded(&mut self, pos: Pos, value: &Encoded<'_, F>) {
        let old = self.view().end_of(pos) - pos.offset();
        if old == value.len() {
            let at = pos.offset() - FIXED_BYTES;
            value.write_to(&mut self.block.body_mut()[at..at + old]);
            return;
        }
        self.splice(pos.offset(), old, 1, &value.parts(), 1);
    }

    /// Removes the element at `pos`; answers the one that followed, now at `pos`.
    #[inline]
    pub fn delete(&mut self, pos: Pos) -> Option<Pos> {
        self.delete_from(pos, 1)
    }

    /// Removes up to `count` elements from `pos` on; answers the one that followed them, now at
    /// `pos`.
    pub fn delete_from(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let view = self.view();
        let (mut end, mut removed) = (Some(pos), 0);
        while let (Some(at), true) = (end, removed < count) {
            end = view.next(at);
            removed += 1;
        }
        let end = end.map_or(self.end(), Pos::offset);
        self.splice_here(pos.offset(), end - pos.offset(), removed, &[], 0);
        (pos.offset() < self.end()).then_some(pos)
    }

    /// Removes up to `count` elements from that index on (negative: from the end). Answers how
    /// many.
    pub fn delete_range(&mut self, index: i64, count: usize) -> usize {
        let Some(pos) = self.view().seek(index) else {
            return 0;
        };
        let before = self.len();
        self.delete_from(pos, count);
        before - self.len()
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Cuts off the elements from `pos` on, and answers them as a listpack.
    #[must_use]
    pub fn split_off(&mut self, pos: Pos) -> Self {
        let mut rest = Self::new();
        let count = self.view().iter_from(pos).count();
        let end = self.end();
        rest.splice(
            HEADER_SIZE,
            0,
            0,
            &[&self.view().bytes()[pos.offset()..end]],
            count,
        );
        self.splice(pos.offset(), end - pos.offset(), count, &[], 0);
        rest
    }

    /// Adds all of `other` behind its own elements.
    pub fn append_all(&mut self, other: PackRef<'_, F>) {
        self.splice(self.end(), 0, 0, &[elements(other)], other.len());
    }

    /// Adds all of `other` before its own elements.
    pub fn prepend_all(&mut self, other: PackRef<'_, F>) {
        self.splice(HEADER_SIZE, 0, 0, &[elements(other)], other.len());
    }
}

/// What `text` takes as an element, for limits on the size of nodes.
#[must_use]
pub fn encoded_size(text: &[u8]) -> usize {
    Encoded::<Full>::of(text).len()
}

fn elements<F: Form>(pack: PackRef<'_, F>) -> &[u8] {
    &pack.bytes()[HEADER_SIZE..pack.bytes().len() - 1]
}
