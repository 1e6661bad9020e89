//! Ziplists: what listpacks were before Redis 7.
//!
//! `[bytes: u32][offset of the last entry: u32][entries: u16][entry]…[FF]`, all little endian. An
//! entry states the size of the one before it, in one byte or, behind FE, in four, then its own
//! encoding: text with a length of 6, 14 or 32 bits (big endian), or an integer.

use datatypes::listpack::{Item, Listpack};

const HEADER_SIZE: usize = 10;
const END: u8 = 0xFF;
/// The size before does not fit a byte.
const WIDE: u8 = 0xFE;
/// More entries than the header can say.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// One entry, and its size.
struct Entry<'a> {
    item: Item<'a>,
    previous_size: usize,
    size: usize,
}

/// Takes bytes of so many from the front.
fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(taken)
}

fn text<'a>(bytes: &mut &'a [u8], len: usize) -> Option<Item<'a>> {
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    // Listpacks hold as integers all texts that read as such; ziplists only short ones.
    Some(Item::of(text))
}

fn item<'a>(bytes: &mut &'a [u8]) -> Option<Item<'a>> {
    let [encoding] = *take(bytes)?;
    Some(match encoding {
        0..=0x3F => text(bytes, encoding.into())?,
        0x40..=0x7F => {
            let [low] = *take(bytes)?;
            text(bytes, usize::from(encoding & 0x3F) << 8 | usize::from(low))?
        }
        0x80..=0xBF => {
            let len = u32::from_be_bytes(*take(bytes)?);
            text(bytes, len as usize)?
        }
        0xC0 => Item::Int(i16::from_le_bytes(*take(bytes)?).into()),
        0xD0 => Item::Int(i32::from_le_bytes(*take(bytes)?).into()),
        0xE0 => Item::Int(i64::from_le_bytes(*take(bytes)?)),
        0xF0 => {
            let [a, b, c] = *take(bytes)?;
            Item::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into())
        }
        0xFE => Item::Int(i8::from_le_bytes(*take(bytes)?).into()),
        0xF1..=0xFD => Item::Int(i64::from(encoding & 0x0F) - 1),
        _ => return None,
    })
}

fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let mut rest = bytes;
    let [first] = *take(&mut rest)?;
    let previous_size = match first {
        WIDE => u32::from_le_bytes(*take(&mut rest)?) as usize,
        _ => first.into(),
    };
    Some(Entry {
        item: item(&mut rest)?,
        previous_size,
        size: bytes.len() - rest.len(),
    })
}

/// The same elements in a listpack; `None` where the bytes are no ziplist in every respect.
pub(in crate::rdb) fn to_listpack(bytes: &[u8]) -> Option<Listpack> {
    let (&[a, b, c, d, e, f, g, h, i, j], _) = bytes.split_first_chunk::<HEADER_SIZE>()?;
    let stated_size = u32::from_le_bytes([a, b, c, d]) as usize;
    let last_at = u32::from_le_bytes([e, f, g, h]) as usize;
    let stated_count = u16::from_le_bytes([i, j]);
    let (&last, entries) = bytes.split_last()?;
    if stated_size != bytes.len() || bytes.len() <= HEADER_SIZE || last != END {
        return None;
    }
    let mut items = Vec::new();
    let (mut at, mut previous_at) = (HEADER_SIZE, None);
    while at < entries.len() {
        let entry = entry(&entries[at..])?;
        if entry.previous_size != at - previous_at.unwrap_or(at) {
            return None;
        }
        items.push(entry.item);
        previous_at = Some(at);
        at += entry.size;
    }
    let last_is_right = match previous_at {
        Some(previous_at) => previous_at == last_at,
        None => last_at < bytes.len(),
    };
    if !last_is_right || (stated_count != COUNT_UNKNOWN && usize::from(stated_count) != items.len())
    {
        return None;
    }
    Some(Listpack::from_items(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries as given, each behind the size of the one before it.
    fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_SIZE];
        let mut last_at = HEADER_SIZE;
        let mut previous = 0usize;
        for entry in entries {
            last_at = bytes.len();
            if previous < WIDE.into() {
                bytes.push(previous as u8);
            } else {
                bytes.push(WIDE);
                bytes.extend_from_slice(&(previous as u32).to_le_bytes());
            }
            bytes.extend_from_slice(entry);
            previous = bytes.len() - last_at;
        }
        bytes.push(END);
        let size = bytes.len() as u32;
        bytes[..4].copy_from_slice(&size.to_le_bytes());
        bytes[4..8].copy_from_slice(&(last_at as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&(entries.len() as u16).to_le_bytes());
        bytes
    }

    fn read(entries: &[&[u8]]) -> Vec<String> {
        let pack = to_listpack(&ziplist(entries)).expect("a ziplist");
        let text = |item: Item<'_>| String::from_utf8(item.to_vec()).unwrap();
        pack.view().iter().map(text).collect()
    }

    #[test]
    fn every_encoding_is_read() {
        let long = [&[0x41, 0x04][..], &[b'x'; 260]].concat();
        let longer = [&[0x80, 0, 0, 1, 0x04][..], &[b'y'; 260]].concat();
        let texts = read(&[
            b"\x03abc",
            &long,
            &longer,
            &[0xC0, 0xFF, 0x7F],
            &[0xD0, 0, 0, 0, 0x80],
            &[0xE0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            &[0xF0, 0, 0, 0x80],
            &[0xFE, 0x80],
            &[0xF1],
            &[0xFD],
            &[0],
        ]);
        let (x, y) = ("x".repeat(260), "y".repeat(260));
        let expected = [
            "abc",
            &x,
            &y,
            "32767",
            "-2147483648",
            "9223372036854775807",
            "-8388608",
            "-128",
            "0",
            "12",
            "",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn anything_amiss_is_refused() {
        let sound = ziplist(&[b"\x03abc", &[0xF2]]);
        assert!(to_listpack(&sound).is_some());
        for at in [0, 4, 8, 10, 15, sound.len() - 1] {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            assert!(to_listpack(&broken).is_none(), "byte {at}");
        }
        for len in 0..sound.len() {
            assert!(to_listpack(&sound[..len]).is_none());
        }
        assert!(to_listpack(&ziplist(&[&[0xFF]])).is_none());
        assert!(to_listpack(&ziplist(&[])).unwrap().is_empty());
    }
}
