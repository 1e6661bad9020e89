//! Strings. Small integers are stored as such, long texts compressed.

use crate::rdb::primitive::{Compression, Out, Text, read_text, write_int, write_string};
use crate::rdb::{Error, Source};
use keyspace::{StrRef, StrValue};

pub(super) fn write<O: Out>(out: &mut O, text: StrRef<'_>, compression: Compression) {
    match text {
        StrRef::Int(int) => write_int(out, int),
        StrRef::Embstr(bytes) | StrRef::Raw(bytes) => write_string(out, bytes, compression),
    }
}

pub(super) fn read<S: Source>(source: &mut S) -> Result<StrValue<'_>, Error> {
    Ok(match read_text(source)? {
        Text::Int(int) => StrValue::Int(int),
        Text::Plain(bytes) => StrValue::detect(bytes),
        Text::Expanded(bytes) => match StrValue::detect(&bytes) {
            StrValue::Int(int) => StrValue::Int(int),
            _ => StrValue::Buffer(bytes, false),
        },
    })
}
