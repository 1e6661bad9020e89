//! Asking the processor for cache lines before they are needed.

use super::bucket::Bucket;
use super::{Item, Table};

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
    /// Asks for the home bucket of a hash.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(record) = self.directory.get(self.index(hash)) {
            prefetch(std::ptr::from_ref(record.bucket(record.home(record.stored(hash)))).cast());
        }
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
