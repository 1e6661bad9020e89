//! A byte block on the heap named by one pointer: its used length stands in its own first bytes.
//!
//! A value is held by eight bytes in its key's entry, so listpacks and intsets cannot afford the
//! three words of a `Vec`. No capacity is stored: the allocation is always `size_class(used)`, the
//! size that the allocator would hand out anyway, so that small growth costs no reallocation and no
//! memory.
//!
//! Invariant: the allocation behind `ptr` has size `size_class(used)` and alignment 8, its first
//! `used` bytes and at least its first 8 are initialised, and `used` is what `Head::used` reads in
//! the first 8 bytes. Only `splice` changes those of the first bytes that decide the length.
#![allow(
    unsafe_code,
    reason = "thin owning pointer whose length lives in the allocation"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// Rounds a request up to what the allocator hands out for it: steps of 8 to 64 bytes, then four
/// steps to a doubling.
#[inline]
#[must_use]
pub const fn size_class(size: usize) -> usize {
    if size <= 64 {
        if size <= 8 { 8 } else { (size + 7) & !7 }
    } else {
        let step = 1usize << ((usize::BITS - 1 - (size - 1).leading_zeros()) - 2);
        (size + step - 1) & !(step - 1)
    }
}

/// How a format writes its length into its first bytes.
pub(crate) trait Head {
    /// How many of the first bytes decide the length (no more than 8).
    fn fixed(head: [u8; 8]) -> usize;
    /// The used length, at least `fixed`, that the first eight bytes state.
    fn used(head: [u8; 8]) -> usize;
}

/// The owning pointer; see the module's invariant.
pub(crate) struct ThinBytes<H: Head> {
    ptr: NonNull<u8>,
    head: PhantomData<H>,
}

// SAFETY: it owns plain bytes, and shares nothing.
unsafe impl<H: Head> Send for ThinBytes<H> {}
// SAFETY: `&ThinBytes` only reads.
unsafe impl<H: Head> Sync for ThinBytes<H> {}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a block below isize::MAX")
}

impl<H: Head> ThinBytes<H> {
    /// Copies `bytes`, whose head must state their own length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        Self::from_parts(bytes, &[])
    }

    /// Copies `first` and the other parts behind it. `first` holds what decides the length, which
    /// must be that of all parts.
    #[inline]
    pub(crate) fn from_parts(first: &[u8], others: &[&[u8]]) -> Self {
        let size = first.len() + others.iter().map(|part| part.len()).sum::<usize>();
        let mut head = [0; 8];
        let known = first.len().min(8);
        head[..known].copy_from_slice(&first[..known]);
        debug_assert!(H::fixed(head) <= known);
        assert_eq!(H::used(head), size, "the head states another length");
        let layout = layout(size_class(size));
        // SAFETY: the layout is not empty; the block is at least 8 long, and as long as the parts.
        unsafe {
            let Some(ptr) = NonNull::new(alloc(layout)) else {
                handle_alloc_error(layout)
            };
            ptr::copy_nonoverlapping(head.as_ptr(), ptr.as_ptr(), 8);
            let mut to = ptr.as_ptr();
            for part in std::iter::once(&first).chain(others) {
                ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
            Self {
                ptr,
                head: PhantomData,
            }
        }
    }

    /// The used length.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        H::used(self.head())
    }

    /// What the allocator holds for this block.
    #[inline]
    pub(crate) fn allocated(&self) -> usize {
        size_class(self.used())
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `used` bytes are initialised, and borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.used()) }
    }

    #[inline]
    fn head(&self) -> [u8; 8] {
        // SAFETY: the first 8 bytes are allocated and initialised, and bytes need no alignment.
        unsafe { self.ptr.cast::<[u8; 8]>().read() }
    }

    /// Everything behind the bytes that decide the length.
    #[inline]
    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        let head = self.head();
        let (fixed, used) = (H::fixed(head), H::used(head));
        // SAFETY: within the used bytes, and exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr().add(fixed), used - fixed) }
    }

    /// Replaces `remove` bytes at `at` by `parts`, and the first bytes by `head`, which must state
    /// the new length. Inlined where the parts are known, which takes the loops out of it.
    #[inline(always)]
    pub(crate) fn splice(&mut self, head: &[u8], at: usize, remove: usize, parts: &[&[u8]]) {
        let used = self.used();
        let insert: usize = parts.iter().map(|part| part.len()).sum();
        let mut new_head = self.head();
        new_head[..head.len()].copy_from_slice(head);
        assert!(at >= head.len() && at <= used && remove <= used - at);
        assert!(H::fixed(new_head) == head.len());
        let new_used = used - remove + insert;
        assert_eq!(
            H::used(new_head),
            new_used,
            "the head states another length"
        );
        if new_used > used {
            self.reallocate(used, new_used);
        }
        let tail = used - at - remove;
        // SAFETY: the block holds max(used, new_used) bytes here; the tail lies within both
        // lengths, and the parts are borrowed from elsewhere, as `self` is exclusive.
        unsafe {
            let base = self.ptr.as_ptr();
            if insert != remove {
                ptr::copy(base.add(at + remove), base.add(at + insert), tail);
            }
            let mut to = base.add(at);
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
            ptr::copy_nonoverlapping(head.as_ptr(), base, head.len());
        }
        if new_used < used {
            self.reallocate(used, new_used);
        }
    }

    /// Moves the block from the class of `used` to that of `new_used`, where they differ.
    #[inline]
    fn reallocate(&mut self, used: usize, new_used: usize) {
        let (old, new) = (size_class(used), size_class(new_used));
        if old == new {
            return;
        }
        // SAFETY: the block was allocated with this layout, and the new size is not zero.
        let moved = unsafe { realloc(self.ptr.as_ptr(), layout(old), new) };
        let Some(ptr) = NonNull::new(moved) else {
            handle_alloc_error(layout(new))
        };
        self.ptr = ptr;
    }

    /// Gives up ownership; `from_raw` takes it back. The pointer is aligned to 8: its low bits may
    /// carry a tag.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<u8> {
        let ptr = self.ptr;
        std::mem::forget(self);
        ptr
    }

    /// # Safety
    /// `ptr` came from `into_raw` of the same `H`, and nothing changes or frees the block during
    /// `'a`.
    #[inline]
    pub(crate) unsafe fn borrow_raw<'a>(ptr: NonNull<u8>) -> &'a [u8] {
        // SAFETY: the module's invariant and the caller's promise.
        unsafe {
            let used = H::used(ptr.cast::<[u8; 8]>().read());
            std::slice::from_raw_parts(ptr.as_ptr(), used)
        }
    }

    /// # Safety
    /// `ptr` came from `into_raw` of the same `H`, and is given back once.
    #[inline]
    pub(crate) unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
        Self {
            ptr,
            head: PhantomData,
        }
    }
}

impl<H: Head> Drop for ThinBytes<H> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block is ours and has this layout.
        unsafe { dealloc(self.ptr.as_ptr(), layout(self.allocated())) }
    }
}

impl<H: Head> Clone for ThinBytes<H> {
    fn clone(&self) -> Self {
        Self::from_slice(self.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn classes_are_those_of_the_allocator() {
        let sizes = [
            1, 8, 9, 63, 64, 65, 80, 81, 128, 129, 160, 161, 1024, 1025, 4097,
        ];
        let want = [
            8, 8, 16, 64, 64, 80, 80, 96, 128, 160, 160, 192, 1024, 1280, 5120,
        ];
        assert_eq!(sizes.map(size_class), want);
    }
}
