//! A segment: 1 to 64 buckets that hold every entry of one hash prefix.
//!
//! The buckets lie in chunks of eight. All segments of a table grow at about the same time: if each
//! were one block, the blocks of the size before would be left behind half used, a quarter of the
//! table's memory at the worst. Chunks are all of one size, so what one segment leaves the next
//! takes.
//!
//! An entry's home bucket is an order-preserving map of the hash bits below the segment's depth,
//! so a place in hash order means the same before and after any resize. The 16 stored bits
//! are the window `[base, base + 16)` of the hash, counted from the top, where `base` is the
//! depth rounded down to a multiple of 8: laying the entries out anew needs no look at them.

use super::bucket::{Bucket, SLOTS, Slot};
use super::item::Item;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The sizes of a segment, in buckets.
pub(super) const SIZES: [u8; 10] = [1, 2, 4, 8, 16, 32, 40, 48, 56, 64];
/// Above this size a segment splits.
pub(super) const BUCKETS_MAX: u8 = 64;
/// Buckets in a chunk. Segments that are smaller have one chunk of their size.
pub(super) const CHUNK: usize = 8;
/// Chunks of the largest segment that splits.
pub(super) const CHUNKS: usize = BUCKETS_MAX as usize / CHUNK;
/// Segments with more than this depth are not split: 2^23 segments hold 2.7 G entries.
pub(super) const DEPTH_MAX: u8 = 23;

/// What the directory knows of a segment; `count` and `epoch` are true in the first of the
/// records that lead to the segment, and meaningless in the others.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Record {
    /// A list of as many chunks as `size` needs. Each pointer stands `index * CHUNK` buckets before
    /// its chunk, so that adding a bucket's number leads to the bucket.
    chunks: NonNull<*mut Bucket>,
    pub(super) size: u8,
    pub(super) depth: u8,
    pub(super) count: u16,
    pub(super) epoch: u32,
}

/// Entries that `size` buckets may hold: 92%.
#[inline]
pub(super) const fn count_max(size: u8) -> u16 {
    if size == 1 {
        SLOTS as u16
    } else {
        size as u16 * (SLOTS as u16) * 92 / 100
    }
}

/// The smallest size for `count` entries and a little growth.
pub(super) fn size_for(count: u16) -> u8 {
    let wanted = count + count / 16;
    SIZES
        .into_iter()
        .find(|&s| count_max(s) >= wanted)
        .unwrap_or(BUCKETS_MAX)
}

/// The next larger size.
pub(super) fn size_after(size: u8) -> u8 {
    SIZES
        .into_iter()
        .find(|&s| s > size)
        .unwrap_or_else(|| size.saturating_add(8))
}

/// How many chunks `size` buckets need.
#[inline]
fn chunks_for(size: u8) -> usize {
    usize::from(size).div_ceil(CHUNK)
}

fn chunk_layout(size: u8) -> Layout {
    Layout::array::<Bucket>(usize::from(size).min(CHUNK)).expect("at most eight cache lines")
}

/// Of one size from two chunks on, so that a segment keeps its list while it grows.
fn list_layout(size: u8) -> Layout {
    let count = match chunks_for(size) {
        1 => 1,
        count => count.max(CHUNKS),
    };
    Layout::array::<*mut Bucket>(count).expect("at most 32 pointers")
}

