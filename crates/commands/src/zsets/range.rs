//! ZRANGE in all its forms, old and new, and ZRANGESTORE.
//!
//! Whatever the form, the answer is a range of ranks, so its length is known before the first
//! member is written, and LIMIT costs nothing.

use datatypes::Zset;
use resp::{Args, ReplyError, ReplyWriter, errors};
use std::ops::Range;

use super::bounds::Bounds;
use crate::collection;
use crate::command::flag::{DENYOOM, READONLY, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `ZRANGE`
pub const ZRANGE: Command = Command::new("zrange", -4, zrange)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs(
        "Returns the members in a range of ranks, scores or names.",
        "O(log(N))",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 start stop sortby?^6.2.0(byscore=BYSCORE! | bylex=BYLEX!) \
         rev=REV!?^6.2.0 offset_count=LIMIT?^6.2.0{offset:integer count:integer} \
         withscores=WITHSCORES!?",
    )
    .cost(Cost::AtMost(cost::reply));

/// `ZRANGESTORE`
pub const ZRANGESTORE: Command = Command::new("zrangestore", -5, zrangestore)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs(
        "Stores the members in a range of a sorted set in another key.",
        "O(log(N))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "OW update"), KeySpec::at(2, "RO access")])
    .args(
        "dst:key@0 src:key@1 min max sortby?(byscore=BYSCORE! | bylex=BYLEX!) rev=REV!? \
         offset_count=LIMIT?{offset:integer count:integer}",
    )
    .cost(Cost::AtMost(cost::sort_all));

/// `ZREVRANGE`
pub const ZREVRANGE: Command = Command::new("zrevrange", -4, zrevrange)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs(
        "Returns the members in a range of ranks by descending score.",
        "O(log(N))",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 start:integer stop:integer withscores=WITHSCORES!?")
    .cost(Cost::AtMost(cost::reply));

/// `ZRANGEBYSCORE`
pub const ZRANGEBYSCORE: Command = Command::new("zrangebyscore", -4, zrangebyscore)
    .group(Group::SortedSet)
    .since("1.0.5")
    .docs("Returns the members with scores in a range.", "O(log(N))")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 min:double max:double withscores=WITHSCORES!?^2.0.0 \
         offset_count=LIMIT?{offset:integer count:integer}",
    )
    .cost(Cost::AtMost(cost::reply));

/// `ZREVRANGEBYSCORE`
pub const ZREVRANGEBYSCORE: Command = Command::new("zrevrangebyscore", -4, zrevrangebyscore)
    .group(Group::SortedSet)
    .since("2.2.0")
    .docs(
        "Returns the members with scores in a range by descending score.",
        "O(log(N))",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 max:double min:double withscores=WITHSCORES!? \
         offset_count=LIMIT?{offset:integer count:integer}",
    )
    .cost(Cost::AtMost(cost::reply));

/// `ZRANGEBYLEX`
pub const ZRANGEBYLEX: Command = Command::new("zrangebylex", -4, zrangebylex)
    .group(Group::SortedSet)
    .since("2.8.9")
    .docs("Returns the members in a range of names.", "O(log(N))")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 min max offset_count=LIMIT?{offset:integer count:integer}")
    .cost(Cost::AtMost(cost::reply));

/// `ZREVRANGEBYLEX`
pub const ZREVRANGEBYLEX: Command = Command::new("zrevrangebylex", -4, zrevrangebylex)
    .group(Group::SortedSet)
    .since("2.8.9")
    .docs(
        "Returns the members in a range of names in reverse order.",
        "O(log(N))",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 max min offset_count=LIMIT?{offset:integer count:integer}")
    .cost(Cost::AtMost(cost::reply));

/// What the numbers or names of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What the command's name says already; `None` is left to options.
#[derive(Clone, Copy, Debug)]
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    store: bool,
}

/// A parsed range.
#[derive(Debug)]
struct Request<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    offset: i64,
    /// Negative for no limit.
    limit: i64,
    with_scores: bool,
}

impl<'a> Request<'a> {
    /// Reads the ends of the range from argument `at` on, and the options behind them.
    fn parse(args: Args<'a>, at: usize, form: Form) -> Result<Self, ReplyError> {
        let (mut by, mut reverse) = (form.by, form.reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut option = at + 2;
        while let Some(word) = args.get(option) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            option += 1;
            if !form.store && is(b"WITHSCORES") {
                with_scores = true;
            } else if is(b"LIMIT") && option + 1 < args.len() {
                let parse = |text| common::number::parse_i64(text).ok_or(errors::NOT_INTEGER);
                (offset, limit) = (parse(args.at(option))?, parse(args.at(option + 1))?);
                option += 2;
            } else if reverse.is_none() && is(b"REV") {
                reverse = Some(true);
            } else if by.is_none() && is(b"BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && is(b"BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(errors::zset::LIMIT_WITHOUT_BY);
        }
        if with_scores && by == By::Lex {
            return Err(errors::zset::WITHSCORES_BYLEX);
        }
        let (mut min, mut max) = (args.at(at), args.at(at + 1));
        if reverse && by != By::Rank {
            (min, max) = (max, min);
        }
        Ok(Self {
            bounds: match by {
                By::Rank => Bounds::rank(min, max)?,
                By::Score => Bounds::score(min, max)?,
                By::Lex => Bounds::lex(min, max)?,
            },
            reverse,
            offset,
            limit,
            with_scores,
        })
    }

    /// The ranks that the range covers, LIMIT applied.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let ranks = self.bounds.ranks(zset, self.reverse);
        // A negative offset is beyond every end, as in Redis.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let left = ranks.len().saturating_sub(offset);
        let count = usize::try_from(self.limit).map_or(left, |limit| left.min(limit));
        let skipped = ranks.len() - left;
        if self.reverse {
            let end = ranks.end - skipped;
            end - count..end
        } else {
            let start = ranks.start + skipped;
            start..start + count
        }
    }
}

fn zrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, None, None, out)
}

