//! XRANGE, XREVRANGE and XLEN.
//!
//! Entries are written while the nodes are walked, without a copy in between. The reverse form
//! differs only in the direction of the walk and the order of its bounds.

use datatypes::Stream;
use resp::{Args, ReplyWriter, errors};

use super::parse;
use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `XLEN`
pub const XLEN: Command = Command::new("xlen", 2, xlen)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Returns the number of entries of a stream.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// `XRANGE`
pub const XRANGE: Command = Command::new("xrange", -4, xrange)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Returns the entries of an interval of ids.", "O(N)")
    .flags(READONLY)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 start end count:integer=COUNT?")
    .cost(Cost::AtMost(cost::entries));

/// `XREVRANGE`
pub const XREVRANGE: Command = Command::new("xrevrange", -4, xrevrange)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Returns the entries of an interval of ids in reverse order.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 end start count:integer=COUNT?")
    .cost(Cost::AtMost(cost::entries));

fn xlen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let stream = ctx.read_as::<Stream>(args.at(1))?;
    out.integer(stream.map_or(0, |stream| stream.len() as i64));
    Ok(())
}

fn xrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, false, out)
}

fn xrevrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, true, out)
}

fn range(ctx: &Ctx<'_>, args: Args<'_>, reverse: bool, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (start, end) = if reverse { (3, 2) } else { (2, 3) };
    let (start, end) = (parse::start(args.at(start))?, parse::end(args.at(end))?);
    let mut count = None;
    let mut at = 4;
    while let Some(word) = args.get(at) {
        let value = args
            .get(at + 1)
            .filter(|_| word.eq_ignore_ascii_case(b"COUNT"));
        count = Some(parse::integer(value.ok_or(errors::SYNTAX)?)?.max(0) as usize);
        at += 2;
    }
    let Some(stream) = ctx.read_as::<Stream>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    match count {
        Some(0) => out.null_array(),
        _ => {
            let len = cost::span(stream, start, end).min(count.unwrap_or(usize::MAX));
            ctx.takes(len, cost::ENTRY_NS)?;
            super::write_entries(stream.range(start, end, reverse), count.unwrap_or(0), out);
        }
    }
    Ok(())
}
