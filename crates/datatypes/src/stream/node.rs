//! A node: a listpack of entries, byte for byte Redis's.
//!
//! It starts with the master entry (live entries, deleted entries, number of fields, the fields,
//! 0), then come the entries: flags, id as differences from the node's id, number of fields with
//! fields and values, or the values alone where the fields are the master's, and at last how many
//! elements the entry has, for walking backwards.

use super::StreamId;
use crate::listpack::{Item, Listpack, ListpackRef, Pos, Short};
use smallvec::SmallVec;

/// The entry is deleted.
const DELETED: i64 = 1;
/// The entry has the fields of the master entry.
pub(super) const SAME_FIELDS: i64 = 2;
/// No node grows beyond this, whatever the limits say.
pub(super) const SIZE_MAX: usize = 1 << 30;

/// When a node is full (`stream-node-max-bytes`, `stream-node-max-entries`; 0 is no limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// Bytes.
    pub bytes_max: usize,
    /// Entries, deleted ones included.
    pub entries_max: usize,
}

type Items<'a> = SmallVec<[Item<'a>; 16]>;

pub(super) fn int(item: Item<'_>) -> i64 {
    item.as_int().unwrap_or_default()
}

/// The integer at a position; 0 at the end, which only corrupt bytes show.
pub(super) fn int_at(pack: ListpackRef<'_>, pos: Option<Pos>) -> i64 {
    pos.map_or(0, |pos| int(pack.get(pos)))
}

/// Whether the flags say that an entry is deleted.
pub(super) fn is_deleted(flags: i64) -> bool {
    flags & DELETED != 0
}

/// Live and deleted entries.
pub(super) fn counts(pack: ListpackRef<'_>) -> (u64, u64) {
    let live = pack.first();
    let deleted = live.and_then(|pos| pack.next(pos));
    (int_at(pack, live) as u64, int_at(pack, deleted) as u64)
}

/// Changes the counts by so many entries that were marked as deleted.
pub(super) fn count_deleted(pack: &mut Listpack, newly: u64) {
    let (live, deleted) = counts(pack.view());
    let Some(first) = pack.view().first() else {
        return;
    };
    pack.replace_int(first, live.saturating_sub(newly) as i64);
    if let Some(second) = pack.view().next(first) {
        pack.replace_int(second, (deleted + newly) as i64);
    }
}

/// Marks the entry whose flags are at `at`; positions stay good, the counts are left alone.
pub(super) fn mark_deleted(pack: &mut Listpack, at: Pos) {
    let flags = int(pack.view().get(at));
    pack.replace_int(at, flags | DELETED);
}

/// Whether an entry of so many bytes of fields and values has no place in the node.
pub(super) fn is_full(pack: &Listpack, bytes: usize, limits: NodeLimits) -> bool {
    let bytes_max = if limits.bytes_max == 0 {
        SIZE_MAX
    } else {
        limits.bytes_max.min(SIZE_MAX)
    };
    if pack.size() + bytes >= bytes_max {
        return true;
    }
    let (live, deleted) = counts(pack.view());
    limits.entries_max > 0 && live + deleted >= limits.entries_max as u64
}

/// A node with one entry, of the same id. `pairs` are fields and values in turn.
pub(super) fn create(pairs: &[&[u8]]) -> Listpack {
    let mut items = Items::new();
    items.extend([
        Item::Int(1),
        Item::Int(0),
        Item::Int(pairs.len() as i64 / 2),
    ]);
    items.extend(pairs.iter().step_by(2).map(|field| Item::of(field)));
    items.push(Item::Int(0));
    push_entry(&mut items, StreamId::MIN, pairs, true);
    Listpack::from_items(items)
}

/// Adds an entry; `offset` is its id minus the node's.
pub(super) fn append(pack: &mut Listpack, offset: StreamId, pairs: &[&[u8]]) {
    let Some(first) = pack.view().first() else {
        return;
    };
    let live = int(pack.view().get(first));
    let same_fields = has_fields(pack.view(), pairs);
    pack.replace_int(first, live + 1);
    let mut short = Short::new();
    if put_short(&mut short, offset, pairs, same_fields) {
        return pack.append_short(&short);
    }
    let mut items = Items::new();
    push_entry(&mut items, offset, pairs, same_fields);
    pack.extend_items(items);
}

/// Puts an entry together, in the form that [`push_entry`] gives it; whether it is short enough.
fn put_short(short: &mut Short, offset: StreamId, pairs: &[&[u8]], same_fields: bool) -> bool {
    let start = short.count();
    let flags = if same_fields { SAME_FIELDS } else { 0 };
    let head = short.push_int(flags)
        && short.push_int(offset.ms as i64)
        && short.push_int(offset.seq as i64);
    let texts = if same_fields {
        let mut values = pairs.iter().skip(1).step_by(2);
        head && values.all(|value| short.push_text(value))
    } else {
        let mut texts = pairs.iter();
        head && short.push_int(pairs.len() as i64 / 2) && texts.all(|text| short.push_text(text))
    };
    let elements = short.count() - start;
    texts && short.push_int(elements as i64)
}

fn has_fields(pack: ListpackRef<'_>, pairs: &[&[u8]]) -> bool {
    let mut items = pack.iter().skip(2);
    items.next().map(int) == Some(pairs.len() as i64 / 2)
        && pairs
            .iter()
            .step_by(2)
            .zip(items)
            .all(|(field, item)| item.is(field))
}

fn push_entry<'a>(items: &mut Items<'a>, offset: StreamId, pairs: &[&'a [u8]], same_fields: bool) {
    let start = items.len();
    let flags = if same_fields { SAME_FIELDS } else { 0 };
    items.extend([
        Item::Int(flags),
        Item::Int(offset.ms as i64),
        Item::Int(offset.seq as i64),
    ]);
    if same_fields {
        items.extend(pairs.iter().skip(1).step_by(2).map(|value| Item::of(value)));
    } else {
        items.push(Item::Int(pairs.len() as i64 / 2));
        items.extend(pairs.iter().map(|text| Item::of(text)));
    }
    let elements = items.len() - start;
    items.push(Item::Int(elements as i64));
}

/// Checks a node from outside: counts, structure, ids in order.
pub(super) fn is_valid(id: StreamId, pack: ListpackRef<'_>) -> bool {
    check(id, pack).is_some()
}

fn check(id: StreamId, pack: ListpackRef<'_>) -> Option<()> {
    let mut items = pack.iter();
    let live = items.next()?.as_int()?;
    let deleted = items.next()?.as_int()?;
    let master_fields = items.next()?.as_int()?;
    for _ in 0..master_fields {
        items.next()?;
    }
    if items.next()?.as_int()? != 0 || live < 0 || deleted < 0 || master_fields < 0 {
        return None;
    }
    let (mut found_deleted, mut last) = (0, None);
    for _ in 0..live.checked_add(deleted)? {
        let flags = items.next()?.as_int()?;
        let entry = id.plus(items.next()?.as_int()?, items.next()?.as_int()?);
        let (texts, fixed) = if flags & SAME_FIELDS != 0 {
            (master_fields, 3)
        } else {
            (items.next()?.as_int()?.checked_mul(2)?, 4)
        };
        for _ in 0..texts {
            items.next()?;
        }
        found_deleted += flags & DELETED;
        if texts < 0
            || items.next()?.as_int()? != texts + fixed
            || last >= Some(entry)
            || entry < id
        {
            return None;
        }
        last = Some(entry);
    }
    (items.next().is_none() && found_deleted == deleted).then_some(())
}
