//! The two forms of a listpack: [`Full`], byte for byte Redis's, and [`Lean`], the same without
//! backlens.
//!
//! A backlen serves only to walk backwards. What never does so (hashes, sets) is kept lean in
//! memory, a byte or more less per element, and gets its backlens when it goes to disk: they follow
//! from the sizes of the elements, so that nothing is lost. Whatever walks backwards exists for
//! full listpacks only.
//!
//! A lean one never grows beyond what its full form may take ([`SIZE_MAX`](super::SIZE_MAX)).

use super::encode::{EOF, backlen_size, extent, long_backlen};
use super::view::COUNT_UNKNOWN;
use super::{HEADER_SIZE, Leanpack, LeanpackRef, ListpackRef, PackRef, Pos};
use smallvec::{SmallVec, smallvec};

/// Bytes that are copied at once where there is room: most elements are shorter.
const CHUNK_BYTES: usize = 16;
/// Listpacks of up to this size are put together on the stack.
const STACK_BYTES: usize = 512;

/// What follows an element's data. Implemented by [`Full`] and [`Lean`], and meant for no other.
pub trait Form: Copy + Sized + 'static {
    /// Bytes of the backlen of an element of up to 127 bytes.
    const SHORT_BACKLEN: usize;

    /// Bytes of the backlen of an element of `len` bytes.
    fn backlen_size(len: usize) -> usize;

    /// The backlen of an element of `len` bytes, first byte lowest, and how many bytes it has.
    fn backlen(len: usize) -> (u64, u8);

    /// See [`PackRef::seek`].
    fn seek(pack: PackRef<'_, Self>, index: i64) -> Option<Pos>;

    /// Whether `bytes` more leave its full form within `size_max`; see [`Pack::can_add`].
    ///
    /// [`Pack::can_add`]: super::Pack::can_add
    fn fits(pack: PackRef<'_, Self>, bytes: usize, size_max: usize) -> bool;
}

/// With backlens: what Redis has, in memory and on disk.
#[derive(Clone, Copy, Debug)]
pub enum Full {}

/// Without backlens.
#[derive(Clone, Copy, Debug)]
pub enum Lean {}

impl Form for Full {
    const SHORT_BACKLEN: usize = 1;

    #[inline]
    fn backlen_size(len: usize) -> usize {
        backlen_size(len)
    }

    #[inline]
    fn backlen(len: usize) -> (u64, u8) {
        match len {
            0..=127 => (len as u64, 1),
            _ => long_backlen(len),
        }
    }

    /// Walks from the nearer end.
    fn seek(pack: ListpackRef<'_>, index: i64) -> Option<Pos> {
        let stated = pack.stated_len();
        let index = if stated == COUNT_UNKNOWN {
            index
        } else {
            let (index, len) = (from_start(index, stated)?, stated as i64);
            if index > len / 2 { index - len } else { index }
        };
        if index >= 0 {
            return pack.nth(index);
        }
        let mut pos = pack.last()?;
        for _ in 1..index.unsigned_abs() {
            pos = pack.prev(pos)?;
        }
        Some(pos)
    }

    #[inline]
    fn fits(pack: ListpackRef<'_>, bytes: usize, size_max: usize) -> bool {
        pack.bytes().len() + bytes <= size_max
    }
}

impl Form for Lean {
    const SHORT_BACKLEN: usize = 0;

    #[inline]
    fn backlen_size(_: usize) -> usize {
        0
    }

    #[inline]
    fn backlen(_: usize) -> (u64, u8) {
        (0, 0)
    }

    /// Walks from the start.
    fn seek(pack: LeanpackRef<'_>, index: i64) -> Option<Pos> {
        pack.nth(from_start(index, pack.len())?)
    }

    #[inline]
    fn fits(pack: LeanpackRef<'_>, bytes: usize, size_max: usize) -> bool {
        // No backlen is longer than its element.
        2 * pack.bytes().len() + bytes <= size_max || pack.full_size() + bytes <= size_max
    }
}

/// The index counted from the start, if there is such an element of `len`.
fn from_start(index: i64, len: usize) -> Option<i64> {
    let len = len as i64;
    let index = if index < 0 { index + len } else { index };
    (0..len).contains(&index).then_some(index)
}

impl LeanpackRef<'_> {
    /// Bytes that its full form takes.
    #[must_use]
    pub fn full_size(self) -> usize {
        let backlens = sizes(self).map(|(_, size)| Full::backlen_size(size));
        self.bytes().len() + backlens.sum::<usize>()
    }

    /// Puts its full form together at the start of `scratch`, which grows where it is too short.
    pub fn full(self, scratch: &mut Vec<u8>) -> ListpackRef<'_> {
        let size = self.full_size();
        if scratch.len() < size {
            scratch.resize(size, 0);
        }
        convert::<_, Full>(self, &mut scratch[..size]);
        ListpackRef::new(scratch)
    }
}

impl Leanpack {
    /// The same elements, each in the form it has there.
    #[must_use]
    pub fn from_full(pack: ListpackRef<'_>) -> Self {
        let backlens = sizes(pack).map(|(_, size)| Full::backlen_size(size));
        let size = pack.bytes().len() - backlens.sum::<usize>();
        let mut bytes: SmallVec<[u8; STACK_BYTES]> = smallvec![0; size];
        convert::<_, Lean>(pack, &mut bytes);
        Self::from_ref(LeanpackRef::new(&bytes))
    }
}

/// Where each element begins, and the bytes of its encoding and data.
#[inline]
fn sizes<F: Form>(pack: PackRef<'_, F>) -> impl Iterator<Item = (usize, usize)> {
    let bytes = pack.bytes();
    let mut at = HEADER_SIZE;
    std::iter::from_fn(move || {
        // The end byte has no extent.
        let (start, len) = extent(&bytes[at..])?;
        let element = (at, start + len);
        at += start + len + F::backlen_size(start + len);
        Some(element)
    })
}

/// Copies a listpack in another form to `to`, which has the size of that.
fn convert<F: Form, G: Form>(pack: PackRef<'_, F>, to: &mut [u8]) {
    let from = pack.bytes();
    let (mut at, end) = (HEADER_SIZE, to.len() - 1);
    for (offset, size) in sizes(pack) {
        copy_start(&from[offset..], &mut to[at..], size);
        at += size;
        let (backlen, len) = G::backlen(size);
        for byte in &backlen.to_le_bytes()[..len.into()] {
            to[at] = *byte;
            at += 1;
        }
    }
    debug_assert_eq!(at, end);
    let total = (to.len() as u32).to_le_bytes();
    to[..total.len()].copy_from_slice(&total);
    to[total.len()..HEADER_SIZE].copy_from_slice(&from[total.len()..HEADER_SIZE]);
    to[end] = EOF;
}

/// Copies the first `len` bytes. May also copy some behind them, over what is yet to be written.
#[inline]
fn copy_start(from: &[u8], to: &mut [u8], len: usize) {
    if let (0..=CHUNK_BYTES, Some(from), Some(to)) = (
        len,
        from.first_chunk::<CHUNK_BYTES>(),
        to.first_chunk_mut::<CHUNK_BYTES>(),
    ) {
        *to = *from;
    } else {
        to[..len].copy_from_slice(&from[..len]);
    }
}
