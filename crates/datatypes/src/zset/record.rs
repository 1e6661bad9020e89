//! A member and its score in one allocation, named by one pointer that table and tree share.
//!
//! Layout: score (8 bytes), length of the member (LEB128), member; so a 15-byte member takes 24
//! bytes.
//!
//! Invariant of the whole `zset` module: a [`Record`] is a bare name and may be copied; one that is
//! in a tree or a table is alive. Only `Large` frees records, after it has taken them out of both;
//! what it hands out borrows the `Large`. Nothing of this leaves the module.
#![allow(unsafe_code, reason = "one allocation shared by table and tree")]

use crate::size_class;
use crate::table::prefetch;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

const SCORE_LEN: usize = 8;
/// Pointers have no more bits than this; what is above is free for tags.
pub(super) const POINTER_BITS: u32 = 48;

/// The name of a record; see the module's invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record(NonNull<u8>);

// SAFETY: a record is plain memory; access is governed by borrows of the `Large` that owns it.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a member is below isize::MAX")
}

/// Bytes that the length takes.
fn length_size(len: usize) -> usize {
    (usize::BITS - (len | 1).leading_zeros()).div_ceil(7) as usize
}

impl Record {
    /// Allocates a record.
    pub(super) fn new(score: f64, member: &[u8]) -> Record {
        let size = Self::size_for(member.len());
        // SAFETY: the size is not zero; all writes are within it.
        unsafe {
            let Some(ptr) = NonNull::new(alloc(layout(size))) else {
                handle_alloc_error(layout(size))
            };
            assert!(
                ptr.addr().get() >> POINTER_BITS == 0,
                "user addresses have 47 or 48 bits"
            );
            ptr.cast::<f64>().write(score);
            let mut at = SCORE_LEN;
            let mut rest = member.len();
            while rest >= 0x80 {
                ptr.add(at).write(rest as u8 | 0x80);
                rest >>= 7;
                at += 1;
            }
            ptr.add(at).write(rest as u8);
            ptr.add(at + 1)
                .copy_from_nonoverlapping(NonNull::from(member).cast(), member.len());
            Record(ptr)
        }
    }

    fn size_for(member_len: usize) -> usize {
        SCORE_LEN + length_size(member_len) + member_len
    }

    /// Bytes that the allocator holds for it.
    pub(super) fn allocated(self) -> usize {
        size_class(Self::size_for(self.member().len()))
    }

    #[inline]
    pub(super) fn score(self) -> f64 {
        // SAFETY: alive, and scores are written only under an exclusive borrow of the `Large`.
        unsafe { self.0.cast::<f64>().read() }
    }

    /// The caller holds the `Large` exclusively.
    #[inline]
    pub(super) fn set_score(self, score: f64) {
        // SAFETY: alive; the member's bytes, which may be borrowed, are not touched.
        unsafe { self.0.cast::<f64>().write(score) }
    }

    /// The member; callers shorten the lifetime to their borrow of the `Large`.
    #[inline]
    pub(super) fn member<'a>(self) -> &'a [u8] {
        // SAFETY: alive; `new` wrote the length and as many bytes behind it.
        unsafe {
            let first = self.0.add(SCORE_LEN).read();
            let (mut len, mut at) = (usize::from(first & 0x7f), SCORE_LEN + 1);
            if first >= 0x80 {
                let mut shift = 7;
                loop {
                    let byte = self.0.add(at).read();
                    len |= usize::from(byte & 0x7f) << shift;
                    at += 1;
                    if byte < 0x80 {
                        break;
                    }
                    shift += 7;
                }
            }
            std::slice::from_raw_parts(self.0.add(at).as_ptr(), len)
        }
    }

    /// Frees it; nobody uses this name again.
    pub(super) fn free(self) {
        let layout = layout(Self::size_for(self.member().len()));
        // SAFETY: alive until now, and allocated with this layout.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }

    /// Asks for its cache line.
    #[inline]
    pub(super) fn prefetch(self) {
        prefetch(self.0.as_ptr());
    }

    #[inline]
    pub(super) fn into_ptr(self) -> NonNull<u8> {
        self.0
    }

    /// `ptr` came from `into_ptr`.
    #[inline]
    pub(super) fn from_ptr(ptr: NonNull<u8>) -> Record {
        Record(ptr)
    }
}

/// A record with 16 bits of the caller's in the unused top of the pointer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tagged(NonNull<u8>);

// SAFETY: as for `Record`.
unsafe impl Send for Tagged {}
// SAFETY: as for `Record`.
unsafe impl Sync for Tagged {}

impl Tagged {
    #[inline]
    pub(super) fn new(record: Record, tag: u16) -> Tagged {
        Tagged(
            record
                .0
                .map_addr(|addr| addr | usize::from(tag) << POINTER_BITS),
        )
    }

    #[inline]
    pub(super) fn tag(self) -> u16 {
        (self.0.addr().get() >> POINTER_BITS) as u16
    }

    #[inline]
    pub(super) fn record(self) -> Record {
        const MASK: usize = (1 << POINTER_BITS) - 1;
        let ptr = self.0.as_ptr().map_addr(|addr| addr & MASK);
        // SAFETY: the pointer under the tag was not null.
        Record(unsafe { NonNull::new_unchecked(ptr) })
    }
}
