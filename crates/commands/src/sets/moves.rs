//! SMOVE.

use datatypes::Set;
use resp::{Args, ReplyWriter};

use super::{event, limits};
use crate::collection;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `SMOVE`
pub const SMOVE: Command = Command::new("smove", 4, smove)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Moves a member from one set to another.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::SET)
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "RW insert"),
    ])
    .args("source:key@0 destination:key@1 member");

fn smove(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (from, to, member) = (args.at(1), args.at(2), args.at(3));
    let limits = limits(ctx.server);
    // Of a source that does not exist, the destination's type is not looked at.
    let Some(entry) = ctx.peek(from) else {
        out.integer(0);
        return Ok(());
    };
    let source = collection::of::<Set>(Some(entry))?;
    ctx.peek_as::<Set>(to)?;
    if from == to {
        let has = source.is_some_and(|set| set.contains(member));
        out.integer(i64::from(has));
        return Ok(());
    }
    let mut source = ctx.write(from);
    let set = collection::open::<Set>(&mut source)?;
    if !set.is_some_and(|set| set.remove(member)) {
        source.commit_nothing();
        out.integer(0);
        return Ok(());
    }
    collection::commit_removal::<Set>(source, event("srem"), 1);
    let mut target = ctx.write(to);
    if collection::change(&mut target, |set: &mut Set| set.add(member, &limits))? {
        target.commit(event("sadd"));
    } else {
        target.commit_nothing();
    }
    out.integer(1);
    Ok(())
}
