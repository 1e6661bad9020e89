//! COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of a given command are keys.
//!
//! Routing and locking find what keys they can; here a command that makes no sense is an error, as
//! in Redis.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{LOADING, NO_MANDATORY_KEYS, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::table::NO_COMMAND;

/// `COMMAND GETKEYS`
pub const COMMAND_GETKEYS: Command = Command::new("getkeys", -4, command_getkeys)
    .group(Group::Server)
    .since("2.8.13")
    .docs(
        "Picks the keys out of a command.",
        "O(N) where N is the number of arguments",
    )
    .flags(LOADING | STALE)
    .categories(category::CONNECTION);

/// `COMMAND GETKEYSANDFLAGS`
pub const COMMAND_GETKEYSANDFLAGS: Command =
    Command::new("getkeysandflags", -4, command_getkeysandflags)
        .group(Group::Server)
        .since("7.0.0")
        .docs(
            "Picks the keys out of a command, with what it does to each.",
            "O(N) where N is the number of arguments",
        )
        .flags(LOADING | STALE)
        .categories(category::CONNECTION);

fn command_getkeys(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let keys = find(ctx, args.from(2))?;
    out.array(keys.len());
    keys.iter().for_each(|(at, _)| out.bulk(args.at(at + 2)));
    Ok(())
}

fn command_getkeysandflags(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let keys = find(ctx, args.from(2))?;
    out.array(keys.len());
    for (at, flags) in keys {
        out.array(2);
        out.bulk(args.at(at + 2));
        super::describe::key_flags(flags, out);
    }
    Ok(())
}

/// The index of each key in the command `line`, with the flags of its key spec.
fn find(ctx: &Ctx<'_>, line: Args<'_>) -> Result<Vec<(usize, &'static str)>, ReplyError> {
    let table = &ctx.server.table;
    let mut id = table.find(line.at(0));
    if id != NO_COMMAND && !table.entry(id).children.is_empty() && line.len() > 1 {
        id = table.find_sub(id, line.at(1));
    }
    if id == NO_COMMAND {
        return Err(errors::GETKEYS_INVALID_COMMAND);
    }
    let command = table.entry(id).command;
    let is_key = |flags: &str| !flags.contains("not_key");
    if command.key_finder.is_none() && !command.keys.iter().any(|spec| is_key(spec.flags)) {
        return Err(errors::GETKEYS_NO_KEYS);
    }
    if !command.arity_ok(line.len()) {
        return Err(errors::GETKEYS_INVALID_ARITY);
    }
    let mut keys = Vec::new();
    if crate::keys::are_sound(command, line) {
        crate::keys::for_each(command, line, &mut |at, flags| {
            if is_key(flags) {
                let flags = command.flag_finder.map_or(flags, |finder| finder(line));
                keys.push((at, flags));
            }
        });
    }
    if keys.is_empty() && !command.has(NO_MANDATORY_KEYS) {
        return Err(errors::GETKEYS_INVALID_ARGUMENTS);
    }
    Ok(keys)
}
