//! MEMORY: where the bytes are.
//!
//! What the process uses is counted by the allocator and told by the host; what a key uses is asked
//! of its entry.

mod doctor;
mod stats;
mod usage;

use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyWriter};

use crate::command::flag::{LOADING, STALE, WALKS_SHARDS};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

const TIPS: &[&str] = &[
    "nondeterministic_output",
    "request_policy:all_shards",
    "response_policy:special",
];

/// `MEMORY`
pub const MEMORY: Command = Command::container(
    "memory",
    -2,
    &[
        &MEMORY_DOCTOR,
        &MEMORY_HELP,
        &MEMORY_MALLOC_STATS,
        &MEMORY_PURGE,
        &MEMORY_STATS,
        &usage::MEMORY_USAGE,
    ],
)
.group(Group::Server)
.since("4.0.0")
.docs("Tells where memory is used.", "Depends on subcommand.");

/// `MEMORY DOCTOR`
pub const MEMORY_DOCTOR: Command = Command::new("doctor", 2, memory_doctor)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Returns a report on memory problems, in words.", "O(1)")
    .flags(WALKS_SHARDS)
    .tips(TIPS);

/// `MEMORY HELP`
pub const MEMORY_HELP: Command = Command::new("help", 2, memory_help)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `MEMORY MALLOC-STATS`
pub const MEMORY_MALLOC_STATS: Command = Command::new("malloc-stats", 2, memory_malloc_stats)
    .group(Group::Server)
    .since("4.0.0")
    .docs(
        "Returns the allocator's own statistics, where it has any.",
        "O(1)",
    )
    .tips(TIPS);

/// `MEMORY PURGE`
pub const MEMORY_PURGE: Command = Command::new("purge", 2, memory_purge)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Gives unused memory back to the system.", "O(1)")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);

/// `MEMORY STATS`
pub const MEMORY_STATS: Command = Command::new("stats", 2, memory_stats)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Returns figures about the memory of the server.", "O(1)")
    .flags(WALKS_SHARDS)
    .tips(TIPS);

fn memory_doctor(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let keyspace = super::keyspace::figures(ctx)?;
    let figures = super::host(ctx)?.memory(ctx.server, &keyspace);
    out.verbatim(b"txt", doctor::report(&figures).as_bytes());
    Ok(())
}

fn memory_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "MEMORY",
        &[
            "DOCTOR",
            "    A report on memory problems, in words.",
            "MALLOC-STATS",
            "    The allocator's own statistics, where it has any.",
            "PURGE",
            "    Give unused memory back to the system.",
            "STATS",
            "    Figures about the memory of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Bytes that a key and its value take.",
        ],
        out,
    );
    Ok(())
}

/// The allocator (mimalloc) prints its statistics only to a stream. The answer is the one that
/// Redis gives for such allocators.
fn memory_malloc_stats(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.bulk_str("Stats not supported for the current allocator");
    Ok(())
}

/// The allocator gives pages back by itself after a moment: there is nothing left to ask it for.
fn memory_purge(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    common::memory::release_unused();
    // The other workers do it soon.
    ctx.server.purges.fetch_add(1, Relaxed);
    out.ok();
    Ok(())
}

fn memory_stats(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let keyspace = super::keyspace::figures(ctx)?;
    let figures = super::host(ctx)?.memory(ctx.server, &keyspace);
    stats::write(&figures, &keyspace, out);
    Ok(())
}
