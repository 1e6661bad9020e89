//! Asking the processor for cache lines before they are needed.
//!
//! A [`SegmentHint`] tells where a segment's buckets are, or were. Whoever shares a table behind a
//! lock may keep a copy of them that is read without the lock: they serve to prefetch only, and a
//! prefetch of memory that has been freed meanwhile does no harm.

use super::bucket::Bucket;
use super::segment::{Record, home_of, stored_at};
use super::{Item, NONE_MOVED, Table};

/// A segment in one word: the address of its buckets (48 bits), their number (8), its depth (8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentHint(pub u64);

impl SegmentHint {
    const ADDRESS: u64 = (1 << 48) - 1;

    #[inline]
    fn of(record: &Record) -> Self {
        let address = record.buckets.addr().get() as u64 & Self::ADDRESS;
        Self(address | u64::from(record.size) << 48 | u64::from(record.depth) << 56)
    }

    /// Where the home bucket of a hash is, or was.
    #[inline]
    fn home(self, hash: u64) -> *const u8 {
        let (size, depth) = ((self.0 >> 48) as u8, (self.0 >> 56) as u8);
        let home = home_of(size, depth, stored_at(depth, hash));
        std::ptr::without_provenance((self.0 & Self::ADDRESS) as usize + home * size_of::<Bucket>())
    }

    /// Asks for the home bucket of a hash.
    #[inline]
    pub fn prefetch(self, hash: u64) {
        prefetch(self.home(hash));
    }
}

/// What has changed in the directory of a table.
#[derive(Debug)]
pub struct Moved<I> {
    /// The top bits of a hash that choose a segment.
    pub depth: u8,
    /// The first segment that changed.
    pub first: usize,
    /// Those that changed, from the first on.
    pub segments: I,
}

/// Asks for the cache line at `ptr` in order to write to it.
#[inline]
pub fn prefetch_write<T>(ptr: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch is a hint; it does not fault on any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch(ptr.cast::<i8>(), _MM_HINT_ET0);
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(ptr.cast());
}

/// Asks for the cache line at `ptr`; does nothing where the processor has no such hint.
#[inline]
pub(crate) fn prefetch(ptr: *const u8) {
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

    /// Whether buckets have moved since [`Self::take_moved`].
    #[inline]
    pub fn has_moved(&self) -> bool {
        self.moved != NONE_MOVED
    }

    /// Where buckets are that have moved since this was asked last; `None` if none has.
    pub fn take_moved(&mut self) -> Option<Moved<impl Iterator<Item = SegmentHint>>> {
        let (low, high) = std::mem::replace(&mut self.moved, NONE_MOVED);
        let moved = self.directory.get(low as usize..high as usize)?;
        Some(Moved {
            depth: self.depth,
            first: low as usize,
            segments: moved.iter().map(SegmentHint::of),
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
