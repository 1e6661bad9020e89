//! Reading a listpack: walking, seeking, searching, and checking bytes from outside.
//!
//! All of it is safe code over a slice. Offsets come from the bytes themselves, so reading bytes
//! that were not validated may panic, and in the worst case answers nonsense.

use super::encode::{EOF, backlen_size, corrupt, decode, decode_short, extent, read_backlen};
use super::{Form, Full, HEADER_SIZE, Item, ListpackRef, Pos};
use common::number::parse_i64;
use std::collections::HashSet;
use std::marker::PhantomData;

/// The element count that stands for "too many for the header: count them".
pub(super) const COUNT_UNKNOWN: usize = 65_535;

/// Why bytes are not a listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid;

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a valid listpack")
    }
}

impl std::error::Error for Invalid {}

/// Checks bytes from outside: the header, and with `deep` every element, its backlen and the count.
///
/// # Errors
/// [`Invalid`] where anything is amiss. After a shallow check reading may still panic.
pub fn validate(bytes: &[u8], deep: bool) -> Result<ListpackRef<'_>, Invalid> {
    let total = bytes.first_chunk::<4>().ok_or(Invalid)?;
    if u32::from_le_bytes(*total) as usize != bytes.len()
        || bytes.len() <= HEADER_SIZE
        || bytes[bytes.len() - 1] != EOF
    {
        return Err(Invalid);
    }
    let view = ListpackRef::new(bytes);
    if !deep {
        return Ok(view);
    }
    let end = bytes.len() - 1;
    let (mut at, mut count) = (HEADER_SIZE, 0);
    while at < end {
        let (start, len) = extent(&bytes[at..end]).ok_or(Invalid)?;
        let size = start + len;
        let next = at + size + backlen_size(size);
        if next > end || read_backlen(bytes, next) != Some(size) {
            return Err(Invalid);
        }
        at = next;
        count += 1;
    }
    let stated = view.stated_len();
    if at != end || (stated != COUNT_UNKNOWN && stated != count) {
        return Err(Invalid);
    }
    Ok(view)
}

/// Checks bytes from outside that hold groups of `stride` elements with distinct heads: the fields
/// of a hash (2), the members of a sorted set (2) or of a set (1). Always deep.
///
/// # Errors
/// [`Invalid`] where anything is amiss.
pub fn validate_groups(bytes: &[u8], stride: usize) -> Result<ListpackRef<'_>, Invalid> {
    let view = validate(bytes, true)?;
    let len = view.len();
    let mut heads = HashSet::with_capacity(len / stride);
    let distinct = view.iter().step_by(stride).all(|item| {
        // Foreign bytes may hold a number as text: it is the same member all the same.
        heads.insert(match item {
            Item::Str(text) => Item::of(text),
            int => int,
        })
    });
    if len.is_multiple_of(stride) && distinct {
        Ok(view)
    } else {
        Err(Invalid)
    }
}

/// A listpack in borrowed bytes.
#[derive(Clone, Copy)]
pub struct PackRef<'a, F: Form> {
    bytes: &'a [u8],
    form: PhantomData<F>,
}

