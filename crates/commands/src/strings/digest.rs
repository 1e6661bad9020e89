//! DIGEST, and the digest that IFDEQ and IFDNE compare: XXH3 with 64 bits, as Redis 8.4 defines it.

use resp::{Args, ReplyError, ReplyWriter};

use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `DIGEST`
pub const DIGEST: Command = Command::new("digest", 2, digest)
    .group(Group::String)
    .since("8.4.0")
    .docs(
        "Returns the XXH3 digest of a string, in hexadecimal.",
        "O(N)",
    )
    .flags(READONLY | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::Before(cost::walk));

const BAD_DIGEST: ReplyError =
    ReplyError::new("ERR The digest must be exactly 16 hexadecimal characters");

/// The digest of a value.
pub(crate) fn of(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}

/// A digest as clients write it: 16 hexadecimal digits.
///
/// # Errors
/// Anything else.
pub(crate) fn parse(text: &[u8]) -> Result<u64, ReplyError> {
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(BAD_DIGEST)
}

fn digest(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.read_str(args.at(1))? {
        None => out.null(),
        Some(text) => {
            let digest = of(text.as_bytes(&mut None));
            out.bulk_str(&format!("{digest:016x}"));
        }
    }
    Ok(())
}
