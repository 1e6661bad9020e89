//! One cache line: seven tagged pointers, seven fingerprints, one overflow counter.
//!
//! `tags` holds the fingerprints in its low seven bytes (0 is an empty slot) and, in the top
//! byte, how many entries with an earlier or equal home have been pushed past this bucket. A
//! search that meets a zero counter stops. The counter sticks at 255.

use super::prefetch::prefetch;
use std::ptr::{self, NonNull};

/// Slots in a bucket.
pub(super) const SLOTS: usize = 7;
const LOW: u64 = 0x0001_0101_0101_0101;
const HIGH: u64 = 0x0080_8080_8080_8080;
const TAG_SHIFT: u32 = 48;
const ADDRESS: usize = (1 << TAG_SHIFT) - 1;
const OVERFLOW_ONE: u64 = 1 << 56;

/// Slots that matched, lowest first.
#[derive(Clone, Copy)]
pub(super) struct Matches(u64);

impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() >> 3;
        self.0 &= self.0 - 1;
        Some(slot as usize)
    }
}

/// A pointer below 2^48 with 16 hash bits above it.
#[derive(Clone, Copy)]
pub(super) struct Slot(*mut u8);

impl Slot {
    #[inline]
    pub(super) fn new(ptr: NonNull<u8>, stored: u16) -> Self {
        debug_assert!(ptr.addr().get() <= ADDRESS, "pointers have 48 bits");
        Self(
            ptr.as_ptr()
                .map_addr(|a| a | usize::from(stored) << TAG_SHIFT),
        )
    }

    /// The 16 stored hash bits.
    #[inline]
    pub(super) fn stored(self) -> u16 {
        (self.0.addr() >> TAG_SHIFT) as u16
    }

    /// The pointer; null for an empty slot.
    #[inline]
    pub(super) fn ptr(self) -> *mut u8 {
        self.0.map_addr(|a| a & ADDRESS)
    }

    /// The pointer, if these are the stored bits.
    ///
    /// # Safety
    /// The slot is occupied.
    #[inline]
    pub(super) unsafe fn pointer_if(self, stored: u16) -> Option<NonNull<u8>> {
        let ptr = self.0.map_addr(|a| a ^ usize::from(stored) << TAG_SHIFT);
        // SAFETY: without its hash bits, this is the pointer that the slot was filled with.
        (ptr.addr() >> TAG_SHIFT == 0).then(|| unsafe { NonNull::new_unchecked(ptr) })
    }

    /// The pointer, if the slot has one.
    #[inline]
    pub(super) fn pointer(self) -> Option<NonNull<u8>> {
        NonNull::new(self.ptr())
    }

    #[inline]
    pub(super) fn non_null(self) -> NonNull<u8> {
        self.pointer()
            .expect("a slot with a fingerprint has a pointer")
    }
}

/// See the module's text. One cache line, but without asking for its alignment: the allocator would
/// round every chunk up for it, and gives blocks of these sizes at multiples of 64 anyway.
#[repr(C)]
pub(super) struct Bucket {
    tags: u64,
    slots: [Slot; SLOTS],
}

impl Bucket {
    /// Without entries.
    pub(super) const EMPTY: Self = Self {
        tags: 0,
        slots: [const { Slot(ptr::null_mut()) }; SLOTS],
    };

    /// Every entry: its fingerprint and slot.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, Slot)> + '_ {
        self.occupied()
            .map(|slot| (self.fingerprint_at(slot), self.slot(slot)))
    }

    /// Asks for the first cache line of every item.
    #[inline]
    pub(super) fn prefetch_items(&self) {
        // An empty slot is null, which may be asked for too.
        self.slots.iter().for_each(|slot| prefetch(slot.ptr()));
    }

    /// The fingerprint of a hash: its low byte, never 0, which is an empty slot, nor 1, which
    /// [`Self::candidates`] could take one for.
    #[inline]
    pub(super) fn fingerprint(hash: u64) -> u8 {
        (hash as u8).max(2)
    }

    /// Slots whose fingerprint may be `fp`. Above a true one there may be a false one, whose
    /// fingerprint differs in the lowest bit: it is occupied too, if `fp` is above 1.
    #[inline]
    pub(super) fn candidates(&self, fp: u8) -> Matches {
        let x = self.tags ^ (u64::from(fp) * LOW);
        Matches(x.wrapping_sub(LOW) & !x & HIGH)
    }

    /// Occupied slots.
    #[inline]
    pub(super) fn occupied(&self) -> Matches {
        let low7 = 0x007f_7f7f_7f7f_7f7f;
        let x = self.tags & 0x00ff_ffff_ffff_ffff;
        Matches((((x & low7) + low7) | x) & HIGH)
    }

    #[inline]
    pub(super) fn first_empty(&self) -> Option<usize> {
        self.candidates(0).next()
    }

    #[inline]
    pub(super) fn is_occupied(&self, slot: usize) -> bool {
        self.fingerprint_at(slot) != 0
    }

    #[inline]
    pub(super) fn fingerprint_at(&self, slot: usize) -> u8 {
        (self.tags >> (slot * 8)) as u8
    }

    #[inline]
    pub(super) fn slot(&self, slot: usize) -> Slot {
        self.slots[slot]
    }

    /// Exchanges the pointer of an occupied slot, keeping its hash bits.
    #[inline]
    pub(super) fn set_ptr(&mut self, slot: usize, ptr: NonNull<u8>) {
        self.slots[slot] = Slot::new(ptr, self.slots[slot].stored());
    }

    #[inline]
    pub(super) fn fill(&mut self, slot: usize, fp: u8, value: Slot) {
        debug_assert!(!self.is_occupied(slot) && fp != 0);
        self.tags |= u64::from(fp) << (slot * 8);
        self.slots[slot] = value;
    }

    #[inline]
    pub(super) fn clear(&mut self, slot: usize) {
        self.tags &= !(0xff << (slot * 8));
        self.slots[slot] = Slot(ptr::null_mut());
    }

    /// Whether an entry may have been pushed past this bucket.
    #[inline]
    pub(super) fn overflows(&self) -> bool {
        self.tags >> 56 != 0
    }

    #[inline]
    pub(super) fn push_past(&mut self) {
        if self.tags >> 56 != 0xff {
            self.tags += OVERFLOW_ONE;
        }
    }

    #[inline]
    pub(super) fn unpush(&mut self) {
        let n = self.tags >> 56;
        debug_assert!(n != 0);
        if n != 0xff && n != 0 {
            self.tags -= OVERFLOW_ONE;
        }
    }
}
