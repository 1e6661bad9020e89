//! Fields' expiries: HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST.
//!
//! The reply has for each field -2 where there is no such field, and -1 where it does not expire.

use datatypes::Hash;
use resp::{Args, ReplyWriter, errors};

use super::event;
use super::fields::{self, Names};
use crate::collection;
use crate::command::flag::{FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `HTTL`
pub const HTTL: Command = Command::new("httl", -5, httl)
    .group(Group::Hash)
    .since("7.4.0")
    .docs("Returns the remaining time of fields in seconds.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

/// `HPTTL`
pub const HPTTL: Command = Command::new("hpttl", -5, hpttl)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Returns the remaining time of fields in milliseconds.",
        "O(N)",
    )
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

/// `HEXPIRETIME`
pub const HEXPIRETIME: Command = Command::new("hexpiretime", -5, hexpiretime)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Returns the expiry of fields as a Unix time in seconds.",
        "O(N)",
    )
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

/// `HPEXPIRETIME`
pub const HPEXPIRETIME: Command = Command::new("hpexpiretime", -5, hpexpiretime)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Returns the expiry of fields as a Unix time in milliseconds.",
        "O(N)",
    )
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

/// `HPERSIST`
pub const HPERSIST: Command = Command::new("hpersist", -5, hpersist)
    .group(Group::Hash)
    .since("7.4.0")
    .docs("Removes the expiry of fields.", "O(N)")
    .flags(WRITE | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

fn httl(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let now_ms = ctx.now_ms();
    show(ctx, args, |at_ms| (at_ms - now_ms + 999) / 1000, out)
}

fn hpttl(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let now_ms = ctx.now_ms();
    show(ctx, args, |at_ms| at_ms - now_ms, out)
}

fn hexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    show(ctx, args, |at_ms| (at_ms + 999) / 1000, out)
}

fn hpexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    show(ctx, args, |at_ms| at_ms, out)
}

fn show(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    shown: impl Fn(i64) -> i64,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let names = fields::parse(args.from(2), 1, errors::hash::NUMFIELDS_ZERO)?;
    let hash = ctx.read_hash(args.at(1))?;
    out.array(names.len());
    for name in names.iter() {
        let field = hash.and_then(|hash| hash.field(name));
        out.integer(field.map_or(-2, |field| field.expire_at.map_or(-1, &shown)));
    }
    Ok(())
}

fn hpersist(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let names = fields::parse(args.from(2), 1, errors::hash::NUMFIELDS_ZERO)?;
    let mut key = ctx.write_hash(args.at(1));
    let Some(hash) = collection::open::<Hash>(&mut key)? else {
        out.array(names.len());
        names.iter().for_each(|_| out.integer(-2));
        return Ok(());
    };
    let mut changed = Names::new();
    out.array(names.len());
    for name in names.iter() {
        out.integer(match hash.field(name).map(|field| field.expire_at) {
            None => -2,
            Some(None) => -1,
            Some(Some(_)) => {
                hash.set_expiry(name, None);
                changed.push(name);
                1
            }
        });
    }
    if changed.is_empty() {
        key.commit_nothing();
    } else {
        key.commit_n(event("hpersist"), changed.len() as u64);
    }
    fields::log_persist(ctx, args.at(1), &changed);
    Ok(())
}
