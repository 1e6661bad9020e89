//! HOTKEYS: sessions that find the keys which take the most time and traffic (Redis 8.6).
//!
//! What is measured, and how, is the business of [`crate::hotkeys`]; this is the command.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::hotkeys::{Plan, Report};

/// Keys shown unless told otherwise, and at most.
const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: i64 = 64;
/// Metrics that there are.
const METRICS_MAX: i64 = 2;
/// The longest session, in seconds.
const DURATION_MAX_S: i64 = 1_000_000;
/// The last slot of a cluster.
const SLOT_MAX: i64 = 16_383;

/// `HOTKEYS`
pub const HOTKEYS: Command = Command::container(
    "hotkeys",
    -2,
    &[
        &HOTKEYS_GET,
        &HOTKEYS_HELP,
        &HOTKEYS_RESET,
        &HOTKEYS_START,
        &HOTKEYS_STOP,
    ],
)
.group(Group::Server)
.since("8.6.0")
.docs("Finds the busiest keys.", "Depends on subcommand.");

/// `HOTKEYS GET`
pub const HOTKEYS_GET: Command = Command::new("get", 2, hotkeys_get)
    .group(Group::Server)
    .since("8.6.0")
    .docs(
        "Returns the busiest keys of the session.",
        "O(K) where K is the number of keys returned",
    )
    .flags(ADMIN | NOSCRIPT);

/// `HOTKEYS HELP`
pub const HOTKEYS_HELP: Command = Command::new("help", 2, hotkeys_help)
    .group(Group::Server)
    .since("8.6.1")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `HOTKEYS RESET`
pub const HOTKEYS_RESET: Command = Command::new("reset", 2, hotkeys_reset)
    .group(Group::Server)
    .since("8.6.0")
    .docs("Forgets a session that has ended.", "O(1)")
    .flags(ADMIN | NOSCRIPT);

/// `HOTKEYS START`
pub const HOTKEYS_START: Command = Command::new("start", -2, hotkeys_start)
    .group(Group::Server)
    .since("8.6.0")
    .docs("Begins to measure.", "O(1)")
    .flags(ADMIN | NOSCRIPT)
    .args(
        "metrics=METRICS{count:integer cpu=CPU!? net=NET!?} k:integer=COUNT? \
         seconds:integer=DURATION? ratio:integer=SAMPLE? \
         slots=SLOTS?{count:integer slot:integer*}",
    );

/// `HOTKEYS STOP`
pub const HOTKEYS_STOP: Command = Command::new("stop", 2, hotkeys_stop)
    .group(Group::Server)
    .since("8.6.0")
    .docs("Ends the session and keeps its figures.", "O(1)")
    .flags(ADMIN | NOSCRIPT);

/// The process's system and user time, ms.
fn process_ms(ctx: &Ctx<'_>) -> [u64; 2] {
    let host = ctx.server.host();
    host.map_or([0, 0], |host| host.process_ms())
}

fn hotkeys_start(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (now_ms, hotkeys) = (ctx.now_ms(), &ctx.server.hotkeys);
    if hotkeys.is_active(now_ms) {
        return Err(errors::debug::HOTKEYS_STARTED);
    }
    if !hotkeys.start(parse(args)?, now_ms, process_ms(ctx)) {
        return Err(errors::debug::HOTKEYS_STARTED);
    }
    out.ok();
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Plan, ReplyError> {
    let is_metrics = |word: &[u8]| word.eq_ignore_ascii_case(b"METRICS");
    if args.len() < 4 || !is_metrics(args.at(2)) {
        return Err(errors::debug::HOTKEYS_METRICS);
    }
    let count = number(
        args.at(3),
        1,
        METRICS_MAX,
        errors::debug::HOTKEYS_METRICS_COUNT,
    )?;
    let options = 4 + count as usize;
    let (cpu, net) = metrics(args, options)?;
    let mut plan = Plan {
        cpu,
        net,
        count: COUNT_DEFAULT,
        duration_ms: None,
        sample: 1,
    };
    let mut at = options;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("SLOTS") {
            return Err(errors::debug::HOTKEYS_SLOTS);
        }
        let value = args.get(at + 1).ok_or(errors::SYNTAX)?;
        if is("COUNT") {
            plan.count = number(value, 1, COUNT_MAX, errors::debug::HOTKEYS_COUNT)? as usize;
        } else if is("DURATION") {
            let error = errors::debug::HOTKEYS_DURATION;
            plan.duration_ms = Some(number(value, 1, DURATION_MAX_S, error)? * 1000);
        } else if is("SAMPLE") {
            let error = errors::debug::HOTKEYS_SAMPLE;
            plan.sample = number(value, 1, i32::MAX.into(), error)? as u64;
        } else {
            return Err(errors::SYNTAX);
        }
        at += 2;
    }
    Ok(plan)
}

