//! Positions in the order of a sorted set: score first, member (as bytes) second.
//!
//! Scores are compared as integers that order alike, so that nodes can keep and search them as
//! plain numbers.

use super::record::Record;

/// A place between two entries, found by comparing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// The score's key; `None` compares members alone (ranges by lex, where all scores are equal).
    pub(super) key: Option<u64>,
    /// What decides between entries of that score.
    pub(super) tie: Tie<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tie<'a> {
    /// Before all of them.
    First,
    /// Behind all of them.
    Last,
    /// Before that member.
    Before(&'a [u8]),
    /// Behind that member.
    After(&'a [u8]),
}

impl<'a> Probe<'a> {
    /// Before the entry of this score and member, or where it would be.
    pub(super) fn at(score: f64, member: &'a [u8]) -> Self {
        Probe {
            key: Some(key_of(score)),
            tie: Tie::Before(member),
        }
    }

    /// Before or behind all entries of a score.
    pub(super) fn score(score: f64, tie: Tie<'a>) -> Self {
        Probe {
            key: Some(key_of(score)),
            tie,
        }
    }

    /// The same place, but behind the member.
    pub(super) fn after(self) -> Self {
        match self.tie {
            Tie::Before(member) => Probe {
                key: self.key,
                tie: Tie::After(member),
            },
            _ => self,
        }
    }

    /// Whether an entry of this very score lies before the place.
    #[inline]
    pub(super) fn passes_tie(&self, member: &[u8]) -> bool {
        match self.tie {
            Tie::First => false,
            Tie::Last => true,
            Tie::Before(bound) => member < bound,
            Tie::After(bound) => member <= bound,
        }
    }

    /// Whether an entry lies before the place.
    #[inline]
    pub(super) fn passes(&self, record: Record) -> bool {
        match self.key {
            Some(key) => match key_of(record.score()).cmp(&key) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => self.passes_tie(record.member()),
                std::cmp::Ordering::Greater => false,
            },
            None => self.passes_tie(record.member()),
        }
    }
}

/// An integer that orders as the score does; both zeros are one.
#[inline]
pub(super) fn key_of(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}
