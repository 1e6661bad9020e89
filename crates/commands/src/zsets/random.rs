//! ZRANDMEMBER.
//!
//! A positive count gives distinct members, a negative one may repeat them. Nothing is collected
//! that is not sent, except the choice itself.

use datatypes::Zset;
use rand::Rng;
use resp::{Args, ReplyWriter, errors};

use crate::collection;
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `ZRANDMEMBER`
pub const ZRANDMEMBER: Command = Command::new("zrandmember", -2, zrandmember)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs("Returns members picked at random.", "O(N)")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 options?{count:integer withscores=WITHSCORES!?}")
    .cost(Cost::AtMost(cost::counted));

fn zrandmember(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(count) = args.get(2) else {
        let zset = super::read(ctx, args.at(1))?;
        let picked = zset.and_then(|zset| zset.get(common::random::below(zset.len())));
        match picked {
            Some((member, _)) => collection::reply_item(member, out),
            None => out.null(),
        }
        return Ok(());
    };
    let count = common::number::parse_i64(count).ok_or(errors::NOT_INTEGER)?;
    if count == i64::MIN {
        return Err(errors::must_be_between(-i64::MAX, i64::MAX));
    }
    let with_scores = args.len() > 3;
    if args.len() > 4 || (with_scores && !args.at(3).eq_ignore_ascii_case(b"WITHSCORES")) {
        return Err(errors::SYNTAX);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(errors::VALUE_OUT_OF_RANGE);
    }
    match super::read(ctx, args.at(1))? {
        Some(zset) if count != 0 => {
            ctx.takes_random(zset.len(), count)?;
            pick(ctx, zset, count, with_scores, out);
        }
        _ => out.array(0),
    }
    Ok(())
}

/// Negative counts allow repetitions.
fn pick(ctx: &Ctx<'_>, zset: &Zset, count: i64, with_scores: bool, out: &mut ReplyWriter<'_>) {
    let (len, wanted) = (zset.len(), count.unsigned_abs() as usize);
    let write = |rank, out: &mut ReplyWriter<'_>| {
        if let Some((member, score)) = zset.get(rank) {
            super::write_entry(member, score, with_scores, out);
        }
    };
    if count < 0 {
        let start = out.mark();
        super::begin_members(wanted, with_scores, out);
        for part in collection::parts(wanted) {
            common::random::with(|rng| {
                (0..part).for_each(|_| write(rng.random_range(0..len), out));
            });
            if ctx.is_cut_off(out.len_since(start)) {
                return;
            }
        }
        return;
    }
    let count = wanted.min(len);
    super::begin_members(count, with_scores, out);
    if count == len {
        zset.iter(0..len, false)
            .for_each(|(member, score)| super::write_entry(member, score, with_scores, out));
        return;
    }
    let ranks = common::random::with(|rng| rand::seq::index::sample(rng, len, count));
    ranks.into_iter().for_each(|rank| write(rank, out));
}
