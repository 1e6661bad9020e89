//! Reading: HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.
//!
//! Fields past their time are absent for every reader, whether or not they have been deleted yet.
//! Replies are written while the hash is walked, without a copy in between.

use datatypes::hash::FieldRef;
use resp::{Args, ReplyWriter};

use crate::collection::reply_item;
use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `HGET`
pub const HGET: Command = Command::new("hget", 3, hget)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns the value of a field of a hash.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 field");

/// `HMGET`
pub const HMGET: Command = Command::new("hmget", -3, hmget)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns the values of fields of a hash.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 field*");

/// `HGETALL`
pub const HGETALL: Command = Command::new("hgetall", 2, hgetall)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns all fields of a hash with their values.", "O(N)")
    .flags(READONLY)
    .categories(category::HASH)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `HKEYS`
pub const HKEYS: Command = Command::new("hkeys", 2, hkeys)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns all fields of a hash.", "O(N)")
    .flags(READONLY)
    .categories(category::HASH)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `HVALS`
pub const HVALS: Command = Command::new("hvals", 2, hvals)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns the values of all fields of a hash.", "O(N)")
    .flags(READONLY)
    .categories(category::HASH)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `HLEN`
pub const HLEN: Command = Command::new("hlen", 2, hlen)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Returns the number of fields of a hash.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// `HSTRLEN`
pub const HSTRLEN: Command = Command::new("hstrlen", 3, hstrlen)
    .group(Group::Hash)
    .since("3.2.0")
    .docs("Returns the length of a field's value.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0 field");

/// `HEXISTS`
pub const HEXISTS: Command = Command::new("hexists", 3, hexists)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Tells whether a hash has a field.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0 field");

fn reply_value(field: Option<FieldRef<'_>>, out: &mut ReplyWriter<'_>) {
    match field {
        None => out.null(),
        Some(field) => reply_item(field.value, out),
    }
}

fn hget(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let hash = ctx.read_hash(args.at(1))?;
    reply_value(hash.and_then(|hash| hash.field(args.at(2))), out);
    Ok(())
}

fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let hash = ctx.read_hash(args.at(1))?;
    let names = args.from(2);
    out.array(names.len());
    for name in names.iter() {
        reply_value(hash.and_then(|hash| hash.field(name)), out);
    }
    Ok(())
}

fn hgetall(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(hash) = ctx.read_hash(args.at(1))? else {
        out.map(0);
        return Ok(());
    };
    ctx.takes(hash.len(), cost::REPLY_NS)?;
    out.map(hash.len());
    hash.for_each(|field| {
        reply_item(field.name, out);
        reply_item(field.value, out);
    });
    Ok(())
}

fn hkeys(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(hash) = ctx.read_hash(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    ctx.takes(hash.len(), cost::REPLY_NS)?;
    out.array(hash.len());
    hash.for_each(|field| reply_item(field.name, out));
    Ok(())
}

fn hvals(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(hash) = ctx.read_hash(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    ctx.takes(hash.len(), cost::REPLY_NS)?;
    out.array(hash.len());
    hash.for_each(|field| reply_item(field.value, out));
    Ok(())
}

fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let len = ctx.read_hash(args.at(1))?.map_or(0, |hash| hash.len());
    out.integer(len as i64);
    Ok(())
}

fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let hash = ctx.read_hash(args.at(1))?;
    let field = hash.and_then(|hash| hash.field(args.at(2)));
    out.integer(field.map_or(0, |field| field.value.text_len()) as i64);
    Ok(())
}

fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let hash = ctx.read_hash(args.at(1))?;
    let exists = hash.is_some_and(|hash| hash.field(args.at(2)).is_some());
    out.integer(i64::from(exists));
    Ok(())
}
