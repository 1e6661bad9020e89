//! COMMAND LIST: the names of the commands, all or filtered.
//!
//! Subcommands are listed behind their container, and filtered by themselves.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::table::{Entry, Table};

/// `COMMAND LIST`
pub const COMMAND_LIST: Command = Command::new("list", -2, command_list)
    .group(Group::Server)
    .since("7.0.0")
    .docs(
        "Names all commands, or those that pass a filter.",
        "O(N) where N is the number of commands",
    )
    .flags(LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output_order"])
    .args("filterby=FILTERBY?(module-name=MODULE | category=ACLCAT | pattern:pattern=PATTERN)");

enum Filter<'a> {
    /// No command belongs to a module: there are none.
    Module,
    /// By the bit of an ACL category; unknown ones have none.
    Category(u64),
    Pattern(&'a [u8]),
}

impl Filter<'_> {
    fn takes(&self, entry: &Entry) -> bool {
        match self {
            Self::Module => false,
            Self::Category(bit) => entry.command.acl() & bit != 0,
            Self::Pattern(glob) => common::glob::matches(glob, entry.full_name.as_bytes(), true),
        }
    }
}

fn parse(args: Args<'_>) -> Result<Option<Filter<'_>>, ReplyError> {
    let rest = args.from(2);
    if rest.is_empty() {
        return Ok(None);
    }
    if rest.len() != 3 || !rest.at(0).eq_ignore_ascii_case(b"filterby") {
        return Err(errors::SYNTAX);
    }
    match rest.at(1).to_ascii_lowercase().as_slice() {
        b"module" => Ok(Some(Filter::Module)),
        b"pattern" => Ok(Some(Filter::Pattern(args.at(4)))),
        b"aclcat" => {
            let is_it = |name: &&str| name.as_bytes().eq_ignore_ascii_case(args.at(4));
            let bit = category::NAMES.iter().position(is_it);
            Ok(Some(Filter::Category(bit.map_or(0, |bit| 1 << bit))))
        }
        _ => Err(errors::SYNTAX),
    }
}

fn command_list(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let filter = parse(args)?;
    let table: &Table = &ctx.server.table;
    let array = out.deferred_array();
    let mut count = 0;
    for id in table.callable() {
        let entry = table.entry(id);
        let children = entry.children.iter().map(|child| table.entry(*child));
        for entry in std::iter::once(entry).chain(children) {
            if filter.as_ref().is_none_or(|filter| filter.takes(entry)) {
                out.bulk_str(&entry.full_name);
                count += 1;
            }
        }
    }
    out.finish_array(array, count);
    Ok(())
}
