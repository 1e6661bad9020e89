//! The small form: a listpack of members and scores in turn, in order, byte for byte Redis's.
//!
//! Scores that are whole (up to half of what 64 bits hold) are stored as integers, others as text
//! of 17 significant digits. Everything walks: such a set has some hundred members.

use super::{Change, LexBound, Limits};
use crate::listpack::{Item, Iter, Listpack, ListpackRef, Pos};
use common::number::{SmallText, format_f64, parse_f64};
use std::cmp::Ordering;
use std::ops::Range;

/// Whole scores up to here are stored as integers.
const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;

/// A score read back.
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(whole) => whole as f64,
        Item::Str(text) => parse_f64(text).unwrap_or_default(),
    }
}

fn score_text(score: f64) -> Result<i64, SmallText> {
    if score.abs() <= WHOLE_MAX && score == score.trunc() {
        return Ok(score as i64);
    }
    Err(format_f64(score))
}

fn compare(item: Item<'_>, member: &[u8]) -> Ordering {
    item.text(&mut itoa::Buffer::new()).cmp(member)
}

/// Whether a listpack can be a sorted set: pairs of which the second is a number, and no member
/// twice. For bytes from outside. As in Redis, the order is taken on trust.
pub(super) fn is_valid(pack: ListpackRef<'_>) -> bool {
    if !pack.len().is_multiple_of(2) {
        return false;
    }
    let mut members = std::collections::HashSet::new();
    pack.pairs().all(|(member, score)| {
        let number = match score {
            Item::Int(_) => true,
            Item::Str(text) => parse_f64(text).is_some_and(|score| !score.is_nan()),
        };
        number && members.insert(member.to_vec())
    })
}

/// Where a member is, and its score.
fn find(pack: ListpackRef<'_>, member: &[u8]) -> Option<(Pos, f64)> {
    let pos = pack.find(member, 1)?;
    Some((pos, score_of(pack.get(pack.next(pos)?))))
}

pub(super) fn score(pack: ListpackRef<'_>, member: &[u8]) -> Option<f64> {
    find(pack, member).map(|(_, score)| score)
}

/// `None`: the member does not fit any more, and was not added.
pub(super) fn update(
    pack: &mut Listpack,
    member: &[u8],
    limits: Limits,
    decide: impl FnOnce(Option<f64>) -> Option<f64>,
) -> Result<Change, f64> {
    let found = find(pack.view(), member);
    let old = found.map(|(_, score)| score);
    let Some(score) = decide(old) else {
        return Ok(Change::Kept);
    };
    if let Some((pos, old)) = found {
        if old == score {
            return Ok(Change::Kept);
        }
        pack.delete_from(pos, 2);
        insert(pack, member, score);
        return Ok(Change::Rescored);
    }
    if pack.len() / 2 + 1 > limits.entries_max
        || member.len() > limits.value_max
        || !pack.can_add(member.len())
    {
        return Err(score);
    }
    insert(pack, member, score);
    Ok(Change::Added)
}

/// Adds a member that is not there, in order.
fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut items = pack.view().iter();
    let mut place = None;
    while let Some((pos, item)) = items.next_pos() {
        let Some(other) = items.next().map(score_of) else {
            break;
        };
        if other > score || (other == score && compare(item, member).is_gt()) {
            place = Some(pos);
            break;
        }
    }
    insert_at(pack, place, Item::of(member), score);
}

/// Adds a pair before a place, or at the end.
pub(super) fn insert_at(pack: &mut Listpack, place: Option<Pos>, member: Item<'_>, score: f64) {
    match score_text(score) {
        Ok(whole) => pack.insert_items(place, &[member, Item::Int(whole)]),
        Err(text) => pack.insert_items(place, &[member, Item::Str(text.as_bytes())]),
    }
}

pub(super) fn remove(pack: &mut Listpack, member: &[u8]) -> Option<f64> {
    let (pos, score) = find(pack.view(), member)?;
    pack.delete_from(pos, 2);
    Some(score)
}

pub(super) fn rank(pack: ListpackRef<'_>, member: &[u8]) -> Option<(usize, f64)> {
    let index = pack.pairs().position(|(item, _)| item.is(member))?;
    let score = pack.get_at(index as i64 * 2 + 1).map(score_of)?;
    Some((index, score))
}

pub(super) fn count_below(pack: ListpackRef<'_>, score: f64, with_equal: bool) -> usize {
    pack.pairs()
        .map(|(_, item)| score_of(item))
        .take_while(|&other| other < score || (with_equal && other == score))
        .count()
}

/// How many members lie before a bound: of a minimum those left out, of a maximum those within.
pub(super) fn count_before(pack: ListpackRef<'_>, bound: LexBound<'_>, is_max: bool) -> usize {
    let (bound, with_equal) = match (bound, is_max) {
        (LexBound::Lowest, _) => return 0,
        (LexBound::Highest, _) => return pack.len() / 2,
        (LexBound::Included(member), is_max) => (member, is_max),
        (LexBound::Excluded(member), is_max) => (member, !is_max),
    };
    let passes = |item: Item<'_>| match compare(item, bound) {
        Ordering::Less => true,
        Ordering::Equal => with_equal,
        Ordering::Greater => false,
    };
    pack.pairs().take_while(|(item, _)| passes(*item)).count()
}

pub(super) fn remove_ranks(pack: &mut Listpack, ranks: Range<usize>) {
    pack.delete_range(ranks.start as i64 * 2, ranks.len() * 2);
}

/// Entries of a range of ranks, in either direction.
#[derive(Clone)]
pub(super) struct PackedIter<'a> {
    items: Option<Iter<'a>>,
    left: usize,
    reverse: bool,
}

impl<'a> PackedIter<'a> {
    pub(super) fn new(pack: ListpackRef<'a>, ranks: Range<usize>, reverse: bool) -> Self {
        let items = if reverse {
            pack.seek(ranks.end as i64 * 2 - 1)
                .map(|pos| pack.iter_to(pos))
        } else {
            pack.seek(ranks.start as i64 * 2)
                .map(|pos| pack.iter_from(pos))
        };
        PackedIter {
            items,
            left: ranks.len(),
            reverse,
        }
    }
}

impl<'a> Iterator for PackedIter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let items = self.items.as_mut()?;
        let (member, score) = if self.reverse {
            let score = items.next_back()?;
            (items.next_back()?, score)
        } else {
            (items.next()?, items.next()?)
        };
        Some((member, score_of(score)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
