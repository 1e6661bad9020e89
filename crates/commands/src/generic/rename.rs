//! RENAME and RENAMENX.
//!
//! The entry itself moves: value, expiry and access clock stay as they are, and nothing is copied
//! but the key. Both names are locked together.

use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `RENAME`
pub const RENAME: Command = Command::new("rename", 3, rename)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Renames a key; what the new name held is lost.", "O(1)")
    .flags(WRITE)
    .categories(category::KEYSPACE)
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "OW update"),
    ])
    .args("key:key@0 newkey:key@1");

/// `RENAMENX`
pub const RENAMENX: Command = Command::new("renamenx", 3, renamenx)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Renames a key unless the new name exists.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "OW insert"),
    ])
    .args("key:key@0 newkey:key@1");

fn rename(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    move_entry(ctx, args, true)?;
    out.ok();
    Ok(())
}

fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let done = move_entry(ctx, args, false)?;
    out.integer(i64::from(done));
    Ok(())
}

/// Whether the key now has its new name.
fn move_entry(ctx: &mut Ctx<'_>, args: Args<'_>, replace: bool) -> Result<bool, ReplyError> {
    let (from, to) = (args.at(1), args.at(2));
    if ctx.peek(from).is_none() {
        return Err(errors::NO_KEY);
    }
    if from == to {
        return Ok(replace);
    }
    if !replace && ctx.peek(to).is_some() {
        return Ok(false);
    }
    let mut source = ctx.write(from);
    let Some(entry) = source.take() else {
        source.unchanged();
        return Err(errors::NO_KEY);
    };
    source.commit_moved();
    let new = entry.view().kind();
    let mut target = ctx.write(to);
    let old = target.kind();
    target.put(entry);
    target.commit_silent();
    let db = ctx.db();
    ctx.effects().event(Event::generic("rename_from"), db, from);
    ctx.effects().event(Event::generic("rename_to"), db, to);
    if let Some(old) = old {
        ctx.effects().overwritten(db, to, old, new);
    }
    Ok(true)
}
