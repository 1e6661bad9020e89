//! XACK.

use datatypes::Stream;
use resp::{Args, ReplyWriter};

use super::parse;
use crate::collection::{open_checked, view};
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `XACK`
pub const XACK: Command = Command::new("xack", -4, xack)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Acknowledges entries, so that they are not pending any more.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 group id*");

fn xack(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(args.at(1));
    let stream = view::<Stream>(&key)?;
    if stream.is_none_or(|stream| stream.group(args.at(2)).is_none()) {
        key.unchanged();
        out.integer(0);
        return Ok(());
    }
    let ids = parse::ids(args.from(3))?;
    let mut count = 0;
    if let Some(group) = open_checked::<Stream>(&mut key).and_then(|s| s.group_mut(args.at(2))) {
        count = ids.iter().filter(|id| group.acknowledge(**id)).count();
    }
    if count == 0 {
        key.commit_nothing();
    } else {
        key.commit_silent();
    }
    out.integer(count as i64);
    Ok(())
}
