//! What DUMP gives and RESTORE takes: a type byte, the value, and a footer of the RDB version and
//! the CRC64 of everything before it.

use super::primitive::Compression;
use super::types::is_known_version;
use super::{SliceSource, Source, value};
use common::crc64::crc64;
use keyspace::ValueRef;

const FOOTER_LEN: usize = 10;

/// Appends the payload of a value.
pub fn write(out: &mut Vec<u8>, value: ValueRef<'_>, compression: Compression) {
    let start = out.len();
    let type_byte = value::type_of(value);
    out.push(type_byte);
    value::write(out, value, compression);
    out.extend_from_slice(&value::version_of(type_byte).to_le_bytes());
    let crc = crc64(0, &out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// A payload whose footer is right.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The type byte.
    pub type_byte: u8,
    /// The value behind it.
    pub value: SliceSource<'a>,
    /// The RDB version that it states.
    pub version: u16,
}

/// Checks version and checksum (unless told not to) and gives what is inside. `None` where one of
/// them is wrong; a payload without even a type byte has a type that does not exist.
#[must_use]
pub fn open(bytes: &[u8], with_checksum: bool) -> Option<Payload<'_>> {
    let (body, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER_LEN)?)?;
    let (version, crc) = footer.split_first_chunk::<2>()?;
    let version = u16::from_le_bytes(*version);
    let summed = &bytes[..bytes.len() - crc.len()];
    if !is_known_version(version)
        || (with_checksum && crc64(0, summed).to_le_bytes().as_slice() != crc)
    {
        return None;
    }
    let mut value = SliceSource::new(body);
    Some(Payload {
        type_byte: value.byte().unwrap_or(u8::MAX),
        value,
        version,
    })
}
