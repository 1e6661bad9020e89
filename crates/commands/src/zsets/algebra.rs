//! ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
//!
//! Sources are sorted sets, or sets whose members all score 1. Scores are combined in the order
//! of the sources' sizes, as in Redis, which shows where sums round.

use datatypes::listpack::Item;
use datatypes::zset::{self, BLOCK, Block, Scored};
use datatypes::{Set, Zset};
use keyspace::ValueRef;
use resp::{Args, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use crate::command::flag::{DENYOOM, READONLY, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `ZUNION`
pub const ZUNION: Command = Command::new("zunion", -3, zunion)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs("Returns the union of sorted sets.", "O(N)")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args(
        "numkeys:integer key:key@0* weight:integer=WEIGHTS?* \
         aggregate=AGGREGATE?(sum=SUM! | min=MIN! | max=MAX! | count=COUNT!^8.8.0) \
         withscores=WITHSCORES!?",
    )
    .cost(Cost::Before(cost::sort_all));

/// `ZINTER`
pub const ZINTER: Command = Command::new("zinter", -3, zinter)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs("Returns the intersection of sorted sets.", "O(N*K)")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args(
        "numkeys:integer key:key@0* weight:integer=WEIGHTS?* \
         aggregate=AGGREGATE?(sum=SUM! | min=MIN! | max=MAX! | count=COUNT!^8.8.0) \
         withscores=WITHSCORES!?",
    )
    .cost(Cost::Before(cost::intersect));

/// `ZDIFF`
pub const ZDIFF: Command = Command::new("zdiff", -3, zdiff)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs(
        "Returns the members of the first sorted set that are in no other.",
        "O(L + (N-K))",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* withscores=WITHSCORES!?")
    .cost(Cost::Before(cost::sort_all));

/// `ZUNIONSTORE`
pub const ZUNIONSTORE: Command = Command::new("zunionstore", -4, zunionstore)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs("Stores the union of sorted sets in a key.", "O(N)")
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SORTEDSET)
    .keys(&[
        KeySpec::at(1, "OW update"),
        KeySpec::at(2, "RO access").keynum(0, 1, 1),
    ])
    .args(
        "destination:key@0 numkeys:integer key:key@1* weight:integer=WEIGHTS?* \
         aggregate=AGGREGATE?(sum=SUM! | min=MIN! | max=MAX! | count=COUNT!^8.8.0)",
    )
    .cost(Cost::Before(cost::sort_all));

/// `ZINTERSTORE`
pub const ZINTERSTORE: Command = Command::new("zinterstore", -4, zinterstore)
    .group(Group::SortedSet)
    .since("2.0.0")
    .docs("Stores the intersection of sorted sets in a key.", "O(N*K)")
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SORTEDSET)
    .keys(&[
        KeySpec::at(1, "OW update"),
        KeySpec::at(2, "RO access").keynum(0, 1, 1),
    ])
    .args(
        "destination:key@0 numkeys:integer key:key@1* weight:integer=WEIGHTS?* \
         aggregate=AGGREGATE?(sum=SUM! | min=MIN! | max=MAX! | count=COUNT!^8.8.0)",
    )
    .cost(Cost::Before(cost::intersect));

/// `ZDIFFSTORE`
pub const ZDIFFSTORE: Command = Command::new("zdiffstore", -4, zdiffstore)
    .group(Group::SortedSet)
    .since("6.2.0")
    .docs(
        "Stores the members of the first sorted set that are in no other.",
        "O(L + (N-K))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SORTEDSET)
    .keys(&[
        KeySpec::at(1, "OW update"),
        KeySpec::at(2, "RO access").keynum(0, 1, 1),
    ])
    .args("destination:key@0 numkeys:integer key:key@1*")
    .cost(Cost::Before(cost::sort_all));

/// `ZINTERCARD`
pub const ZINTERCARD: Command = Command::new("zintercard", -3, zintercard)
    .group(Group::SortedSet)
    .since("7.0.0")
    .docs(
        "Counts the members of the intersection of sorted sets.",
        "O(N*K)",
    )
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RO access").keynum(0, 1, 1)])
    .args("numkeys:integer key:key@0* limit:integer=LIMIT?")
    .cost(Cost::Before(cost::intersect));

/// Which operation, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
    /// ZINTERCARD.
    Card,
}

/// How the scores of a member in several sources are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    /// Adds up the weights of the sources that have the member, whatever its scores.
    Count,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, ReplyError> {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"SUM") {
            Ok(Self::Sum)
        } else if is(b"MIN") {
            Ok(Self::Min)
        } else if is(b"MAX") {
            Ok(Self::Max)
        } else if is(b"COUNT") {
            Ok(Self::Count)
        } else {
            Err(errors::SYNTAX)
        }
    }

    fn combine(self, a: f64, b: f64) -> f64 {
        match self {
            // Written out, so that of 0 and -0 the one that Redis keeps is kept.
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
            Self::Sum | Self::Count => or_zero(a + b),
        }
    }
}

