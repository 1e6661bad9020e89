//! Sorted sets: the listpack as it is, else members and scores.
//!
//! The greatest comes first, as Redis writes them. Ziplists and scores as text are only read.

use super::{Options, Scratch, read_element, shape};
use crate::rdb::legacy::ziplist;
use crate::rdb::primitive::{
    Compression, Out, read_double, read_len, read_string, read_text_double, write_double,
    write_len, write_string,
};
use crate::rdb::types::{ZSET, ZSET_2, ZSET_LISTPACK, ZSET_ZIPLIST};
use crate::rdb::{Error, Source};
use datatypes::Zset;
use datatypes::listpack::Listpack;
use datatypes::zset::Change;

pub(super) fn type_of(zset: &Zset) -> u8 {
    if zset.packed().is_some() {
        ZSET_LISTPACK
    } else {
        ZSET_2
    }
}

pub(super) fn write<O: Out>(out: &mut O, zset: &Zset, compression: Compression) {
    if let Some(pack) = zset.packed() {
        return write_string(out, pack.bytes(), compression);
    }
    write_len(out, zset.len() as u64);
    let mut buffer = itoa::Buffer::new();
    for (member, score) in zset.iter(0..zset.len(), true) {
        write_string(out, member.text(&mut buffer), compression);
        write_double(out, score);
    }
}

pub(super) fn read<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Zset, Error> {
    let (pack, fault) = match type_byte {
        ZSET | ZSET_2 => return read_members(type_byte, source, scratch, options),
        ZSET_ZIPLIST => {
            let fault = "Zset ziplist integrity check failed.";
            let bytes = read_string(source, &mut scratch.text)?;
            let pack = ziplist::to_listpack(bytes).ok_or(Error::Corrupt(fault))?;
            (pack, fault)
        }
        _ => {
            options.count();
            let fault = "Zset listpack integrity check failed.";
            let bytes = read_string(source, &mut scratch.text)?;
            (Listpack::from_ref(shape(bytes, fault)?), fault)
        }
    };
    // Always in full: a large sorted set must not get a member twice.
    if !Zset::is_valid_packed(pack.view()) {
        return Err(Error::Corrupt(fault));
    }
    if pack.is_empty() {
        return Err(Error::Empty);
    }
    let mut zset = Zset::from_packed(pack);
    if zset.len() > options.limits.zset.entries_max {
        zset.unpack();
    }
    Ok(zset)
}

fn read_members<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Zset, Error> {
    let limits = options.limits.zset;
    let count = read_len(source)?;
    let mut zset = Zset::default();
    if count > limits.entries_max as u64 {
        zset.unpack();
    }
    for _ in 0..count {
        let member = read_element(source, &mut scratch.text)?;
        scratch.name.clear();
        scratch.name.extend_from_slice(member);
        let score = if type_byte == ZSET_2 {
            read_double(source)?
        } else {
            read_text_double(source)?
        };
        if score.is_nan() {
            return Err(Error::Corrupt("Zset with NAN score detected"));
        }
        if zset.insert(&scratch.name, score, limits) != Change::Added {
            return Err(Error::Corrupt("Duplicate zset fields detected"));
        }
    }
    if zset.is_empty() {
        return Err(Error::Empty);
    }
    Ok(zset)
}
