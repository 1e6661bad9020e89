//! INCREX: a counter with bounds and expiry in one step, as Redis 8.8 defines it.
//!
//! A result outside of the bounds leaves the key alone and is answered with the current value and
//! an increment of zero; SATURATE stores the bound instead.

use common::long_double::LongDouble;
use common::number::{I64Text, parse_i64};
use keyspace::{Event, StrValue, Value, ValueRef};
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};

use super::counter;
use super::options::{self, Expiry};
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `INCREX`
pub const INCREX: Command = Command::new("increx", -2, increx)
    .group(Group::String)
    .since("8.8.0")
    .docs(
        "Adds to a number within bounds and sets its expiry.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args(
        "key:key@0 increment?(float:double=BYFLOAT | integer:integer=BYINT) \
         lowerbound:double=LBOUND? upperbound:double=UBOUND? saturate=SATURATE!? \
         expiration?(seconds:integer=EX | milliseconds:integer=PX | \
         unix-time-seconds:unix-time=EXAT | unix-time-milliseconds:unix-time=PXAT | \
         persist=PERSIST!) enx=ENX!?",
    );

#[derive(Default)]
struct Options<'a> {
    by_int: Option<&'a [u8]>,
    by_float: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    expiry: Expiry,
    /// Only where the key has no expiry yet.
    only_without_expiry: bool,
}

fn parse<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<Options<'a>, ReplyError> {
    let mut options = Options::default();
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        at += 1;
        if is("SATURATE") {
            options.saturate = true;
        } else if is("ENX") {
            options.only_without_expiry = true;
        } else if is("PERSIST") && options.expiry == Expiry::Unset {
            options.expiry = Expiry::Persist;
        } else {
            let value = args.get(at).ok_or(errors::SYNTAX)?;
            at += 1;
            let place = match word.to_ascii_uppercase().as_slice() {
                b"BYINT" => &mut options.by_int,
                b"BYFLOAT" => &mut options.by_float,
                b"LBOUND" => &mut options.lower,
                b"UBOUND" => &mut options.upper,
                _ => {
                    let kind = options::time_kind(word).ok_or(errors::SYNTAX)?;
                    if options.expiry != Expiry::Unset {
                        return Err(errors::SYNTAX);
                    }
                    options.expiry = Expiry::At(options::time_at(ctx, value, kind)?);
                    continue;
                }
            };
            if place.replace(value).is_some() {
                return Err(errors::SYNTAX);
            }
        }
    }
    let both = options.by_int.is_some() && options.by_float.is_some();
    let idle_enx = options.only_without_expiry && options.expiry.at().is_none();
    if both || idle_enx {
        Err(errors::SYNTAX)
    } else {
        Ok(options)
    }
}

/// What an increment came to: the value now, and how much of the increment took place. `None`
/// for the text to store means that the key stays as it is.
struct Sum {
    stored: Option<Vec<u8>>,
    value: Vec<u8>,
    applied: Vec<u8>,
}

/// The value of an optional argument.
fn number<T>(
    text: Option<&[u8]>,
    default: T,
    parse: impl Fn(&[u8]) -> Option<T>,
    error: ReplyError,
) -> Result<T, ReplyError> {
    text.map_or(Ok(default), |text| parse(text).ok_or(error))
}

fn integer_sum(value: Option<ValueRef<'_>>, options: &Options<'_>) -> Result<Sum, ReplyError> {
    let parse = |text, default| number(text, default, parse_i64, errors::NOT_INTEGER);
    let by = parse(options.by_int, 1)?;
    let (lower, upper) = (
        parse(options.lower, i64::MIN)?,
        parse(options.upper, i64::MAX)?,
    );
    if lower > upper {
        return Err(errors::string::INCREX_BOUNDS);
    }
    let old = counter::integer(value)?;
    let (lower, upper) = (i128::from(lower), i128::from(upper));
    let sum = i128::from(old) + i128::from(by);
    let inside = (lower..=upper).contains(&sum);
    let text = |n: i128| n.to_string().into_bytes();
    if !inside && !options.saturate {
        return Ok(Sum {
            stored: None,
            value: text(old.into()),
            applied: text(0),
        });
    }
    let new = sum.clamp(lower, upper);
    // Only a value far outside of its bounds can be moved by more than 64 bits.
    let applied = (new - i128::from(old)).clamp(i64::MIN.into(), i64::MAX.into());
    let applied = text(applied);
    Ok(Sum {
        stored: Some(text(new)),
        value: text(new),
        applied,
    })
}

fn float_sum(
    value: Option<ValueRef<'_>>,
    by: &[u8],
    options: &Options<'_>,
) -> Result<Sum, ReplyError> {
    let parse = |text: &[u8]| LongDouble::parse(text).ok_or(errors::NOT_FLOAT);
    let by = parse(by)?;
    let lower = options.lower.map(parse).transpose()?;
    let upper = options.upper.map(parse).transpose()?;
    if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
        return Err(errors::string::INCREX_BOUNDS);
    }
    let old = counter::long_double(value)?;
    let sum = old + by;
    if sum.is_nan() || sum.is_infinite() {
        return Err(errors::NAN_OR_INFINITY);
    }
    let below = lower.filter(|lower| sum < *lower);
    let bound = below.or(upper.filter(|upper| sum > *upper));
    let new = match bound {
        None => sum,
        Some(bound) if options.saturate => bound,
        Some(_) => {
            let applied = b"0".to_vec();
            return Ok(Sum {
                stored: None,
                value: old.to_text(),
                applied,
            });
        }
    };
    let applied = (new - old).to_text();
    Ok(Sum {
        stored: Some(new.to_text()),
        value: new.to_text(),
        applied,
    })
}

fn increx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = parse(ctx, args)?;
    let value = ctx.peek(args.at(1)).map(|entry| entry.value());
    let sum = match options.by_float {
        None => integer_sum(value, &options)?,
        Some(by) => float_sum(value, by, &options)?,
    };
    if let Some(text) = &sum.stored {
        store(ctx, args, text, &options);
    }
    out.array(2);
    for text in [&sum.value, &sum.applied] {
        match (options.by_float, ctx.session.proto) {
            (None, _) => out.integer(parse_i64(text).unwrap_or(i64::MAX)),
            (Some(_), Proto::Resp3) => out.double_text(text),
            (Some(_), Proto::Resp2) => out.bulk(text),
        }
    }
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, args: Args<'_>, text: &[u8], options: &Options<'_>) {
    let mut key = ctx.write(args.at(1));
    let old_expiry = key.expire_at();
    let expiry = match options.expiry {
        Expiry::At(_) if options.only_without_expiry && old_expiry.is_some() => old_expiry,
        Expiry::At(at_ms) => Some(at_ms),
        Expiry::Persist => None,
        _ => old_expiry,
    };
    let value = match options.by_float {
        None => Value::detect(text),
        Some(_) => Value::Str(StrValue::Plain(text)),
    };
    key.update(value, expiry);
    if expiry != old_expiry {
        key.note(Event::generic(if expiry.is_some() {
            "expire"
        } else {
            "persist"
        }));
    }
    let name = if options.by_float.is_some() {
        "incrbyfloat"
    } else {
        "incrby"
    };
    key.commit(Event::string(name));
    match expiry {
        None => ctx.propagate_as(&[b"SET", args.at(1), text]),
        Some(at_ms) => {
            let at_ms = I64Text::new(at_ms);
            ctx.propagate_as(&[b"SET", args.at(1), text, b"PXAT", at_ms.as_bytes()]);
        }
    }
}
