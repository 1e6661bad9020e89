//! Setting and removing fields: HSET, HMSET, HSETNX, HDEL.
//!
//! Arithmetic is checked before the first change. A hash that loses its last field is deleted, with
//! the event that this brings.

use datatypes::Hash;
use resp::{Args, ReplyWriter, errors};

use super::{event, limits};
use crate::collection;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `HSET`
pub const HSET: Command = Command::new("hset", -4, hset)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Sets fields of a hash.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 field_value*{field value}");

/// `HMSET`
pub const HMSET: Command = Command::new("hmset", -4, hmset)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Sets fields of a hash.", "O(N)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 field_value*{field value}");

/// `HSETNX`
pub const HSETNX: Command = Command::new("hsetnx", 4, hsetnx)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Sets a field of a hash that has no such field.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 field value");

/// `HDEL`
pub const HDEL: Command = Command::new("hdel", -3, hdel)
    .group(Group::Hash)
    .since("2.0.0")
    .docs("Removes fields of a hash.", "O(N)")
    .flags(WRITE | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 field*");

fn hset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let created = set_fields(ctx, args)?;
    out.integer(created);
    Ok(())
}

fn hmset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    set_fields(ctx, args)?;
    out.ok();
    Ok(())
}

#[inline]
fn set_fields(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<i64, resp::ReplyError> {
    if args.len() % 2 == 1 {
        return Err(errors::wrong_arity(ctx.command().name));
    }
    let limits = limits(ctx.server);
    let mut key = ctx.write_hash(args.at(1));
    let pairs = args.from(2);
    let created = collection::change(&mut key, |hash: &mut Hash| {
        if pairs.len() > 2 {
            hash.prepare(pairs.iter(), &limits);
        }
        let pairs = pairs.as_slice().chunks_exact(2);
        pairs
            .map(|pair| i64::from(hash.set(pair[0], pair[1], &limits)))
            .sum()
    })?;
    key.commit_n(event("hset"), pairs.len() as u64 / 2);
    Ok(created)
}

fn hsetnx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let limits = limits(ctx.server);
    let mut key = ctx.write_hash(args.at(1));
    let hash = collection::view::<Hash>(&key)?;
    if hash.is_some_and(|hash| hash.contains(args.at(2))) {
        key.unchanged();
        out.integer(0);
        return Ok(());
    }
    collection::change(&mut key, |hash: &mut Hash| {
        hash.set(args.at(2), args.at(3), &limits);
    })?;
    key.commit(event("hset"));
    out.integer(1);
    Ok(())
}

fn hdel(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write_hash(args.at(1));
    let deleted = match collection::open::<Hash>(&mut key)? {
        None => 0,
        Some(hash) => {
            let names = args.from(2);
            let deleted = names.iter().filter(|name| hash.delete(name)).count();
            if deleted > 0 {
                collection::commit_removal::<Hash>(key, event("hdel"), deleted as u64);
            } else {
                key.commit_nothing();
            }
            deleted
        }
    };
    out.integer(deleted as i64);
    Ok(())
}
