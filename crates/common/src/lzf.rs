//! LZF, the light compression of list nodes and of strings in RDB files. The format is fixed by
//! those files.
//!
//! A control byte below 32 says that that many bytes plus one follow as they are. Any other is a
//! copy from what was written already: three bits of length (7: another length byte follows), 13
//! bits of distance; the length is two more, the distance one more than stated.
//!
//! Where repetitions were seen is kept by thread and never cleared between texts: places count on
//! from one text to the next, so that older ones are known for what they are.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow::{self, Break, Continue};

const DISTANCE_MAX: usize = 1 << 13;
const LITERAL_MAX: usize = 32;
const LENGTH_MAX: usize = 264;
const TABLE_BITS: u32 = 13;
/// Literals are given at the latest when there are so many: full runs.
const LITERALS_LOOK: usize = 128 * LITERAL_MAX;

/// What a text is made of.
enum Piece<'a> {
    /// Bytes as they are.
    Literals(&'a [u8]),
    /// Bytes that were there before: the distance, less one, and the length.
    Copy(usize, usize),
}

/// The latest place where each hash of three bytes was seen, in all texts together.
struct Seen {
    places: Box<[u32; 1 << TABLE_BITS]>,
    /// Places up to here are those of earlier texts.
    base: u32,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::new(Seen {
        places: Box::new([0; 1 << TABLE_BITS]),
        base: 0,
    });
    static PACKED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Compresses, if the result has at most `size_max` bytes.
#[must_use]
pub fn compress(input: &[u8], size_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(size_max.min(input.len()));
    compress_into(&mut out, input, size_max).then_some(out)
}

/// Appends the compressed text, if that has at most `size_max` bytes; else nothing.
#[must_use]
pub fn compress_into(out: &mut Vec<u8>, input: &[u8], size_max: usize) -> bool {
    let start = out.len();
    let fits = pieces(input, |piece| {
        append(out, &piece);
        keep_going(out.len() - start <= size_max)
    });
    if !fits {
        out.truncate(start);
    }
    fits
}

/// Gives the compressed text to `take`, if that has at most `size_max` bytes; whether it has. For
/// texts that are not long: the memory is kept for the next.
pub fn with_compressed(input: &[u8], size_max: usize, take: impl FnOnce(&[u8])) -> bool {
    let mut out = PACKED.take();
    let fits = compress_into(&mut out, input, size_max);
    if fits {
        take(&out);
        out.clear();
    }
    PACKED.set(out);
    fits
}

/// How long the compressed text would be, if at most `size_max` bytes.
#[must_use]
pub fn compressed_len(input: &[u8], size_max: usize) -> Option<usize> {
    let mut len = 0;
    let fits = pieces(input, |piece| {
        len += match piece {
            Piece::Literals(bytes) => bytes.len() + bytes.len().div_ceil(LITERAL_MAX),
            Piece::Copy(_, length) if length < 9 => 2,
            Piece::Copy(..) => 3,
        };
        keep_going(len <= size_max)
    });
    fits.then_some(len)
}

/// Gives the compressed text to `put`, in pieces of about `piece_len` bytes.
pub fn compress_in_pieces(input: &[u8], piece_len: usize, mut put: impl FnMut(&[u8])) {
    let mut out = Vec::with_capacity(piece_len + 2 * LITERALS_LOOK);
    pieces(input, |piece| {
        append(&mut out, &piece);
        if out.len() >= piece_len {
            put(&out);
            out.clear();
        }
        Continue(())
    });
    put(&out);
}

fn keep_going(goes_on: bool) -> ControlFlow<()> {
    if goes_on { Continue(()) } else { Break(()) }
}

/// Gives the pieces of a text until told to stop; whether that was not so.
fn pieces(input: &[u8], emit: impl FnMut(Piece<'_>) -> ControlFlow<()>) -> bool {
    // Places are 32 bits wide.
    let Ok(len) = u32::try_from(input.len()) else {
        return false;
    };
    SEEN.with_borrow_mut(|seen| {
        if seen.base.checked_add(len).is_none() {
            seen.places.fill(0);
            seen.base = 0;
        }
        let flow = find_pieces(input, seen, emit);
        seen.base += len;
        flow.is_continue()
    })
}

fn find_pieces(
    input: &[u8],
    seen: &mut Seen,
    mut emit: impl FnMut(Piece<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let base = seen.base;
    let (mut at, mut literals) = (0, 0);
    // A long text without repetitions is given in pieces all the same, so that whoever has a
    // limit sees it passed.
    let mut look = LITERALS_LOOK;
    while at + 2 < input.len() {
        // Places are counted from one: nothing has been seen at 0.
        let place = &mut seen.places[hash(input, at)];
        let before = std::mem::replace(place, base + at as u32 + 1);
        if let Some(length) = match_length(input, before.saturating_sub(base) as usize, at) {
            if literals < at {
                emit(Piece::Literals(&input[literals..at]))?;
            }
            let from = (before - base) as usize;
            emit(Piece::Copy(at - from, length))?;
            for passed in at + 1..(at + length).min(input.len() - 2) {
                seen.places[hash(input, passed)] = base + passed as u32 + 1;
            }
            at += length;
            literals = at;
            look = at + LITERALS_LOOK;
        } else {
            at += 1;
            if at >= look {
                emit(Piece::Literals(&input[literals..at]))?;
                literals = at;
                look = at + LITERALS_LOOK;
            }
        }
    }
    if literals < input.len() {
        emit(Piece::Literals(&input[literals..]))?;
    }
    Continue(())
}

/// The hash of the three bytes at `at`, which are there.
#[inline]
fn hash(input: &[u8], at: usize) -> usize {
    let three = match input.get(at..at + 4) {
        Some(four) => u32::from_le_bytes([four[0], four[1], four[2], 0]),
        None => u32::from_le_bytes([input[at], input[at + 1], input[at + 2], 0]),
    };
    (three.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)) as usize
}

/// How long the bytes at `at` repeat those at `seen - 1`: at least three, or not at all.
#[inline]
fn match_length(input: &[u8], seen: usize, at: usize) -> Option<usize> {
    let from = seen.checked_sub(1)?;
    if at - from > DISTANCE_MAX || input[from..from + 3] != input[at..at + 3] {
        return None;
    }
    let most = (input.len() - at).min(LENGTH_MAX);
    Some(3 + equal_bytes(&input[from + 3..from + most], &input[at + 3..at + most]))
}

/// How many bytes two slices of one length have in common at their beginning.
#[inline]
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let ((words_a, rest_a), (words_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (i, (x, y)) in words_a.iter().zip(words_b).enumerate() {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return i * 8 + differ.trailing_zeros() as usize / 8;
        }
    }
    let rest = rest_a.iter().zip(rest_b).take_while(|(x, y)| x == y);
    words_a.len() * 8 + rest.count()
}

#[inline]
fn append(out: &mut Vec<u8>, piece: &Piece<'_>) {
    match *piece {
        Piece::Literals(bytes) => write_literals(out, bytes),
        Piece::Copy(distance, length) => write_copy(out, distance, length),
    }
}

fn write_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LITERAL_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// `distance` as stated: one less than the real one.
fn write_copy(out: &mut Vec<u8>, distance: usize, length: usize) {
    let (high, stated) = ((distance >> 8) as u8, length - 2);
    if stated < 7 {
        out.push((stated as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (stated - 7) as u8]);
    }
    out.push(distance as u8);
}

/// Restores exactly `size` bytes; `None` where the input is not LZF or would give another number.
///
/// The result is grown as the input warrants it, so that a false `size` costs no memory.
#[must_use]
pub fn decompress(input: &[u8], size: usize) -> Option<Vec<u8>> {
    // One copy of three bytes yields at most LENGTH_MAX.
    if size > input.len().saturating_mul(LENGTH_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        if (control as usize) < LITERAL_MAX {
            let run = rest.get(..control as usize + 1)?;
            out.extend_from_slice(run);
            rest = &rest[run.len()..];
        } else {
            let mut length = (control >> 5) as usize + 2;
            if control >> 5 == 7 {
                length += *rest.first()? as usize;
                rest = &rest[1..];
            }
            let stated = ((control & 0x1F) as usize) << 8 | *rest.first()? as usize;
            rest = &rest[1..];
            let start = out.len().checked_sub(stated + 1)?;
            copy_within(&mut out, start, length);
        }
        if out.len() > size {
            return None;
        }
    }
    (out.len() == size).then_some(out)
}

/// Appends `length` bytes from `start` on, which may run into the bytes being appended.
fn copy_within(out: &mut Vec<u8>, start: usize, length: usize) {
    if out.len() - start >= length {
        out.extend_from_within(start..start + length);
    } else {
        for at in start..start + length {
            out.push(out[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetition_shrinks_and_noise_is_refused() {
        let text = b"a list of words, a list of words, a list of words".repeat(20);
        let packed = compress(&text, text.len() - 1).unwrap();
        assert!(packed.len() < text.len() / 4, "{}", packed.len());
        assert_eq!(decompress(&packed, text.len()).unwrap(), text);
        let noise: Vec<u8> = (0..200u32).map(|i| ((i * i * 31) >> 3) as u8).collect();
        assert!(compress(&noise, 100).is_none());
    }

    /// However a text is compressed, and whatever was compressed before it, the bytes are the same.
    #[test]
    fn in_pieces_it_is_what_it_is_as_a_whole() {
        let mut text: Vec<u8> = (0..50_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        text.extend(b"again and again, ".repeat(2000));
        let whole = compress(&text, text.len()).unwrap();
        for piece_len in [1, 100, 5000, 1 << 20] {
            let mut joined = Vec::new();
            compress_in_pieces(&text, piece_len, |piece| joined.extend_from_slice(piece));
            assert!(joined == whole);
        }
        assert_eq!(compressed_len(&text, text.len()), Some(whole.len()));
        assert_eq!(compressed_len(&text, whole.len() - 1), None);
        assert_eq!(decompress(&whole, text.len()).unwrap(), text);
        let mut out = b"before".to_vec();
        assert!(!compress_into(&mut out, &text, whole.len() - 1));
        assert_eq!(out, b"before");
    }

    #[test]
    fn reads_what_the_format_says() {
        // "aaaaaaaaaa": one literal, then a copy of nine at distance one.
        assert_eq!(
            decompress(&[0, b'a', 7 << 5, 0, 0], 10).unwrap(),
            b"aaaaaaaaaa"
        );
        assert_eq!(decompress(&[0, b'a', 1 << 5, 0], 4).unwrap(), b"aaaa");
        assert_eq!(
            decompress(&[0, b'a', 1 << 5, 1], 4),
            None,
            "before the start"
        );
        assert_eq!(decompress(&[3, b'a'], 4), None, "cut short");
        assert_eq!(decompress(&[0, b'a'], 2), None, "another size");
        assert_eq!(decompress(&[], usize::MAX), None);
    }

    proptest! {
        #[test]
        fn round_trip(input in proptest::collection::vec(0u8..4, 0..3000)) {
            if let Some(packed) = compress(&input, input.len() + input.len() / 16 + 16) {
                prop_assert_eq!(decompress(&packed, input.len()).unwrap(), input);
            } else {
                prop_assert!(false, "fits with the worst case's margin");
            }
        }

        #[test]
        fn any_bytes_are_refused_or_expanded(
            input in proptest::collection::vec(any::<u8>(), 0..200),
            size in 0usize..4000,
        ) {
            if let Some(out) = decompress(&input, size) {
                prop_assert_eq!(out.len(), size);
            }
        }
    }
}
