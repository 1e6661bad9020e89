//! Taking from the ends: LPOP, RPOP, LMPOP.
//!
//! What is popped goes to the log as the same number of plain pops. The blocking forms are next
//! door (`block.rs`); they, and those who serve waiters, use the same functions.

use std::ops::ControlFlow;

use common::number::I64Text;
use datatypes::List;
use datatypes::list::{End, ListLimits};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::{limits, parse_end, popped};
use crate::collection::{self, parse_count, parse_positive, reply_item};
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `LPOP`
pub const LPOP: Command = Command::new("lpop", -2, lpop)
    .group(Group::List)
    .since("1.0.0")
    .docs(
        "Returns and removes elements at the left end of a list.",
        "O(N)",
    )
    .flags(WRITE | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 count:integer?^6.2.0")
    .cost(Cost::AtMost(cost::counted));

/// `RPOP`
pub const RPOP: Command = Command::new("rpop", -2, rpop)
    .group(Group::List)
    .since("1.0.0")
    .docs(
        "Returns and removes elements at the right end of a list.",
        "O(N)",
    )
    .flags(WRITE | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 count:integer?^6.2.0")
    .cost(Cost::AtMost(cost::counted));

/// `LMPOP`
pub const LMPOP: Command = Command::new("lmpop", -4, lmpop)
    .group(Group::List)
    .since("7.0.0")
    .docs(
        "Returns and removes elements of the first list that is not empty.",
        "O(N+M)",
    )
    .flags(WRITE)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW access delete").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* where(left=LEFT! | right=RIGHT!) count:integer=COUNT?")
    .cost(Cost::AtMost(cost::move_all));

fn lpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop(ctx, args, End::Head, out)
}

fn rpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop(ctx, args, End::Tail, out)
}

#[inline]
fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End, out: &mut ReplyWriter<'_>) -> CmdResult {
    if let Some(count) = args.get(2) {
        return pop_some(ctx, args, count, end, out);
    }
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let Some(list) = collection::open::<List>(&mut key)? else {
        out.null();
        return Ok(());
    };
    list.pop(end, &limits, |item| reply_item(item, out));
    collection::commit_removal::<List>(key, popped(end), 1);
    Ok(())
}

fn pop_some(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    count: &[u8],
    end: End,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    if args.len() > 3 {
        return Err(errors::wrong_arity(ctx.command().name));
    }
    let count = parse_count(count, errors::MUST_BE_POSITIVE)?;
    ctx.takes_some(args.at(1), count)?;
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    match collection::view::<List>(&key)? {
        None => out.null_array(),
        Some(_) if count == 0 => out.array(0),
        Some(_) => {
            if let Some(list) = collection::open::<List>(&mut key)? {
                let popped_len = take(list, end, count, &limits, out);
                collection::commit_removal::<List>(key, popped(end), popped_len as u64);
            }
        }
    }
    Ok(())
}

/// Replies and removes up to `count` elements, the outermost first. Returns how many.
fn take(
    list: &mut List,
    end: End,
    count: usize,
    limits: &ListLimits,
    out: &mut ReplyWriter<'_>,
) -> usize {
    let len = list.len();
    let count = count.min(len);
    let (first, start) = match end {
        End::Head => (0, 0),
        End::Tail => (len - 1, len - count),
    };
    out.array(count);
    let mut left = count;
    list.walk(first, end, |item| {
        reply_item(item, out);
        left -= 1;
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    list.remove_range(start, count, limits);
    count
}

fn lmpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (names, end, count) = parse_many(args, 1)?;
    for name in names.iter() {
        ctx.takes_some(name, count)?;
        if pop_with_key(ctx, name, end, count, out)? {
            return Ok(());
        }
    }
    out.null_array();
    Ok(())
}

/// Reads the number of keys, which is at index `at`, the keys, the end and the count behind it.
///
/// # Errors
/// Any of them makes no sense.
pub(super) fn parse_many(args: Args<'_>, at: usize) -> Result<(Args<'_>, End, usize), ReplyError> {
    let keys = parse_positive(args.at(at), errors::NUMKEYS_NOT_POSITIVE)?;
    let options = keys.checked_add(at + 1).ok_or(errors::SYNTAX)?;
    let end = parse_end(args.get(options).ok_or(errors::SYNTAX)?)?;
    let count = match (args.get(options + 1), args.get(options + 2)) {
        (None, _) => 1,
        (Some(word), Some(count)) if word.eq_ignore_ascii_case(b"COUNT") => {
            let count = parse_positive(count, errors::COUNT_NOT_POSITIVE)?;
            if args.len() > options + 3 {
                return Err(errors::SYNTAX);
            }
            count
        }
        _ => return Err(errors::SYNTAX),
    };
    let names = Args::new(&args.as_slice()[at + 1..options]);
    Ok((names, end, count))
}

/// Replies a key's name and an element of it, which it removes. False, and no reply, where there
/// is no such key.
///
/// # Errors
/// WRONGTYPE.
pub(crate) fn pop_one_with_key(
    ctx: &mut Ctx<'_>,
    name: &[u8],
    end: End,
    out: &mut ReplyWriter<'_>,
) -> Result<bool, ReplyError> {
    let limits = limits(ctx.server);
    let mut key = ctx.write(name);
    let Some(list) = collection::open::<List>(&mut key)? else {
        return Ok(false);
    };
    out.array(2);
    out.bulk(name);
    list.pop(end, &limits, |item| reply_item(item, out));
    collection::commit_removal::<List>(key, popped(end), 1);
    ctx.propagate_as(&[name_of(end), name]);
    Ok(true)
}

/// The command that pops there.
fn name_of(end: End) -> &'static [u8] {
    match end {
        End::Head => b"LPOP",
        End::Tail => b"RPOP",
    }
}

/// Replies a key's name and up to `count` of its elements, and removes them. False, and no reply,
/// where there is no such key.
///
/// # Errors
/// WRONGTYPE.
pub(crate) fn pop_with_key(
    ctx: &mut Ctx<'_>,
    name: &[u8],
    end: End,
    count: usize,
    out: &mut ReplyWriter<'_>,
) -> Result<bool, ReplyError> {
    let limits = limits(ctx.server);
    let mut key = ctx.write(name);
    let Some(list) = collection::open::<List>(&mut key)? else {
        return Ok(false);
    };
    out.array(2);
    out.bulk(name);
    let count = take(list, end, count, &limits, out);
    collection::commit_removal::<List>(key, popped(end), count as u64);
    ctx.propagate_as(&[name_of(end), name, I64Text::new(count as i64).as_bytes()]);
    Ok(true)
}
