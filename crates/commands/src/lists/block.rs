//! The forms that wait for an element: BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH.
//!
//! With something to pop they are what their plain forms are, and go to the log as those.

use datatypes::List;
use datatypes::list::End;
use resp::{Args, ReplyWriter};

use super::moves::{Logged, Move, move_one};
use super::{parse_end, pop};
use crate::blocking::{Deadline, Want, parse_seconds};
use crate::command::flag::{BLOCKING, DENYOOM, NOSCRIPT, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `BLPOP`
pub const BLPOP: Command = Command::new("blpop", -3, blpop)
    .group(Group::List)
    .since("2.0.0")
    .docs(
        "Pops an element at the left end of the first list that has any, or waits for one.",
        "O(N)",
    )
    .flags(WRITE | NOSCRIPT | BLOCKING)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW access delete").range(-2, 1, 0)])
    .args("key:key@0* timeout:double");

/// `BRPOP`
pub const BRPOP: Command = Command::new("brpop", -3, brpop)
    .group(Group::List)
    .since("2.0.0")
    .docs(
        "Pops an element at the right end of the first list that has any, or waits for one.",
        "O(N)",
    )
    .flags(WRITE | NOSCRIPT | BLOCKING)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW access delete").range(-2, 1, 0)])
    .args("key:key@0* timeout:double");

/// `BLMPOP`
pub const BLMPOP: Command = Command::new("blmpop", -5, blmpop)
    .group(Group::List)
    .since("7.0.0")
    .docs(
        "Pops elements of the first list that has any, or waits for some.",
        "O(N+M)",
    )
    .flags(WRITE | BLOCKING)
    .categories(category::LIST)
    .keys(&[KeySpec::at(2, "RW access delete").keynum(0, 1, 1)])
    .args(
        "timeout:double numkeys:integer key:key@0* where(left=LEFT! | right=RIGHT!) \
         count:integer=COUNT?",
    )
    .cost(Cost::AtMost(cost::move_all));

/// `BLMOVE`
pub const BLMOVE: Command = Command::new("blmove", 6, blmove)
    .group(Group::List)
    .since("6.2.0")
    .docs(
        "Moves an element from one list to another and returns it, or waits for one.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM | NOSCRIPT | BLOCKING)
    .categories(category::LIST)
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "RW insert"),
    ])
    .args(
        "source:key@0 destination:key@1 wherefrom(left=LEFT! | right=RIGHT!) \
         whereto(left=LEFT! | right=RIGHT!) timeout:double",
    );

/// `BRPOPLPUSH`
pub const BRPOPLPUSH: Command = Command::new("brpoplpush", 4, brpoplpush)
    .group(Group::List)
    .since("2.2.0")
    .docs(
        "Moves the last element of one list to the front of another, or waits for one.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM | NOSCRIPT | BLOCKING)
    .categories(category::LIST)
    .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "RW insert"),
    ])
    .args("source:key@0 destination:key@1 timeout:double");

fn blpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop_or_wait(ctx, args, End::Head, out)
}

fn brpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    pop_or_wait(ctx, args, End::Tail, out)
}

fn pop_or_wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    end: End,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let last = args.len() - 1;
    let deadline = parse_seconds(args.at(last))?;
    let names = || (1..last).map(|at| args.at(at));
    for name in names() {
        if pop::pop_one_with_key(ctx, name, end, out)? {
            return Ok(());
        }
    }
    if ctx.may_block() {
        let want = Want::Pop { end, count: None };
        ctx.block(args, names(), want, deadline);
    } else {
        out.null_array();
    }
    Ok(())
}

fn blmpop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (names, end, count) = pop::parse_many(args, 2)?;
    let deadline = parse_seconds(args.at(1))?;
    for name in names.iter() {
        ctx.takes_some(name, count)?;
        if pop::pop_with_key(ctx, name, end, count, out)? {
            return Ok(());
        }
    }
    if ctx.may_block() {
        let count = Some(count);
        ctx.block(args, names.iter(), Want::Pop { end, count }, deadline);
    } else {
        out.null_array();
    }
    Ok(())
}

fn blmove(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let to = Move {
        destination: args.at(2),
        from: parse_end(args.at(3))?,
        to: parse_end(args.at(4))?,
        logged: Some(Logged::Lmove),
    };
    let deadline = parse_seconds(args.at(5))?;
    move_or_wait(ctx, args, &to, deadline, out)
}

fn brpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let to = Move {
        destination: args.at(2),
        from: End::Tail,
        to: End::Head,
        logged: Some(Logged::Rpoplpush),
    };
    let deadline = parse_seconds(args.at(3))?;
    move_or_wait(ctx, args, &to, deadline, out)
}

fn move_or_wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    to: &Move<&[u8]>,
    deadline: Deadline,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let name = args.at(1);
    if ctx.may_block() && ctx.peek_as::<List>(name)?.is_none() {
        let want = Want::Move(Move {
            destination: to.destination.into(),
            from: to.from,
            to: to.to,
            logged: to.logged,
        });
        ctx.block(args, std::iter::once(name), want, deadline);
        return Ok(());
    }
    move_one(ctx, name, to, out)
}