impl<F: Form> std::fmt::Debug for PackRef<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, F: Form> PackRef<'a, F> {
    /// Views the listpack at the start of `bytes`, which may go on behind it. Trusts them: see
    /// [`validate`].
    ///
    /// # Panics
    /// Where the stated length exceeds the bytes.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let total = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Self {
            bytes: &bytes[..total as usize],
            form: PhantomData,
        }
    }

    /// See [`Pack::can_add`](super::Pack::can_add).
    #[inline]
    #[must_use]
    pub(crate) fn can_add(self, bytes: usize) -> bool {
        F::fits(self, bytes, super::SIZE_MAX)
    }

    /// The whole listpack; of a full one, as it goes to disk.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(super) fn stated_len(self) -> usize {
        u16::from_le_bytes([self.bytes[4], self.bytes[5]]) as usize
    }

    /// The number of elements; counts them where the header cannot say (from 65,535 on).
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self.stated_len() {
            COUNT_UNKNOWN => self.iter().count(),
            stated => stated,
        }
    }

    /// Whether there is no element.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bytes[HEADER_SIZE] == EOF
    }

    #[inline]
    fn at(self, offset: usize) -> Option<Pos> {
        (self.bytes[offset] != EOF).then_some(Pos(offset as u32))
    }

    /// Bytes of encoding and data of the element at `offset`.
    #[inline]
    fn size(self, offset: usize) -> usize {
        match extent(&self.bytes[offset..]) {
            Some((start, len)) => start + len,
            None => corrupt(),
        }
    }

    /// The offset behind the element at `pos`.
    #[inline]
    pub(super) fn end_of(self, pos: Pos) -> usize {
        let size = self.size(pos.offset());
        pos.offset() + size + F::backlen_size(size)
    }

    /// The first element.
    #[inline]
    #[must_use]
    pub fn first(self) -> Option<Pos> {
        self.at(HEADER_SIZE)
    }

    /// The element behind `pos`.
    #[inline]
    #[must_use]
    pub fn next(self, pos: Pos) -> Option<Pos> {
        self.at(self.end_of(pos))
    }

    /// The element at `pos`.
    #[inline]
    #[must_use]
    pub fn get(self, pos: Pos) -> Item<'a> {
        decode(&self.bytes[pos.offset()..])
    }

    /// The element of that index, counted from the end where negative (-1 is the last). A full one
    /// walks from the nearer end.
    #[must_use]
    pub fn seek(self, index: i64) -> Option<Pos> {
        F::seek(self, index)
    }

    /// The element of that index, which is not negative.
    pub(super) fn nth(self, index: i64) -> Option<Pos> {
        let mut pos = self.first()?;
        for _ in 0..index {
            pos = self.next(pos)?;
        }
        Some(pos)
    }

    /// The text of the element of that index.
    #[must_use]
    pub fn get_at(self, index: i64) -> Option<Item<'a>> {
        self.seek(index).map(|pos| self.get(pos))
    }

    /// The first element from `from` on whose text is `text`, looking at one and skipping `skip` (1
    /// for the fields of pairs, 0 for all).
    #[must_use]
    pub fn find_from(self, from: Option<Pos>, text: &[u8], skip: usize) -> Option<Pos> {
        let int = parse_i64(text);
        let mut at = from?.offset();
        loop {
            let bytes = &self.bytes[at..];
            if bytes[0] == EOF {
                return None;
            }
            let Some((start, len)) = extent(bytes) else {
                corrupt()
            };
            let size = start + len;
            let found = match int {
                // A string form of an integer's text comes only from foreign bytes, but is equal
                // all the same.
                Some(int) => {
                    decode(bytes) == Item::Int(int) || (len == text.len() && is_str(bytes, text))
                }
                None => len == text.len() && &bytes[start..size] == text && is_str(bytes, text),
            };
            if found {
                return Some(Pos(at as u32));
            }
            at += size + F::backlen_size(size);
            for _ in 0..skip {
                if self.bytes[at] == EOF {
                    return None;
                }
                let size = self.size(at);
                at += size + F::backlen_size(size);
            }
        }
    }

    /// The first element whose text is `text`; see [`ListpackRef::find_from`].
    #[inline]
    #[must_use]
    pub fn find(self, text: &[u8], skip: usize) -> Option<Pos> {
        self.find_from(self.first(), text, skip)
    }

    /// All elements; those of a full one from either end.
    #[inline]
    #[must_use]
    pub fn iter(self) -> Iter<'a, F> {
        Iter {
            pack: self,
            front: HEADER_SIZE,
            back: self.bytes.len() - 1,
        }
    }

    /// The elements from `pos` to the end.
    #[inline]
    #[must_use]
    pub fn iter_from(self, pos: Pos) -> Iter<'a, F> {
        Iter {
            pack: self,
            front: pos.offset(),
            back: self.bytes.len() - 1,
        }
    }

    /// The elements two by two: field and value, member and score.
    #[inline]
    pub fn pairs(self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> {
        let mut items = self.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }
}

/// What walks backwards.
impl<'a> ListpackRef<'a> {
    /// The last element.
    #[inline]
    #[must_use]
    pub fn last(self) -> Option<Pos> {
        self.before(self.bytes.len() - 1)
    }

    /// The element before `pos`.
    #[inline]
    #[must_use]
    pub fn prev(self, pos: Pos) -> Option<Pos> {
        self.before(pos.offset())
    }

    #[inline]
    fn before(self, offset: usize) -> Option<Pos> {
        if offset <= HEADER_SIZE {
            return None;
        }
        let Some(size) = read_backlen(self.bytes, offset) else {
            corrupt()
        };
        match offset.checked_sub(size + backlen_size(size)) {
            Some(start) if start >= HEADER_SIZE => Some(Pos(start as u32)),
            _ => corrupt(),
        }
    }

    /// The elements from the first up to and with `pos`; meant for `.rev()`.
    #[inline]
    #[must_use]
    pub fn iter_to(self, pos: Pos) -> Iter<'a> {
        Iter {
            pack: self,
            front: HEADER_SIZE,
            back: self.end_of(pos),
        }
    }
}

#[inline]
fn is_str(bytes: &[u8], text: &[u8]) -> bool {
    matches!(decode(bytes), Item::Str(own) if own == text)
}

/// Elements in order; those of a full one from either end.
#[derive(Clone)]
pub struct Iter<'a, F: Form = Full> {
    pack: PackRef<'a, F>,
    front: usize,
    back: usize,
}

impl<'a, F: Form> Iter<'a, F> {
    /// The next element with its position.
    #[inline]
    pub fn next_pos(&mut self) -> Option<(Pos, Item<'a>)> {
        if self.front >= self.back {
            return None;
        }
        let pos = Pos(self.front as u32);
        // Short elements, as most are, have a backlen of one byte, if any.
        let bytes = &self.pack.bytes[self.front..];
        if let Some(item) = decode_short(bytes) {
            self.front += match item {
                Item::Int(_) => 1 + F::SHORT_BACKLEN,
                Item::Str(text) => 1 + text.len() + F::SHORT_BACKLEN,
            };
            return Some((pos, item));
        }
        self.front = self.pack.end_of(pos);
        Some((pos, self.pack.get(pos)))
    }
}

impl<'a, F: Form> Iterator for Iter<'a, F> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.next_pos().map(|(_, item)| item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let pos = self.pack.before(self.back)?;
        self.back = pos.offset();
        Some(self.pack.get(pos))
    }
}
