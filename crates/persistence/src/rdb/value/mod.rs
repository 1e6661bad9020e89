//! Values of every type, to and from RDB.
//!
//! Written is the oldest form that can say what the value holds, which is what Redis 7.0 writes;
//! read is every form that any version wrote. A value that was read has the encoding that Redis
//! would give it under the same directives ([`Limits`]).

mod hash;
mod list;
mod module;
mod set;
mod stream;
mod string;
#[cfg(test)]
mod tests;
mod zset;

use super::primitive::{Compression, Out, read_string};
use super::types::*;
use super::{Error, Source};
use datatypes::hash::{HashLimits, TEXT_LEN_MAX};
use datatypes::list::ListLimits;
use datatypes::listpack::{self, ListpackRef};
use datatypes::set::SetLimits;
use keyspace::{Value, ValueRef};
use std::cell::Cell;

pub use module::{name as module_name, skip as skip_module};

/// The directives that shape values.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Hashes.
    pub hash: HashLimits,
    /// Lists.
    pub list: ListLimits,
    /// Sets.
    pub set: SetLimits,
    /// Sorted sets.
    pub zset: datatypes::zset::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash: HashLimits::default(),
            list: ListLimits::default(),
            set: SetLimits::default(),
            zset: datatypes::zset::Limits {
                entries_max: 128,
                value_max: 64,
            },
        }
    }
}

/// How much is checked. Whatever is said here, nothing that is read can make the server panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// That packed values are well formed.
    #[default]
    Shape,
    /// Also that they have no field or member twice (`sanitize-dump-payload`).
    Full,
}

/// What reading goes by.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides on encodings.
    pub limits: Limits,
    /// How much is checked.
    pub check: Check,
    /// The version that the data states.
    pub version: u16,
    /// How many packed values were checked in full.
    pub sanitized: Cell<u64>,
}

impl Options {
    /// Options for data of that version.
    #[must_use]
    pub fn new(limits: Limits, check: Check, version: u16) -> Self {
        Self {
            limits,
            check,
            version,
            sanitized: Cell::new(0),
        }
    }

    fn is_full(&self) -> bool {
        self.check == Check::Full
    }

    /// Counts a packed value that is about to be checked.
    fn count(&self) {
        if self.is_full() {
            self.sanitized.set(self.sanitized.get() + 1);
        }
    }
}

/// Buffers that reading uses again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    name: Vec<u8>,
}

/// The type byte that [`write()`] writes a value for.
#[must_use]
pub fn type_of(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Str(_) => STRING,
        ValueRef::List(_) => LIST_QUICKLIST_2,
        ValueRef::Set(set) => set::type_of(set),
        ValueRef::Zset(zset) => zset::type_of(zset),
        ValueRef::Hash(hash) => hash::type_of(hash),
        ValueRef::Stream(_) => STREAM_LISTPACKS_2,
    }
}

/// The oldest RDB version, not below what Redis 7.0 states, that has this type.
#[must_use]
pub fn version_of(type_byte: u8) -> u16 {
    match type_byte {
        HASH_METADATA | HASH_LISTPACK_EX => VERSION_FIELD_EXPIRY,
        _ => VERSION,
    }
}

/// Writes a value, without its type byte: see [`type_of`].
pub fn write<O: Out>(out: &mut O, value: ValueRef<'_>, compression: Compression) {
    match value {
        ValueRef::Str(text) => string::write(out, text, compression),
        ValueRef::List(list) => list::write(out, list, compression),
        ValueRef::Set(set) => set::write(out, set, compression),
        ValueRef::Zset(zset) => zset::write(out, zset, compression),
        ValueRef::Hash(hash) => hash::write(out, hash, compression),
        ValueRef::Stream(stream) => stream::write(out, stream, compression),
    }
}

/// Reads a value of that type. A string may be borrowed from the source or from `scratch`.
///
/// # Errors
/// [`Error::Empty`] for a collection without elements; else where the bytes are not such a value.
pub fn read<'s, S: Source>(
    type_byte: u8,
    source: &'s mut S,
    scratch: &'s mut Scratch,
    options: &Options,
) -> Result<Value<'s>, Error> {
    Ok(match type_byte {
        STRING => Value::Str(string::read(source)?),
        LIST | LIST_ZIPLIST | LIST_QUICKLIST | LIST_QUICKLIST_2 => {
            Value::List(list::read(type_byte, source, scratch, options)?)
        }
        SET | SET_INTSET | SET_LISTPACK => {
            Value::Set(set::read(type_byte, source, scratch, options)?)
        }
        ZSET | ZSET_2 | ZSET_ZIPLIST | ZSET_LISTPACK => {
            Value::Zset(zset::read(type_byte, source, scratch, options)?)
        }
        HASH | HASH_ZIPMAP | HASH_ZIPLIST | HASH_LISTPACK => {
            Value::Hash(hash::read(type_byte, source, scratch, options)?)
        }
        HASH_METADATA | HASH_METADATA_PRE_GA | HASH_LISTPACK_EX | HASH_LISTPACK_EX_PRE_GA => {
            Value::Hash(hash::read_expiring(type_byte, source, scratch, options)?)
        }
        STREAM_LISTPACKS | STREAM_LISTPACKS_2 | STREAM_LISTPACKS_3 | STREAM_LISTPACKS_4
        | STREAM_LISTPACKS_5 => Value::Stream(stream::read(type_byte, source, scratch, options)?),
        MODULE_PRE_GA | MODULE_2 => return Err(module::refuse(source)),
        other => return Err(Error::Type(other)),
    })
}

/// Reads an element of a collection: a string that is not beyond what containers hold.
#[inline]
fn read_element<'s, S: Source>(
    source: &'s mut S,
    scratch: &'s mut Vec<u8>,
) -> Result<&'s [u8], Error> {
    let text = read_string(source, scratch)?;
    if text.len() > TEXT_LEN_MAX {
        return Err(Error::Unsupported("an element of 2 GB or more"));
    }
    Ok(text)
}

/// Checks that bytes are a listpack of a size that containers hold.
fn shape<'a>(bytes: &'a [u8], fault: &'static str) -> Result<ListpackRef<'a>, Error> {
    if bytes.len() > TEXT_LEN_MAX {
        return Err(Error::Unsupported("a listpack of 2 GB or more"));
    }
    listpack::validate(bytes, true).map_err(|_| Error::Corrupt(fault))
}

/// The faults of packed groups.
struct Faults {
    shape: &'static str,
    twice: &'static str,
}

/// Checks that bytes are a listpack of groups of `stride` elements; with `distinct`, the first of
/// each group must be another.
fn groups<'a>(
    bytes: &'a [u8],
    stride: usize,
    distinct: bool,
    faults: &Faults,
) -> Result<ListpackRef<'a>, Error> {
    let pack = shape(bytes, faults.shape)?;
    if !pack.len().is_multiple_of(stride) {
        return Err(Error::Corrupt(faults.shape));
    }
    if distinct && listpack::validate_groups(bytes, stride).is_err() {
        return Err(Error::Corrupt(faults.twice));
    }
    if pack.is_empty() {
        return Err(Error::Empty);
    }
    Ok(pack)
}