/// Which metrics stand before `end`. Unknown ones are passed over, for clients that know more.
fn metrics(args: Args<'_>, end: usize) -> Result<(bool, bool), ReplyError> {
    let (mut cpu, mut net) = (false, false);
    for at in 4..end {
        let word = args.get(at).ok_or(errors::debug::HOTKEYS_MISMATCH)?;
        if word.eq_ignore_ascii_case(b"CPU") {
            if std::mem::replace(&mut cpu, true) {
                return Err(errors::debug::HOTKEYS_CPU_TWICE);
            }
        } else if word.eq_ignore_ascii_case(b"NET") && std::mem::replace(&mut net, true) {
            return Err(errors::debug::HOTKEYS_NET_TWICE);
        }
    }
    if cpu || net {
        Ok((cpu, net))
    } else {
        Err(errors::debug::HOTKEYS_NO_METRICS)
    }
}

fn number(text: &[u8], min: i64, max: i64, error: ReplyError) -> Result<i64, ReplyError> {
    let number = common::number::parse_i64(text);
    number.filter(|n| (min..=max).contains(n)).ok_or(error)
}

fn hotkeys_stop(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.server.hotkeys.stop(ctx.now_ms(), process_ms(ctx)) {
        out.ok();
    } else {
        out.null();
    }
    Ok(())
}

fn hotkeys_reset(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if !ctx.server.hotkeys.reset(ctx.now_ms()) {
        return Err(errors::debug::HOTKEYS_IN_PROGRESS);
    }
    out.ok();
    Ok(())
}

/// The report is a map, alone in an array.
fn hotkeys_get(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.server.hotkeys.report(ctx.now_ms(), process_ms(ctx)) {
        None => out.null(),
        Some(report) => {
            out.array(1);
            write(&report, out);
        }
    }
    Ok(())
}

fn write(report: &Report, out: &mut ReplyWriter<'_>) {
    let (cpu, net) = (report.plan.cpu, report.plan.net);
    out.map(7 + 3 * usize::from(cpu) + 2 * usize::from(net));
    field("tracking-active", report.is_active.into(), out);
    field("sample-ratio", report.plan.sample, out);
    out.bulk_str("selected-slots");
    out.array(1);
    out.array(2);
    out.integer(0);
    out.integer(SLOT_MAX);
    field("all-commands-all-slots-us", report.total_us, out);
    field("net-bytes-all-commands-all-slots", report.total_bytes, out);
    field("collection-start-time-unix-ms", report.start_ms as u64, out);
    field("collection-duration-ms", report.duration_ms as u64, out);
    if cpu {
        field("total-cpu-time-user-ms", report.process_ms[1], out);
        field("total-cpu-time-sys-ms", report.process_ms[0], out);
    }
    if net {
        field("total-net-bytes", report.total_bytes, out);
    }
    if cpu {
        write_keys("by-cpu-time-us", &report.by_cpu, out);
    }
    if net {
        write_keys("by-net-bytes", &report.by_net, out);
    }
}

fn field(name: &str, value: u64, out: &mut ReplyWriter<'_>) {
    out.bulk_str(name);
    out.integer(value as i64);
}

fn write_keys(name: &str, keys: &[(Box<[u8]>, u64)], out: &mut ReplyWriter<'_>) {
    out.bulk_str(name);
    out.array(keys.len() * 2);
    for (key, weight) in keys {
        out.bulk(key);
        out.integer(*weight as i64);
    }
}

fn hotkeys_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "HOTKEYS",
        &[
            "START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]",
            "    Begin to measure the time (CPU) and traffic (NET) of keys. GET shows the <k>",
            "    busiest ones, 10 unless told otherwise; one of <ratio> commands is looked at.",
            "STOP",
            "    End the session. Its figures stay.",
            "GET",
            "    The figures of the session.",
            "RESET",
            "    Forget the figures of a session that has ended.",
        ],
        out,
    );
    Ok(())
}
