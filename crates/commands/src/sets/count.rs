//! Counting what algebra would give: SINTERCARD, SUNIONCARD, SDIFFCARD.
//!
//! Nothing is stored and nothing is sent but a number, so counting stops as soon as a limit is
//! reached.

use std::ops::ControlFlow;

use resp::{Args, ReplyError, ReplyWriter, errors};

use super::algebra::{Operands, Operation};
use crate::collection::{parse_count, parse_positive};
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SINTERCARD`
pub const SINTERCARD: Command = Command::new("sintercard", -3, sintercard)
    .group(Group::Set)
    .since("7.0.0")
    .docs(
        "Returns the number of members that several sets have in common.",
        "O(N*M)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* limit:integer=LIMIT?")
    .cost(Cost::Before(cost::intersect));

/// `SUNIONCARD`
pub const SUNIONCARD: Command = Command::new("sunioncard", -3, sunioncard)
    .group(Group::Set)
    .since("8.10.0")
    .docs(
        "Returns the number of members that any of several sets has.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* approx=APPROX!? limit:integer=LIMIT?")
    .cost(Cost::Before(cost::move_all));

/// `SDIFFCARD`
pub const SDIFFCARD: Command = Command::new("sdiffcard", -3, sdiffcard)
    .group(Group::Set)
    .since("8.10.0")
    .docs(
        "Returns the number of members of the first set that no other set has.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* limit:integer=LIMIT?")
    .cost(Cost::Before(cost::move_all));

fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    count(ctx, args, Operation::Intersection, out)
}

fn sunioncard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    count(ctx, args, Operation::Union, out)
}

fn sdiffcard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    count(ctx, args, Operation::Difference, out)
}

/// LIMIT; 0 for none. APPROX allows a union to be estimated: it is counted nevertheless.
fn limit(words: Args<'_>, operation: Operation) -> Result<usize, ReplyError> {
    let (mut limit, mut at) = (0, 0);
    while let Some(word) = words.get(at) {
        if operation == Operation::Union && word.eq_ignore_ascii_case(b"APPROX") {
            at += 1;
            continue;
        }
        let value = words.get(at + 1).ok_or(errors::SYNTAX)?;
        if !word.eq_ignore_ascii_case(b"LIMIT") {
            return Err(errors::SYNTAX);
        }
        limit = parse_count(value, errors::NEGATIVE_LIMIT)?;
        at += 2;
    }
    Ok(limit)
}

fn count(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let keys = parse_positive(args.at(1), errors::NUMKEYS_NOT_POSITIVE)?;
    if keys > args.len() - 2 {
        return Err(errors::MORE_KEYS_THAN_ARGS);
    }
    let limit = limit(args.from(2 + keys), operation)?;
    let names = args.from(2);
    let operands = Operands::read(ctx, operation, names.iter().take(keys))?;
    let mut count = 0;
    operands.each(|_| {
        count += 1;
        if count == limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    out.integer(count as i64);
    Ok(())
}
