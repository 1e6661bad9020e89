//! Storing intersections, unions and differences: SINTERSTORE, SUNIONSTORE, SDIFFSTORE.
//!
//! The result is computed before the destination changes, because the destination may be one of the
//! sources. An empty result deletes it.

use resp::{Args, ReplyWriter};

use super::algebra::{Operands, Operation};
use super::event;
use crate::collection;
use crate::command::flag::{DENYOOM, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SINTERSTORE`
pub const SINTERSTORE: Command = Command::new("sinterstore", -3, sinterstore)
    .group(Group::Set)
    .since("1.0.0")
    .docs(
        "Stores the members that several sets have in common.",
        "O(N*M)",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SET)
    .keys(&[
        KeySpec::at(1, "RW update"),
        KeySpec::at(2, "RO access").range(-1, 1, 0),
    ])
    .args("destination:key@0 key:key@1*")
    .cost(Cost::Before(cost::intersect));

/// `SUNIONSTORE`
pub const SUNIONSTORE: Command = Command::new("sunionstore", -3, sunionstore)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Stores the members that any of several sets has.", "O(N)")
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SET)
    .keys(&[
        KeySpec::at(1, "OW update"),
        KeySpec::at(2, "RO access").range(-1, 1, 0),
    ])
    .args("destination:key@0 key:key@1*")
    .cost(Cost::Before(cost::move_all));

/// `SDIFFSTORE`
pub const SDIFFSTORE: Command = Command::new("sdiffstore", -3, sdiffstore)
    .group(Group::Set)
    .since("1.0.0")
    .docs(
        "Stores the members of the first set that no other set has.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SET)
    .keys(&[
        KeySpec::at(1, "OW update"),
        KeySpec::at(2, "RO access").range(-1, 1, 0),
    ])
    .args("destination:key@0 key:key@1*")
    .cost(Cost::Before(cost::move_all));

fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Intersection, "sinterstore", out)
}

fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Union, "sunionstore", out)
}

fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Difference, "sdiffstore", out)
}

fn store(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &'static str,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let result = Operands::read(ctx, operation, args.from(2).iter())?.collect();
    ctx.settle(args)?;
    out.integer(result.len() as i64);
    collection::store(ctx.write(args.at(1)), result, event(name));
    Ok(())
}
