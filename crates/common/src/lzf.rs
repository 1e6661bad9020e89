//! LZF, the light compression of list nodes and of strings in RDB files. The format is fixed by
//! those files.
//!
//! A control byte below 32 says that that many bytes plus one follow as they are. Any other is a
//! copy from what was written already: three bits of length (7: another length byte follows), 13
//! bits of distance; the length is two more, the distance one more than stated.

const DISTANCE_MAX: usize = 1 << 13;
const LITERAL_MAX: usize = 32;
const LENGTH_MAX: usize = 264;
const TABLE_BITS: u32 = 13;

/// Compresses, if the result has at most `size_max` bytes.
#[must_use]
pub fn compress(input: &[u8], size_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(size_max.min(input.len()));
    // The latest place (plus one) where each hash of three bytes was seen.
    let mut table = [0u32; 1 << TABLE_BITS];
    let (mut at, mut literals) = (0, 0);
    while at + 2 < input.len() {
        let slot = &mut table[hash(&input[at..])];
        let seen = std::mem::replace(slot, at as u32 + 1) as usize;
        if let Some(length) = match_length(input, seen, at) {
            write_literals(&mut out, &input[literals..at]);
            write_copy(&mut out, at - seen, length);
            for passed in at + 1..(at + length).min(input.len() - 2) {
                table[hash(&input[passed..])] = passed as u32 + 1;
            }
            at += length;
            literals = at;
        } else {
            at += 1;
        }
        if out.len() > size_max {
            return None;
        }
    }
    write_literals(&mut out, &input[literals..]);
    (out.len() <= size_max).then_some(out)
}

#[inline]
fn hash(bytes: &[u8]) -> usize {
    let three = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
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
    let more = input[from + 3..]
        .iter()
        .zip(&input[at + 3..at + most])
        .take_while(|(a, b)| a == b);
    Some(3 + more.count())
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
