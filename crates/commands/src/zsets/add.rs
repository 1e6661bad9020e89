//! ZADD and ZINCRBY.
//!
//! All scores are read before anything changes. The only failure later, an increment to NaN, can
//! only happen to a single member, which then is as it was.

use datatypes::Zset;
use datatypes::zset::{Change, Limits};
use keyspace::Value;
use resp::{Args, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;

use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `ZADD`
pub const ZADD: Command = Command::new("zadd", -4, zadd)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs(
        "Adds members to a sorted set, or changes their scores.",
        "O(log(N))",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 condition?^3.0.2(nx=NX! | xx=XX!) comparison?^6.2.0(gt=GT! | lt=LT!) \
         change=CH!?^3.0.2 increment=INCR!?^3.0.2 score_member*{score:double member}",
    );

/// `ZINCRBY`
pub const ZINCRBY: Command = Command::new("zincrby", 4, zincrby)
    .group(Group::SortedSet)
    .since("1.2.0")
    .docs(
        "Adds to the score of a member of a sorted set.",
        "O(log(N))",
    )
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::SORTEDSET)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 increment:integer member");

/// The conditions and forms of ZADD.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// NX: only new members.
    pub(crate) only_new: bool,
    /// XX: only present members.
    pub(crate) only_present: bool,
    /// GT: only to a greater score.
    pub(crate) greater: bool,
    /// LT: only to a lesser score.
    pub(crate) less: bool,
    /// CH: counts changed scores too.
    pub(crate) count_changed: bool,
    /// INCR: scores are increments.
    pub(crate) increment: bool,
}

impl Options {
    /// Reads the options from argument 2 on; also answers where the pairs begin.
    fn parse(&mut self, args: Args<'_>) -> usize {
        for at in 2..args.len() {
            let word = args.at(at);
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            if word.len() > 4 {
                return at;
            } else if is(b"NX") {
                self.only_new = true;
            } else if is(b"XX") {
                self.only_present = true;
            } else if is(b"CH") {
                self.count_changed = true;
            } else if is(b"INCR") {
                self.increment = true;
            } else if is(b"GT") {
                self.greater = true;
            } else if is(b"LT") {
                self.less = true;
            } else {
                return at;
            }
        }
        args.len()
    }

    fn check(self, pairs: usize) -> Result<(), ReplyError> {
        if self.only_new && self.only_present {
            return Err(errors::zset::XX_AND_NX);
        }
        if (self.greater && (self.only_new || self.less)) || (self.less && self.only_new) {
            return Err(errors::zset::GT_LT_NX);
        }
        if self.increment && pairs > 1 {
            return Err(errors::zset::INCR_SINGLE_PAIR);
        }
        Ok(())
    }
}

/// What happened to all pairs of a command.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// New members.
    pub(crate) added: usize,
    /// Members with another score than before.
    pub(crate) rescored: usize,
    /// The resulting score of the last pair, unless a condition stood against it.
    score: Option<f64>,
    is_nan: bool,
}

impl Tally {
    /// What the client is told: new members, with CH changed ones too.
    pub(crate) fn count(&self, options: Options) -> i64 {
        let changed = if options.count_changed {
            self.rescored
        } else {
            0
        };
        (self.added + changed) as i64
    }

    #[inline]
    fn add(&mut self, zset: &mut Zset, member: &[u8], score: f64, options: Options, lim: Limits) {
        let change = zset.update(member, lim, |present| {
            self.score = None;
            let score = self.decide(present, score, options)?;
            self.score = Some(score);
            Some(score)
        });
        match change {
            Change::Added => self.added += 1,
            Change::Rescored => self.rescored += 1,
            Change::Kept => {}
        }
    }

    #[inline]
    fn decide(&mut self, present: Option<f64>, score: f64, options: Options) -> Option<f64> {
        let Some(present) = present else {
            return (!options.only_present).then_some(score);
        };
        if options.only_new {
            return None;
        }
        let score = if options.increment {
            present + score
        } else {
            score
        };
        if score.is_nan() {
            self.is_nan = true;
            return None;
        }
        let is_refused =
            (options.greater && score <= present) || (options.less && score >= present);
        (!is_refused).then_some(score)
    }
}

/// Adds pairs to the sorted set at `key`: the part of ZADD that GEOADD shares.
///
/// # Errors
/// WRONGTYPE; an increment to NaN. Nothing has changed then.
pub(crate) fn add_pairs<'m>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    options: Options,
    pairs: impl ExactSizeIterator<Item = (f64, &'m [u8])>,
) -> Result<Tally, ReplyError> {
    let limits = super::limits(ctx.server);
    let mut tally = Tally::default();
    let mut pairs = pairs.peekable();
    let mut key = ctx.write(key);
    if super::expect(key.value())?.is_some() {
        if let Some(zset) = super::value_mut(&mut key) {
            pairs.for_each(|(score, member)| tally.add(zset, member, score, options, limits));
        }
    } else if let (Some((_, first)), false) = (pairs.peek(), options.only_present) {
        let mut zset = Zset::new(first.len(), limits);
        pairs.for_each(|(score, member)| tally.add(&mut zset, member, score, options, limits));
        key.set(Value::Zset(zset));
    }
    let changes = tally.added + tally.rescored;
    if tally.is_nan {
        key.commit_nothing();
        return Err(errors::zset::RESULTING_SCORE_NAN);
    }
    if changes == 0 {
        key.commit_nothing();
    } else {
        let name = if options.increment { "zincr" } else { "zadd" };
        key.commit_n(super::event(name), changes as u64);
    }
    Ok(tally)
}

fn zadd(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    add(ctx, args, Options::default(), out)
}

fn zincrby(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options {
        increment: true,
        ..Options::default()
    };
    add(ctx, args, options, out)
}

fn add(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    mut options: Options,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let first = options.parse(args);
    let words = args.from(first);
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return Err(errors::SYNTAX);
    }
    options.check(words.len() / 2)?;
    let mut scores: SmallVec<[f64; 8]> = SmallVec::with_capacity(words.len() / 2);
    for score in words.iter().step_by(2) {
        scores.push(common::number::parse_f64(score).ok_or(errors::NOT_FLOAT)?);
    }
    let pairs = scores
        .iter()
        .enumerate()
        .map(|(i, score)| (*score, words.at(i * 2 + 1)));
    let tally = add_pairs(ctx, args.at(1), options, pairs)?;
    match tally.score {
        _ if !options.increment => out.integer(tally.count(options)),
        Some(score) => out.double(score),
        None => out.null(),
    }
    Ok(())
}
