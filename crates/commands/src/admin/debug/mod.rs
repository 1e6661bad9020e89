//! DEBUG: what tests and the curious need, and nobody else should use.
//!
//! It is one command with a list of subcommands that only it knows, as in Redis; HELP is read off
//! the same list. All of it runs with every shard locked: DEBUG is rare, and a sleeping server
//! must answer no command that touches a key (see [`process::sleep`]).
//! `enable-debug-command` decides who may use it (checked in [`crate::admit`]).

mod digest;
mod object;
mod populate;
mod process;
mod protocol;
mod switches;

use std::ops::RangeInclusive;

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, ALL_SHARDS, LOADING, NOSCRIPT, PROTECTED_DEBUG, STALE, SYSCMD};
use crate::command::{Command, Group, Handler};
use crate::ctx::{CmdResult, Ctx};

pub use switches::Switches;

/// `DEBUG`
pub const DEBUG: Command = Command::new("debug", -2, debug)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Does what only tests and developers need.",
        "Depends on subcommand.",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED_DEBUG | SYSCMD | ALL_SHARDS);

/// One subcommand.
struct Sub {
    syntax: &'static str,
    about: &'static [&'static str],
    /// Number of arguments, DEBUG and the subcommand's name included.
    args: RangeInclusive<usize>,
    run: Handler,
}

const MANY: usize = usize::MAX;

const fn sub(
    syntax: &'static str,
    args: RangeInclusive<usize>,
    run: Handler,
    about: &'static [&'static str],
) -> Sub {
    Sub {
        syntax,
        about,
        args,
        run,
    }
}

