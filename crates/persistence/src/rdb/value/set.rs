//! Sets: the intset as it is, else the members one by one.
//!
//! A listpack (Redis 7.2) is only read: older versions do not know it, and nothing is lost without.

use super::{Faults, Options, Scratch, groups, read_element};
use crate::rdb::primitive::{Compression, Out, read_len, read_string, write_len, write_string};
use crate::rdb::types::{SET, SET_INTSET};
use crate::rdb::{Error, Source};
use datatypes::Set;
use datatypes::intset::Intset;
use datatypes::listpack::Leanpack;
use datatypes::set::SetBytes;

const FAULTS: Faults = Faults {
    shape: "Set listpack integrity check failed.",
    twice: "Set listpack with dup elements",
};

pub(super) fn type_of(set: &Set) -> u8 {
    match set.packed() {
        Some(SetBytes::Intset(_)) => SET_INTSET,
        _ => SET,
    }
}

pub(super) fn write<O: Out>(out: &mut O, set: &Set, compression: Compression) {
    if let Some(SetBytes::Intset(bytes)) = set.packed() {
        return write_string(out, bytes, compression);
    }
    write_len(out, set.len() as u64);
    let mut buffer = itoa::Buffer::new();
    set.for_each(|member| write_string(out, member.text(&mut buffer), compression));
}

pub(super) fn read<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Set, Error> {
    let limits = &options.limits.set;
    match type_byte {
        SET => read_members(source, scratch, options),
        SET_INTSET => {
            options.count();
            let bytes = read_string(source, &mut scratch.text)?;
            let fault = |_| Error::Corrupt("Intset integrity check failed.");
            let ints = Intset::from_bytes(bytes, true).map_err(fault)?;
            Ok(Set::from_intset(ints, limits))
        }
        _ => {
            options.count();
            let bytes = read_string(source, &mut scratch.text)?;
            let pack = groups(bytes, 1, options.is_full(), &FAULTS)?;
            Ok(Set::from_listpack(Leanpack::from_full(pack), limits))
        }
    }
}

fn read_members<S: Source>(
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Set, Error> {
    let limits = &options.limits.set;
    let count = read_len(source)?;
    let mut set: Option<Set> = None;
    for _ in 0..count {
        let member = read_element(source, &mut scratch.text)?;
        let hint = usize::try_from(count).unwrap_or(usize::MAX);
        let set = set.get_or_insert_with(|| Set::with_hint(member, hint, limits));
        if !set.add(member, limits) {
            return Err(Error::Corrupt("Duplicate set members detected"));
        }
    }
    set.ok_or(Error::Empty)
}
