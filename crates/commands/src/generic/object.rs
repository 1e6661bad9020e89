//! OBJECT: how a value is kept, and how it is used.
//!
//! None of these count as an access: asking for the idle time does not end it. As in Redis they
//! count as hits and misses all the same. Encodings are named as Redis names them, and change when
//! Redis's do.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::{StrRef, ValueRef, clock};
use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{LOADING, READONLY, STALE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `OBJECT`
pub const OBJECT: Command = Command::container(
    "object",
    -2,
    &[
        &OBJECT_ENCODING,
        &OBJECT_FREQ,
        &OBJECT_HELP,
        &OBJECT_IDLETIME,
        &OBJECT_REFCOUNT,
    ],
)
.group(Group::Generic)
.since("2.2.3")
.docs("Looks into how a value is kept.", "");

/// `OBJECT ENCODING`
pub const OBJECT_ENCODING: Command = Command::new("encoding", 3, object_encoding)
    .group(Group::Generic)
    .since("2.2.3")
    .docs("Returns the encoding of a value.", "O(1)")
    .flags(READONLY)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(2, "RO")])
    .args("key:key@0");

/// `OBJECT FREQ`
pub const OBJECT_FREQ: Command = Command::new("freq", 3, object_freq)
    .group(Group::Generic)
    .since("4.0.0")
    .docs("Returns a key's access frequency (LFU).", "O(1)")
    .flags(READONLY)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(2, "RO")])
    .args("key:key@0");

/// `OBJECT HELP`
pub const OBJECT_HELP: Command = Command::new("help", 2, object_help)
    .group(Group::Generic)
    .since("6.2.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::KEYSPACE);

/// `OBJECT IDLETIME`
pub const OBJECT_IDLETIME: Command = Command::new("idletime", 3, object_idletime)
    .group(Group::Generic)
    .since("2.2.3")
    .docs("Returns the seconds since a key was last used.", "O(1)")
    .flags(READONLY)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(2, "RO")])
    .args("key:key@0");

/// `OBJECT REFCOUNT`
pub const OBJECT_REFCOUNT: Command = Command::new("refcount", 3, object_refcount)
    .group(Group::Generic)
    .since("2.2.3")
    .docs("Returns 1, or a large number for small integers.", "O(1)")
    .flags(READONLY)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(2, "RO")])
    .args("key:key@0");

const HELP: &[&str] = &[
    "ENCODING <key>",
    "    How the value of <key> is encoded.",
    "FREQ <key>",
    "    Access frequency of <key>, under an LFU policy.",
    "IDLETIME <key>",
    "    Seconds since <key> was last used, not under an LFU policy.",
    "REFCOUNT <key>",
    "    Number of references to the value of <key>.",
];

fn object_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply("OBJECT", HELP, out);
    Ok(())
}

fn object_encoding(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.find_quietly(args.at(2)) {
        None => out.null(),
        Some(entry) => out.bulk_str(entry.encoding()),
    }
    Ok(())
}

/// Values are never shared. Small integers, which live in the entry and own no memory, count as
/// Redis's shared ones: it shares none where eviction needs an object's own clock.
fn object_refcount(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    const SHARED: i64 = i32::MAX as i64;
    let settings = &ctx.server.settings;
    let may_share =
        settings.maxmemory.load(Relaxed) == 0 || !settings.maxmemory_policy.read().uses_clock();
    match ctx.find_quietly(args.at(2)).map(|entry| entry.value()) {
        None => out.null(),
        Some(ValueRef::Str(StrRef::Int(0..=9999))) if may_share => out.integer(SHARED),
        Some(_) => out.integer(1),
    }
    Ok(())
}

fn object_idletime(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.find_quietly(args.at(2)) {
        None => out.null(),
        Some(_) if clock::mode() == clock::ClockMode::Lfu => {
            return Err(errors::keys::OBJECT_IDLETIME_UNDER_LFU);
        }
        Some(entry) => out.integer(clock::idle_seconds(entry.clock(), ctx.now_ms()).into()),
    }
    Ok(())
}

fn object_freq(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.find_quietly(args.at(2)) {
        None => out.null(),
        Some(_) if clock::mode() != clock::ClockMode::Lfu => {
            return Err(errors::keys::OBJECT_FREQ_WITHOUT_LFU);
        }
        Some(entry) => out.integer(clock::lfu_counter(entry.clock(), ctx.now_ms()).into()),
    }
    Ok(())
}
