//! Adding at the ends: LPUSH, RPUSH, LPUSHX, RPUSHX.
//!
//! Elements are pushed one after the other, so that the last argument ends up outermost. The forms
//! with X do nothing to a list that does not exist.

use datatypes::List;
use datatypes::list::End;
use resp::{Args, ReplyWriter};

use super::{limits, pushed};
use crate::collection;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `LPUSH`
pub const LPUSH: Command = Command::new("lpush", -3, lpush)
    .group(Group::List)
    .since("1.0.0")
    .docs("Adds elements at the left end of a list.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 element*");

/// `RPUSH`
pub const RPUSH: Command = Command::new("rpush", -3, rpush)
    .group(Group::List)
    .since("1.0.0")
    .docs("Adds elements at the right end of a list.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 element*");

/// `LPUSHX`
pub const LPUSHX: Command = Command::new("lpushx", -3, lpushx)
    .group(Group::List)
    .since("2.2.0")
    .docs(
        "Adds elements at the left end of a list that exists.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 element*");

/// `RPUSHX`
pub const RPUSHX: Command = Command::new("rpushx", -3, rpushx)
    .group(Group::List)
    .since("2.2.0")
    .docs(
        "Adds elements at the right end of a list that exists.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 element*");

fn lpush(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    push(ctx, args, End::Head, false, out)
}

fn rpush(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    push(ctx, args, End::Tail, false, out)
}

fn lpushx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    push(ctx, args, End::Head, true, out)
}

fn rpushx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    push(ctx, args, End::Tail, true, out)
}

#[inline]
fn push(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    end: End,
    existing: bool,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    if existing && !key.exists() {
        key.unchanged();
        out.integer(0);
        return Ok(());
    }
    let len = collection::change(&mut key, |list: &mut List| {
        for element in args.from(2).iter() {
            list.push(end, element, &limits);
        }
        list.len()
    })?;
    key.commit_n(pushed(end), args.len() as u64 - 2);
    out.integer(len as i64);
    Ok(())
}
