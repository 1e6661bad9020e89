//! SETBIT and GETBIT, and what bit offsets may be.
//!
//! A bit beyond the end is zero for readers; a writer makes the string as long as it needs, filled
//! with zeros. A bit that is already as wanted changes nothing.

use std::sync::atomic::Ordering::Relaxed;

use common::number::parse_i64;
use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `SETBIT`
pub const SETBIT: Command = Command::new("setbit", 4, setbit)
    .group(Group::Bitmap)
    .since("2.2.0")
    .docs("Sets or clears a bit.", "O(1)")
    .flags(WRITE | DENYOOM)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 offset:integer value:integer")
    .cost(Cost::AtMost(cost::grow_bits));

/// `GETBIT`
pub const GETBIT: Command = Command::new("getbit", 3, getbit)
    .group(Group::Bitmap)
    .since("2.2.0")
    .docs("Returns a bit.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 offset:integer");

/// A bit offset. With a `width` it may be written `#n`, which means n times the width.
///
/// # Errors
/// Not a number, negative, or past the longest string allowed.
pub(super) fn offset(ctx: &Ctx<'_>, text: &[u8], width: Option<u32>) -> Result<u64, ReplyError> {
    let scaled = width.and_then(|width| Some((text.strip_prefix(b"#")?, i64::from(width))));
    let (digits, unit) = scaled.unwrap_or((text, 1));
    let offset = parse_i64(digits).and_then(|n| n.checked_mul(unit));
    let offset = offset
        .and_then(|n| u64::try_from(n).ok())
        .ok_or(errors::string::BIT_OFFSET)?;
    let max_bytes = ctx.server.settings.proto_max_bulk_len.load(Relaxed);
    if ctx.session.origin.is_checked() && offset >> 3 >= max_bytes {
        return Err(errors::string::BIT_OFFSET);
    }
    Ok(offset)
}

fn mask(offset: u64) -> u8 {
    0x80 >> (offset & 7)
}

fn is_set(bytes: &[u8], offset: u64) -> bool {
    bytes
        .get((offset >> 3) as usize)
        .is_some_and(|byte| byte & mask(offset) != 0)
}

fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let offset = offset(ctx, args.at(2), None)?;
    let on = match args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(errors::string::BIT_VALUE),
    };
    let at = (offset >> 3) as usize;
    let old = ctx.peek_str(args.at(1))?;
    let long_enough = old.is_some_and(|text| text.len() > at);
    let was = old.is_some_and(|text| is_set(text.as_bytes(&mut None), offset));
    ctx.takes_growth(old.map_or(0, |text| text.len()), at + 1)?;
    let mut key = ctx.write(args.at(1));
    // Also where the bit is what it was: the encoding becomes `raw` all the same.
    let bytes = key.raw_mut(at + 1).map_err(wrong_type)?;
    if long_enough && was == on {
        key.commit_nothing();
    } else {
        if on {
            bytes[at] |= mask(offset);
        } else {
            bytes[at] &= !mask(offset);
        }
        key.commit(Event::string("setbit"));
    }
    out.integer(i64::from(was));
    Ok(())
}

fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let offset = offset(ctx, args.at(2), None)?;
    let text = ctx.read_str(args.at(1))?;
    let set = text.is_some_and(|text| is_set(text.as_bytes(&mut None), offset));
    out.integer(i64::from(set));
    Ok(())
}
