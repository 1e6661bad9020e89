//! How much memory is in use: counted as it is allocated and freed.
//!
//! Each thread counts in a slot of its own, so that counting costs one uncontended store; the slots
//! are summed when asked. A thread that frees what another allocated has a negative slot: only the
//! sum means something. It is right as soon as no allocation is in the middle of being counted.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

use libmimalloc_sys as sys;

/// Threads (over the life of the process) that get a slot to themselves; later ones share the last.
const SLOTS: usize = 256;

#[repr(align(128))]
struct Slot(AtomicIsize);

static COUNTS: [Slot; SLOTS] = [const { Slot(AtomicIsize::new(0)) }; SLOTS];
static THREADS: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's slot; `SLOTS` until it has one. No destructor, so it can be used by the
    /// allocator at any time.
    static SLOT: Cell<usize> = const { Cell::new(SLOTS) };
}

/// Bytes in use now.
pub fn used_memory() -> usize {
    let taken = THREADS.load(Relaxed).min(SLOTS);
    let sum: isize = COUNTS[..taken]
        .iter()
        .map(|slot| slot.0.load(Relaxed))
        .sum();
    let used = sum.max(0) as usize;
    PEAK.fetch_max(used, Relaxed);
    used
}

/// What this thread has allocated less what it has freed: the difference of two calls tells what
/// a piece of code took or gave back. (The last slot's threads see each other's, too.)
pub fn balance_of_thread() -> isize {
    match SLOT.get() {
        SLOTS => 0,
        slot => COUNTS[slot].0.load(Relaxed),
    }
}

/// Bytes that are still in use but wait for some thread to free them.
static LEAVING: AtomicUsize = AtomicUsize::new(0);

/// Bytes that nobody uses any longer and that are being freed in the background.
pub fn leaving_memory() -> usize {
    LEAVING.load(Relaxed)
}

/// Notes that so many bytes are about to be freed by another thread, which tells with
/// [`has_left`] as it frees them.
pub fn is_leaving(bytes: usize) {
    LEAVING.fetch_add(bytes, Relaxed);
}

/// Notes that so many bytes of what [`is_leaving`] are free.
pub fn has_left(bytes: usize) {
    LEAVING.fetch_sub(bytes, Relaxed);
}

/// Bytes on their way to where they are sent or copied; until they are freed they count as leaving.
#[derive(Debug)]
pub struct Leaving(Box<[u8]>);

impl Leaving {
    /// These bytes.
    pub fn new(bytes: Box<[u8]>) -> Self {
        is_leaving(good_size(bytes.len()));
        Self(bytes)
    }
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.0);
        let size = good_size(bytes.len());
        drop(bytes);
        has_left(size);
    }
}

/// The most bytes in use that [`used_memory`] has ever seen: call it regularly.
pub fn peak_memory() -> usize {
    used_memory();
    PEAK.load(Relaxed)
}

/// Forgets earlier peaks (`CONFIG RESETSTAT` does not, `MEMORY` tests do).
pub fn reset_peak() {
    PEAK.store(0, Relaxed);
    used_memory();
}

/// mimalloc, asked in the way that wastes least.
///
/// The crate of that name asks for every block with its alignment, which mimalloc answers by
/// rounding the size up; what needs no more than a word's alignment, which is nearly everything,
/// is asked for plainly here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mimalloc;

/// The alignment of every block (`MI_MAX_ALIGN_SIZE` in `.cargo/config.toml`).
const WORD: usize = 8;

