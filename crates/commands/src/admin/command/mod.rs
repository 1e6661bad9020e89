//! COMMAND: what the commands are.
//!
//! Everything is read off the command table; nothing about a command is known here.

mod describe;
mod document;
mod keys;
mod list;

use resp::{Args, ReplyWriter};

use crate::command::flag::{LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::table::{CommandId, NO_COMMAND};

/// `COMMAND`
pub const COMMAND: Command = Command {
    handler: describe::command,
    ..Command::container(
        "command",
        -1,
        &[
            &COMMAND_COUNT,
            &document::COMMAND_DOCS,
            &keys::COMMAND_GETKEYS,
            &keys::COMMAND_GETKEYSANDFLAGS,
            &COMMAND_HELP,
            &describe::COMMAND_INFO,
            &list::COMMAND_LIST,
        ],
    )
    .group(Group::Server)
    .since("2.8.13")
    .docs(
        "Describes all commands.",
        "O(N) where N is the number of commands",
    )
    .flags(LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output_order"])
};

/// `COMMAND COUNT`
pub const COMMAND_COUNT: Command = Command::new("count", 2, command_count)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Counts the commands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::CONNECTION);

/// `COMMAND HELP`
pub const COMMAND_HELP: Command = Command::new("help", 2, command_help)
    .group(Group::Server)
    .since("5.0.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::CONNECTION);

fn command_count(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.server.table.callable().count() as i64);
    Ok(())
}

fn command_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "COMMAND",
        &[
            "(no subcommand)",
            "    Describe every command.",
            "COUNT",
            "    Count the commands of this server.",
            "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
            "    Name the commands of this server, or some of them.",
            "INFO [<command-name> ...]",
            "    Describe these commands, or all.",
            "DOCS [<command-name> ...]",
            "    Document these commands, or all.",
            "GETKEYS <full-command>",
            "    Pick the keys out of a command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Pick the keys out of a command, with what it does to each.",
        ],
        out,
    );
    Ok(())
}

/// The commands that the arguments from `from` on name, unknown ones included; all commands where
/// there are no such arguments.
fn named(ctx: &Ctx<'_>, args: Args<'_>, from: usize) -> Vec<CommandId> {
    let table = &ctx.server.table;
    if args.len() <= from {
        return table.callable().collect();
    }
    args.from(from)
        .iter()
        .map(|name| table.find_full(name))
        .collect()
}

fn is_known(id: &CommandId) -> bool {
    *id != NO_COMMAND
}

/// A set of simple strings.
fn simple_set<'a>(out: &mut ReplyWriter<'_>, words: impl Iterator<Item = &'a str>) {
    let words: Vec<&str> = words.collect();
    out.set(words.len());
    words.iter().for_each(|word| out.simple(word));
}

#[cfg(test)]
mod tests;
