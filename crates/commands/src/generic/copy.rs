//! COPY and MOVE.
//!
//! Keys of the same name are in the same shard in every database, so that both commands need only
//! the locks that their key specs name.

use keyspace::{DbId, Event};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, FAST, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `COPY`
pub const COPY: Command = Command::new("copy", -3, copy)
    .group(Group::Generic)
    .since("6.2.0")
    .docs("Copies a key's value and expiry to another key.", "O(N)")
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RO access"), KeySpec::at(2, "OW update")])
    .args("source:key@0 destination:key@1 destination-db:integer=DB? replace=REPLACE!?")
    .cost(Cost::Before(cost::move_all));

/// `MOVE`
pub const MOVE: Command = Command::new("move", 3, move_key)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Moves a key to another database.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 db:integer");

/// The database of that number.
///
/// # Errors
/// Not an integer, not one of 32 bits, or out of range.
pub(crate) fn database(ctx: &Ctx<'_>, text: &[u8]) -> Result<DbId, ReplyError> {
    let index = common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)?;
    if i32::try_from(index).is_err() {
        return Err(errors::must_be_between(i32::MIN.into(), i32::MAX.into()));
    }
    let databases = ctx.server.keyspace.databases();
    let index = u32::try_from(index)
        .ok()
        .filter(|index| (*index as usize) < databases);
    index.map(DbId).ok_or(errors::keys::DB_OUT_OF_RANGE)
}

fn copy(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (from, to) = (args.at(1), args.at(2));
    let (mut replace, mut to_db) = (false, ctx.db());
    let mut at = 3;
    while let Some(word) = args.get(at) {
        at += 1;
        if word.eq_ignore_ascii_case(b"REPLACE") {
            replace = true;
        } else if let (true, Some(text)) = (word.eq_ignore_ascii_case(b"DB"), args.get(at)) {
            to_db = database(ctx, text)?;
            at += 1;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    if to_db == ctx.db() && from == to {
        return Err(errors::SAME_OBJECT);
    }
    let Some(source) = ctx.read(from) else {
        out.integer(0);
        return Ok(());
    };
    let (value, expire_at) = (source.value().to_owned(), source.expire_at());
    ctx.settle(args)?;
    let mut target = ctx.write_in(to_db, to);
    if target.exists() && !replace {
        target.unchanged();
        out.integer(0);
        return Ok(());
    }
    // The copy is a new key, also where it takes another's place.
    let (old, new) = (target.kind(), value.kind());
    target.remove();
    target.set_with_expiry(value, expire_at);
    target.commit(Event::generic("copy_to"));
    if let Some(old) = old {
        ctx.effects().overwritten(to_db, to, old, new);
    }
    out.integer(1);
    Ok(())
}

fn move_key(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let name = args.at(1);
    let to_db = database(ctx, args.at(2))?;
    if to_db == ctx.db() {
        return Err(errors::SAME_OBJECT);
    }
    if ctx.peek(name).is_none() || ctx.peek_in(to_db, name).is_some() {
        out.integer(0);
        return Ok(());
    }
    let mut source = ctx.write(name);
    let entry = source.take();
    source.commit_moved();
    let mut target = ctx.write_in(to_db, name);
    if let Some(entry) = entry {
        target.put(entry);
    }
    target.commit_silent();
    let from_db = ctx.db();
    let events = ctx.effects();
    events.event(Event::generic("move_from"), from_db, name);
    events.event(Event::generic("move_to"), to_db, name);
    out.integer(1);
    Ok(())
}
