//! A member of a large set: one allocation with its length and its text.
//!
//! `[length: u8][text]`, from 255 bytes on `[255][length: u32 LE][text]`.
#![allow(
    unsafe_code,
    reason = "thin pointers for the table; ThinBytes keeps what they need"
)]

use crate::table::Item;
use crate::thin::{Head, ThinBytes};
use std::ptr::NonNull;

const WIDE: u8 = 0xFF;

struct Length;

impl Head for Length {
    #[inline]
    fn fixed(head: [u8; 8]) -> usize {
        if head[0] == WIDE { 5 } else { 1 }
    }

    #[inline]
    fn used(head: [u8; 8]) -> usize {
        match head[0] {
            WIDE => 5 + u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize,
            short => 1 + short as usize,
        }
    }
}

/// The owned member.
pub(super) struct Member(ThinBytes<Length>);

impl Member {
    /// Copies the text, which is shorter than 4 GB.
    #[inline]
    pub(super) fn new(text: &[u8]) -> Self {
        if text.len() < WIDE as usize {
            return Self(ThinBytes::from_parts(&[text.len() as u8], &[text]));
        }
        let len = u32::try_from(text.len()).expect("arguments are below 4 GB");
        let mut head = [WIDE, 0, 0, 0, 0];
        head[1..].copy_from_slice(&len.to_le_bytes());
        Self(ThinBytes::from_parts(&head, &[text]))
    }

    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        text_of(self.0.as_slice())
    }

    pub(super) fn allocated(text: &[u8]) -> usize {
        let head = if text.len() < WIDE as usize { 1 } else { 5 };
        crate::size_class(head + text.len())
    }
}

#[inline]
fn text_of(block: &[u8]) -> &[u8] {
    &block[if block[0] == WIDE { 5 } else { 1 }..]
}

// SAFETY: the block's address is unique while it lives; the hash is that of the text, which does
// not change; `ThinBytes` answers for the views.
unsafe impl Item for Member {
    type Ref<'a> = &'a [u8];
    type Mut<'a> = &'a [u8];

    // A member of 16 bytes and the header before it.
    const BYTES_READ: usize = 20;

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
    unsafe fn view<'a>(ptr: NonNull<u8>) -> &'a [u8]
    where
        Self: 'a,
    {
        // SAFETY: the caller's promise.
        text_of(unsafe { ThinBytes::<Length>::borrow_raw(ptr) })
    }

    #[inline]
    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> &'a [u8]
    where
        Self: 'a,
    {
        // SAFETY: the caller's promise.
        unsafe { Self::view(ptr) }
    }

    #[inline]
    fn matches(item: Self::Ref<'_>, key: &[u8]) -> bool {
        item == key
    }

    #[inline]
    fn hash(item: Self::Ref<'_>) -> u64 {
        common::hash::hash(item)
    }
}
