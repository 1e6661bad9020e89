//! Reading: LLEN, LINDEX, LRANGE, LPOS.
//!
//! Replies are written while the list is walked, without a copy in between. Nodes that are
//! compressed stay so: they are unpacked for the reader only.

use datatypes::List;
use datatypes::list::End;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::collection::{parse_count, parse_int, range_of, reply_item};
use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `LLEN`
pub const LLEN: Command = Command::new("llen", 2, llen)
    .group(Group::List)
    .since("1.0.0")
    .docs("Returns the number of elements of a list.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// `LINDEX`
pub const LINDEX: Command = Command::new("lindex", 3, lindex)
    .group(Group::List)
    .since("1.0.0")
    .docs("Returns the element at an index of a list.", "O(N)")
    .flags(READONLY)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 index:integer");

/// `LRANGE`
pub const LRANGE: Command = Command::new("lrange", 4, lrange)
    .group(Group::List)
    .since("1.0.0")
    .docs(
        "Returns the elements in a range of indexes of a list.",
        "O(S+N)",
    )
    .flags(READONLY)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 start:integer stop:integer")
    .cost(Cost::AtMost(cost::reply));

/// `LPOS`
pub const LPOS: Command = Command::new("lpos", -3, lpos)
    .group(Group::List)
    .since("6.0.6")
    .docs(
        "Returns the indexes of elements equal to a given one.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 element rank:integer=RANK? num-matches:integer=COUNT? len:integer=MAXLEN?")
    .cost(Cost::Before(cost::walk));

fn llen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let len = ctx.read_as::<List>(args.at(1))?.map_or(0, List::len);
    out.integer(len as i64);
    Ok(())
}

fn lindex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let found = match ctx.read_as::<List>(args.at(1))? {
        None => None,
        Some(list) => list.get(parse_int(args.at(2))?, |item| reply_item(item, out)),
    };
    if found.is_none() {
        out.null();
    }
    Ok(())
}

fn lrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (start, stop) = (parse_int(args.at(2))?, parse_int(args.at(3))?);
    let Some(list) = ctx.read_as::<List>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    let (start, count) = range_of(start, stop, list.len());
    ctx.takes(count, cost::REPLY_NS)?;
    out.array(count);
    list.for_range(start, count, |item| reply_item(item, out));
    Ok(())
}

/// The options of LPOS.
struct Search {
    from: End,
    /// Matches to pass over first.
    skip: usize,
    /// 0: all; `None`: one, and the reply is no array.
    count: Option<usize>,
    /// Elements to compare; 0: all.
    compare_max: usize,
}

fn search(words: Args<'_>) -> Result<Search, ReplyError> {
    let mut search = Search {
        from: End::Head,
        skip: 0,
        count: None,
        compare_max: 0,
    };
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1).ok_or(errors::SYNTAX)?;
        if word.eq_ignore_ascii_case(b"RANK") {
            let rank = parse_int(value)?;
            let skip = rank.unsigned_abs().checked_sub(1);
            search.skip = skip.ok_or(errors::list::RANK_ZERO)? as usize;
            search.from = if rank < 0 { End::Tail } else { End::Head };
        } else if word.eq_ignore_ascii_case(b"COUNT") {
            search.count = Some(parse_count(value, errors::NEGATIVE_COUNT)?);
        } else if word.eq_ignore_ascii_case(b"MAXLEN") {
            search.compare_max = parse_count(value, errors::list::MAXLEN_NEGATIVE)?;
        } else {
            return Err(errors::SYNTAX);
        }
        at += 2;
    }
    Ok(search)
}

fn lpos(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let search = search(args.from(3))?;
    let list = ctx.read_as::<List>(args.at(1))?;
    let array = search.count.map(|_| out.deferred_array());
    let mut found = 0;
    if let Some(list) = list {
        let (skip, count) = (search.skip, search.count.unwrap_or(1));
        let limit = search.compare_max;
        list.positions(args.at(2), search.from, skip, count, limit, |index| {
            out.integer(index as i64);
            found += 1;
        });
    }
    match array {
        Some(array) => out.finish_array(array, found),
        None if found == 0 => out.null(),
        None => {}
    }
    Ok(())
}
