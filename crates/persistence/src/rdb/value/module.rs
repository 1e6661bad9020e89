//! Values of modules. No module can be loaded here, so they are refused by the module's name; a
//! tool that only looks through a file can skip them.

use crate::rdb::primitive::{read_len, read_text};
use crate::rdb::{Error, Source};

/// Digits of the number that a module's name is written as.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Low bits of the number that are the version of the module's encoding.
const VERSION_BITS: u32 = 10;

const EOF: u64 = 0;
const SIGNED: u64 = 1;
const UNSIGNED: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// The name of the module type of that number: nine characters.
#[must_use]
pub fn name(id: u64) -> [u8; 9] {
    let mut rest = id >> VERSION_BITS;
    let mut name = [0; 9];
    for place in name.iter_mut().rev() {
        *place = DIGITS[(rest & 63) as usize];
        rest >>= 6;
    }
    name
}

/// The error for the module's value that follows.
pub(super) fn refuse<S: Source>(source: &mut S) -> Error {
    match read_len(source) {
        Ok(id) => Error::Module(name(id)),
        Err(error) => error,
    }
}

/// Reads over a module's data behind its number, up to and with its end mark.
///
/// # Errors
/// Where it is not such data.
pub fn skip<S: Source>(source: &mut S) -> Result<(), Error> {
    loop {
        match read_len(source)? {
            EOF => return Ok(()),
            SIGNED | UNSIGNED => drop(read_len(source)?),
            FLOAT => drop(source.array::<4>()?),
            DOUBLE => drop(source.array::<8>()?),
            STRING => drop(read_text(source)?),
            _ => return Err(Error::Corrupt("Unknown opcode in a module's value")),
        }
    }
}
