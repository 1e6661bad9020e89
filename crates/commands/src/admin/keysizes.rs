//! INFO keysizes: how many keys of which size there are, by type, as Redis 8 shows it.
//!
//! Nothing is counted on the hot path: the keys are walked when the section is asked for by name,
//! some at a time, so that no shard is held for long. That is why `INFO everything` leaves it out,
//! which monitoring asks for every few seconds.

use std::fmt::Write;

use keyspace::{DbId, Entry, ShardId, StrRef, ValueRef};
use resp::ReplyError;

use crate::ctx::Ctx;

/// A type's field and its counts: of empty values, then of sizes from each power of two on.
const FIELDS: [&str; 5] = [
    "distrib_strings_sizes",
    "distrib_lists_items",
    "distrib_sets_items",
    "distrib_zsets_items",
    "distrib_hashes_items",
];
const BINS: usize = 65;
/// Entries looked at before the shard is let go.
const ENTRIES_AT_ONCE: usize = 1000;

type Bins = [[u64; BINS]; FIELDS.len()];

/// Whether these words of INFO ask for the section.
pub(super) fn is_wanted(sections: &[&[u8]]) -> bool {
    sections
        .iter()
        .any(|word| word.eq_ignore_ascii_case(b"keysizes"))
}

/// The section's text.
///
/// # Errors
/// A shard is busy: the command runs again later.
pub(super) fn section(ctx: &mut Ctx<'_>) -> Result<String, ReplyError> {
    let mut text = "# Keysizes\r\n".to_owned();
    for db in ctx.databases() {
        let mut bins = Box::new([[0; BINS]; FIELDS.len()]);
        for shard in ctx.server.keyspace.shard_ids() {
            count_shard(ctx, shard, db, &mut bins)?;
        }
        write(db, &bins, &mut text);
    }
    Ok(text)
}

fn count_shard(
    ctx: &mut Ctx<'_>,
    shard: ShardId,
    db: DbId,
    bins: &mut Bins,
) -> Result<(), ReplyError> {
    let mut next = Some(0);
    while let Some(from) = next {
        next = ctx.with_shard(shard, db, |part| {
            let part = part?;
            let (mut at, mut seen) = (Some(from), 0);
            while let Some(position) = at.filter(|_| seen < ENTRIES_AT_ONCE) {
                at = part.scan(position, |entry| {
                    seen += 1;
                    count(&entry, bins);
                });
            }
            at
        })?;
    }
    Ok(())
}

fn count(entry: &Entry<'_>, bins: &mut Bins) {
    let (kind, size) = match entry.value() {
        ValueRef::Str(text) => (0, string_len(text)),
        ValueRef::List(list) => (1, list.len()),
        ValueRef::Set(set) => (2, set.len()),
        ValueRef::Zset(zset) => (3, zset.len()),
        ValueRef::Hash(hash) => (4, hash.len()),
        ValueRef::Stream(_) => return,
    };
    bins[kind][(usize::BITS - size.leading_zeros()) as usize] += 1;
}

fn string_len(text: StrRef<'_>) -> usize {
    match text {
        StrRef::Int(n) => common::number::I64Text::new(n).as_bytes().len(),
        StrRef::Embstr(bytes) | StrRef::Raw(bytes) => bytes.len(),
    }
}

fn write(db: DbId, bins: &Bins, text: &mut String) {
    for (field, bins) in FIELDS.iter().zip(bins) {
        let filled = bins.iter().enumerate().filter(|(_, count)| **count > 0);
        let shown: Vec<String> = filled
            .map(|(bin, count)| format!("{}={count}", bound(bin)))
            .collect();
        if !shown.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(text, "db{}_{field}:{}\r\n", db.0, shown.join(","));
        }
    }
}

/// The smallest size in a bin: 0, 1, 2, 4, …, 512, 1K, …
fn bound(bin: usize) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    match bin.checked_sub(1) {
        None => "0".to_owned(),
        Some(power) => format!("{}{}", 1 << (power % 10), UNITS[power / 10]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_named_by_their_smallest_size() {
        let names = [0, 1, 2, 3, 10, 11, 12, 20, 21, 64].map(bound);
        assert_eq!(
            names,
            ["0", "1", "2", "4", "512", "1K", "2K", "512K", "1M", "8E"]
        );
    }
}
