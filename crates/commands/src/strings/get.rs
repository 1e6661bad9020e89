//! Reading strings: GET, GETDEL, GETEX, MGET, STRLEN, GETRANGE, SUBSTR.
//!
//! GETEX and GETDEL read first and change afterwards, under the same lock; what they change goes to
//! the log as the plain command that it amounts to.

use keyspace::{Event, StrRef, ValueRef};
use resp::{Args, ReplyWriter, errors};

use super::options::{self, Allowed, Expiry};
use super::range;
use crate::command::flag::{FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `GET`
pub const GET: Command = Command::new("get", 2, get)
    .group(Group::String)
    .since("1.0.0")
    .docs("Returns the string stored at a key.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `GETDEL`
pub const GETDEL: Command = Command::new("getdel", 2, getdel)
    .group(Group::String)
    .since("6.2.0")
    .docs(
        "Returns the string stored at a key and deletes the key.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `GETEX`
pub const GETEX: Command = Command::new("getex", -2, getex)
    .group(Group::String)
    .since("6.2.0")
    .docs(
        "Returns the string stored at a key and changes the key's expiry.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args(
        "key:key@0 expiration?(seconds:integer=EX | milliseconds:integer=PX | \
         unix-time-seconds:unix-time=EXAT | unix-time-milliseconds:unix-time=PXAT | \
         persist=PERSIST!)",
    )
    .cost(Cost::AtMost(cost::reply));

/// `MGET`
pub const MGET: Command = Command::new("mget", -2, mget)
    .group(Group::String)
    .since("1.0.0")
    .docs("Returns the strings stored at several keys.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::STRING)
    .tips(&["request_policy:multi_shard"])
    .keys(&[KeySpec::at(1, "RO access").range(-1, 1, 0)])
    .args("key:key@0*")
    .cost(Cost::AtMost(cost::reply));

/// `STRLEN`
pub const STRLEN: Command = Command::new("strlen", 2, strlen)
    .group(Group::String)
    .since("2.2.0")
    .docs("Returns the length of a string in bytes.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// `GETRANGE`
pub const GETRANGE: Command = Command::new("getrange", 4, getrange)
    .group(Group::String)
    .since("2.4.0")
    .docs("Returns a part of a string.", "O(N)")
    .flags(READONLY)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 start:integer end:integer")
    .cost(Cost::AtMost(cost::reply));

/// `SUBSTR`
pub const SUBSTR: Command = Command::new("substr", 4, getrange)
    .group(Group::String)
    .since("1.0.0")
    .docs("Returns a part of a string.", "O(N)")
    .flags(READONLY)
    .categories(category::STRING)
    .deprecated("2.0.0", "`GETRANGE`")
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 start:integer end:integer")
    .cost(Cost::AtMost(cost::reply));

#[inline]
fn reply(text: Option<StrRef<'_>>, out: &mut ReplyWriter<'_>) {
    match text {
        None => out.null(),
        Some(text) => out.bulk(text.as_bytes(&mut None)),
    }
}

fn get(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let found = ctx.read_str(args.at(1))?;
    ctx.takes_text(found)?;
    reply(found, out);
    Ok(())
}

fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let found = ctx.read_str(args.at(1))?;
    ctx.takes_text(found)?;
    let exists = found.is_some();
    reply(found, out);
    if exists {
        let mut key = ctx.write(args.at(1));
        key.remove();
        key.commit(Event::generic("del"));
        ctx.propagate_as(&[b"DEL", args.at(1)]);
    }
    Ok(())
}

fn getex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let allowed = Allowed {
        persist: true,
        ..Allowed::default()
    };
    let (options, time) = options::parse_words(args.from(2), allowed)?;
    let found = ctx.read_str(args.at(1))?;
    if found.is_none() {
        out.null();
        return Ok(());
    }
    // The time is looked at only where there is something to expire.
    let at_ms = match time {
        Some((text, kind)) => Some(options::time_at(ctx, text, kind)?),
        None => None,
    };
    ctx.takes_text(found)?;
    reply(found, out);
    match at_ms {
        Some(at_ms) => set_expiry(ctx, args, at_ms),
        None if options.expiry == Expiry::Persist => persist(ctx, args),
        None => {}
    }
    Ok(())
}

fn set_expiry(ctx: &mut Ctx<'_>, args: Args<'_>, at_ms: i64) {
    let past = at_ms <= ctx.now_ms() && ctx.session.origin.expires_keys();
    let mut key = ctx.write(args.at(1));
    if past {
        key.remove();
        key.commit(Event::generic("del"));
        ctx.propagate_as(&[b"DEL", args.at(1)]);
        return;
    }
    key.set_expiry(Some(at_ms));
    key.commit(Event::generic("expire"));
    let at_ms = common::number::I64Text::new(at_ms);
    ctx.propagate_as(&[b"PEXPIREAT", args.at(1), at_ms.as_bytes()]);
}

fn persist(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let mut key = ctx.write(args.at(1));
    if key.expire_at().is_none() {
        return key.unchanged();
    }
    key.set_expiry(None);
    key.commit(Event::generic("persist"));
    ctx.propagate_as(&[b"PERSIST", args.at(1)]);
}

fn mget(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.array(args.len() - 1);
    let mut bytes = 0;
    for key in args.from(1).iter() {
        match ctx.read(key).map(|entry| entry.value()) {
            Some(ValueRef::Str(text)) => {
                bytes += text.len();
                ctx.takes_bytes(bytes)?;
                out.bulk(text.as_bytes(&mut None));
            }
            _ => out.null(),
        }
    }
    Ok(())
}

fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let len = ctx.read_str(args.at(1))?.map_or(0, StrRef::len);
    out.integer(len as i64);
    Ok(())
}

fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let parse = common::number::parse_i64;
    let start = parse(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let end = parse(args.at(3)).ok_or(errors::NOT_INTEGER)?;
    let mut scratch = None;
    let text = ctx.read_str(args.at(1))?;
    let bytes = text
        .as_ref()
        .map_or(&b""[..], |text| text.as_bytes(&mut scratch));
    let part = range::slice(bytes, start, end);
    ctx.takes_bytes(part.len())?;
    out.bulk(part);
    Ok(())
}
