//! Lengths, strings, doubles and times, as RDB has them.
//!
//! A length begins with two bits: 6 bits in this byte, 14 bits in two, 32 or 64 bits behind it, or
//! no length at all but the encoding of a string: an integer of 8, 16 or 32 bits, or LZF.

use super::{Error, Source};
use common::lzf;
use common::number::{I64Text, parse_f64, parse_i64, write_i64};

const BITS_14: u8 = 0x40;
const BITS_32: u8 = 0x80;
const BITS_64: u8 = 0x81;
const ENCODED: u8 = 0xC0;
const INT8: u8 = 0;
const INT16: u8 = 1;
const INT32: u8 = 2;
const LZF: u8 = 3;

/// Longest text that is tried as an integer of 32 bits.
const INT_TEXT_MAX: usize = 11;
/// Strings of up to this many bytes are not compressed.
const COMPRESS_MIN: usize = 20;
/// Compression has to save so many bytes.
const COMPRESS_GAIN: usize = 4;
/// Longer strings are compressed in pieces, without room for all of the result.
const COMPRESS_WHOLE_MAX: usize = 1 << 20;
/// How long these pieces are, about.
const COMPRESS_PIECE: usize = 64 << 10;

/// Whether strings are compressed (`rdbcompression`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// By LZF where that gains anything.
    Lzf,
}

