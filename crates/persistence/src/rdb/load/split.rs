//! Finding where a value ends without decoding it: its bytes are copied out of the source.
//!
//! Only forms that are nothing but lengths and strings are known here; the others are rare, and
//! decoded by the thread that reads.

use crate::rdb::types::*;
use crate::rdb::{Error, Source};

/// Bytes copied at once at most: a mere length takes no memory.
const STEP: u64 = 1 << 20;

/// Whether [`copy`] knows the form of this type. The others are decoded where they are read.
pub(super) fn is_simple(type_byte: u8) -> bool {
    matches!(
        type_byte,
        STRING
            | LIST
            | SET
            | ZSET
            | HASH
            | ZSET_2
            | HASH_ZIPMAP
            | LIST_ZIPLIST
            | SET_INTSET
            | ZSET_ZIPLIST
            | HASH_ZIPLIST
            | LIST_QUICKLIST
            | HASH_LISTPACK
            | ZSET_LISTPACK
            | LIST_QUICKLIST_2
            | SET_LISTPACK
    )
}

/// Copies the bytes of a value of a simple type.
pub(super) fn copy<S: Source>(
    type_byte: u8,
    source: &mut S,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut tee = Tee { source, out };
    match type_byte {
        LIST | SET | LIST_QUICKLIST => tee.many(|tee| tee.string()),
        HASH => tee.many(|tee| {
            tee.string()?;
            tee.string()
        }),
        ZSET => tee.many(|tee| {
            tee.string()?;
            match tee.byte()? {
                253..=255 => Ok(()),
                len => tee.bytes(len.into()),
            }
        }),
        ZSET_2 => tee.many(|tee| {
            tee.string()?;
            tee.bytes(8)
        }),
        LIST_QUICKLIST_2 => tee.many(|tee| {
            tee.length()?;
            tee.string()
        }),
        _ => tee.string(),
    }
}

struct Tee<'a, S> {
    source: &'a mut S,
    out: &'a mut Vec<u8>,
}

impl<S: Source> Tee<'_, S> {
    fn bytes(&mut self, len: u64) -> Result<(), Error> {
        let mut left = len;
        while left > 0 {
            let step = left.min(STEP);
            self.out.extend_from_slice(self.source.read(step as usize)?);
            left -= step;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.source.byte()?;
        self.out.push(byte);
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let array = self.source.array()?;
        self.out.extend_from_slice(&array);
        Ok(array)
    }

    /// A length, or the encoding of a string in its place.
    fn length_or_encoding(&mut self) -> Result<Result<u64, u8>, Error> {
        let first = self.byte()?;
        Ok(match (first >> 6, first) {
            (0, _) => Ok(first.into()),
            (1, _) => Ok(u64::from(first & 0x3F) << 8 | u64::from(self.byte()?)),
            (3, _) => Err(first & 0x3F),
            (_, 0x80) => Ok(u32::from_be_bytes(self.array()?).into()),
            (_, 0x81) => Ok(u64::from_be_bytes(self.array()?)),
            _ => return Err(Error::Length(first)),
        })
    }

    fn length(&mut self) -> Result<u64, Error> {
        self.length_or_encoding()?
            .map_err(|encoding| Error::Length(0xC0 | encoding))
    }

    fn string(&mut self) -> Result<(), Error> {
        match self.length_or_encoding()? {
            Ok(len) => self.bytes(len),
            Err(encoding @ 0..=2) => self.bytes(1 << encoding),
            Err(3) => {
                let packed = self.length()?;
                self.length()?;
                self.bytes(packed)
            }
            Err(other) => Err(Error::StringEncoding(other)),
        }
    }

    fn many(&mut self, mut one: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        let count = self.length()?;
        (0..count).try_for_each(|_| one(self))
    }
}
