//! TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST.
//!
//! Times are kept in milliseconds since 1970; the replies in seconds are rounded to the nearest, as
//! Redis does. Asking is no access.

use keyspace::Event;
use resp::{Args, ReplyWriter};

use crate::command::flag::{FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `TTL`
pub const TTL: Command = Command::new("ttl", 2, ttl)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Returns a key's remaining seconds.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0");

/// `PTTL`
pub const PTTL: Command = Command::new("pttl", 2, pttl)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Returns a key's remaining milliseconds.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0");

/// `EXPIRETIME`
pub const EXPIRETIME: Command = Command::new("expiretime", 2, expiretime)
    .group(Group::Generic)
    .since("7.0.0")
    .docs(
        "Returns the Unix time in seconds at which a key expires.",
        "O(1)",
    )
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0");

/// `PEXPIRETIME`
pub const PEXPIRETIME: Command = Command::new("pexpiretime", 2, pexpiretime)
    .group(Group::Generic)
    .since("7.0.0")
    .docs(
        "Returns the Unix time in milliseconds at which a key expires.",
        "O(1)",
    )
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0");

/// `PERSIST`
pub const PERSIST: Command = Command::new("persist", 2, persist)
    .group(Group::Generic)
    .since("2.2.0")
    .docs("Takes a key's expiry away.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0");

/// Replies -2 for an absent key, -1 for one without expiry, else what `show` makes of the time.
fn reply(ctx: &Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>, show: fn(i64, i64) -> i64) {
    let answer = match ctx.find(args.at(1)) {
        None => -2,
        Some(entry) => entry
            .expire_at()
            .map_or(-1, |at_ms| show(at_ms, ctx.now_ms())),
    };
    out.integer(answer);
}

fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    // Rounded to the nearest second, as Redis does.
    reply(ctx, args, out, |at_ms, now_ms| {
        (at_ms - now_ms).max(0).saturating_add(500) / 1000
    });
    Ok(())
}

fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, out, |at_ms, now_ms| (at_ms - now_ms).max(0));
    Ok(())
}

fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, out, |at_ms, _| at_ms.saturating_add(500) / 1000);
    Ok(())
}

fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, out, |at_ms, _| at_ms);
    Ok(())
}

fn persist(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(args.at(1));
    let volatile = key.expire_at().is_some();
    if volatile {
        key.set_expiry(None);
        key.commit(Event::generic("persist"));
    } else {
        key.unchanged();
    }
    out.integer(i64::from(volatile));
    Ok(())
}