/// Infinities of both signs, and infinity times 0, count as 0.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The options of a command.
#[derive(Debug)]
struct Options {
    weights: SmallVec<[f64; 4]>,
    aggregate: Aggregate,
    with_scores: bool,
    /// ZINTERCARD; 0 for no limit.
    limit: usize,
}

impl Options {
    fn parse(
        words: Args<'_>,
        sources: usize,
        operation: Operation,
        store: bool,
    ) -> Result<Self, ReplyError> {
        let mut options = Self {
            weights: SmallVec::from_elem(1.0, sources),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let scored = matches!(operation, Operation::Union | Operation::Inter);
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let left = words.len() - at;
            at += 1;
            if scored && left > sources && is(b"WEIGHTS") {
                for weight in &mut options.weights {
                    *weight = common::number::parse_f64(words.at(at))
                        .ok_or(errors::zset::WEIGHT_NOT_FLOAT)?;
                    at += 1;
                }
            } else if scored && left >= 2 && is(b"AGGREGATE") {
                options.aggregate = Aggregate::parse(words.at(at))?;
                at += 1;
            } else if operation != Operation::Card && !store && is(b"WITHSCORES") {
                options.with_scores = true;
            } else if operation == Operation::Card && left >= 2 && is(b"LIMIT") {
                let limit = common::number::parse_i64(words.at(at));
                options.limit = limit
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or(errors::NEGATIVE_LIMIT)?;
                at += 1;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// What a source key holds.
#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Absent,
    Set(&'a Set),
    Zset(&'a Zset),
}

/// A source key.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    content: Content<'a>,
    weight: f64,
    counts: bool,
}

impl<'a> Source<'a> {
    fn read(ctx: &'a Ctx<'_>, key: &[u8]) -> Result<Self, ReplyError> {
        Ok(Self {
            content: match ctx.read(key).map(|entry| entry.value()) {
                None => Content::Absent,
                Some(ValueRef::Set(set)) => Content::Set(set),
                Some(ValueRef::Zset(zset)) => Content::Zset(zset),
                Some(_) => return Err(errors::WRONGTYPE),
            },
            weight: 1.0,
            counts: false,
        })
    }

    fn len(&self) -> usize {
        match self.content {
            Content::Absent => 0,
            Content::Set(set) => set.len(),
            Content::Zset(zset) => zset.len(),
        }
    }

    /// The score that a member's own score becomes here; not a number for infinity times 0.
    fn weighted(&self, score: f64) -> f64 {
        self.weight * if self.counts { 1.0 } else { score }
    }

    /// The unweighted score of a member.
    #[inline]
    fn score(&self, entry: &Scored<'_>) -> Option<f64> {
        match self.content {
            Content::Absent => None,
            Content::Set(set) => set.contains_hashed(entry.member, entry.hash).then_some(1.0),
            Content::Zset(zset) => {
                zset.score_hashed(entry.member.text(&mut itoa::Buffer::new()), entry.hash)
            }
        }
    }

    /// Asks for what [`score`](Self::score) reads.
    fn prefetch(&self, entries: &[Scored<'_>]) {
        match self.content {
            Content::Absent => {}
            Content::Set(set) => {
                entries
                    .iter()
                    .for_each(|entry| _ = set.prefetch(entry.hash));
                entries
                    .iter()
                    .for_each(|entry| set.prefetch_member(entry.hash));
            }
            Content::Zset(zset) => {
                entries.iter().for_each(|entry| zset.prefetch(entry.hash));
                entries
                    .iter()
                    .for_each(|entry| zset.prefetch_member(entry.hash));
            }
        }
    }

    /// Reads members and unweighted scores, some at a time and in no order, until `f` breaks.
    fn try_blocks(
        &self,
        mut f: impl FnMut(&mut [Scored<'a>]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.content {
            Content::Absent => ControlFlow::Continue(()),
            Content::Zset(zset) => zset.try_blocks(f),
            Content::Set(set) => {
                let mut block = Block::new();
                set.try_for_each(|member| {
                    block.push(Scored::new(member, 1.0));
                    if block.len() == BLOCK {
                        f(&mut block)?;
                        block.clear();
                    }
                    ControlFlow::Continue(())
                })?;
                f(&mut block)
            }
        }
    }
}

/// Members and their scores.
type Members<'a> = Vec<Scored<'a>>;

fn union<'a>(sources: &[Source<'a>], aggregate: Aggregate) -> Members<'a> {
    let mut result = Members::with_capacity(sources.last().map_or(0, Source::len));
    let mut known: HashMap<Item<'a>, usize> = HashMap::with_capacity(result.capacity());
    for source in sources {
        let _ = source.try_blocks(|block| {
            for entry in block {
                entry.score = or_zero(source.weighted(entry.score));
                // One form of each text, whatever container it comes from.
                let name = match entry.member {
                    Item::Str(text) => Item::of(text),
                    int => int,
                };
                match known.entry(name) {
                    Entry::Occupied(at) => {
                        let present = &mut result[*at.get()].score;
                        *present = aggregate.combine(*present, entry.score);
                    }
                    Entry::Vacant(place) => {
                        place.insert(result.len());
                        result.push(*entry);
                    }
                }
            }
            ControlFlow::Continue(())
        });
    }
    result
}

/// Visits the members that are in all sources until `f` breaks.
fn intersect<'a>(
    sources: &[Source<'a>],
    aggregate: Aggregate,
    mut f: impl FnMut(Scored<'a>) -> ControlFlow<()>,
) {
    let Some((first, others)) = sources.split_first() else {
        return;
    };
    let _ = first.try_blocks(|block| {
        others.iter().for_each(|other| other.prefetch(block));
        for entry in block {
            // Of the others, what is not a number makes a sum 0 and is no minimum or maximum.
            entry.score = or_zero(first.weighted(entry.score));
            let in_all = others.iter().all(|other| {
                let score = other.score(entry);
                if let Some(score) = score {
                    entry.score = aggregate.combine(entry.score, other.weighted(score));
                }
                score.is_some()
            });
            if in_all {
                f(*entry)?;
            }
        }
        ControlFlow::Continue(())
    });
}

fn difference<'a>(sources: &[Source<'a>]) -> Members<'a> {
    let mut result = Members::new();
    let Some((first, others)) = sources.split_first() else {
        return result;
    };
    let _ = first.try_blocks(|block| {
        others.iter().for_each(|other| other.prefetch(block));
        let is_alone = |entry: &&mut Scored<'a>| others.iter().all(|o| o.score(entry).is_none());
        result.extend(block.iter_mut().filter(is_alone).map(|entry| *entry));
        ControlFlow::Continue(())
    });
    result
}

/// The sources and options of a command whose number of keys is argument `at`.
fn parse<'c>(
    ctx: &'c Ctx<'_>,
    args: Args<'_>,
    at: usize,
    operation: Operation,
) -> Result<(SmallVec<[Source<'c>; 4]>, Options), ReplyError> {
    let numkeys = common::number::parse_i64(args.at(at)).ok_or(errors::NOT_INTEGER)?;
    if numkeys < 1 {
        return Err(errors::zset::at_least_one_key(ctx.command().name));
    }
    let numkeys = usize::try_from(numkeys).unwrap_or(usize::MAX);
    if numkeys > args.len() - at - 1 {
        return Err(errors::SYNTAX);
    }
    let mut sources: SmallVec<[Source<'c>; 4]> = SmallVec::new();
    for i in 0..numkeys {
        sources.push(Source::read(ctx, args.at(at + 1 + i))?);
    }
    let words = args.from(at + 1 + numkeys);
    let options = Options::parse(words, numkeys, operation, at == 2)?;
    for (source, weight) in sources.iter_mut().zip(&options.weights) {
        source.weight = *weight;
        source.counts = options.aggregate == Aggregate::Count;
    }
    if operation != Operation::Diff {
        sources.sort_by_key(Source::len);
    }
    Ok((sources, options))
}

/// The result in order.
fn compute<'a>(operation: Operation, sources: &[Source<'a>], aggregate: Aggregate) -> Members<'a> {
    let result = match operation {
        Operation::Union => union(sources, aggregate),
        Operation::Diff => difference(sources),
        Operation::Inter | Operation::Card => {
            let mut result = Members::new();
            intersect(sources, aggregate, |entry| {
                result.push(entry);
                ControlFlow::Continue(())
            });
            result
        }
    };
    zset::sort(&result)
}

fn zunion(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Union, out)
}

fn zinter(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Inter, out)
}

fn zdiff(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Diff, out)
}

fn reply(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let (sources, options) = parse(ctx, args, 1, operation)?;
    let result = compute(operation, &sources, options.aggregate);
    super::begin_members(result.len(), options.with_scores, out);
    for entry in result {
        super::write_entry(entry.member, entry.score, options.with_scores, out);
    }
    Ok(())
}

fn zunionstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Union, "zunionstore", out)
}

fn zinterstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Inter, "zinterstore", out)
}

fn zdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    store(ctx, args, Operation::Diff, "zdiffstore", out)
}

fn store(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    event: &'static str,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let zset = {
        let (sources, options) = parse(ctx, args, 2, operation)?;
        let result = compute(operation, &sources, options.aggregate);
        Zset::from_sorted(&result, super::limits(ctx.server))
    };
    ctx.settle(args)?;
    super::range::store(ctx, args.at(1), zset, event, out);
    Ok(())
}

fn zintercard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (sources, options) = parse(ctx, args, 1, Operation::Card)?;
    let mut count = 0;
    intersect(&sources, options.aggregate, |_| {
        count += 1;
        if count == options.limit {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    out.integer(count as i64);
    Ok(())
}
