//! SLOWLOG: reading and emptying the log of slow commands.
//!
//! What gets into the log, and how it is shortened, is the business of [`crate::slowlog`].

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::slowlog::SlowEntry;

/// Entries that SLOWLOG GET returns unless told otherwise.
const COUNT_DEFAULT: usize = 10;

/// `SLOWLOG`
pub const SLOWLOG: Command = Command::container(
    "slowlog",
    -2,
    &[&SLOWLOG_GET, &SLOWLOG_HELP, &SLOWLOG_LEN, &SLOWLOG_RESET],
)
.group(Group::Server)
.since("2.2.12")
.docs("Reads the log of slow commands.", "Depends on subcommand.");

/// `SLOWLOG GET`
pub const SLOWLOG_GET: Command = Command::new("get", -2, slowlog_get)
    .group(Group::Server)
    .since("2.2.12")
    .docs(
        "Returns the latest slow commands.",
        "O(N) where N is the number of entries returned",
    )
    .flags(ADMIN | LOADING | STALE)
    .tips(&["request_policy:all_nodes", "nondeterministic_output"])
    .args("count:integer?");

/// `SLOWLOG HELP`
pub const SLOWLOG_HELP: Command = Command::new("help", 2, slowlog_help)
    .group(Group::Server)
    .since("6.2.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `SLOWLOG LEN`
pub const SLOWLOG_LEN: Command = Command::new("len", 2, slowlog_len)
    .group(Group::Server)
    .since("2.2.12")
    .docs("Counts the entries of the log.", "O(1)")
    .flags(ADMIN | LOADING | STALE)
    .tips(&[
        "request_policy:all_nodes",
        "response_policy:agg_sum",
        "nondeterministic_output",
    ]);

/// `SLOWLOG RESET`
pub const SLOWLOG_RESET: Command = Command::new("reset", 2, slowlog_reset)
    .group(Group::Server)
    .since("2.2.12")
    .docs("Empties the log.", "O(N) where N is the number of entries")
    .flags(ADMIN | LOADING | STALE)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn slowlog_get(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(errors::subcommand_syntax("slowlog", args.at(1)));
    }
    let entries = ctx.server.slowlog.newest(parse_count(args.get(2))?);
    out.array(entries.len());
    entries.iter().for_each(|entry| write_entry(entry, out));
    Ok(())
}

/// -1 means all.
fn parse_count(text: Option<&[u8]>) -> Result<usize, ReplyError> {
    let Some(text) = text else {
        return Ok(COUNT_DEFAULT);
    };
    match common::number::parse_i64(text) {
        Some(-1) => Ok(usize::MAX),
        Some(n @ 0..) => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
        _ => Err(errors::debug::SLOWLOG_COUNT),
    }
}

fn write_entry(entry: &SlowEntry, out: &mut ReplyWriter<'_>) {
    out.array(6);
    out.integer(entry.id as i64);
    out.integer(entry.time_s);
    out.integer(entry.duration_us as i64);
    out.array(entry.args.len());
    entry.args.iter().for_each(|arg| out.bulk(arg));
    out.bulk_str(&entry.address);
    out.bulk_str(&entry.name);
}

fn slowlog_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    The latest slow commands, 10 unless told otherwise; -1 for all. Each has an",
            "    id, a Unix time, microseconds, arguments, the client's address and name.",
            "LEN",
            "    Count the entries of the log.",
            "RESET",
            "    Empty the log.",
        ],
        out,
    );
    Ok(())
}

fn slowlog_len(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.server.slowlog.len() as i64);
    Ok(())
}

fn slowlog_reset(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    ctx.server.slowlog.reset();
    out.ok();
    Ok(())
}
