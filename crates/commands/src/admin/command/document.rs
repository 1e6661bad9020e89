//! COMMAND DOCS: the documentation of each command.
//!
//! The form is dictated by <https://redis.io/docs/latest/commands/command-docs/>. Fields that have
//! nothing to say are left out.

use resp::{Args, ReplyWriter};

use crate::command::flag::{self, LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::docs::{self, Argument, Kind};
use crate::table::{CommandId, Table};

/// `COMMAND DOCS`
pub const COMMAND_DOCS: Command = Command::new("docs", -2, command_docs)
    .group(Group::Server)
    .since("7.0.0")
    .docs(
        "Documents some commands, or all.",
        "O(N) where N is the number of commands asked for",
    )
    .flags(LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output_order"])
    .args("command-name?*");

fn command_docs(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut ids = super::named(ctx, args, 2);
    ids.retain(super::is_known);
    document_all(&ctx.server.table, &ids, out);
    Ok(())
}

fn document_all(table: &Table, ids: &[CommandId], out: &mut ReplyWriter<'_>) {
    out.map(ids.len());
    for id in ids {
        out.bulk_str(&table.entry(*id).full_name);
        document(table, *id, out);
    }
}

/// A text field, left out where it is empty.
fn text_field(out: &mut ReplyWriter<'_>, fields: &mut usize, name: &str, text: &str) {
    if !text.is_empty() {
        out.bulk_str(name);
        out.bulk_str(text);
        *fields += 1;
    }
}

fn document(table: &Table, id: CommandId, out: &mut ReplyWriter<'_>) {
    let entry = table.entry(id);
    let command = entry.command;
    let map = out.deferred_map();
    let mut fields = 0;
    text_field(out, &mut fields, "summary", command.summary);
    text_field(out, &mut fields, "since", command.since);
    text_field(out, &mut fields, "group", command.group.name());
    text_field(out, &mut fields, "complexity", command.complexity);
    fields += doc_flags(command, out);
    text_field(out, &mut fields, "deprecated_since", command.deprecated.0);
    text_field(out, &mut fields, "replaced_by", command.deprecated.1);
    if !command.history.is_empty() {
        out.bulk_str("history");
        history(command, out);
        fields += 1;
    }
    // That every command's notation parses is what a test checks.
    let arguments = docs::parse(command.args).unwrap_or_default();
    if !arguments.is_empty() {
        out.bulk_str("arguments");
        write_arguments(&arguments, out);
        fields += 1;
    }
    if !entry.children.is_empty() {
        out.bulk_str("subcommands");
        document_all(table, &entry.children, out);
        fields += 1;
    }
    out.finish_map(map, fields);
}

/// Writes the field `doc_flags` if there are any; the number of fields written.
fn doc_flags(command: &Command, out: &mut ReplyWriter<'_>) -> usize {
    let deprecated = (!command.deprecated.0.is_empty()).then_some("deprecated");
    let internal = command.has(flag::SYSCMD).then_some("syscmd");
    let flags: Vec<&str> = deprecated.into_iter().chain(internal).collect();
    if flags.is_empty() {
        return 0;
    }
    out.bulk_str("doc_flags");
    super::simple_set(out, flags.into_iter());
    1
}

fn history(command: &Command, out: &mut ReplyWriter<'_>) {
    out.set(command.history.len());
    for (since, change) in command.history {
        out.array(2);
        out.bulk_str(since);
        out.bulk_str(change);
    }
}

fn write_arguments(arguments: &[Argument<'_>], out: &mut ReplyWriter<'_>) {
    out.array(arguments.len());
    arguments
        .iter()
        .for_each(|argument| write_argument(argument, out));
}

fn write_argument(argument: &Argument<'_>, out: &mut ReplyWriter<'_>) {
    let map = out.deferred_map();
    let mut fields = 2;
    out.bulk_str("name");
    out.bulk_str(argument.name);
    out.bulk_str("type");
    out.bulk_str(argument.kind.name());
    if let Some(index) = argument.key_spec {
        out.bulk_str("key_spec_index");
        out.integer(index);
        fields += 1;
    }
    for (name, text) in [
        ("token", argument.token),
        ("since", argument.since),
        ("deprecated_since", argument.deprecated_since),
    ] {
        if let Some(text) = text {
            out.bulk_str(name);
            out.bulk_str(text);
            fields += 1;
        }
    }
    let flags: Vec<&str> = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ]
    .iter()
    .filter_map(|(set, name)| set.then_some(*name))
    .collect();
    if !flags.is_empty() {
        out.bulk_str("flags");
        super::simple_set(out, flags.into_iter());
        fields += 1;
    }
    if matches!(argument.kind, Kind::OneOf | Kind::Block) {
        out.bulk_str("arguments");
        write_arguments(&argument.arguments, out);
        fields += 1;
    }
    out.finish_map(map, fields);
}
