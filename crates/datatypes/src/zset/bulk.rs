//! Members outside of any set: how algebra reads them, puts them in order and makes a set of them.
//!
//! What costs is to wait for memory, and to hash: so members come in blocks, whose cache lines can
//! be asked for together, and bring their hash along, which is the same in all sets.

use super::large::Large;
use super::probe::key_of;
use super::{Limits, Zset, packed};
use crate::listpack::Item;
use crate::word::{Of, OneOf};
use common::hash::hash;
use smallvec::SmallVec;
use std::ops::ControlFlow;

/// Members at a time: so many that the first ones have come when the last ones have been asked for.
pub const BLOCK: usize = 16;

/// Some members, [`BLOCK`] at most.
pub type Block<'a> = SmallVec<[Scored<'a>; BLOCK]>;

/// A member with its score and its hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored<'a> {
    /// The member.
    pub member: Item<'a>,
    /// Its score.
    pub score: f64,
    /// The hash of its text.
    pub hash: u64,
}

impl<'a> Scored<'a> {
    /// Hashes the member.
    #[inline]
    #[must_use]
    pub fn new(member: Item<'a>, score: f64) -> Self {
        let hash = hash(member.text(&mut itoa::Buffer::new()));
        Self {
            member,
            score,
            hash,
        }
    }
}

/// Puts members in the order of a sorted set.
#[must_use]
pub fn sort<'a>(members: &[Scored<'a>]) -> Vec<Scored<'a>> {
    let key = |(index, entry): (usize, &Scored<'a>)| (key_of(entry.score), index);
    let mut keys: Vec<(u64, usize)> = members.iter().enumerate().map(key).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    for ties in keys.chunk_by_mut(|a, b| a.0 == b.0) {
        if ties.len() > 1 {
            ties.sort_unstable_by(|a, b| {
                let (mut left, mut right) = (itoa::Buffer::new(), itoa::Buffer::new());
                let left = members[a.1].member.text(&mut left);
                left.cmp(members[b.1].member.text(&mut right))
            });
        }
    }
    keys.iter().map(|(_, index)| members[*index]).collect()
}

impl Zset {
    /// A set of distinct members that are in order: large at once if the limits want it.
    #[must_use]
    pub fn from_sorted(members: &[Scored<'_>], limits: Limits) -> Self {
        let is_long = |entry: &Scored<'_>| entry.member.text_len() > limits.value_max;
        if members.len() > limits.entries_max || members.iter().any(is_long) {
            return Self(OneOf::new(Of::B(Box::new(Large::from_sorted(members)))));
        }
        let mut zset = Self::default();
        let mut buffer = itoa::Buffer::new();
        for entry in members {
            zset.insert(entry.member.text(&mut buffer), entry.score, limits);
        }
        zset
    }

    /// Calls `f` with all members, some at a time, in no particular order, until it breaks.
    pub fn try_blocks<'a>(
        &'a self,
        mut f: impl FnMut(&mut [Scored<'a>]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let pack = match self.0.get() {
            Of::A(pack) => pack,
            Of::B(large) => return large.try_blocks(f),
            Of::C(never) => match never {},
        };
        let mut pairs = pack
            .pairs()
            .map(|(member, score)| Scored::new(member, packed::score_of(score)));
        loop {
            let mut block: Block<'a> = pairs.by_ref().take(BLOCK).collect();
            if block.is_empty() {
                return ControlFlow::Continue(());
            }
            f(&mut block)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sized;

    const LIMITS: Limits = Limits {
        entries_max: 16,
        value_max: 64,
    };
    const COUNT_MAX: u32 = sized(20_000, 140) as u32;

    /// Members of few scores, both zeros among them, in no order.
    fn texts(count: u32) -> Vec<(Vec<u8>, f64)> {
        let score = |i: u32| [-0.0, 0.0, f64::from(i % 61) - 30.5][i as usize % 3];
        let text = |i: u32| format!("m:{}", i.wrapping_mul(0x9E37_79B1)).into_bytes();
        (0..count).map(|i| (text(i), score(i))).collect()
    }

    fn scored(texts: &[(Vec<u8>, f64)]) -> Vec<Scored<'_>> {
        texts
            .iter()
            .map(|(text, score)| Scored::new(Item::Str(text), *score))
            .collect()
    }

    #[test]
    fn a_set_made_at_once_is_that_of_single_insertions_and_goes_on_like_it() {
        // Three levels of the tree under Miri, too.
        let counts: &[u32] = if cfg!(miri) {
            &[0, 1, 16, 17, COUNT_MAX]
        } else {
            &[0, 1, 16, 17, 128, 129, 400, 5000, COUNT_MAX]
        };
        for &count in counts {
            let texts = texts(count);
            let mut made = Zset::from_sorted(&sort(&scored(&texts)), LIMITS);
            let mut grown = Zset::default();
            for (text, score) in &texts {
                grown.insert(text, *score, LIMITS);
            }
            made.check();
            assert!(
                made.iter(0..usize::MAX, false)
                    .eq(grown.iter(0..usize::MAX, false))
            );
            assert_eq!(made.encoding_name(), grown.encoding_name());
            for (index, (text, score)) in texts.iter().enumerate() {
                assert_eq!(made.score_hashed(text, hash(text)), Some(*score));
                match index % 3 {
                    0 => assert_eq!(made.remove(text), grown.remove(text)),
                    1 => assert_eq!(
                        made.insert(text, score + 7.0, LIMITS),
                        grown.insert(text, score + 7.0, LIMITS)
                    ),
                    _ => {}
                }
            }
            made.check();
            assert!(
                made.iter(0..usize::MAX, false)
                    .eq(grown.iter(0..usize::MAX, false))
            );
        }
    }

    #[test]
    fn blocks_have_every_member_once() {
        for count in [0, 1, 15, 16, 17, 33, COUNT_MAX.min(1000)] {
            let texts = texts(count);
            let zset = Zset::from_sorted(&sort(&scored(&texts)), LIMITS);
            let mut seen = Vec::new();
            let end = zset.try_blocks(|block| {
                seen.extend_from_slice(block);
                ControlFlow::Continue(())
            });
            assert_eq!(end, ControlFlow::Continue(()));
            assert_eq!(sort(&seen), sort(&scored(&texts)));
        }
    }

    #[test]
    fn blocks_end_when_they_are_told_to() {
        let texts = texts(100);
        let zset = Zset::from_sorted(&sort(&scored(&texts)), LIMITS);
        let mut calls = 0;
        let end = zset.try_blocks(|_| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!((end, calls), (ControlFlow::Break(()), 1));
    }
}
