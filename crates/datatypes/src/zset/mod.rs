//! Sorted sets: members ordered by (score, member), found by member, score, rank or place in the
//! order.
//!
//! Small ones are a listpack, byte for byte Redis's; large ones (OBJECT ENCODING says `skiplist`)
//! are a B+tree with counts over records that a hash table finds by member. All ranges are ranges
//! of ranks:
//! [`Zset::ranks_by_score`] and [`Zset::ranks_by_lex`] find them in logarithmic time, so that
//! offsets and limits are arithmetic, counting is subtraction, and [`Zset::iter`] walks in both
//! directions without collecting.
//!
//! Scores are never NaN: callers refuse it.

mod branch;
mod bulk;
mod large;
mod leaf;
mod packed;
mod probe;
mod record;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use bulk::{BLOCK, Block, Scored, sort};

use crate::listpack::{Item, Listpack, ListpackRef};
use crate::word::{Of, OneOf};
use large::{Large, LargeIter};
use packed::PackedIter;
use std::ops::Range;

/// When the small form must give way (`zset-max-listpack-entries`, `zset-max-listpack-value`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most members of a small one.
    pub entries_max: usize,
    /// Longest member of a small one, in bytes.
    pub value_max: usize,
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The member is new.
    Added,
    /// The member has another score than before.
    Rescored,
    /// Nothing changed.
    Kept,
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest score.
    pub min: f64,
    /// Whether `min` itself is left out.
    pub min_excluded: bool,
    /// The highest score.
    pub max: f64,
    /// Whether `max` itself is left out.
    pub max_excluded: bool,
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before all members.
    Lowest,
    /// `+`: behind all members.
    Highest,
    /// `[member`.
    Included(&'a [u8]),
    /// `(member`.
    Excluded(&'a [u8]),
}

/// A range of members that all have one score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower end.
    pub min: LexBound<'a>,
    /// The upper end.
    pub max: LexBound<'a>,
}

/// A sorted set; one pointer.
pub struct Zset(OneOf<Listpack, Box<Large>>);

impl Default for Zset {
    fn default() -> Self {
        Self::from_packed(Listpack::new())
    }
}

impl Zset {
    /// An empty one for a first member of that length.
    #[must_use]
    pub fn new(first_member_len: usize, limits: Limits) -> Self {
        if limits.entries_max == 0 || first_member_len > limits.value_max {
            return Self(OneOf::new(Of::B(Box::new(Large::new()))));
        }
        Self::default()
    }

    /// Takes a listpack that is known to be a sorted set; see [`Zset::is_valid_packed`].
    #[must_use]
    pub fn from_packed(pack: Listpack) -> Self {
        Self(OneOf::new(Of::A(pack)))
    }

    /// Whether bytes from outside are a sorted set's listpack: pairs, numbers, no member twice.
    #[must_use]
    pub fn is_valid_packed(pack: ListpackRef<'_>) -> bool {
        packed::is_valid(pack)
    }

