//! The forms that wait for a member: BZPOPMIN, BZPOPMAX, BZMPOP.
//!
//! With something to pop they are what their plain forms are, and go to the log as those.

use resp::{Args, ReplyWriter};

use super::pop;
use crate::blocking::{Deadline, Want, parse_seconds};
use crate::command::flag::{BLOCKING, FAST, NOSCRIPT, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `BZPOPMIN`
pub const BZPOPMIN: Command = Command::new("bzpopmin", -3, bzpopmin)
    .group(Group::SortedSet)
    .since("5.0.0")
    .docs(
        "Pops the lowest member of the first sorted set that has any, or waits for one.",
        "O(log(N))",
    )
    .flags(WRITE | NOSCRIPT | FAST | BLOCKING)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access delete").range(-2, 1, 0)])
    .args("key:key@0* timeout:double");

/// `BZPOPMAX`
pub const BZPOPMAX: Command = Command::new("bzpopmax", -3, bzpopmax)
    .group(Group::SortedSet)
    .since("5.0.0")
    .docs(
        "Pops the highest member of the first sorted set that has any, or waits for one.",
        "O(log(N))",
    )
    .flags(WRITE | NOSCRIPT | FAST | BLOCKING)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access delete").range(-2, 1, 0)])
    .args("key:key@0* timeout:double");

/// `BZMPOP`
pub const BZMPOP: Command = Command::new("bzmpop", -5, bzmpop)
    .group(Group::SortedSet)
    .since("7.0.0")
    .docs(
        "Pops members of the first sorted set that has any, or waits for some.",
        "O(K)",
    )
    .flags(WRITE | BLOCKING)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(2, "RW access delete").keynum(0, 1, 1)])
    .args(
        "timeout:double numkeys:integer key:key@0* where(min=MIN! | max=MAX!) \
         count:integer=COUNT?",
    )
    .cost(Cost::AtMost(cost::move_all));

fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop_one_or_wait(ctx, args, false, out)
}

fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop_one_or_wait(ctx, args, true, out)
}

fn pop_one_or_wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    max: bool,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let last = args.len() - 1;
    let deadline = parse_seconds(args.at(last))?;
    let names = Args::new(&args.as_slice()[1..last]);
    let request = Request {
        names,
        max,
        count: None,
        deadline,
    };
    pop_or_wait(ctx, args, &request, out)
}

fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (names, max, count) = pop::parse_many(args, 2)?;
    let deadline = parse_seconds(args.at(1))?;
    let request = Request {
        names,
        max,
        count: Some(count),
        deadline,
    };
    pop_or_wait(ctx, args, &request, out)
}

struct Request<'a> {
    names: Args<'a>,
    max: bool,
    count: Option<usize>,
    deadline: Deadline,
}

fn pop_or_wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    request: &Request<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let &Request { max, count, .. } = request;
    for name in request.names.iter() {
        ctx.takes_some(name, count.unwrap_or(1))?;
        if pop::pop_with_key(ctx, name, count, max, out)? {
            return Ok(());
        }
    }
    if ctx.may_block() {
        let want = Want::PopScored { max, count };
        ctx.block(args, request.names.iter(), want, request.deadline);
    } else {
        out.null_array();
    }
    Ok(())
}
