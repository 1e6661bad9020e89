//! COMMAND and COMMAND INFO: ten facts about each command.
//!
//! The form is dictated by <https://redis.io/docs/latest/commands/command/>.

use resp::{Args, ReplyWriter};

use crate::command::flag::{self, LOADING, STALE};
use crate::command::{Begin, Command, Find, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::table::{CommandId, NO_COMMAND, Table};

/// `COMMAND INFO`
pub const COMMAND_INFO: Command = Command::new("info", -2, command_info)
    .group(Group::Server)
    .since("2.8.13")
    .docs(
        "Describes some commands, or all.",
        "O(N) where N is the number of commands asked for",
    )
    .flags(LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output_order"])
    .args("command-name?*");

pub(super) fn command(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    command_info(ctx, args, out)
}

fn command_info(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let ids = super::named(ctx, args, 2);
    out.array(ids.len());
    for id in ids {
        describe(&ctx.server.table, id, out);
    }
    Ok(())
}

fn describe(table: &Table, id: CommandId, out: &mut ReplyWriter<'_>) {
    if id == NO_COMMAND {
        return out.null();
    }
    let entry = table.entry(id);
    let command = entry.command;
    out.array(10);
    out.bulk_str(&entry.full_name);
    out.integer(i64::from(command.arity));
    flags(command, out);
    let (first, last, step) = command.legacy_range();
    [first, last, step]
        .iter()
        .for_each(|n| out.integer(i64::from(*n)));
    categories(command, out);
    out.set(command.tips.len());
    command.tips.iter().for_each(|tip| out.bulk_str(tip));
    out.set(command.keys.len());
    command.keys.iter().for_each(|spec| key_spec(spec, out));
    // Redis: an array, but if there are none an empty set.
    match entry.children.len() {
        0 => out.set(0),
        len => out.array(len),
    }
    entry
        .children
        .iter()
        .for_each(|child| describe(table, *child, out));
}

fn flags(command: &Command, out: &mut ReplyWriter<'_>) {
    let movable = if command.has_movable_keys() {
        flag::MOVABLE_KEYS
    } else {
        0
    };
    let bits = command.flags | movable;
    let shown = flag::NAMES.iter().filter(|(bit, _)| bits & bit != 0);
    super::simple_set(out, shown.map(|(_, name)| *name));
}

fn categories(command: &Command, out: &mut ReplyWriter<'_>) {
    let bits = command.acl();
    let names = category::NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 != 0);
    let names: Vec<String> = names.map(|(_, name)| format!("@{name}")).collect();
    super::simple_set(out, names.iter().map(String::as_str));
}

/// The flags of key specs, in the order in which they are shown.
const KEY_FLAGS: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

/// The flags of a key spec as a set.
pub(super) fn key_flags(flags: &str, out: &mut ReplyWriter<'_>) {
    let is_set = |name: &&str| flags.split_whitespace().any(|flag| flag == *name);
    super::simple_set(out, KEY_FLAGS.into_iter().filter(is_set));
}

fn key_spec(spec: &KeySpec, out: &mut ReplyWriter<'_>) {
    out.map(if spec.notes.is_empty() { 3 } else { 4 });
    if !spec.notes.is_empty() {
        out.bulk_str("notes");
        out.bulk_str(spec.notes);
    }
    out.bulk_str("flags");
    key_flags(spec.flags, out);
    out.bulk_str("begin_search");
    match spec.begin {
        Begin::Index(at) => search(out, "index", &[("index", at)]),
        Begin::Unknown => search(out, "unknown", &[]),
        Begin::Keyword(word, from) => {
            search_head(out, "keyword", 2);
            out.bulk_str("keyword");
            out.bulk_str(word);
            out.bulk_str("startfrom");
            out.integer(i64::from(from));
        }
    }
    out.bulk_str("find_keys");
    match spec.find {
        Find::Unknown => search(out, "unknown", &[]),
        Find::Range { last, step, limit } => {
            search(
                out,
                "range",
                &[("lastkey", last), ("keystep", step), ("limit", limit)],
            );
        }
        Find::KeyNum {
            keynum,
            first,
            step,
        } => {
            search(
                out,
                "keynum",
                &[
                    ("keynumidx", keynum),
                    ("firstkey", first),
                    ("keystep", step),
                ],
            );
        }
    }
}

fn search_head(out: &mut ReplyWriter<'_>, kind: &str, fields: usize) {
    out.map(2);
    out.bulk_str("type");
    out.bulk_str(kind);
    out.bulk_str("spec");
    out.map(fields);
}

fn search(out: &mut ReplyWriter<'_>, kind: &str, fields: &[(&str, i32)]) {
    search_head(out, kind, fields.len());
    for (name, value) in fields {
        out.bulk_str(name);
        out.integer(i64::from(*value));
    }
}
