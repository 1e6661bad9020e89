//! LATENCY: spikes by event, and how long each command takes.
//!
//! Spikes are recorded by [`crate::latency`], durations by [`crate::stats`]; here they are shown.

mod doctor;
mod graph;
mod histogram;

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

const TIPS: &[&str] = &[
    "nondeterministic_output",
    "request_policy:all_nodes",
    "response_policy:special",
];

/// `LATENCY`
pub const LATENCY: Command = Command::container(
    "latency",
    -2,
    &[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HELP,
        &histogram::LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ],
)
.group(Group::Server)
.since("2.8.13")
.docs("Shows what was slow.", "Depends on subcommand.");

/// `LATENCY DOCTOR`
pub const LATENCY_DOCTOR: Command = Command::new("doctor", 2, latency_doctor)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Returns a report on spikes, in words.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(TIPS);

/// `LATENCY GRAPH`
pub const LATENCY_GRAPH: Command = Command::new("graph", 3, latency_graph)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Draws the spikes of an event.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(TIPS)
    .args("event");

/// `LATENCY HELP`
pub const LATENCY_HELP: Command = Command::new("help", 2, latency_help)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `LATENCY HISTORY`
pub const LATENCY_HISTORY: Command = Command::new("history", 3, latency_history)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Returns the spikes of an event.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(TIPS)
    .args("event");

/// `LATENCY LATEST`
pub const LATENCY_LATEST: Command = Command::new("latest", 2, latency_latest)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Returns the latest spike of every event.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(TIPS);

/// `LATENCY RESET`
pub const LATENCY_RESET: Command = Command::new("reset", -2, latency_reset)
    .group(Group::Server)
    .since("2.8.13")
    .docs("Forgets the spikes of some events, or all.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args("event?*");

fn latency_doctor(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.verbatim(b"txt", doctor::report(ctx.server).as_bytes());
    Ok(())
}

fn latency_graph(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let event = args.at(2);
    let series = ctx.server.latency.series(event);
    let series = series.ok_or_else(|| errors::debug::no_samples(event))?;
    let name = String::from_utf8_lossy(event);
    out.verbatim(
        b"txt",
        graph::draw(&name, &series, ctx.now_ms() / 1000).as_bytes(),
    );
    Ok(())
}

fn latency_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "LATENCY",
        &[
            "DOCTOR",
            "    A report on spikes, in words.",
            "GRAPH <event>",
            "    The spikes of an event, drawn.",
            "HISTORY <event>",
            "    The spikes of an event: Unix time and milliseconds.",
            "LATEST",
            "    The latest spike of every event.",
            "RESET [<event> ...]",
            "    Forget the spikes of these events, or all.",
            "HISTOGRAM [<command> ...]",
            "    How long these commands took, or all, cumulated.",
        ],
        out,
    );
    Ok(())
}

fn latency_history(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let samples = ctx
        .server
        .latency
        .series(args.at(2))
        .unwrap_or_default()
        .samples;
    out.array(samples.len());
    for (time_s, ms) in samples {
        out.array(2);
        out.integer(time_s);
        out.integer(ms as i64);
    }
    Ok(())
}

fn latency_latest(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let events = ctx.server.latency.all();
    out.array(events.len());
    for (name, series) in events {
        let (time_s, ms) = series.samples.back().copied().unwrap_or_default();
        out.array(4);
        out.bulk_str(name);
        out.integer(time_s);
        out.integer(ms as i64);
        out.integer(series.max_ms as i64);
    }
    Ok(())
}

fn latency_reset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.server.latency.reset(args.from(2).as_slice()) as i64);
    Ok(())
}
