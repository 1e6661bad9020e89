//! Hashes: the listpack with its backlens, else pairs. With expiring fields there are forms of
//! their own: the least expiry, then a listpack of triples or so many of expiry, field and value.
//!
//! The expiry of a field is written as one more than its distance to the least; 0 says that it has
//! none.

use super::{Faults, Options, Scratch, groups, read_element, shape};
use crate::rdb::legacy::{ziplist, zipmap};
use crate::rdb::primitive::{
    Compression, Out, read_len, read_ms, read_string, write_len, write_ms, write_string,
};
use crate::rdb::types::*;
use crate::rdb::{Error, Source};
use datatypes::Hash;
use datatypes::hash::{EXPIRY_MAX, Expiry, HashBytes, validate_triples};
use datatypes::listpack::{Leanpack, LeanpackRef};
use std::cell::Cell;

const LISTPACK_FAULTS: Faults = Faults {
    shape: "Hash listpack integrity check failed.",
    twice: "Hash listpack with dup elements",
};
const ZIPLIST_FAULTS: Faults = Faults {
    shape: "Hash ziplist integrity check failed.",
    twice: "Hash ziplist integrity check failed.",
};
/// A longer scratch buffer is given up.
const KEPT_BYTES: usize = 1 << 20;

thread_local! {
    /// Where listpacks get their backlens.
    static FULL: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

const TWICE: Error = Error::Corrupt("Duplicate hash fields detected");

pub(super) fn type_of(hash: &Hash) -> u8 {
    match (hash.packed(), hash.has_expiries()) {
        (Some(HashBytes::Triples(_)), true) => HASH_LISTPACK_EX,
        (_, true) => HASH_METADATA,
        (Some(HashBytes::Pairs(_)), false) => HASH_LISTPACK,
        (_, false) => HASH,
    }
}

pub(super) fn write<O: Out>(out: &mut O, hash: &Hash, compression: Compression) {
    match (hash.packed(), hash.has_expiries()) {
        (Some(HashBytes::Triples(pack)), true) => {
            write_ms(out, hash.next_due().unwrap_or(0));
            write_pack(out, pack, compression);
        }
        (Some(HashBytes::Pairs(pack)), _) => write_pack(out, pack, compression),
        (_, expiring) => write_fields(out, hash, expiring, compression),
    }
}

/// Writes a listpack in the form that Redis has.
fn write_pack<O: Out>(out: &mut O, pack: LeanpackRef<'_>, compression: Compression) {
    let mut scratch = FULL.take();
    write_string(out, pack.full(&mut scratch).bytes(), compression);
    if scratch.len() <= KEPT_BYTES {
        FULL.set(scratch);
    }
}

fn write_fields<O: Out>(out: &mut O, hash: &Hash, expiring: bool, compression: Compression) {
    let least = hash.next_due().unwrap_or(0);
    if expiring {
        write_ms(out, least);
    }
    write_len(out, hash.len() as u64);
    let (mut a, mut b) = (itoa::Buffer::new(), itoa::Buffer::new());
    hash.for_each(|field| {
        if expiring {
            write_len(out, field.expire_at.map_or(0, |ms| (ms - least) as u64 + 1));
        }
        write_string(out, field.name.text(&mut a), compression);
        write_string(out, field.value.text(&mut b), compression);
    });
}

pub(super) fn read<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Hash, Error> {
    let limits = &options.limits.hash;
    if type_byte == HASH {
        return read_fields(source, scratch, options, Expiries::None);
    }
    let bytes = read_string(source, &mut scratch.text)?;
    match type_byte {
        HASH_ZIPMAP => {
            let mut hash = Hash::new();
            for (name, value) in zipmap::pairs(bytes).ok_or(zipmap::FAULT)? {
                if !hash.put(name, value, Expiry::Clear, limits) {
                    return Err(Error::Corrupt("Hash zipmap with dup elements"));
                }
            }
            Ok(hash)
        }
        HASH_ZIPLIST => {
            let fault = Error::Corrupt(ZIPLIST_FAULTS.shape);
            let pack = ziplist::to_listpack(bytes).ok_or(fault)?;
            let pack = groups(pack.view().bytes(), 2, true, &ZIPLIST_FAULTS)?;
            Ok(Hash::from_listpack(Leanpack::from_full(pack), limits))
        }
        _ => {
            options.count();
            let mut pack = groups(bytes, 2, options.is_full(), &LISTPACK_FAULTS)?;
            // The table that it becomes has each field once.
            if !options.is_full() && pack.len() / 2 > limits.entries {
                pack = groups(bytes, 2, true, &LISTPACK_FAULTS)?;
            }
            Ok(Hash::from_listpack(Leanpack::from_full(pack), limits))
        }
    }
}

/// Reads a hash of which fields may expire.
pub(super) fn read_expiring<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Hash, Error> {
    if type_byte == HASH_METADATA_PRE_GA && options.version >= VALKEY_VERSION_MIN {
        return read_fields(source, scratch, options, Expiries::Behind);
    }
    let least = match type_byte {
        HASH_METADATA | HASH_LISTPACK_EX => read_ms(source)?,
        // Stated from 0 on.
        _ => 1,
    };
    if !(0..=EXPIRY_MAX).contains(&least) {
        return Err(Error::Corrupt("Hash read invalid minExpire value"));
    }
    if matches!(type_byte, HASH_METADATA | HASH_METADATA_PRE_GA) {
        return read_fields(source, scratch, options, Expiries::Before(least));
    }
    options.count();
    let bytes = read_string(source, &mut scratch.text)?;
    let fault = "Hash listpackex integrity check failed.";
    shape(bytes, fault)?;
    let pack = validate_triples(bytes).map_err(|_| Error::Corrupt(fault))?;
    if pack.is_empty() {
        return Err(Error::Empty);
    }
    let pack = Leanpack::from_full(pack);
    Ok(Hash::from_listpack_ex(pack, &options.limits.hash))
}

/// Where the expiry of a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiries {
    /// Nowhere.
    None,
    /// Before the field: one more than the distance to this, or 0.
    Before(i64),
    /// Behind the value, in eight bytes; -1 is none. Valkey's.
    Behind,
}

