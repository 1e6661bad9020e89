//! ZREM and ZREMRANGEBY*.
//!
//! Ranges are turned into ranks first, then removed in one go. A set that becomes empty is deleted,
//! with the event that this brings.

use resp::{Args, ReplyWriter};

use super::bounds::Bounds;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `ZREM`
pub const ZREM: Command = Command::new("zrem", -3, zrem)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs("Removes members from a sorted set.", "O(M*log(N))")
    .flags(WRITE | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 member*");

/// `ZREMRANGEBYRANK`
pub const ZREMRANGEBYRANK: Command = Command::new("zremrangebyrank", 4, zremrangebyrank)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs("Removes the members in a range of ranks.", "O(log(N))")
    .flags(WRITE)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 start:integer stop:integer")
    .cost(Cost::AtMost(cost::move_all));

/// `ZREMRANGEBYSCORE`
pub const ZREMRANGEBYSCORE: Command = Command::new("zremrangebyscore", 4, zremrangebyscore)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs("Removes the members with scores in a range.", "O(log(N))")
    .flags(WRITE)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 min:double max:double")
    .cost(Cost::AtMost(cost::move_all));

/// `ZREMRANGEBYLEX`
pub const ZREMRANGEBYLEX: Command = Command::new("zremrangebylex", 4, zremrangebylex)
    .group(Group::SortedSet)
    .since("2.8.9")
    .docs("Removes the members in a range of names.", "O(log(N))")
    .flags(WRITE)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 min max")
    .cost(Cost::AtMost(cost::move_all));

fn zrem(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(args.at(1));
    let mut count = 0;
    if super::expect(key.value())?.is_some()
        && let Some(zset) = super::value_mut(&mut key)
    {
        for member in args.from(2).iter() {
            count += usize::from(zset.remove(member).is_some());
        }
    }
    if count == 0 {
        key.commit_nothing();
    } else {
        super::commit_removal(key, "zrem", count);
    }
    out.integer(count as i64);
    Ok(())
}

fn zremrangebyrank(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let range = Bounds::rank(args.at(2), args.at(3))?;
    remove(ctx, args, range, "zremrangebyrank", out)
}

fn zremrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let range = Bounds::score(args.at(2), args.at(3))?;
    remove(ctx, args, range, "zremrangebyscore", out)
}

fn zremrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let range = Bounds::lex(args.at(2), args.at(3))?;
    remove(ctx, args, range, "zremrangebylex", out)
}

fn remove(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    range: Bounds<'_>,
    event: &'static str,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let budget_ns = ctx.budget_ns();
    let mut key = ctx.write(args.at(1));
    let ranks = super::expect(key.value())?.map_or(0..0, |zset| range.ranks(zset, false));
    let count = ranks.len();
    if count as u64 * cost::MOVE_NS >= budget_ns {
        key.unchanged();
        return ctx.leave();
    }
    if count == 0 {
        key.unchanged();
    } else {
        if let Some(zset) = super::value_mut(&mut key) {
            zset.remove_ranks(ranks);
        }
        super::commit_removal(key, event, count);
    }
    out.integer(count as i64);
    Ok(())
}
