//! Zipmaps: small hashes up to Redis 2.4.
//!
//! `[pairs: u8, 254 for many]`, then for each pair the field's length and text, the value's length,
//! a byte that says how many unused bytes follow the value, the value, those bytes; at last FF. A
//! length from 254 on is in four bytes behind FE.

use crate::rdb::Error;

const END: u8 = 0xFF;
const WIDE: u8 = 0xFE;

/// What is said of bytes that are no zipmap.
pub(in crate::rdb) const FAULT: Error = Error::Corrupt("Zipmap integrity check failed.");

fn length(bytes: &mut &[u8]) -> Option<usize> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    if first != WIDE {
        return (first != END).then_some(first.into());
    }
    let (&wide, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    // A length that fits a byte must be in one.
    Some(u32::from_le_bytes(wide) as usize).filter(|len| *len >= WIDE.into())
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

/// The pairs; `None` where the bytes are no zipmap, or an empty one.
pub(in crate::rdb) fn pairs(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let (&count, rest) = bytes.split_first()?;
    let (&last, mut rest) = rest.split_last()?;
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let len = length(&mut rest)?;
        let name = take(&mut rest, len)?;
        let len = length(&mut rest)?;
        let unused = *take(&mut rest, 1)?.first()?;
        let value = take(&mut rest, len)?;
        take(&mut rest, unused.into())?;
        pairs.push((name, value));
    }
    let count_is_right = count == WIDE || usize::from(count) == pairs.len();
    (last == END && count_is_right && !pairs.is_empty()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_without_what_is_unused() {
        let bytes = b"\x02\x03foo\x03\x01bar_\x05hello\x05\x00world\xFF";
        let expected: [(&[u8], &[u8]); 2] = [(b"foo", b"bar"), (b"hello", b"world")];
        assert_eq!(pairs(bytes).unwrap(), expected);
        let long = [b'x'; 300];
        let wide = [b"\xFE\x01a\xFE\x2C\x01\0\0\0", &long[..], b"\xFF"].concat();
        assert_eq!(pairs(&wide).unwrap(), [(&b"a"[..], &long[..])]);
    }

    #[test]
    fn anything_amiss_is_refused() {
        let sound = b"\x01\x03foo\x03\x00bar\xFF";
        assert!(pairs(sound).is_some());
        for len in 0..sound.len() {
            assert!(pairs(&sound[..len]).is_none());
        }
        for broken in [
            &b"\x02\x03foo\x03\x00bar\xFF"[..],
            b"\x01\x03foo\x03\x01bar\xFF",
            b"\x01\xFE\x03\0\0\0foo\x03\x00bar\xFF",
            b"\x00\xFF",
            b"\xFF",
            b"",
        ] {
            assert!(pairs(broken).is_none(), "{broken:?}");
        }
    }
}
