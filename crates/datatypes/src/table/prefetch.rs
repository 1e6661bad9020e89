//! Asking the processor for cache lines before they are needed.
//!
//! A look-up that is to come soon asks for the bucket, then for the entry. Who has the table's lock
//! does so by the functions of the table here; who has not, by [`super::HintDirectory`].

use super::bucket::Bucket;
use super::segment::{CHUNKS, Record};
use super::{Item, NONE_MOVED, SegmentHint, Table};

/// What has changed in the directory of a table.
#[derive(Debug)]
pub struct Moved<I> {
    /// The top bits of a hash that choose a segment.
    pub depth: u8,
    /// Where the directory is: an address, to be given to [`prefetch_record`] only.
    pub directory: usize,
    /// The first segment that changed.
    pub first: usize,
    /// The words of those that changed, from the first on.
    pub segments: I,
}

/// Asks for the record of a segment in the directory that is, or was, at this address.
#[inline]
pub fn prefetch_record(directory: usize, index: usize) {
    let address = directory.wrapping_add(index * size_of::<Record>());
    prefetch(std::ptr::without_provenance(address));
}

/// Asks for the cache line at `ptr` in order to write to it.
#[inline]
pub fn prefetch_write<T>(ptr: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch is a hint; it does not fault on any address. (The intrinsic becomes a
    // prefetch for reading unless the whole program is built for newer processors; those that do
    // not know this instruction take it for a no-op.)
    unsafe {
        core::arch::asm!("prefetchw [{0}]", in(reg) ptr, options(nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(ptr.cast());
}

/// Asks for the cache line at `ptr`; does nothing where the processor has no such hint.
#[inline]
pub fn prefetch(ptr: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch is a hint; it does not fault on any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(ptr.cast::<i8>(), _MM_HINT_T0);
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) ptr, options(nostack, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = ptr;
}

impl<T: Item> Table<T> {
    #[inline]
    pub(super) fn note_moved(&mut self, first: usize, count: usize) {
        let (low, high) = self.moved;
        self.moved = (low.min(first as u32), high.max((first + count) as u32));
    }

    /// Has every segment count as moved, for who follows it from here on.
    pub fn note_all_moved(&mut self) {
        if !self.directory.is_empty() {
            self.note_moved(0, self.directory.len());
        }
    }

    /// Whether it has a single bucket at most, to which the directory leads soon enough.
    pub fn is_tiny(&self) -> bool {
        self.directory.len() <= 1 && self.directory.iter().all(|record| record.size == 1)
    }

    /// Whether buckets have moved since [`Self::take_moved`].
    #[inline]
    pub fn has_moved(&self) -> bool {
        self.moved != NONE_MOVED
    }

    /// Where buckets are that have moved since this was asked last; `None` if none has.
    pub fn take_moved(&mut self) -> Option<Moved<impl Iterator<Item = [u64; CHUNKS]>>> {
        let (low, high) = std::mem::replace(&mut self.moved, NONE_MOVED);
        let moved = self.directory.get(low as usize..high as usize)?;
        Some(Moved {
            depth: self.depth,
            directory: self.directory.as_ptr().addr(),
            first: low as usize,
            segments: moved.iter().map(SegmentHint::words),
        })
    }

    /// Asks for the home bucket of a hash.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(record) = self.directory.get(self.index(hash)) {
            prefetch(std::ptr::from_ref(record.bucket(record.home(record.stored(hash)))).cast());
        }
    }

    /// The item that probably has this hash, if it is in its home bucket.
    #[inline]
    pub fn probable(&self, hash: u64) -> Option<T::Ref<'_>> {
        let record = self.directory.get(self.index(hash))?;
        let stored = record.stored(hash);
        let bucket = record.bucket(record.home(stored));
        let mut slots = bucket.candidates(Bucket::fingerprint(hash));
        let slot = slots.find(|&slot| bucket.slot(slot).stored() == stored)?;
        // SAFETY: a pointer in a slot is that of an item of this table.
        bucket
            .slot(slot)
            .pointer()
            .map(|ptr| unsafe { T::view(ptr) })
    }

    /// Asks for the item that probably has this hash; reads its home bucket, and the one behind it
    /// where an item may have been pushed on.
    #[inline]
    pub fn prefetch_item(&self, hash: u64) {
        let Some(record) = self.directory.get(self.index(hash)) else {
            return;
        };
        let stored = record.stored(hash);
        let home = record.home(stored);
        let bucket = record.bucket(home);
        if !prefetch_matches::<T>(bucket, hash, stored) && bucket.overflows() {
            prefetch_matches::<T>(record.bucket(record.after(home)), hash, stored);
        }
    }
}

/// Asks for the items of a bucket that have these bits of the hash; whether there is any.
#[inline]
fn prefetch_matches<T: Item>(bucket: &Bucket, hash: u64, stored: u16) -> bool {
    let mut found = false;
    for slot in bucket.candidates(Bucket::fingerprint(hash)) {
        if bucket.slot(slot).stored() == stored {
            let item = bucket.slot(slot).ptr();
            prefetch(item);
            prefetch(item.wrapping_add(T::BYTES_READ - 1));
            found = true;
        }
    }
    found
}
