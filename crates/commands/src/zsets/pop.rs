//! ZPOPMIN, ZPOPMAX and ZMPOP.
//!
//! What is popped goes to the log as the removal of exactly these members. The blocking forms are
//! not here; they will serve waiters with the same functions.

use keyspace::ValueRef;
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};

use crate::collection;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `ZPOPMIN`
pub const ZPOPMIN: Command = Command::new("zpopmin", -2, zpopmin)
    .group(Group::SortedSet)
    .since("5.0.0")
    .docs(
        "Removes the members with the lowest scores and returns them.",
        "O(log(N))",
    )
    .flags(WRITE | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 count:integer?");

/// `ZPOPMAX`
pub const ZPOPMAX: Command = Command::new("zpopmax", -2, zpopmax)
    .group(Group::SortedSet)
    .since("5.0.0")
    .docs(
        "Removes the members with the highest scores and returns them.",
        "O(log(N))",
    )
    .flags(WRITE | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 count:integer?");

/// `ZMPOP`
pub const ZMPOP: Command = Command::new("zmpop", -4, zmpop)
    .group(Group::SortedSet)
    .since("7.0.0")
    .docs(
        "Removes members from the first of several sorted sets that has any.",
        "O(K)",
    )
    .flags(WRITE)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access delete").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* where(min=MIN! | max=MAX!) count:integer=COUNT?");

/// How the popped members are written.
#[derive(Clone, Copy, Debug)]
struct Shape {
    max: bool,
    /// Each member and score in an array of its own.
    nested: bool,
}

fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop(ctx, args, false, out)
}

fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop(ctx, args, true, out)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, max: bool, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(errors::SYNTAX);
    }
    let count = match args.get(2) {
        None => 1,
        Some(text) => count(text, 0, errors::MUST_BE_POSITIVE)?,
    };
    let nested = args.len() == 3 && out.proto() == Proto::Resp3;
    if super::expect(ctx.write(args.at(1)).value())?.is_none() || count == 0 {
        out.array(0);
        return Ok(());
    }
    take(ctx, args.at(1), count, Shape { max, nested }, out);
    Ok(())
}

/// Reads a number of at least `min`; whatever is wrong with it is one error.
fn count(text: &[u8], min: usize, error: ReplyError) -> Result<usize, ReplyError> {
    common::number::parse_i64(text)
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count >= min)
        .ok_or(error)
}

/// Removes up to `count` members of a sorted set that is there, and writes them; answers how many.
fn take(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    count: usize,
    shape: Shape,
    out: &mut ReplyWriter<'_>,
) -> usize {
    let mut key = ctx.write(key);
    let Some(ValueRef::Zset(zset)) = key.value() else {
        key.unchanged();
        return 0;
    };
    let len = zset.len();
    let count = count.min(len);
    let ranks = if shape.max {
        len - count..len
    } else {
        0..count
    };
    out.array(if shape.nested { count } else { count * 2 });
    for (member, score) in zset.iter(ranks.clone(), shape.max) {
        if shape.nested {
            out.array(2);
        }
        collection::reply_item(member, out);
        out.double(score);
    }
    if let Some(zset) = super::value_mut(&mut key) {
        zset.remove_ranks(ranks);
    }
    let event = if shape.max { "zpopmax" } else { "zpopmin" };
    super::commit_removal(key, event, count);
    count
}

fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let numkeys = count(args.at(1), 1, errors::NUMKEYS_NOT_POSITIVE)?;
    let end = numkeys.saturating_add(2);
    let max = match args.get(end) {
        Some(word) if word.eq_ignore_ascii_case(b"MIN") => false,
        Some(word) if word.eq_ignore_ascii_case(b"MAX") => true,
        _ => return Err(errors::SYNTAX),
    };
    let limit = match args.len() - end - 1 {
        0 => 1,
        2 if args.at(end + 1).eq_ignore_ascii_case(b"COUNT") => {
            count(args.at(end + 2), 1, errors::COUNT_NOT_POSITIVE)?
        }
        _ => return Err(errors::SYNTAX),
    };
    let mut found = None;
    for key in (2..end).map(|at| args.at(at)) {
        if super::expect(ctx.write(key).value())?.is_some() {
            found = Some(key);
            break;
        }
    }
    let Some(key) = found else {
        out.null_array();
        return Ok(());
    };
    out.array(2);
    out.bulk(key);
    let count = take(ctx, key, limit, Shape { max, nested: true }, out);
    let name: &[u8] = if max { b"ZPOPMAX" } else { b"ZPOPMIN" };
    let count = common::number::I64Text::new(count as i64);
    ctx.propagate_as(&[name, key, count.as_bytes()]);
    Ok(())
}
