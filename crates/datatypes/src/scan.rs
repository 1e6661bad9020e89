//! What large sets and hashes share: cursors over their tables, and distinct random items.
//!
//! A cursor is the top bits of a table's position, and so survives any growth of the table.

use crate::table::{Item, POSITION_BITS, Table};
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::HashSet;

/// Reads on from `cursor` (0 at first) until `count` items were seen; answers the next cursor, 0 at
/// the end. A table's position counts in its top bits, which make the cursor.
pub(crate) fn scan<'a, T: Item>(
    table: &'a Table<T>,
    cursor: u64,
    count: usize,
    mut f: impl FnMut(T::Ref<'a>),
) -> u64 {
    let shift = 64 - POSITION_BITS;
    if cursor >> POSITION_BITS != 0 {
        return 0;
    }
    let (mut position, mut seen, mut buckets) = (cursor << shift, 0, 0);
    loop {
        let next = table.scan(position, |item| {
            f(item);
            seen += 1;
        });
        buckets += 1;
        match next {
            None => return 0,
            // Empty buckets count too, so that a call is bounded whatever the table looks like.
            Some(next) if seen >= count || buckets >= count.saturating_mul(10) => {
                return next >> shift;
            }
            Some(next) => position = next,
        }
    }
}

/// Reads `count` distinct random items (fewer than there are). `identity` tells items apart.
pub(crate) fn distinct<'a, T: Item>(
    table: &'a Table<T>,
    rng: &mut impl Rng,
    count: usize,
    identity: impl Fn(T::Ref<'a>) -> *const u8,
    mut f: impl FnMut(T::Ref<'a>),
) {
    // Drawing until enough are distinct is quick while few are wanted; else all are collected and a
    // part is shuffled.
    if count.saturating_mul(3) > table.len() {
        let mut all: Vec<T::Ref<'a>> = table.iter().collect();
        let (picked, _) = all.partial_shuffle(rng, count);
        return picked.iter().for_each(|item| f(*item));
    }
    let mut seen = HashSet::with_capacity(count);
    while seen.len() < count {
        let Some(item) = table.random(|| rng.random()) else {
            return;
        };
        if seen.insert(identity(item)) {
            f(item);
        }
    }
}
