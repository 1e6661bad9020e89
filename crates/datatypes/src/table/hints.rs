//! Where the segments of a table are, or were: what is read without the table's lock.
//!
//! Whoever shares a table behind a lock may keep a copy of its directory that is read without the
//! lock: it serves to prefetch only, and a prefetch of memory that has been freed meanwhile does no
//! harm. For the same reason a hint names every chunk itself: the segment's own list of them may be
//! freed, so it must not be read.

use super::bucket::Bucket;
use super::prefetch::prefetch;
use super::segment::{CHUNK, CHUNKS, DEPTH_MAX, Record, home_of, stored_at};
use std::ptr;
use std::sync::atomic::{
    AtomicPtr, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed,
};

/// A segment in one cache line: a word for each chunk, of the address from which its buckets are
/// counted (48 bits), and in the first the segment's number of buckets (8) and depth (8).
/// Words that are read while others are written may be of two states; that does no harm either.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct SegmentHint([AtomicU64; CHUNKS]);

impl SegmentHint {
    const ADDRESS: u64 = (1 << 48) - 1;

    /// The words of a segment.
    pub(super) fn words(record: &Record) -> [u64; CHUNKS] {
        let mut words = [0; CHUNKS];
        for (word, chunk) in words.iter_mut().zip(record.chunks()) {
            *word = chunk.addr() as u64 & Self::ADDRESS;
        }
        words[0] |= u64::from(record.size) << 48 | u64::from(record.depth) << 56;
        words
    }

    /// Follows the segment.
    pub fn set(&self, words: [u64; CHUNKS]) {
        for (own, word) in self.0.iter().zip(words) {
            own.store(word, Relaxed);
        }
    }

    /// What was set last.
    pub fn get(&self) -> [u64; CHUNKS] {
        self.0.each_ref().map(|word| word.load(Relaxed))
    }

    /// Asks for the home bucket of a hash.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        let first = self.0[0].load(Relaxed);
        let (size, depth) = ((first >> 48) as u8, (first >> 56) as u8);
        let home = home_of(size, depth, stored_at(depth, hash));
        if let Some(word) = self.0.get(home / CHUNK) {
            let address = (word.load(Relaxed) & Self::ADDRESS) as usize;
            prefetch(ptr::without_provenance(
                address.wrapping_add(home * size_of::<Bucket>()),
            ));
        }
    }
}

/// Pieces of a directory that is as deep as it can be.
const PIECES: usize = DEPTH_MAX as usize + 1;

/// Hints by a segment's place in the directory.
///
/// They lie in pieces, each as many as all before it. A piece stays as long as the whole, so that
/// who reads needs no lock and who extends it waits for nobody; and since a directory that has
/// doubled uses the pieces of the one before, nothing is left behind.
#[derive(Debug, Default)]
pub struct HintDirectory {
    /// Null, or a boxed slice of [`piece_len`] hints that only `drop` takes back.
    pieces: [AtomicPtr<SegmentHint>; PIECES],
}

/// Where hint `index` is: the piece, and the place in it.
#[inline]
fn place(index: usize) -> (usize, usize) {
    match index.checked_ilog2() {
        None => (0, 0),
        Some(log) => (log as usize + 1, index & !(1 << log)),
    }
}

/// Hints in a piece.
fn piece_len(piece: usize) -> usize {
    1 << piece.saturating_sub(1)
}

impl HintDirectory {
    /// A hint, if there is one at that place.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&SegmentHint> {
        let (piece, at) = place(index);
        let first = self.pieces.get(piece)?.load(Acquire);
        // SAFETY: a piece that is there has `piece_len` hints, of which `at` is one, and stays as
        // long as `self`.
        (!first.is_null()).then(|| unsafe { &*first.add(at) })
    }

    /// A hint, made if need be; `None` where no directory has so many. Any
    /// thread may call it.
    pub fn get_or_make(&self, index: usize) -> Option<&SegmentHint> {
        let piece = place(index).0;
        if self.pieces.get(piece)?.load(Acquire).is_null() {
            self.make(piece);
        }
        self.get(index)
    }

    fn make(&self, piece: usize) {
        let hints: Box<[SegmentHint]> = (0..piece_len(piece))
            .map(|_| SegmentHint::default())
            .collect();
        let new = Box::into_raw(hints).cast::<SegmentHint>();
        let made = self.pieces[piece].compare_exchange(ptr::null_mut(), new, AcqRel, Acquire);
        if made.is_err() {
            // SAFETY: made above, and not published.
            unsafe { release(new, piece) };
        }
    }
}

/// Frees a piece.
///
/// # Safety
/// It was made by `make` for this place, and nobody uses it any more.
unsafe fn release(first: *mut SegmentHint, piece: usize) {
    let hints = ptr::slice_from_raw_parts_mut(first, piece_len(piece));
    // SAFETY: by the caller's promise, this is what `Box::into_raw` gave.
    drop(unsafe { Box::from_raw(hints) });
}

impl Drop for HintDirectory {
    fn drop(&mut self) {
        for (piece, first) in self.pieces.iter_mut().enumerate() {
            let first = *first.get_mut();
            if !first.is_null() {
                // SAFETY: exclusive access; each piece is freed once.
                unsafe { release(first, piece) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_has_a_place_of_its_own() {
        let hints = HintDirectory::default();
        assert!(hints.get(0).is_none());
        let count = 1 << 9;
        for index in (0..count).rev() {
            let hint = hints.get_or_make(index).unwrap();
            hint.set([index as u64; CHUNKS]);
        }
        for index in 0..count {
            let hint = hints.get(index).unwrap();
            assert_eq!(hint.get(), [index as u64; CHUNKS]);
            assert!(ptr::eq(hint, hints.get_or_make(index).unwrap()));
        }
        assert!(hints.get(count).is_none(), "pieces come one by one");
        assert!(hints.get(1 << DEPTH_MAX).is_none());
        assert!(hints.get_or_make(1 << DEPTH_MAX).is_none());
        assert!(hints.get_or_make(usize::MAX).is_none());
    }

    #[test]
    fn hints_are_read_while_others_are_made() {
        let hints = HintDirectory::default();
        let count = if cfg!(miri) { 64 } else { 4096 };
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut at = 0;
                        while at < count {
                            match hints.get(at) {
                                Some(hint) if hint.get()[0] != 0 => at += 1,
                                _ => std::thread::yield_now(),
                            }
                        }
                    })
                })
                .collect();
            for index in 0..count {
                hints.get_or_make(index).unwrap().set([1; CHUNKS]);
            }
            readers.into_iter().for_each(|it| it.join().unwrap());
        });
    }
}