fn zrevrange(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, Some(By::Rank), Some(true), out)
}

fn zrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, Some(By::Score), Some(false), out)
}

fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, Some(By::Score), Some(true), out)
}

fn zrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, Some(By::Lex), Some(false), out)
}

fn zrevrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    range(ctx, args, Some(By::Lex), Some(true), out)
}

fn range(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    by: Option<By>,
    reverse: Option<bool>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let form = Form {
        by,
        reverse,
        store: false,
    };
    let request = Request::parse(args, 2, form)?;
    let Some(zset) = super::read(ctx, args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    let ranks = request.ranks(zset);
    ctx.takes(ranks.len(), cost::REPLY_NS)?;
    super::begin_members(ranks.len(), request.with_scores, out);
    for (member, score) in zset.iter(ranks, request.reverse) {
        super::write_entry(member, score, request.with_scores, out);
    }
    Ok(())
}

fn zrangestore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let form = Form {
        by: None,
        reverse: None,
        store: true,
    };
    let request = Request::parse(args, 3, form)?;
    let limits = super::limits(ctx.server);
    let mut result = Zset::default();
    if let Some(zset) = super::read(ctx, args.at(2))? {
        let ranks = request.ranks(zset);
        ctx.takes(ranks.len(), cost::SORTED_NS)?;
        if ranks.len() > limits.entries_max {
            result.unpack();
        }
        let mut buffer = itoa::Buffer::new();
        for (member, score) in zset.iter(ranks, false) {
            result.insert(member.text(&mut buffer), score, limits);
        }
    }
    ctx.settle(args)?;
    store(ctx, args.at(1), result, "zrangestore", out);
    Ok(())
}

/// Puts a result into a key and answers its size; an empty result deletes the key.
pub(super) fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    result: Zset,
    event: &'static str,
    out: &mut ReplyWriter<'_>,
) {
    out.integer(result.len() as i64);
    collection::store(ctx.write(key), result, super::event(event));
}