/// Memory that is not null, or the end.
fn checked<T>(raw: *mut u8, layout: Layout) -> NonNull<T> {
    NonNull::new(raw.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Bytes of the chunks and of their list.
pub(super) fn memory(size: u8) -> usize {
    chunks_for(size) * chunk_layout(size).size() + list_layout(size).size()
}

/// The bits of a hash that a segment of this depth stores.
#[inline]
pub(super) fn stored_at(depth: u8, hash: u64) -> u16 {
    (hash << (depth & 56) >> 48) as u16
}

/// The home bucket of an entry with these stored bits in a segment of that size and depth.
#[inline]
pub(super) fn home_of(size: u8, depth: u8, stored: u16) -> usize {
    let below = stored << (depth & 7);
    ((u32::from(below) * u32::from(size)) >> 16) as usize
}

impl Record {
    /// An empty segment.
    pub(super) fn allocate(size: u8, depth: u8, epoch: u32) -> Self {
        let list = list_layout(size);
        // SAFETY: the layout is not empty.
        let chunks = checked(unsafe { alloc(list) }, list);
        let new = Self {
            chunks,
            size,
            depth,
            count: 0,
            epoch,
        };
        for index in 0..chunks_for(size) {
            // SAFETY: the list has room for each chunk of the size.
            unsafe { new.add_chunk(index) };
        }
        new
    }

    /// Allocates a chunk without entries.
    ///
    /// # Safety
    /// The list has room for it, and no chunk at that index.
    unsafe fn add_chunk(&self, index: usize) {
        let layout = chunk_layout(self.size);
        // SAFETY: the layout is not empty; zeroed buckets are valid (no entry, null slots).
        unsafe {
            let chunk: NonNull<Bucket> = checked(alloc_zeroed(layout), layout);
            let before = chunk.as_ptr().wrapping_sub(index * CHUNK);
            self.chunks.add(index).write(before);
        }
    }

    /// The list of chunks.
    pub(super) fn chunks(&self) -> &[*mut Bucket] {
        // SAFETY: the list has the chunk of each index below size, and lives as the segment does.
        unsafe { std::slice::from_raw_parts(self.chunks.as_ptr(), chunks_for(self.size)) }
    }

    /// Where a chunk begins.
    ///
    /// # Safety
    /// It is there.
    unsafe fn chunk(&self, index: usize) -> *mut Bucket {
        // SAFETY: by the caller's promise.
        unsafe { self.chunks.add(index).read().wrapping_add(index * CHUNK) }
    }

    /// Frees a chunk.
    ///
    /// # Safety
    /// It is there, and not used again.
    unsafe fn release_chunk(&self, index: usize) {
        // SAFETY: allocated in `add_chunk` with this layout.
        unsafe { dealloc(self.chunk(index).cast(), chunk_layout(self.size)) }
    }

    /// Frees the buckets, not the entries.
    ///
    /// # Safety
    /// No other use of the buckets follows.
    pub(super) unsafe fn release(&self) {
        // SAFETY: by the caller's promise; the list was allocated with its layout.
        unsafe {
            for index in 0..chunks_for(self.size) {
                self.release_chunk(index);
            }
            dealloc(self.chunks.as_ptr().cast(), list_layout(self.size));
        }
    }

    /// The stored bits of a hash in this segment.
    #[inline]
    pub(super) fn stored(&self, hash: u64) -> u16 {
        stored_at(self.depth, hash)
    }

    /// Home bucket of an entry with these stored bits.
    #[inline]
    pub(super) fn home(&self, stored: u16) -> usize {
        home_of(self.size, self.depth, stored)
    }

    /// # Safety
    /// `index` is below `size`.
    #[inline]
    unsafe fn bucket_ptr(&self, index: usize) -> *mut Bucket {
        debug_assert!(index < usize::from(self.size));
        // SAFETY: the list has the chunk of each index below size.
        unsafe { self.chunks.add(index / CHUNK).read().wrapping_add(index) }
    }

    #[inline]
    pub(super) fn bucket(&self, index: usize) -> &Bucket {
        // SAFETY: index below size; shared access follows the table's borrow.
        unsafe { &*self.bucket_ptr(index) }
    }

    /// # Safety
    /// The caller has exclusive access to the table, and `index` is below `size`.
    #[inline]
    #[allow(
        clippy::mut_from_ref,
        reason = "exclusive access is the caller's promise"
    )]
    pub(super) unsafe fn bucket_mut(&self, index: usize) -> &mut Bucket {
        // SAFETY: by the caller's promise.
        unsafe { &mut *self.bucket_ptr(index) }
    }

    #[inline]
    pub(super) fn after(&self, index: usize) -> usize {
        if index + 1 == usize::from(self.size) {
            0
        } else {
            index + 1
        }
    }

    /// Puts an entry into the first free slot from its home on. Does not count it.
    ///
    /// # Safety
    /// Exclusive access; at least one slot is free.
    pub(super) unsafe fn put(&self, stored: u16, fp: u8, ptr: NonNull<u8>) -> (usize, usize) {
        let mut index = self.home(stored);
        loop {
            // SAFETY: index below size, exclusive by the caller's promise.
            let bucket = unsafe { self.bucket_mut(index) };
            if let Some(slot) = bucket.first_empty() {
                bucket.fill(slot, fp, Slot::new(ptr, stored));
                return (index, slot);
            }
            bucket.push_past();
            index = self.after(index);
        }
    }

    /// Takes an entry out. Does not count it.
    ///
    /// # Safety
    /// Exclusive access; the slot is occupied.
    pub(super) unsafe fn take(&self, index: usize, slot: usize) -> NonNull<u8> {
        // SAFETY: by the caller's promise.
        let bucket = unsafe { self.bucket_mut(index) };
        let taken = bucket.slot(slot);
        bucket.clear(slot);
        let mut passed = self.home(taken.stored());
        while passed != index {
            // SAFETY: as above; the buckets from home to index are in the segment.
            unsafe { self.bucket_mut(passed) }.unpush();
            passed = self.after(passed);
        }
        taken.non_null()
    }

    /// Every entry: its fingerprint and slot.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, Slot)> + '_ {
        (0..usize::from(self.size)).flat_map(|index| self.bucket(index).entries())
    }

    /// The same entries in `size` buckets; the old ones are freed.
    ///
    /// # Safety
    /// Exclusive access, and `self` is not used again.
    pub(super) unsafe fn resized(&self, size: u8) -> Self {
        let sizes = [self.size.min(size), self.size.max(size)];
        if usize::from(sizes[0]) > CHUNK && sizes[1] <= BUCKETS_MAX {
            // SAFETY: by the caller's promise.
            return unsafe { self.resized_in_place(size) };
        }
        let mut new = Self::allocate(size, self.depth, self.epoch);
        for (fp, slot) in self.entries() {
            // SAFETY: the new segment is ours and holds what `self` held.
            unsafe { new.put(slot.stored(), fp, slot.non_null()) };
        }
        new.count = self.count;
        // SAFETY: by the caller's promise.
        unsafe { self.release() };
        new
    }

    /// [`Self::resized`] where both sizes have lists and chunks of one layout: only the chunks that
    /// are more, or fewer, come or go.
    ///
    /// # Safety
    /// As there, and both sizes are above [`CHUNK`], at most [`BUCKETS_MAX`] and multiples of
    /// [`CHUNK`].
    unsafe fn resized_in_place(&self, size: u8) -> Self {
        const EMPTY: [Bucket; CHUNK] = [const { Bucket::EMPTY }; CHUNK];
        let mut old = [EMPTY; CHUNKS];
        let new = Self { size, ..*self };
        let (had, wants) = (chunks_for(self.size), chunks_for(size));
        // SAFETY: exclusive access; the first `had` chunks are there and have `CHUNK` buckets, the
        // list has room for all, and what is freed is not among the first `wants`.
        unsafe {
            for (index, copy) in old.iter_mut().enumerate().take(had) {
                std::ptr::swap(copy, self.chunk(index).cast());
            }
            (wants..had).for_each(|index| self.release_chunk(index));
            (had..wants).for_each(|index| new.add_chunk(index));
            for (fp, slot) in old[..had].iter().flatten().flat_map(Bucket::entries) {
                new.put(slot.stored(), fp, slot.non_null());
            }
        }
        new
    }

    /// Two segments of one more bit of depth; the old one is freed.
    ///
    /// # Safety
    /// As [`Self::resized`].
    pub(super) unsafe fn split<T: Item>(&self) -> [Self; 2] {
        let bit = 15 - (self.depth & 7);
        let upper = |slot: Slot| usize::from(slot.stored() >> bit & 1);
        let ones = self
            .entries()
            .map(|(_, slot)| upper(slot) as u16)
            .sum::<u16>();
        let depth = self.depth + 1;
        let mut halves = [self.count - ones, ones].map(|count| {
            let half = Self::allocate(size_for(count).max(SIZES[5]), depth, self.epoch);
            Self { count, ..half }
        });
        let rebase = depth & 7 == 0;
        for (fp, slot) in self.entries() {
            let half = &mut halves[upper(slot)];
            let stored = if rebase {
                // SAFETY: the slot holds a pointer from `into_ptr`.
                half.stored(T::hash(unsafe { T::view(slot.non_null()) }))
            } else {
                slot.stored()
            };
            // SAFETY: the halves are ours and were sized for their counts.
            unsafe { half.put(stored, fp, slot.non_null()) };
        }
        // SAFETY: by the caller's promise.
        unsafe { self.release() };
        halves
    }

    /// One segment from two buddies, `self` the lower; `prefix` is the hash prefix of `self`
    /// (`depth` bits). The old ones are freed.
    ///
    /// # Safety
    /// As [`Self::resized`], for both.
    pub(super) unsafe fn merged(&self, upper: &Self, prefix: usize) -> Self {
        let count = self.count + upper.count;
        let mut new = Self::allocate(size_for(count + count / 8), self.depth - 1, self.epoch);
        for (half, prefix) in [(self, prefix), (upper, prefix + 1)] {
            for (fp, slot) in half.entries() {
                let stored = if self.depth & 7 == 0 {
                    (prefix as u16) << 8 | slot.stored() >> 8
                } else {
                    slot.stored()
                };
                // SAFETY: the new segment is ours and sized for both.
                unsafe { new.put(stored, fp, slot.non_null()) };
            }
            // SAFETY: by the caller's promise.
            unsafe { half.release() };
        }
        new.count = count;
        new
    }
}
