//! Byte ranges of strings: the rules of GETRANGE's indexes, and SETRANGE and APPEND.
//!
//! Indexes are checked before anything changes, and no string grows past `proto-max-bulk-len`. A
//! string that was changed in place is `raw` from then on, whatever its length.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `SETRANGE`
pub const SETRANGE: Command = Command::new("setrange", 4, setrange)
    .group(Group::String)
    .since("2.2.0")
    .docs(
        "Overwrites a part of a string, padding it with zero bytes.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 offset:integer value")
    .cost(Cost::AtMost(cost::grow_bytes));

/// `APPEND`
pub const APPEND: Command = Command::new("append", 3, append)
    .group(Group::String)
    .since("2.0.0")
    .docs("Appends to a string.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 value")
    .cost(Cost::AtMost(cost::append));

/// The bytes from `start` to `end`, both included; negative indexes count from the end.
pub(crate) fn slice(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let len = bytes.len() as i64;
    let from_end = |index: i64| {
        if index < 0 {
            (len + index).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    if start > end || len == 0 {
        b""
    } else {
        &bytes[start as usize..=end as usize]
    }
}

/// Whether a string may grow to that many bytes.
///
/// # Errors
/// Longer than `proto-max-bulk-len`.
pub(crate) fn check_len(ctx: &Ctx<'_>, bytes: u64) -> Result<(), ReplyError> {
    if !ctx.session.origin.is_checked() {
        return Ok(());
    }
    let max = ctx.server.settings.proto_max_bulk_len.load(Relaxed);
    if bytes > max {
        Err(errors::string::STRING_TOO_LONG)
    } else {
        Ok(())
    }
}

fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let offset = common::number::parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let offset = u64::try_from(offset).map_err(|_| errors::string::OFFSET_OUT_OF_RANGE)?;
    let patch = args.at(3);
    let len = ctx.peek_str(args.at(1))?.map_or(0, |text| text.len());
    if patch.is_empty() {
        out.integer(len as i64);
        return Ok(());
    }
    check_len(ctx, offset.saturating_add(patch.len() as u64))?;
    let offset = offset as usize;
    ctx.takes_growth(len, offset + patch.len())?;
    let mut key = ctx.write(args.at(1));
    let bytes = key.raw_mut(offset + patch.len()).map_err(wrong_type)?;
    bytes[offset..offset + patch.len()].copy_from_slice(patch);
    let len = bytes.len();
    key.commit(Event::string("setrange"));
    out.integer(len as i64);
    Ok(())
}

fn append(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let tail = args.at(2);
    let len = ctx.peek_str(args.at(1))?.map_or(0, |text| text.len());
    let wanted = len + tail.len();
    check_len(ctx, wanted as u64)?;
    if wanted >= cost::GROWS_AT_ONCE {
        // Most of the time there is room left from when it last grew.
        let spare = ctx.peek(args.at(1)).map_or(0, |entry| entry.spare_bytes());
        ctx.takes_growth(len, if spare < tail.len() { wanted } else { 0 })?;
    }
    let mut key = ctx.write(args.at(1));
    let len = key.append(tail).map_err(wrong_type)?;
    key.commit(Event::string("append"));
    out.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn indexes_count_from_both_ends_and_are_clamped() {
        let text = b"Hello World";
        assert_eq!(slice(text, 0, -1), text);
        assert_eq!(slice(text, -3, -1), b"rld");
        assert_eq!(slice(text, 5, 3), b"");
        assert_eq!(slice(text, -1, -3), b"");
        assert_eq!(slice(text, -100, 3), b"Hell");
        assert_eq!(slice(text, 8, 1000), b"rld");
        assert_eq!(slice(text, -100, -50), b"H");
        assert_eq!(slice(b"", 0, 0), b"");
    }
}
