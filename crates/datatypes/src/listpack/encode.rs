//! The listpack's element encodings: to bytes (`Encoded`) and back (`decode`).
//!
//! An element is an encoding byte (with the start of a number or length in it), its data, and the
//! *backlen*: the size of the two in 7-bit groups, readable from its end, which makes walking
//! backwards possible ([`Form`] says whether there is one). Integers take the shortest of six
//! forms, strings the shortest of three; text that is exactly a 64-bit integer is stored as one.

use super::{Form, Item};
use common::number::parse_i64;
use std::marker::PhantomData;

/// The byte that ends a listpack.
pub(super) const EOF: u8 = 0xFF;

const STR_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// An element ready to be copied in: head, data and backlen apart, so that the data is copied only
/// once.
pub(crate) struct Encoded<'a, F: Form> {
    head: [u8; 9],
    head_len: u8,
    back_len: u8,
    back: [u8; 8],
    data: &'a [u8],
    form: PhantomData<F>,
}

impl<'a, F: Form> Encoded<'a, F> {
    /// As an integer where the text is exactly one, else as a string.
    #[inline]
    pub(crate) fn of(value: &'a [u8]) -> Self {
        match parse_i64(value) {
            Some(int) => Self::of_int(int),
            None => Self::of_str(value),
        }
    }

    /// As a string, without trying an integer.
    #[inline]
    fn of_str(data: &'a [u8]) -> Self {
        let len = data.len();
        let mut head = [0; 9];
        let head_len = if len < 64 {
            head[0] = 0x80 | len as u8;
            1
        } else if len < 4096 {
            head[0] = 0xE0 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        } else {
            let len = u32::try_from(len).expect("elements are below 4 GB: see Listpack::can_add");
            head[0] = STR_32;
            head[1..5].copy_from_slice(&len.to_le_bytes());
            5
        };
        Self::finish(head, head_len, data)
    }

    /// In the shortest integer form.
    #[inline]
    pub(crate) fn of_int(int: i64) -> Self {
        let mut head = [0; 9];
        let le = int.to_le_bytes();
        let head_len = match int {
            0..=127 => {
                head[0] = int as u8;
                1
            }
            -4096..=4095 => {
                head[0] = 0xC0 | ((int >> 8) & 0x1F) as u8;
                head[1] = int as u8;
                2
            }
            -0x8000..=0x7FFF => long_int(&mut head, INT_16, &le[..2]),
            -0x80_0000..=0x7F_FFFF => long_int(&mut head, INT_24, &le[..3]),
            -0x8000_0000..=0x7FFF_FFFF => long_int(&mut head, INT_32, &le[..4]),
            _ => long_int(&mut head, INT_64, &le),
        };
        Self::finish(head, head_len, &[])
    }

    /// An element taken from a listpack, in the form it had there.
    #[inline]
    pub(crate) fn of_item(item: Item<'a>) -> Self {
        match item {
            Item::Int(int) => Self::of_int(int),
            Item::Str(data) => Self::of_str(data),
        }
    }

    #[inline]
    fn finish(head: [u8; 9], head_len: u8, data: &'a [u8]) -> Self {
        let len = head_len as usize + data.len();
        let (back, back_len) = F::backlen(len);
        Self {
            head,
            head_len,
            back_len,
            back: back.to_le_bytes(),
            data,
            form: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn parts(&self) -> [&[u8]; 3] {
        [
            &self.head[..self.head_len as usize],
            self.data,
            &self.back[..self.back_len as usize],
        ]
    }

    /// The bytes that the element takes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.head_len as usize + self.data.len() + self.back_len as usize
    }

    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        for part in self.parts() {
            out.extend_from_slice(part);
        }
    }

    /// Writes the element to the start of `to` if it takes no more than that; answers its length.
    #[inline]
    pub(crate) fn write_to(&self, to: &mut [u8]) -> Option<usize> {
        let len = self.len();
        if len > to.len() {
            return None;
        }
        let (head, rest) = to[..len].split_at_mut(self.head_len as usize);
        let (data, back) = rest.split_at_mut(self.data.len());
        match (&mut *head, &mut *back) {
            ([head], [back]) => (*head, *back) = (self.head[0], self.back[0]),
            ([head], []) => *head = self.head[0],
            (head, back) => {
                head.copy_from_slice(&self.head[..head.len()]);
                back.copy_from_slice(&self.back[..back.len()]);
            }
        }
        data.copy_from_slice(self.data);
        Some(len)
    }
}