/// Takes bytes in order. What cannot be taken is dropped, and told of elsewhere.
pub trait Out {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Writes a length.
#[inline]
pub fn write_len<O: Out>(out: &mut O, len: u64) {
    if len < 1 << 6 {
        out.put(&[len as u8]);
    } else if len < 1 << 14 {
        out.put(&[BITS_14 | (len >> 8) as u8, len as u8]);
    } else if let Ok(len) = u32::try_from(len) {
        let [a, b, c, d] = len.to_be_bytes();
        out.put(&[BITS_32, a, b, c, d]);
    } else {
        out.put(&[BITS_64]);
        out.put(&len.to_be_bytes());
    }
}

/// Writes a string: as an integer where it reads as one of 32 bits, compressed where asked for and
/// worth it, else as it is.
pub fn write_string<O: Out>(out: &mut O, text: &[u8], compression: Compression) {
    if text.len() <= INT_TEXT_MAX
        && let Some(int) = parse_i64(text).and_then(|int| i32::try_from(int).ok())
    {
        return write_i32(out, int);
    }
    if compression == Compression::Lzf && text.len() > COMPRESS_MIN && write_compressed(out, text) {
        return;
    }
    write_len(out, text.len() as u64);
    out.put(text);
}

/// Writes a string compressed, if that gains anything. A long one is compressed twice, the first
/// time for its length alone, rather than held in memory.
fn write_compressed<O: Out>(out: &mut O, text: &[u8]) -> bool {
    let size_max = text.len() - COMPRESS_GAIN;
    if text.len() <= COMPRESS_WHOLE_MAX {
        return lzf::with_compressed(text, size_max, |packed| {
            write_lzf(out, packed, text.len());
        });
    }
    let Some(packed_len) = lzf::compressed_len(text, size_max) else {
        return false;
    };
    write_lzf_head(out, packed_len, text.len());
    lzf::compress_in_pieces(text, COMPRESS_PIECE, |piece| out.put(piece));
    true
}

/// Writes an integer as a string.
pub fn write_int<O: Out>(out: &mut O, int: i64) {
    if let Ok(int) = i32::try_from(int) {
        write_i32(out, int);
    } else {
        let text = I64Text::new(int);
        write_len(out, text.as_bytes().len() as u64);
        out.put(text.as_bytes());
    }
}

fn write_i32<O: Out>(out: &mut O, int: i32) {
    let [a, b, c, d] = int.to_le_bytes();
    if i8::try_from(int).is_ok() {
        out.put(&[ENCODED | INT8, a]);
    } else if i16::try_from(int).is_ok() {
        out.put(&[ENCODED | INT16, a, b]);
    } else {
        out.put(&[ENCODED | INT32, a, b, c, d]);
    }
}

/// Writes a string of `len` bytes that is compressed already.
pub fn write_lzf<O: Out>(out: &mut O, packed: &[u8], len: usize) {
    write_lzf_head(out, packed.len(), len);
    out.put(packed);
}

fn write_lzf_head<O: Out>(out: &mut O, packed_len: usize, len: usize) {
    out.put(&[ENCODED | LZF]);
    write_len(out, packed_len as u64);
    write_len(out, len as u64);
}

/// Writes a double in binary.
pub fn write_double<O: Out>(out: &mut O, value: f64) {
    out.put(&value.to_le_bytes());
}

/// Writes a time in milliseconds.
pub fn write_ms<O: Out>(out: &mut O, ms: i64) {
    out.put(&ms.to_le_bytes());
}

/// What a length can turn out to be.
enum Length {
    Plain(u64),
    Encoding(u8),
}

#[inline]
fn read_length<S: Source>(source: &mut S) -> Result<Length, Error> {
    let first = source.byte()?;
    Ok(match first & 0xC0 {
        0 => Length::Plain(first.into()),
        BITS_14 => Length::Plain(u64::from(first & 0x3F) << 8 | u64::from(source.byte()?)),
        ENCODED => Length::Encoding(first & 0x3F),
        _ if first == BITS_32 => Length::Plain(u32::from_be_bytes(source.array()?).into()),
        _ if first == BITS_64 => Length::Plain(u64::from_be_bytes(source.array()?)),
        _ => return Err(Error::Length(first)),
    })
}

/// Reads a length or count.
///
/// # Errors
/// Where there is none.
#[inline]
pub fn read_len<S: Source>(source: &mut S) -> Result<u64, Error> {
    match read_length(source)? {
        Length::Plain(len) => Ok(len),
        Length::Encoding(encoding) => Err(Error::Length(ENCODED | encoding)),
    }
}

/// Reads a length that memory is addressed by.
fn read_size<S: Source>(source: &mut S) -> Result<usize, Error> {
    usize::try_from(read_len(source)?).map_err(|_| Error::Truncated)
}

/// A string as it was stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// An integer.
    Int(i64),
    /// Plain bytes, in the source's memory.
    Plain(&'a [u8]),
    /// Bytes that were compressed.
    Expanded(Vec<u8>),
}

/// Reads a string and tells how it was stored.
///
/// # Errors
/// Where there is none.
#[inline]
pub fn read_text<S: Source>(source: &mut S) -> Result<Text<'_>, Error> {
    match read_length(source)? {
        Length::Plain(len) => {
            let len = usize::try_from(len).map_err(|_| Error::Truncated)?;
            source.read(len).map(Text::Plain)
        }
        Length::Encoding(INT8) => Ok(Text::Int(i8::from_le_bytes(source.array()?).into())),
        Length::Encoding(INT16) => Ok(Text::Int(i16::from_le_bytes(source.array()?).into())),
        Length::Encoding(INT32) => Ok(Text::Int(i32::from_le_bytes(source.array()?).into())),
        Length::Encoding(LZF) => read_lzf(source).map(Text::Expanded),
        Length::Encoding(other) => Err(Error::StringEncoding(other)),
    }
}

fn read_lzf<S: Source>(source: &mut S) -> Result<Vec<u8>, Error> {
    let (packed, len) = (read_size(source)?, read_size(source)?);
    let packed = source.read(packed)?;
    lzf::decompress(packed, len).ok_or(Error::Corrupt("Invalid LZF compressed string"))
}

/// Reads a string's bytes, which are in the source's memory or, where they had to be made, in
/// `scratch`.
///
/// # Errors
/// Where there is none.
#[inline]
pub fn read_string<'s, S: Source>(
    source: &'s mut S,
    scratch: &'s mut Vec<u8>,
) -> Result<&'s [u8], Error> {
    match read_text(source)? {
        Text::Plain(bytes) => return Ok(bytes),
        Text::Expanded(bytes) => *scratch = bytes,
        Text::Int(int) => {
            scratch.clear();
            write_i64(scratch, int);
        }
    }
    Ok(scratch)
}