fn read_fields<S: Source>(
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
    expiries: Expiries,
) -> Result<Hash, Error> {
    let limits = &options.limits.hash;
    let count = read_len(source)?;
    let mut hash = Hash::with_hint(usize::try_from(count).unwrap_or(usize::MAX), limits);
    for _ in 0..count {
        let mut expiry = Expiry::Clear;
        if let Expiries::Before(least) = expiries {
            let stated = read_len(source)?;
            if let Some(distance) = stated.checked_sub(1) {
                expiry = expiry_at(least.saturating_add_unsigned(distance))?;
            }
        }
        let name = read_element(source, &mut scratch.text)?;
        scratch.name.clear();
        scratch.name.extend_from_slice(name);
        let value = read_element(source, &mut scratch.text)?;
        let is_new = if expiries == Expiries::Behind {
            let value = value.to_vec();
            let stated = read_ms(source)?;
            if stated != -1 {
                expiry = expiry_at(stated)?;
            }
            hash.put(&scratch.name, &value, expiry, limits)
        } else {
            hash.put(&scratch.name, value, expiry, limits)
        };
        if !is_new {
            return Err(TWICE);
        }
    }
    if hash.is_empty() {
        return Err(Error::Empty);
    }
    Ok(hash)
}

fn expiry_at(ms: i64) -> Result<Expiry, Error> {
    if !(1..=EXPIRY_MAX).contains(&ms) {
        return Err(Error::Corrupt("Hash field with an invalid expiry"));
    }
    Ok(Expiry::At(ms))
}
