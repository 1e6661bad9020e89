//! Checks of single values, with Redis's reasons.
//!
//! The tables name these functions; each sees the value before it is stored and says nothing about
//! other directives: what needs the whole configuration is checked in `file.rs`.

/// Bytes of the longest host name, with C's NUL.
const HOSTNAME_LEN_MAX: usize = 256;
const SAVE: i64 = 2;
const NOSAVE: i64 = 1;

fn is_base_name(name: &[u8]) -> bool {
    !name.contains(&b'/') && !name.contains(&b'\\')
}

pub(super) fn base_name_of_dump(name: &[u8]) -> Result<(), &'static str> {
    match is_base_name(name) {
        true => Ok(()),
        false => Err("dbfilename can't be a path, just a filename"),
    }
}

pub(super) fn base_name_of_aof(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("appendfilename can't be empty"),
        _ if !is_base_name(name) => Err("appendfilename can't be a path, just a filename"),
        _ => Ok(()),
    }
}

pub(super) fn base_name_of_aof_dir(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("appenddirname can't be empty"),
        _ if !is_base_name(name) => Err("appenddirname can't be a path, just a dirname"),
        _ => Ok(()),
    }
}

pub(super) fn hostname(name: &[u8]) -> Result<(), &'static str> {
    if name.len() >= HOSTNAME_LEN_MAX {
        return Err("Hostnames must be less than 256 characters");
    }
    match name
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    {
        true => Ok(()),
        false => Err("Hostnames may only contain alphanumeric characters, hyphens or dots"),
    }
}

/// Keeps out what the auxiliary fields of the cluster's file use as punctuation.
pub(super) fn node_name(name: &[u8]) -> Result<(), &'static str> {
    let forbidden = |b: &u8| *b == 0 || b"!#$%&()*+:;<>?@[]^{|}~".contains(b);
    match name.iter().any(forbidden) {
        true => Err("Announced human node name contained invalid character"),
        false => Ok(()),
    }
}

pub(super) fn shutdown_flags(flags: i64) -> Result<(), &'static str> {
    match flags & SAVE != 0 && flags & NOSAVE != 0 {
        true => Err("shutdown options SAVE and NOSAVE can't be used simultaneously"),
        false => Ok(()),
    }
}