    /// The listpack of a small one.
    #[must_use]
    pub fn packed(&self) -> Option<ListpackRef<'_>> {
        match self.0.get() {
            Of::A(pack) => Some(pack),
            _ => None,
        }
    }

    /// What OBJECT ENCODING says.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        if self.packed().is_some() {
            "listpack"
        } else {
            "skiplist"
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Of::A(pack) => pack.len() / 2,
            Of::B(large) => large.len(),
            Of::C(never) => match never {},
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.0.get() {
            Of::A(pack) => packed::score(pack, member),
            Of::B(large) => large.score(member),
            Of::C(never) => match never {},
        }
    }

    /// [`Self::score`] of a member whose hash is known.
    #[inline]
    #[must_use]
    pub fn score_hashed(&self, member: &[u8], hash: u64) -> Option<f64> {
        match self.0.get() {
            Of::A(pack) => packed::score(pack, member),
            Of::B(large) => large.score_hashed(member, hash),
            Of::C(never) => match never {},
        }
    }

    /// Asks for the bucket that a look at a member of this hash reads first.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Of::B(large) = self.0.get() {
            large.prefetch(hash);
        }
    }

    /// Asks for the member that probably has this hash; [`prefetch`](Self::prefetch) should be
    /// done.
    #[inline]
    pub fn prefetch_member(&self, hash: u64) {
        if let Of::B(large) = self.0.get() {
            large.prefetch_member(hash);
        }
    }

    /// Adds a member, or gives it another score: `decide` gets the present score and answers the
    /// one to set, or `None` to leave things as they are. One look-up.
    pub fn update(
        &mut self,
        member: &[u8],
        limits: Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        let score = match self.0.get_mut() {
            Of::A(mut pack) => match packed::update(&mut pack, member, limits, decide) {
                Ok(change) => return change,
                Err(score) => score,
            },
            Of::B(mut large) => return large.update(member, decide),
            Of::C(_) => return Change::Kept,
        };
        self.unpack();
        if let Of::B(mut large) = self.0.get_mut() {
            large.insert(member, score);
        }
        Change::Added
    }

    /// Adds a member, or sets its score.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: Limits) -> Change {
        self.update(member, limits, |_| Some(score))
    }

    /// Makes a small one large.
    pub fn unpack(&mut self) {
        let Some(pack) = self.packed() else { return };
        let mut large = Large::new();
        for (member, score) in pack.pairs() {
            large.insert(
                member.text(&mut itoa::Buffer::new()),
                packed::score_of(score),
            );
        }
        self.0 = OneOf::new(Of::B(Box::new(large)));
    }

    /// Makes a large one small if it fits the limits (results of STORE commands).
    pub fn pack_if_small(&mut self, limits: Limits) {
        let Of::B(large) = self.0.get() else { return };
        if large.len() > limits.entries_max {
            return;
        }
        let fits = |(member, _): (&[u8], f64)| member.len() <= limits.value_max;
        if !large.iter(0..large.len(), false).all(fits) {
            return;
        }
        let mut pack = Listpack::new();
        for (member, score) in large.iter(0..large.len(), false) {
            packed::insert_at(&mut pack, None, Item::of(member), score);
        }
        *self = Self::from_packed(pack);
    }

    /// Removes a member; answers the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self.0.get_mut() {
            Of::A(mut pack) => packed::remove(&mut pack, member),
            Of::B(mut large) => large.remove(member),
            Of::C(_) => None,
        }
    }

    /// The rank (lowest score is 0) and the score of a member.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0.get() {
            Of::A(pack) => packed::rank(pack, member),
            Of::B(large) => large.rank(member),
            Of::C(never) => match never {},
        }
    }

    /// The member of a rank, and its score.
    #[must_use]
    pub fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        match self.0.get() {
            Of::A(pack) => PackedIter::new(pack, rank..rank + 1, false).next(),
            Of::B(large) => large
                .get(rank)
                .map(|(member, score)| (Item::Str(member), score)),
            Of::C(never) => match never {},
        }
    }

    /// The ranks of the members with scores in that range.
    #[must_use]
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let count = |score, with_equal| match self.0.get() {
            Of::A(pack) => packed::count_below(pack, score, with_equal),
            Of::B(large) => large.count_below(score, with_equal),
            Of::C(never) => match never {},
        };
        if range.min > range.max {
            return 0..0;
        }
        let start = count(range.min, range.min_excluded);
        start..count(range.max, !range.max_excluded).max(start)
    }

    /// The ranks of the members in that range, provided that all have one score. If not, the answer
    /// is some range, as in Redis.
    #[must_use]
    pub fn ranks_by_lex(&self, range: &LexRange<'_>) -> Range<usize> {
        let count = |bound, is_max| match self.0.get() {
            Of::A(pack) => packed::count_before(pack, bound, is_max),
            Of::B(large) => large.count_before(bound, is_max),
            Of::C(never) => match never {},
        };
        let start = count(range.min, false);
        start..count(range.max, true).max(start)
    }

    /// The entries of a range of ranks, with `reverse` from the last to the first.
    #[must_use]
    pub fn iter(&self, ranks: Range<usize>, reverse: bool) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        Iter(match self.0.get() {
            Of::A(pack) => Form::Packed(PackedIter::new(pack, ranks, reverse)),
            Of::B(large) => Form::Large(large.iter(ranks, reverse)),
            Of::C(never) => match never {},
        })
    }

    /// Removes a range of ranks; answers how many there were.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        if !ranks.is_empty() {
            match self.0.get_mut() {
                Of::A(mut pack) => packed::remove_ranks(&mut pack, ranks.clone()),
                Of::B(mut large) => large.remove_ranks(ranks.clone()),
                Of::C(_) => {}
            }
        }
        ranks.len()
    }

    /// Visits the members near a cursor (0 at first), and answers the next one, or `None` at the
    /// end. What is there from the first call to the last is visited at least once. A small set is
    /// visited whole.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'_>, f64)) -> Option<u64> {
        match self.0.get() {
            Of::A(pack) => {
                pack.pairs()
                    .for_each(|(member, score)| visit(member, packed::score_of(score)));
                None
            }
            Of::B(large) => large.scan(cursor, |(member, score)| visit(Item::Str(member), score)),
            Of::C(never) => match never {},
        }
    }

    /// Bytes held, without this pointer itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        match self.0.get() {
            Of::A(pack) => crate::size_class(pack.bytes().len()),
            Of::B(large) => large.memory(),
            Of::C(never) => match never {},
        }
    }

    /// How many allocations dropping this frees, roughly.
    #[must_use]
    pub fn allocations(&self) -> usize {
        match self.0.get() {
            Of::A(_) => 1,
            Of::B(large) => large.allocations(),
            Of::C(never) => match never {},
        }
    }

    #[cfg(test)]
    fn check(&self) {
        if let Of::B(large) = self.0.get() {
            large.check();
        }
    }
}

impl Clone for Zset {
    fn clone(&self) -> Self {
        Self(OneOf::new(match self.0.get() {
            Of::A(pack) => Of::A(Listpack::from_ref(pack)),
            Of::B(large) => Of::B(Box::new(large.clone())),
            Of::C(never) => match never {},
        }))
    }
}

impl std::fmt::Debug for Zset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter(0..self.len(), false))
            .finish()
    }
}

/// Entries in order; see [`Zset::iter`].
#[derive(Clone)]
pub struct Iter<'a>(Form<'a>);

#[derive(Clone)]
enum Form<'a> {
    Packed(PackedIter<'a>),
    Large(LargeIter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Packed(iter) => iter.next(),
            Form::Large(iter) => iter
                .next()
                .map(|(member, score)| (Item::Str(member), score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Form::Packed(iter) => iter.size_hint(),
            Form::Large(iter) => iter.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
