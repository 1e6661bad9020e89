//! A field of a large hash: one allocation with its lengths, its expiry if it has one, name and
//! value.
//!
//! Short ones, `[name length << 2 | expiry? << 1][value length]`, have two bytes of head; longer
//! ones (a name from 64 bytes, a value from 256 on) eight: a u64 LE of value length << 33 | name
//! length << 2 | expiry? << 1 | 1. The expiry is a Unix time in milliseconds, 6 bytes LE. Name and
//! value follow.
#![allow(
    unsafe_code,
    reason = "thin pointers for the table; ThinBytes keeps what they need"
)]

use crate::table::Item;
use crate::thin::{Head, ThinBytes};
use std::ptr::NonNull;

/// Names and values are shorter than this: 31 bits of length.
pub const TEXT_LEN_MAX: usize = (1 << 31) - 1;
/// Expiries are below this: 48 bits of milliseconds, as in Redis.
pub const EXPIRY_MAX: i64 = (1 << 48) - 1;

const EXPIRY_SIZE: usize = 6;

/// What the head says.
#[derive(Clone, Copy)]
struct Shape {
    head: usize,
    expiry: bool,
    name: usize,
    value: usize,
}

impl Shape {
    #[inline]
    fn read(head: [u8; 8]) -> Self {
        let expiry = head[0] & 2 != 0;
        if head[0] & 1 == 0 {
            return Self {
                head: 2,
                expiry,
                name: (head[0] >> 2) as usize,
                value: head[1] as usize,
            };
        }
        let word = u64::from_le_bytes(head);
        let name = (word >> 2) as usize & TEXT_LEN_MAX;
        Self {
            head: 8,
            expiry,
            name,
            value: (word >> 33) as usize,
        }
    }

    #[inline]
    fn of(name: &[u8], value: &[u8], expiry: bool) -> Self {
        assert!(name.len() <= TEXT_LEN_MAX && value.len() <= TEXT_LEN_MAX);
        let head = if name.len() < 64 && value.len() < 256 {
            2
        } else {
            8
        };
        Self {
            head,
            expiry,
            name: name.len(),
            value: value.len(),
        }
    }

    #[inline]
    fn to_bytes(self) -> [u8; 8] {
        let expiry = u64::from(self.expiry) << 1;
        let word = match self.head {
            2 => (self.value as u64) << 8 | (self.name as u64) << 2 | expiry,
            _ => (self.value as u64) << 33 | (self.name as u64) << 2 | expiry | 1,
        };
        word.to_le_bytes()
    }

    #[inline]
    fn name_at(self) -> usize {
        self.head + if self.expiry { EXPIRY_SIZE } else { 0 }
    }

    #[inline]
    fn total(self) -> usize {
        self.name_at() + self.name + self.value
    }
}

struct FieldHead;

impl Head for FieldHead {
    #[inline]
    fn fixed(head: [u8; 8]) -> usize {
        Shape::read(head).head
    }

    #[inline]
    fn used(head: [u8; 8]) -> usize {
        Shape::read(head).total()
    }
}

/// The owned field.
pub(super) struct Field(ThinBytes<FieldHead>);

/// A field as it is read.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) expire_at: Option<i64>,
}

impl Field {
    #[inline]
    pub(super) fn new(name: &[u8], value: &[u8], expire_at: Option<i64>) -> Self {
        let shape = Shape::of(name, value, expire_at.is_some());
        let head = shape.to_bytes();
        let expiry = expire_at.unwrap_or(0).clamp(0, EXPIRY_MAX).to_le_bytes();
        let expiry = &expiry[..shape.name_at() - shape.head];
        Self(ThinBytes::from_parts(
            &head[..shape.head],
            &[expiry, name, value],
        ))
    }

    #[inline]
    pub(super) fn parts(&self) -> Parts<'_> {
        parts_of(self.0.as_slice())
    }

    /// The same field with another value and expiry; in place where the lengths stay.
    #[inline]
    pub(super) fn with(mut self, value: &[u8], expire_at: Option<i64>) -> Self {
        let own = self.parts();
        if own.expire_at != expire_at || own.value.len() != value.len() {
            return Self::new(own.name, value, expire_at);
        }
        let body = self.0.body_mut();
        let start = body.len() - value.len();
        body[start..].copy_from_slice(value);
        self
    }

    pub(super) fn allocated(parts: Parts<'_>) -> usize {
        crate::size_class(Shape::of(parts.name, parts.value, parts.expire_at.is_some()).total())
    }
}

#[inline]
fn parts_of(block: &[u8]) -> Parts<'_> {
    let mut head = [0; 8];
    let known = block.len().min(8);
    head[..known].copy_from_slice(&block[..known]);
    let shape = Shape::read(head);
    let (name_at, value_at) = (shape.name_at(), shape.name_at() + shape.name);
    let expire_at = shape.expiry.then(|| {
        let mut le = [0; 8];
        le[..EXPIRY_SIZE].copy_from_slice(&block[shape.head..name_at]);
        i64::from_le_bytes(le)
    });
    Parts {
        name: &block[name_at..value_at],
        value: &block[value_at..],
        expire_at,
    }
}

// SAFETY: the block's address is unique while it lives; the hash is that of the name, which does
// not change; `ThinBytes` answers for the views.
unsafe impl Item for Field {
    type Ref<'a> = Parts<'a>;
    type Mut<'a> = Parts<'a>;

    // A name of 16 bytes and the header before it, a value of as many.
    const BYTES_READ: usize = 40;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { ThinBytes::from_raw(ptr) })
    }

    #[inline]
    unsafe fn view<'a>(ptr: NonNull<u8>) -> Parts<'a>
    where
        Self: 'a,
    {
        // SAFETY: the caller's promise.
        parts_of(unsafe { ThinBytes::<FieldHead>::borrow_raw(ptr) })
    }

    #[inline]
    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> Parts<'a>
    where
        Self: 'a,
    {
        // SAFETY: the caller's promise.
        unsafe { Self::view(ptr) }
    }

    #[inline]
    fn matches(item: Self::Ref<'_>, key: &[u8]) -> bool {
        item.name == key
    }

    #[inline]
    fn hash(item: Self::Ref<'_>) -> u64 {
        common::hash::hash(item.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_field_has_two_bytes_of_head() {
        let field = Field::new(b"field:000001", b"value:00000000001", None);
        assert_eq!(field.0.allocated(), 32);
        assert_eq!(Field::allocated(field.parts()), 32);
    }

    #[test]
    fn lengths_and_expiry_round_trip() {
        for name in [0, 1, 63, 64, 300] {
            for value in [0, 1, 255, 256, 70_000] {
                for expire_at in [None, Some(0), Some(1_700_000_000_123), Some(EXPIRY_MAX)] {
                    let (name, value) = (vec![b'n'; name], vec![b'v'; value]);
                    let field = Field::new(&name, b"old", Some(5)).with(&value, expire_at);
                    let field = field.with(&value, expire_at);
                    let parts = field.parts();
                    assert_eq!((parts.name, parts.value), (&name[..], &value[..]));
                    assert_eq!(parts.expire_at, expire_at);
                }
            }
        }
    }
}
