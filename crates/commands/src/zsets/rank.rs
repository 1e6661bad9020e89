//! Looking things up: ZSCORE, ZMSCORE, ZRANK, ZREVRANK, and counting: ZCARD, ZCOUNT, ZLEXCOUNT.
//!
//! Ranks count from zero in the order of scores, then of bytes. The tree counts its subtrees, so a
//! rank costs as much as a look-up.

use resp::{Args, ReplyWriter, errors};

use super::bounds::Bounds;
use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `ZCARD`
pub const ZCARD: Command = Command::new("zcard", 2, zcard)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs("Returns the number of members of a sorted set.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// `ZSCORE`
pub const ZSCORE: Command = Command::new("zscore", 3, zscore)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs("Returns the score of a member of a sorted set.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member");

/// `ZMSCORE`
pub const ZMSCORE: Command = Command::new("zmscore", -3, zmscore)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs("Returns the scores of members of a sorted set.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member*");

/// `ZRANK`
pub const ZRANK: Command = Command::new("zrank", -3, zrank)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs(
        "Returns the rank of a member by ascending score.",
        "O(log(N))",
    )
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member withscore=WITHSCORE!?^7.2.0");

/// `ZREVRANK`
pub const ZREVRANK: Command = Command::new("zrevrank", -3, zrevrank)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs(
        "Returns the rank of a member by descending score.",
        "O(log(N))",
    )
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member withscore=WITHSCORE!?^7.2.0");

/// `ZCOUNT`
pub const ZCOUNT: Command = Command::new("zcount", 4, zcount)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs("Counts the members with scores in a range.", "O(log(N))")
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 min:double max:double");

/// `ZLEXCOUNT`
pub const ZLEXCOUNT: Command = Command::new("zlexcount", 4, zlexcount)
    .group(Group::SortedSet)
    .since("2.8.9")
    .docs("Counts the members in a range of names.", "O(log(N))")
    .flags(READONLY | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 min max");

fn zcard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = super::read(ctx, args.at(1))?;
    out.integer(zset.map_or(0, |zset| zset.len() as i64));
    Ok(())
}

fn write_score(score: Option<f64>, out: &mut ReplyWriter<'_>) {
    match score {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

fn zscore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = super::read(ctx, args.at(1))?;
    write_score(zset.and_then(|zset| zset.score(args.at(2))), out);
    Ok(())
}

fn zmscore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = super::read(ctx, args.at(1))?;
    out.array(args.len() - 2);
    for member in args.from(2).iter() {
        write_score(zset.and_then(|zset| zset.score(member)), out);
    }
    Ok(())
}

fn zrank(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    rank(ctx, args, false, out)
}

fn zrevrank(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    rank(ctx, args, true, out)
}

fn rank(ctx: &Ctx<'_>, args: Args<'_>, reverse: bool, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 4 {
        return Err(errors::wrong_arity(ctx.command().name));
    }
    let with_score = args.len() == 4;
    if with_score && !args.at(3).eq_ignore_ascii_case(b"WITHSCORE") {
        return Err(errors::SYNTAX);
    }
    let zset = super::read(ctx, args.at(1))?;
    let found = zset.and_then(|zset| Some((zset.rank(args.at(2))?, zset.len())));
    match found {
        None if with_score => out.null_array(),
        None => out.null(),
        Some(((rank, score), len)) => {
            let rank = if reverse { len - 1 - rank } else { rank };
            if with_score {
                out.array(2);
            }
            out.integer(rank as i64);
            if with_score {
                out.double(score);
            }
        }
    }
    Ok(())
}

fn zcount(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    count(ctx, args, Bounds::score(args.at(2), args.at(3))?, out)
}

fn zlexcount(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    count(ctx, args, Bounds::lex(args.at(2), args.at(3))?, out)
}

fn count(ctx: &Ctx<'_>, args: Args<'_>, range: Bounds<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = super::read(ctx, args.at(1))?;
    out.integer(zset.map_or(0, |zset| range.ranks(zset, false).len() as i64));
    Ok(())
}
