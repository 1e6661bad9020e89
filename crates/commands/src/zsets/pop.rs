//! ZPOPMIN, ZPOPMAX and ZMPOP.
//!
//! What is popped goes to the log as the removal of exactly these members. The blocking forms are
//! next door (`block.rs`); they, and those who serve waiters, use the same functions.

use keyspace::ValueRef;
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};

use crate::collection;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
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
    .args("key:key@0 count:integer?")
    .cost(Cost::AtMost(cost::counted));

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
    .args("key:key@0 count:integer?")
    .cost(Cost::AtMost(cost::counted));

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
    .args("numkeys:integer key:key@0* where(min=MIN! | max=MAX!) count:integer=COUNT?")
    .cost(Cost::AtMost(cost::move_all));

/// How the popped members are written.
#[derive(Clone, Copy, Debug)]
struct Shape {
    max: bool,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Members and scores in turn.
    Flat,
    /// Each member and score in an array of its own.
    Nested,
    /// Members and scores in turn, within an array already begun.
    Bare,
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
    if args.len() == 3 {
        ctx.takes_some(args.at(1), count)?;
    }
    let form = if args.len() == 3 && out.proto() == Proto::Resp3 {
        Form::Nested
    } else {
        Form::Flat
    };
    if super::expect(ctx.write(args.at(1)).value())?.is_none() || count == 0 {
        out.array(0);
        return Ok(());
    }
    take(ctx, args.at(1), count, Shape { max, form }, out);
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
    match shape.form {
        Form::Flat => out.array(count * 2),
        Form::Nested => out.array(count),
        Form::Bare => {}
    }
    for (member, score) in zset.iter(ranks.clone(), shape.max) {
        if shape.form == Form::Nested {
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
    let (names, max, limit) = parse_many(args, 1)?;
    for name in names.iter() {
        ctx.takes_some(name, limit)?;
        if pop_with_key(ctx, name, Some(limit), max, out)? {
            return Ok(());
        }
    }
    out.null_array();
    Ok(())
}

/// Reads the number of keys, which is at index `at`, the keys, whether the highest scores are meant
/// and the count behind it.
///
/// # Errors
/// Any of them makes no sense.
pub(super) fn parse_many(args: Args<'_>, at: usize) -> Result<(Args<'_>, bool, usize), ReplyError> {
    let numkeys = count(args.at(at), 1, errors::NUMKEYS_NOT_POSITIVE)?;
    let end = numkeys.saturating_add(at + 1);
    let max = match args.get(end) {
        Some(word) if word.eq_ignore_ascii_case(b"MIN") => false,
        Some(word) if word.eq_ignore_ascii_case(b"MAX") => true,
        _ => return Err(errors::SYNTAX),
    };
    let limit = match (args.get(end + 1), args.get(end + 2)) {
        (None, _) => 1,
        (Some(word), Some(limit)) if word.eq_ignore_ascii_case(b"COUNT") => {
            count(limit, 1, errors::COUNT_NOT_POSITIVE)?
        }
        _ => return Err(errors::SYNTAX),
    };
    if args.len() > end + 3 {
        return Err(errors::SYNTAX);
    }
    Ok((Args::new(&args.as_slice()[at + 1..end]), max, limit))
}

/// Replies a key's name and members of it, which it removes: one, flat, or up to a limit, as pairs.
/// False, and no reply, where there is no such key.
///
/// # Errors
/// WRONGTYPE.
pub(crate) fn pop_with_key(
    ctx: &mut Ctx<'_>,
    name: &[u8],
    limit: Option<usize>,
    max: bool,
    out: &mut ReplyWriter<'_>,
) -> Result<bool, ReplyError> {
    if super::expect(ctx.write(name).value())?.is_none() {
        return Ok(false);
    }
    let command: &[u8] = if max { b"ZPOPMAX" } else { b"ZPOPMIN" };
    let Some(limit) = limit else {
        out.array(3);
        out.bulk(name);
        take(
            ctx,
            name,
            1,
            Shape {
                max,
                form: Form::Bare,
            },
            out,
        );
        ctx.propagate_as(&[command, name]);
        return Ok(true);
    };
    out.array(2);
    out.bulk(name);
    let form = Form::Nested;
    let count = take(ctx, name, limit, Shape { max, form }, out);
    let count = common::number::I64Text::new(count as i64);
    ctx.propagate_as(&[command, name, count.as_bytes()]);
    Ok(true)
}
