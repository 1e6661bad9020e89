//! Counters: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
//!
//! Integers are 64 bits and never wrap: an overflow is an error and leaves the value alone. Floats
//! are computed in 80 bits, as Redis does on x86-64, and their result, not the increment, goes to
//! the log.

use common::long_double::LongDouble;
use common::number::parse_i64;
use keyspace::{Event, StrRef, StrValue, Value, ValueRef};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `INCR`
pub const INCR: Command = Command::new("incr", 2, incr)
    .group(Group::String)
    .since("1.0.0")
    .docs("Adds one to an integer.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0");

/// `DECR`
pub const DECR: Command = Command::new("decr", 2, decr)
    .group(Group::String)
    .since("1.0.0")
    .docs("Takes one from an integer.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0");

/// `INCRBY`
pub const INCRBY: Command = Command::new("incrby", 3, incrby)
    .group(Group::String)
    .since("1.0.0")
    .docs("Adds to an integer.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 increment:integer");

/// `DECRBY`
pub const DECRBY: Command = Command::new("decrby", 3, decrby)
    .group(Group::String)
    .since("1.0.0")
    .docs("Takes from an integer.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 decrement:integer");

/// `INCRBYFLOAT`
pub const INCRBYFLOAT: Command = Command::new("incrbyfloat", 3, incrbyfloat)
    .group(Group::String)
    .since("2.6.0")
    .docs("Adds to a number.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 increment:double");

fn incr(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    add(ctx, args.at(1), 1, out)
}

fn decr(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    add(ctx, args.at(1), -1, out)
}

fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let by = parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    add(ctx, args.at(1), by, out)
}

fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let by = parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    add(
        ctx,
        args.at(1),
        by.checked_neg().ok_or(errors::string::DECREMENT_OVERFLOW)?,
        out,
    )
}

fn add(ctx: &mut Ctx<'_>, name: &[u8], by: i64, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(name);
    let sum = integer(key.value()).and_then(|n| n.checked_add(by).ok_or(errors::OVERFLOW));
    match sum {
        Err(error) => {
            key.unchanged();
            Err(error)
        }
        Ok(sum) => {
            key.update_value(Value::int(sum));
            key.commit(Event::string("incrby"));
            out.integer(sum);
            Ok(())
        }
    }
}

/// The value as an integer; an absent one is zero.
pub(crate) fn integer(value: Option<ValueRef<'_>>) -> Result<i64, ReplyError> {
    match value {
        None => Ok(0),
        Some(ValueRef::Str(text)) => text.to_i64().ok_or(errors::NOT_INTEGER),
        Some(_) => Err(errors::WRONGTYPE),
    }
}

/// The value as an 80-bit float; an absent one is zero.
pub(crate) fn long_double(value: Option<ValueRef<'_>>) -> Result<LongDouble, ReplyError> {
    match value {
        None => Ok(LongDouble::from(0)),
        Some(ValueRef::Str(StrRef::Int(n))) => Ok(LongDouble::from(n)),
        Some(ValueRef::Str(text)) => {
            LongDouble::parse(text.as_bytes(&mut None)).ok_or(errors::NOT_FLOAT)
        }
        Some(_) => Err(errors::WRONGTYPE),
    }
}

fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    // The value is looked at before the increment: its type decides which error is first.
    let value = long_double(ctx.peek(args.at(1)).map(|entry| entry.value()))?;
    let by = LongDouble::parse(args.at(2)).ok_or(errors::NOT_FLOAT)?;
    let sum = value + by;
    if sum.is_nan() || sum.is_infinite() {
        return Err(errors::NAN_OR_INFINITY);
    }
    let text = sum.to_text();
    let mut key = ctx.write(args.at(1));
    key.update_value(Value::Str(StrValue::Plain(&text)));
    key.commit(Event::string("incrbyfloat"));
    out.bulk(&text);
    // Arithmetic may differ elsewhere; the result must not.
    ctx.propagate_as(&[b"SET", args.at(1), &text, b"KEEPTTL"]);
    Ok(())
}