#[allow(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait over a C library"
)]
// SAFETY: mimalloc's functions uphold the contract: blocks of at least the size asked for, aligned
// to a word, or to the alignment asked for; `mi_realloc` keeps that and the content.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no preconditions.
        unsafe {
            match layout.align() {
                ..=WORD => sys::mi_malloc(layout.size()).cast(),
                align => sys::mi_malloc_aligned(layout.size(), align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no preconditions.
        unsafe {
            match layout.align() {
                ..=WORD => sys::mi_zalloc(layout.size()).cast(),
                align => sys::mi_zalloc_aligned(layout.size(), align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        // SAFETY: the caller got the block from here.
        unsafe { sys::mi_free(pointer.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller got the block from here.
        unsafe {
            match layout.align() {
                ..=WORD => sys::mi_realloc(pointer.cast(), new_size).cast(),
                align => sys::mi_realloc_aligned(pointer.cast(), new_size, align).cast(),
            }
        }
    }
}

#[allow(
    unsafe_code,
    reason = "not declared by the crate without its extended API"
)]
unsafe extern "C" {
    fn mi_collect(force: bool);
}

/// Gives memory that is free back to the system: all that this thread has, and what the others have
/// returned to the common pool.
#[allow(unsafe_code, reason = "a C function")]
pub fn release_unused() {
    // SAFETY: no preconditions; may be called from any thread.
    unsafe { mi_collect(true) }
}

/// An allocator that counts what `A` hands out.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator<A>(pub A);

#[inline]
fn count(bytes: isize) {
    let slot = SLOT.get();
    if slot < SLOTS - 1 {
        let count = &COUNTS[slot].0;
        // No other thread writes this slot.
        count.store(count.load(Relaxed).wrapping_add(bytes), Relaxed);
    } else {
        count_slowly(bytes);
    }
}

#[cold]
#[inline(never)]
fn count_slowly(bytes: isize) {
    if SLOT.get() == SLOTS {
        SLOT.set(THREADS.fetch_add(1, Relaxed).min(SLOTS - 1));
    }
    COUNTS[SLOT.get()].0.fetch_add(bytes, Relaxed);
}

/// What mimalloc (v3, built as `.cargo/config.toml` says) hands out for a request of `size` bytes:
/// steps of 8 bytes up to 64, then four steps to each power of two, then whole pages.
#[inline]
pub const fn good_size(size: usize) -> usize {
    /// From here on blocks are made of pages.
    const BLOCK_MAX: usize = 512 * 1024;
    const PAGE: usize = 4096;
    match size {
        0..=8 => 8,
        9..=64 => size.next_multiple_of(8),
        65..=BLOCK_MAX => {
            let words = size.div_ceil(8) - 1;
            size.next_multiple_of(8 << (words.ilog2() - 2))
        }
        _ => match size.checked_next_multiple_of(PAGE) {
            Some(size) => size,
            None => size,
        },
    }
}

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]
// SAFETY: every call is passed on unchanged to `A`, which upholds the contract; counting neither
// allocates nor panics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's obligations are those of `A::alloc`.
        let pointer = unsafe { self.0.alloc(layout) };
        if !pointer.is_null() {
            count(good_size(layout.size()) as isize);
        }
        pointer
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's obligations are those of `A::alloc_zeroed`.
        let pointer = unsafe { self.0.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(good_size(layout.size()) as isize);
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's obligations are those of `A::dealloc`.
        unsafe { self.0.dealloc(pointer, layout) };
        count(-(good_size(layout.size()) as isize));
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's obligations are those of `A::realloc`.
        let moved = unsafe { self.0.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(good_size(new_size) as isize - good_size(layout.size()) as isize);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: CountingAllocator<std::alloc::System> = CountingAllocator(std::alloc::System);

    /// More than other tests of this process allocate meanwhile; there are none under Miri, which
    /// fills a buffer byte by byte.
    const UNIT: usize = if cfg!(miri) { 1 << 14 } else { 1 << 20 };

    #[track_caller]
    fn assert_grown(since: usize, by: usize) {
        let grown = used_memory() as isize - since as isize;
        let off = (grown - by as isize).unsigned_abs();
        assert!(off < UNIT, "{grown} instead of {by}");
    }

    #[test]
    fn what_is_in_use_is_counted() {
        let before = used_memory();
        let mut bytes = vec![0u8; 20 * UNIT];
        assert_grown(before, 20 * UNIT);
        bytes.resize(28 * UNIT, 0);
        bytes.shrink_to_fit();
        assert_grown(before, 28 * UNIT);
        drop(bytes);
        assert_grown(before, 0);
        assert!(peak_memory() >= 28 * UNIT);
    }

    #[test]
    fn threads_may_free_what_others_allocated() {
        let before = used_memory();
        let bytes = std::thread::spawn(|| vec![1u8; 10 * UNIT]).join().unwrap();
        assert_grown(before, 10 * UNIT);
        std::thread::spawn(move || drop(bytes)).join().unwrap();
        assert_grown(before, 0);
    }

    #[test]
    fn size_classes_of_mimalloc() {
        for (size, class) in [
            (1, 8),
            (9, 16),
            (17, 24),
            (49, 56),
            (56, 56),
            (57, 64),
            (65, 80),
            (112, 112),
            (129, 160),
            (161, 192),
            (1000, 1024),
            (1025, 1280),
            (512 << 10, 512 << 10),
            ((512 << 10) + 1, (512 << 10) + 4096),
        ] {
            assert_eq!(good_size(size), class, "{size}");
        }
        assert_eq!(good_size(usize::MAX), usize::MAX);
    }
}