const SUBCOMMANDS: &[Sub] = &[
    sub(
        "AOF-FLUSH-SLEEP <microseconds>",
        3..=3,
        switches::aof_flush_sleep,
        &["Wait so long before the append-only file is written."],
    ),
    sub(
        "ASSERT",
        2..=MANY,
        process::assert,
        &["Crash with a failed assertion."],
    ),
    sub(
        "AWAY-THRESHOLD <nanoseconds>",
        3..=3,
        switches::away_threshold,
        &["Estimated time from which on a command leaves its worker; -1 restores the default."],
    ),
    sub(
        "CHANGE-REPL-ID",
        2..=2,
        switches::change_repl_id,
        &["Take a new replication id."],
    ),
    sub(
        "CLIENT-EVICTION",
        2..=2,
        switches::client_eviction,
        &["Show the pools of clients by memory, where maxmemory-clients is set."],
    ),
    sub(
        "CONFIG-REWRITE-FORCE-ALL",
        2..=2,
        switches::config_rewrite_force_all,
        &["CONFIG REWRITE with every directive, defaults included."],
    ),
    sub(
        "CRASH-AND-RECOVER [<milliseconds>]",
        2..=MANY,
        process::crash_and_recover,
        &["Crash and start again after a while (default 0)."],
    ),
    sub(
        "DIGEST",
        2..=2,
        digest::digest,
        &["A signature of all data, in hexadecimal digits."],
    ),
    sub(
        "DIGEST-VALUE <key> [<key> ...]",
        2..=MANY,
        digest::digest_value,
        &["A signature of each key's value, in hexadecimal digits."],
    ),
    sub(
        "ERROR <string>",
        3..=3,
        protocol::error,
        &["Answer this error."],
    ),
    sub(
        "HOLD-SHARD <key> <seconds>",
        4..=4,
        process::hold_shard,
        &["Lock a key's shard for so long, from a thread of its own; answers at once."],
    ),
    sub(
        "HTSTATS <dbid>",
        3..=3,
        object::htstats,
        &["Figures about a database's tables."],
    ),
    sub(
        "HTSTATS-KEY <key>",
        3..=3,
        object::htstats_key,
        &["Figures about a value's table."],
    ),
    sub(
        "LEAK <string>",
        3..=3,
        process::leak,
        &["Forget a copy of the string in memory."],
    ),
    sub(
        "LISTPACK <key>",
        3..=3,
        object::listpack,
        &["Log the listpack that a value is."],
    ),
    sub(
        "LOADAOF",
        2..=2,
        process::loadaof,
        &["Load the append-only file anew."],
    ),
    sub(
        "LOG <message>",
        3..=3,
        process::log,
        &["Write a message to the server's log."],
    ),
    sub(
        "OBJECT <key>",
        3..=3,
        object::object,
        &["Show how a value is stored."],
    ),
    sub(
        "OOM",
        2..=MANY,
        process::out_of_memory,
        &["Crash for lack of memory."],
    ),
    sub("PANIC", 2..=MANY, process::panic, &["Crash with a panic."]),
    sub(
        "PAUSE-CRON <0|1>",
        3..=3,
        switches::pause_cron,
        &["Stop the periodic tasks, or not."],
    ),
    sub(
        "PINS <key>",
        3..=3,
        object::pins,
        &["How many read a key's value at this moment without holding its shard."],
    ),
    sub(
        "POPULATE <count> [<prefix>] [<size>]",
        3..=5,
        populate::populate,
        &[
            "Create strings named <prefix>:<number> (prefix: key), of so many bytes if a size is",
            "given. They are not propagated.",
        ],
    ),
    sub(
        "PROTOCOL <type>",
        3..=3,
        protocol::protocol,
        &[
            "Answer a value of a type: string, integer, double, bignum, null, array, set, map,",
            "attrib, push, verbatim, true, false.",
        ],
    ),
    sub(
        "QUICKLIST-PACKED-THRESHOLD <size>",
        3..=3,
        switches::quicklist_packed_threshold,
        &["Size from which elements of lists get nodes of their own; 0 restores the default."],
    ),
    sub(
        "RELOAD [option ...]",
        2..=MANY,
        process::reload,
        &["Save and load all data (options: MERGE, NOFLUSH, NOSAVE)."],
    ),
    sub(
        "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time>",
        4..=4,
        switches::replybuffer,
        &["Milliseconds for which the peak use of a client's reply buffer counts."],
    ),
    sub(
        "REPLYBUFFER RESIZING <0|1>",
        4..=4,
        switches::replybuffer,
        &["Whether reply buffers are sized to their use."],
    ),
    sub(
        "RESTART [<milliseconds>]",
        2..=MANY,
        process::restart,
        &["Save, end, and start again after a while (default 0)."],
    ),
    sub(
        "SDSLEN <key>",
        3..=3,
        object::sdslen,
        &["Show the lengths of a key and its string."],
    ),
    sub(
        "SEGFAULT",
        2..=MANY,
        process::segfault,
        &["Crash with a memory fault."],
    ),
    sub(
        "SET-ACTIVE-EXPIRE <0|1>",
        3..=3,
        switches::set_active_expire,
        &["Whether expired keys are deleted before somebody looks at them."],
    ),
    sub(
        "SET-DISABLE-DENY-SCRIPTS <0|1>",
        3..=3,
        switches::set_disable_deny_scripts,
        &["Whether scripts may run commands that are not for scripts."],
    ),
    sub(
        "SHARD <key>",
        3..=3,
        object::shard,
        &["The number of a key's shard."],
    ),
    sub(
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        3..=3,
        switches::set_skip_checksum_validation,
        &["Whether checksums of dumps are ignored."],
    ),
    sub(
        "SLEEP <seconds>",
        3..=3,
        process::sleep,
        &["Stop for so long; fractions are fine."],
    ),
    sub(
        "STRINGMATCH-LEN <pattern> <string>",
        4..=4,
        protocol::stringmatch_len,
        &["Whether a string matches a glob."],
    ),
    sub(
        "STRUCTSIZE",
        2..=2,
        object::structsize,
        &["Sizes of the main structures."],
    ),
];

fn debug(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() == 2 && args.at(1).eq_ignore_ascii_case(b"help") {
        let about = |sub: &Sub| sub.about.iter().map(|line| format!("    {line}"));
        let lines = |sub: &Sub| std::iter::once(sub.syntax.to_owned()).chain(about(sub));
        let lines: Vec<String> = SUBCOMMANDS.iter().flat_map(lines).collect();
        crate::help::reply(
            "DEBUG",
            &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            out,
        );
        return Ok(());
    }
    let is_it = |sub: &&Sub| {
        let name = sub.syntax.split(' ').next().unwrap_or_default();
        name.as_bytes().eq_ignore_ascii_case(args.at(1)) && sub.args.contains(&args.len())
    };
    match SUBCOMMANDS.iter().find(is_it) {
        Some(sub) => (sub.run)(ctx, args, out),
        None => Err(errors::subcommand_syntax("debug", args.at(1))),
    }
}
