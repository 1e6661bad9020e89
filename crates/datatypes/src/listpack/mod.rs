//! Listpack: elements packed into one run of bytes, byte for byte as Redis packs them.
//!
//! `[total bytes: u32 LE][elements: u16 LE, 65535 = count them][element …][0xFF]`, an element being
//! encoding byte(s), data, backlen. Small hashes, sets, sorted sets, list nodes and stream nodes
//! are listpacks, and go to disk and to replicas as they are; but hashes and sets leave out the
//! backlens while they are in memory ([`Lean`]).
//!
//! [`PackRef`] reads any bytes that hold one; [`Pack`] owns one behind a single pointer. Both are
//! of one of two forms: [`Listpack`], Redis's, and [`Leanpack`].
//! Positions ([`Pos`]) are offsets, good until the next change before them. Bytes from outside go
//! through [`validate`] first; on bytes that are not a listpack the rest may panic, but never reads
//! out of bounds.

mod encode;
mod form;
mod open;
mod owned;
mod random;
#[cfg(test)]
mod tests;
mod view;

use common::number::parse_i64;
pub use form::{Form, Full, Lean};
pub(crate) use open::Open;
pub(crate) use owned::Short;
pub use owned::{Pack, SIZE_MAX, encoded_size};
pub use view::{Invalid, Iter, PackRef, validate, validate_groups};

/// A listpack as Redis has it.
pub type Listpack = Pack<Full>;
/// A listpack without backlens.
pub type Leanpack = Pack<Lean>;
/// A listpack as Redis has it, in borrowed bytes.
pub type ListpackRef<'a> = PackRef<'a, Full>;
/// A listpack without backlens, in borrowed bytes.
pub type LeanpackRef<'a> = PackRef<'a, Lean>;

/// Bytes before the first element.
pub const HEADER_SIZE: usize = 6;

/// Where an element begins: its offset from the start of the listpack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pos(u32);

impl Pos {
    /// The offset in bytes.
    #[inline]
    #[must_use]
    pub fn offset(self) -> usize {
        self.0 as usize
    }
}

/// An element as it is stored. Text that is exactly a 64-bit integer is stored as one, so that
/// `Str` never holds such text unless foreign bytes brought it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Item<'a> {
    /// An integer.
    Int(i64),
    /// Any other text.
    Str(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The element's text; an integer's goes through `buffer`.
    #[inline]
    pub fn text<'b>(&self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Self::Int(int) => buffer.format(int).as_bytes(),
            Self::Str(text) => text,
        }
    }

    /// The element's text in its own allocation.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.text(&mut itoa::Buffer::new()).to_vec()
    }

    /// Appends the element's text.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text(&mut itoa::Buffer::new()));
    }

    /// The length of the text.
    #[must_use]
    pub fn text_len(&self) -> usize {
        match *self {
            Self::Int(int) => itoa::Buffer::new().format(int).len(),
            Self::Str(text) => text.len(),
        }
    }

    /// The element as an integer, if its text is exactly one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Self::Int(int) => Some(int),
            Self::Str(text) => parse_i64(text),
        }
    }

    /// Classifies text as a listpack would store it.
    #[inline]
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        parse_i64(text).map_or(Self::Str(text), Self::Int)
    }

    /// Whether the element's text is `text`.
    #[must_use]
    pub fn is(&self, text: &[u8]) -> bool {
        match *self {
            Self::Int(int) => parse_i64(text) == Some(int),
            Self::Str(own) => own == text,
        }
    }
}

/// Text to be compared with many elements: its integer, if it is one, is worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    text: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Prepares the comparison.
    #[inline]
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            int: parse_i64(text),
        }
    }

    /// Whether the element's text is this text.
    #[inline]
    #[must_use]
    pub fn is(&self, item: Item<'_>) -> bool {
        match item {
            Item::Int(int) => self.int == Some(int),
            Item::Str(own) => own == self.text,
        }
    }
}