/// Reads a double in binary.
///
/// # Errors
/// Where the bytes end.
#[inline]
pub fn read_double<S: Source>(source: &mut S) -> Result<f64, Error> {
    source.array().map(f64::from_le_bytes)
}

/// Reads a double as text, as sorted sets had it before RDB 8: a length and digits, or one of three
/// lengths that stand for what digits cannot say.
///
/// # Errors
/// Where there is none.
pub fn read_text_double<S: Source>(source: &mut S) -> Result<f64, Error> {
    match source.byte()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Ok(f64::NAN),
        len => parse_f64(source.read(len.into())?).ok_or(Error::Corrupt("Invalid double")),
    }
}

/// Reads a time in milliseconds.
///
/// # Errors
/// Where the bytes end.
#[inline]
pub fn read_ms<S: Source>(source: &mut S) -> Result<i64, Error> {
    source.array().map(i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::SliceSource;
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn lengths_take_the_shortest_form() {
        for (len, size) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16_383, 2),
            (16_384, 5),
            (u32::MAX.into(), 5),
            (u64::from(u32::MAX) + 1, 9),
            (u64::MAX, 9),
        ] {
            let bytes = written(|out| write_len(out, len));
            assert_eq!(bytes.len(), size, "{len}");
            assert_eq!(read_len(&mut SliceSource::new(&bytes)).unwrap(), len);
        }
    }

    #[test]
    fn strings_that_are_small_integers_are_stored_as_such() {
        for (text, bytes) in [
            ("0", &[0xC0, 0][..]),
            ("-128", &[0xC0, 0x80]),
            ("128", &[0xC1, 0x80, 0]),
            ("-32769", &[0xC2, 0xFF, 0x7F, 0xFF, 0xFF]),
            ("007", &[3, b'0', b'0', b'7']),
        ] {
            let out = written(|out| write_string(out, text.as_bytes(), Compression::Lzf));
            assert_eq!(out, bytes);
            let mut scratch = Vec::new();
            let mut source = SliceSource::new(&out);
            assert_eq!(
                read_string(&mut source, &mut scratch).unwrap(),
                text.as_bytes()
            );
        }
        let beyond = written(|out| write_int(out, 1 << 31));
        assert_eq!(beyond, b"\x0A2147483648");
    }

    #[test]
    fn text_doubles_have_three_lengths_for_what_is_no_number() {
        let read = |bytes: &[u8]| read_text_double(&mut SliceSource::new(bytes));
        assert_eq!(read(b"\x03-.5").unwrap(), -0.5);
        assert_eq!(read(&[254]).unwrap(), f64::INFINITY);
        assert_eq!(read(&[255]).unwrap(), f64::NEG_INFINITY);
        assert!(read(&[253]).unwrap().is_nan());
        assert!(matches!(read(b"\x03x.5"), Err(Error::Corrupt(_))));
        assert!(matches!(read(b"\x05-.5"), Err(Error::Truncated)));
    }

    #[test]
    fn false_lengths_are_refused() {
        let read = |bytes: &[u8]| match read_text(&mut SliceSource::new(bytes)) {
            Err(error) => error.to_string(),
            Ok(text) => panic!("{text:?}"),
        };
        assert_eq!(read(&[0x82]), "Unknown length encoding 130");
        assert_eq!(read(&[0xC4]), "Unknown RDB string encoding type 4");
        let huge = [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(read(&huge), "unexpected end of the data");
        let lzf = [0xC3, 1, 0x80, 0xFF, 0xFF, 0xFF, 0xFF, 0];
        assert_eq!(read(&lzf), "Invalid LZF compressed string");
    }

    proptest! {
        #[test]
        fn strings_round_trip(text in prop_oneof![
            any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..100),
            proptest::collection::vec(0u8..3, 0..20_000),
        ], compress: bool) {
            let compression = if compress { Compression::Lzf } else { Compression::None };
            let out = written(|out| write_string(out, &text, compression));
            let (mut scratch, mut source) = (Vec::new(), SliceSource::new(&out));
            prop_assert_eq!(read_string(&mut source, &mut scratch).unwrap(), &text[..]);
            prop_assert!(source.rest().is_empty());
        }
    }
}
