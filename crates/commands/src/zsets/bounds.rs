//! The ends of ranges as clients write them: scores, members, ranks.
//!
//! Bounds are parsed before the key is looked at, so that a bad bound is an error for an absent key
//! too. The syntax is Redis's: `(` excludes, `-inf` and `+inf`, `-` and `+` for texts.

use datatypes::Zset;
use datatypes::zset::{LexBound, LexRange, ScoreRange};
use resp::{ReplyError, errors};
use std::ops::Range;

/// A range of a sorted set, parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bounds<'a> {
    /// From rank to rank, both included, negative ones from the end.
    Rank(i64, i64),
    /// BYSCORE.
    Score(ScoreRange),
    /// BYLEX.
    Lex(LexRange<'a>),
}

impl<'a> Bounds<'a> {
    /// Reads a range of ranks.
    ///
    /// # Errors
    /// Not integers.
    pub(crate) fn rank(start: &[u8], stop: &[u8]) -> Result<Self, ReplyError> {
        let parse = |text| common::number::parse_i64(text).ok_or(errors::NOT_INTEGER);
        Ok(Self::Rank(parse(start)?, parse(stop)?))
    }

    /// Reads a range of scores.
    ///
    /// # Errors
    /// Not numbers.
    pub(crate) fn score(min: &[u8], max: &[u8]) -> Result<Self, ReplyError> {
        let (min, min_excluded) = score_bound(min)?;
        let (max, max_excluded) = score_bound(max)?;
        Ok(Self::Score(ScoreRange {
            min,
            min_excluded,
            max,
            max_excluded,
        }))
    }

    /// Reads a range of members.
    ///
    /// # Errors
    /// A bound that is not `-`, `+`, `[…` or `(…`.
    pub(crate) fn lex(min: &'a [u8], max: &'a [u8]) -> Result<Self, ReplyError> {
        let (min, max) = (lex_bound(min)?, lex_bound(max)?);
        Ok(Self::Lex(LexRange { min, max }))
    }

    /// The ranks that the range covers; `reverse` counts them from the highest score.
    pub(crate) fn ranks(&self, zset: &Zset, reverse: bool) -> Range<usize> {
        match self {
            Self::Score(range) => zset.ranks_by_score(range),
            Self::Lex(range) => zset.ranks_by_lex(range),
            Self::Rank(start, stop) => {
                let len = zset.len();
                let ranks = clamp(*start, *stop, len);
                if reverse {
                    len - ranks.end..len - ranks.start
                } else {
                    ranks
                }
            }
        }
    }
}

/// Indices with negative ones from the end, cut to what is there.
fn clamp(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_end = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
    let start = from_end(start).max(0);
    let end = from_end(stop).min(len - 1) + 1;
    if start >= end {
        return 0..0;
    }
    start as usize..end as usize
}

fn score_bound(text: &[u8]) -> Result<(f64, bool), ReplyError> {
    let (text, excluded) = match text.strip_prefix(b"(") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let score = common::number::parse_loose_f64(text).ok_or(errors::zset::MIN_MAX_NOT_FLOAT)?;
    Ok((score, excluded))
}

fn lex_bound(text: &[u8]) -> Result<LexBound<'_>, ReplyError> {
    match text {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', member @ ..] => Ok(LexBound::Included(member)),
        [b'(', member @ ..] => Ok(LexBound::Excluded(member)),
        _ => Err(errors::zset::MIN_MAX_NOT_STRING),
    }
}
