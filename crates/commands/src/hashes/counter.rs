//! Counters in fields: HINCRBY, HINCRBYFLOAT.
//!
//! A field that counts keeps its expiry.

use common::long_double::LongDouble;
use common::number::I64Text;
use datatypes::Hash;
use datatypes::hash::{Expiry, FieldRef};
use datatypes::listpack::Item;
use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::{event, limits};
use crate::collection::{self, parse_int};
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `HINCRBY`
pub const HINCRBY: Command = Command::new("hincrby", 4, hincrby)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Adds to an integer in a field of a hash.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 field increment:integer");

/// `HINCRBYFLOAT`
pub const HINCRBYFLOAT: Command = Command::new("hincrbyfloat", 4, hincrbyfloat)
    .group(Group::Hash)
    .since("2.6.0")
    .docs("Adds to a number in a field of a hash.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 field increment:double");

/// Replaces the value at `args.at(2)` by what `next` makes of it.
fn replace<R: AsRef<[u8]>>(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    event: Event,
    next: impl FnOnce(Option<FieldRef<'_>>) -> Result<R, ReplyError>,
) -> Result<R, ReplyError> {
    let (name, limits) = (args.at(2), limits(ctx.server));
    let mut key = ctx.write_hash(args.at(1));
    let hash = collection::view::<Hash>(&key)?;
    let text = next(hash.and_then(|hash| hash.field(name)))?;
    collection::change(&mut key, |hash: &mut Hash| {
        hash.put(name, text.as_ref(), Expiry::Keep, &limits);
    })?;
    key.commit(event);
    Ok(text)
}

/// An integer with its text.
struct Counted(i64, I64Text);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        self.1.as_bytes()
    }
}

fn hincrby(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let by = parse_int(args.at(3))?;
    let sum = replace(ctx, args, event("hincrby"), |old| {
        let old = old.map_or(Some(0), |old| old.value.as_int());
        let old = old.ok_or(errors::hash::VALUE_NOT_INTEGER)?;
        let sum = old.checked_add(by).ok_or(errors::OVERFLOW)?;
        Ok(Counted(sum, I64Text::new(sum)))
    })?;
    out.integer(sum.0);
    Ok(())
}

fn hincrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let by = LongDouble::parse(args.at(3)).ok_or(errors::NOT_FLOAT)?;
    if by.is_nan() || by.is_infinite() {
        return Err(errors::hash::INCREMENT_NAN_OR_INFINITY);
    }
    let mut expire_at = None;
    let text = replace(ctx, args, event("hincrbyfloat"), |old| {
        expire_at = old.and_then(|old| old.expire_at);
        let old = match old.map(|old| old.value) {
            None => LongDouble::from(0),
            Some(Item::Int(int)) => LongDouble::from(int),
            Some(Item::Str(text)) => {
                LongDouble::parse(text).ok_or(errors::hash::VALUE_NOT_FLOAT)?
            }
        };
        let sum = old + by;
        if sum.is_nan() || sum.is_infinite() {
            return Err(errors::NAN_OR_INFINITY);
        }
        Ok(sum.to_text())
    })?;
    out.bulk(&text);
    propagate(ctx, args, &text, expire_at);
    Ok(())
}

/// Arithmetic may differ elsewhere, the result must not: it goes to the log, with the expiry that
/// HSET would take away.
fn propagate(ctx: &mut Ctx<'_>, args: Args<'_>, text: &[u8], expire_at: Option<i64>) {
    let (key, name) = (args.at(1), args.at(2));
    ctx.propagate_as(&[b"HSET", key, name, text]);
    if let Some(at_ms) = expire_at {
        let at_ms = I64Text::new(at_ms);
        ctx.propagate_as(&[b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", b"1", name]);
    }
}