#[inline]
fn long_int(head: &mut [u8; 9], encoding: u8, le: &[u8]) -> u8 {
    head[0] = encoding;
    head[1..=le.len()].copy_from_slice(le);
    1 + le.len() as u8
}

/// How many bytes the backlen of an element of `len` bytes takes. The bounds are one short of what
/// the groups could hold, and must stay so: they are part of the format.
#[inline]
pub(super) const fn backlen_size(len: usize) -> usize {
    if len <= 127 {
        1
    } else if len < 16_383 {
        2
    } else if len < 2_097_151 {
        3
    } else if len < 268_435_455 {
        4
    } else {
        5
    }
}

/// The bytes of a backlen above 127, in a word and not in memory: there they would be written one
/// by one and read as one, which the processor has to wait for.
pub(super) fn long_backlen(len: usize) -> (u64, u8) {
    let size = backlen_size(len);
    // Read from the end: every byte but the first says that another one precedes it.
    let byte = |at: usize| {
        let more = if at == 0 { 0 } else { 0x80 };
        ((len >> (7 * (size - 1 - at))) as u64 & 0x7F | more) << (8 * at)
    };
    ((0..size).map(byte).sum(), size as u8)
}

/// Reads the backlen that ends just before `end`.
#[inline]
pub(super) fn read_backlen(bytes: &[u8], end: usize) -> Option<usize> {
    let mut len = 0usize;
    for group in 0..5 {
        let byte = *bytes.get(end.checked_sub(group + 1)?)?;
        len |= ((byte & 0x7F) as usize) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(len);
        }
    }
    None
}

/// Where the data of the element at the start of `bytes` begins and how long it is, whatever its
/// form: `None` for the end byte, an unknown encoding or a length cut short. Does not check that
/// the data is there.
#[inline]
pub(super) fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    Some(match first {
        0x00..=0x7F => (1, 0),
        0x80..=0xBF => (1, (first & 0x3F) as usize),
        0xC0..=0xDF => (1, 1),
        0xE0..=0xEF => (2, ((first & 0x0F) as usize) << 8 | *bytes.get(1)? as usize),
        STR_32 => (
            5,
            u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        ),
        INT_16 => (1, 2),
        INT_24 => (1, 3),
        INT_32 => (1, 4),
        INT_64 => (1, 8),
        _ => return None,
    })
}

/// The element at the start of `bytes` if its form is one of the two shortest: an integer below 128
/// or a string of less than 64 bytes.
#[inline]
pub(super) fn decode_short(bytes: &[u8]) -> Option<Item<'_>> {
    match bytes[0] {
        int @ 0..0x80 => Some(Item::Int(i64::from(int))),
        first @ 0x80..0xC0 => Some(Item::Str(&bytes[1..=(first & 0x3F) as usize])),
        _ => None,
    }
}

/// The element at the start of `bytes`, which is a whole one.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Item<'_> {
    decode_short(bytes).unwrap_or_else(|| decode_long(bytes))
}

fn decode_long(bytes: &[u8]) -> Item<'_> {
    let first = bytes[0];
    match first {
        0xC0..=0xDF => {
            let raw = i16::from(first & 0x1F) << 8 | i16::from(bytes[1]);
            Item::Int(i64::from(raw << 3 >> 3))
        }
        INT_16 => Item::Int(i64::from(i16::from_le_bytes([bytes[1], bytes[2]]))),
        INT_24 => Item::Int(i64::from(
            i32::from_le_bytes([0, bytes[1], bytes[2], bytes[3]]) >> 8,
        )),
        INT_32 => Item::Int(i64::from(i32::from_le_bytes(array(&bytes[1..5])))),
        INT_64 => Item::Int(i64::from_le_bytes(array(&bytes[1..9]))),
        _ => match extent(bytes) {
            Some((start, len)) => Item::Str(&bytes[start..start + len]),
            None => corrupt(),
        },
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a slice of N bytes")
}

/// Bytes from outside are validated before they become a listpack, so this is a broken invariant.
#[cold]
pub(super) fn corrupt() -> ! {
    panic!("corrupt listpack")
}
