//! Giving fields an expiry: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT.
//!
//! The reply has for each field 1: set, 0: the condition does not hold, 2: deleted, because the
//! time has passed, -2: no such field.

use datatypes::Hash;
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::event;
use super::fields::{self, EXPIRE_AT_MAX_MS, Names};
use crate::collection::{self, parse_int};
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::generic::expire::Conditions;

/// `HEXPIRE`
pub const HEXPIRE: Command = Command::new("hexpire", -6, hexpire)
    .group(Group::Hash)
    .since("7.4.0")
    .docs("Sets the expiry of fields in seconds from now.", "O(N)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 seconds:integer condition?(nx=NX! | xx=XX! | gt=GT! | lt=LT!) \
         fields=FIELDS{numfields:integer field*}",
    );

/// `HPEXPIRE`
pub const HPEXPIRE: Command = Command::new("hpexpire", -6, hpexpire)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Sets the expiry of fields in milliseconds from now.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 milliseconds:integer condition?(nx=NX! | xx=XX! | gt=GT! | lt=LT!) \
         fields=FIELDS{numfields:integer field*}",
    );

/// `HEXPIREAT`
pub const HEXPIREAT: Command = Command::new("hexpireat", -6, hexpireat)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Sets the expiry of fields to a Unix time in seconds.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 unix-time-seconds:unix-time condition?(nx=NX! | xx=XX! | gt=GT! | lt=LT!) \
         fields=FIELDS{numfields:integer field*}",
    );

/// `HPEXPIREAT`
pub const HPEXPIREAT: Command = Command::new("hpexpireat", -6, hpexpireat)
    .group(Group::Hash)
    .since("7.4.0")
    .docs(
        "Sets the expiry of fields to a Unix time in milliseconds.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 unix-time-milliseconds:unix-time condition?(nx=NX! | xx=XX! | gt=GT! | lt=LT!) \
         fields=FIELDS{numfields:integer field*}",
    );

fn hexpire(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let base_ms = ctx.now_ms();
    change(ctx, args, (1000, base_ms), out)
}

fn hpexpire(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let base_ms = ctx.now_ms();
    change(ctx, args, (1, base_ms), out)
}

fn hexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    change(ctx, args, (1000, 0), out)
}

fn hpexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    change(ctx, args, (1, 0), out)
}

fn time(ctx: &Ctx<'_>, text: &[u8], (unit, base_ms): (i64, i64)) -> Result<i64, ReplyError> {
    let number = parse_int(text)?;
    if number < 0 {
        return Err(errors::hash::EXPIRE_NEGATIVE);
    }
    let at_ms = number
        .checked_mul(unit)
        .and_then(|ms| ms.checked_add(base_ms));
    at_ms
        .filter(|at_ms| *at_ms <= EXPIRE_AT_MAX_MS)
        .ok_or_else(|| errors::invalid_expire(ctx.command().name))
}

fn change(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    unit: (i64, i64),
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let at_ms = time(ctx, args.at(2), unit)?;
    let (conditions, fields_at) = match Conditions::parse(Args::new(&[args.at(3)])) {
        Ok(conditions) => (conditions, 4),
        Err(_) => (Conditions::default(), 3),
    };
    let names = fields::parse(args.from(fields_at), 1, errors::hash::NUMFIELDS_ZERO)?;
    let is_past = fields::is_past(ctx, at_ms);
    let mut key = ctx.write_hash(args.at(1));
    let (mut set, mut deleted) = (Names::new(), Names::new());
    let Some(hash) = collection::open::<Hash>(&mut key)? else {
        out.array(names.len());
        names.iter().for_each(|_| out.integer(-2));
        return Ok(());
    };
    let due = hash.next_due();
    out.array(names.len());
    for name in names.iter() {
        out.integer(match hash.field(name) {
            None => -2,
            Some(field) if !conditions.hold(field.expire_at, at_ms) => 0,
            Some(_) if is_past => {
                hash.delete(name);
                deleted.push(name);
                2
            }
            Some(_) => {
                hash.set_expiry(name, Some(at_ms.max(1)));
                set.push(name);
                1
            }
        });
    }
    if !set.is_empty() {
        key.file_fields(due);
        key.commit_n(event("hexpire"), set.len() as u64);
    } else if !deleted.is_empty() {
        collection::commit_removal::<Hash>(key, event("hdel"), deleted.len() as u64);
    } else {
        key.commit_nothing();
    }
    fields::log_expiry(ctx, args.at(1), at_ms, &set);
    fields::log_deletion(ctx, args.at(1), &deleted);
    Ok(())
}
