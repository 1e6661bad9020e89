//! Changing in the middle: LSET, LINSERT, LREM, LTRIM.
//!
//! Positions count from zero at the head, negative ones from the tail. A list that loses its last
//! element is deleted, with the event that this brings.

use datatypes::List;
use datatypes::list::End;
use resp::{Args, ReplyWriter, errors};

use super::{event, limits};
use crate::collection::{self, parse_int, range_of};
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `LSET`
pub const LSET: Command = Command::new("lset", 4, lset)
    .group(Group::List)
    .since("1.0.0")
    .docs("Replaces the element at an index of a list.", "O(N)")
    .flags(WRITE | DENYOOM)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 index:integer element");

/// `LINSERT`
pub const LINSERT: Command = Command::new("linsert", 5, linsert)
    .group(Group::List)
    .since("2.2.0")
    .docs("Inserts an element before or after another.", "O(N)")
    .flags(WRITE | DENYOOM)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 where(before=BEFORE! | after=AFTER!) pivot element")
    .cost(Cost::Before(cost::walk));

/// `LREM`
pub const LREM: Command = Command::new("lrem", 4, lrem)
    .group(Group::List)
    .since("1.0.0")
    .docs("Removes elements equal to a given one.", "O(N+M)")
    .flags(WRITE)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 count:integer element")
    .cost(Cost::Before(cost::walk));

/// `LTRIM`
pub const LTRIM: Command = Command::new("ltrim", 4, ltrim)
    .group(Group::List)
    .since("1.0.0")
    .docs("Removes all elements outside a range of indexes.", "O(N)")
    .flags(WRITE)
    .categories(category::LIST)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 start:integer stop:integer")
    .cost(Cost::Before(cost::trim));

fn lset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let list = collection::view::<List>(&key)?.ok_or(errors::NO_KEY)?;
    let index = parse_int(args.at(2))?;
    list.absolute(index).ok_or(errors::OUT_OF_RANGE)?;
    if let Some(list) = collection::open::<List>(&mut key)? {
        list.set(index, args.at(3), &limits);
        key.commit(event("lset"));
    }
    out.ok();
    Ok(())
}

fn linsert(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let behind = if args.at(2).eq_ignore_ascii_case(b"AFTER") {
        1
    } else if args.at(2).eq_ignore_ascii_case(b"BEFORE") {
        0
    } else {
        return Err(errors::SYNTAX);
    };
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let Some(list) = collection::view::<List>(&key)? else {
        out.integer(0);
        return Ok(());
    };
    let mut pivot = None;
    list.positions(args.at(3), End::Head, 0, 1, 0, |index| pivot = Some(index));
    let Some(pivot) = pivot else {
        out.integer(-1);
        return Ok(());
    };
    if let Some(list) = collection::open::<List>(&mut key)? {
        list.insert(pivot + behind, args.at(4), &limits);
        out.integer(list.len() as i64);
        key.commit(event("linsert"));
    }
    Ok(())
}

fn lrem(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let count = parse_int(args.at(2))?;
    let from = if count < 0 { End::Tail } else { End::Head };
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let removed = match collection::open::<List>(&mut key)? {
        None => 0,
        Some(list) => {
            let count = count.unsigned_abs() as usize;
            let removed = list.remove_equal(args.at(3), from, count, &limits);
            if removed > 0 {
                collection::commit_removal::<List>(key, event("lrem"), removed as u64);
            } else {
                key.commit_nothing();
            }
            removed
        }
    };
    out.integer(removed as i64);
    Ok(())
}

fn ltrim(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (start, stop) = (parse_int(args.at(2))?, parse_int(args.at(3))?);
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    if let Some(list) = collection::open::<List>(&mut key)? {
        let len = list.len();
        let (start, count) = range_of(start, stop, len);
        list.retain_range(start, count, &limits);
        collection::commit_removal::<List>(key, event("ltrim"), (len - count) as u64);
    }
    out.ok();
    Ok(())
}
