//! KEYS, SCAN, RANDOMKEY: shard by shard, one lock at a time.
//!
//! SCAN's cursor names a shard and a position in hash order, so that what is there throughout is
//! returned, whatever grows or shrinks meanwhile.

use common::glob;
use keyspace::{DbId, Entry};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{READONLY, WALKS_SHARDS};
use crate::command::{Command, Group, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `KEYS`
pub const KEYS: Command = Command::new("keys", 2, keys)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Returns all keys that match a pattern.", "O(N)")
    .flags(READONLY | WALKS_SHARDS)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .args("pattern:pattern")
    .cost(Cost::Before(cost::all_keys));

/// `SCAN`
pub const SCAN: Command = Command::new("scan", -2, scan)
    .group(Group::Generic)
    .since("2.8.0")
    .docs("Iterates over the keys, a few at a time.", "O(1)")
    .flags(READONLY | WALKS_SHARDS)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output", "request_policy:special"])
    .args("cursor:integer pattern:pattern=MATCH? count:integer=COUNT? type=TYPE?^6.0.0")
    .cost(Cost::Before(cost::scan));

/// `RANDOMKEY`
pub const RANDOMKEY: Command = Command::new("randomkey", 1, randomkey)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Returns a key picked at random.", "O(1)")
    .flags(READONLY | WALKS_SHARDS)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:all_shards", "nondeterministic_output"]);

fn keys(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let pattern = args.at(1);
    let all = pattern == b"*";
    let (db, now_ms) = (ctx.db(), ctx.now_ms());
    let array = out.deferred_array();
    let mut count = 0;
    for shard in ctx.server.keyspace.shard_ids() {
        ctx.with_shard(shard, db, |db| {
            for entry in db.into_iter().flat_map(|db| db.iter()) {
                let key = entry.key();
                if (all || glob::matches(pattern, key, false)) && !entry.is_expired(now_ms) {
                    out.bulk(key);
                    count += 1;
                }
            }
        })?;
    }
    out.finish_array(array, count);
    Ok(())
}

/// The options of SCAN and of its likes for collections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanOptions<'a> {
    /// MATCH; `None` where everything matches.
    pub(crate) pattern: Option<&'a [u8]>,
    /// COUNT.
    pub(crate) count: u64,
    /// TYPE: the name given.
    pub(crate) kind: Option<&'a [u8]>,
    /// NOVALUES.
    pub(crate) no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Parses what follows the cursor. `of_keys`: TYPE is allowed; `of_hash`: NOVALUES is.
    ///
    /// # Errors
    /// Syntax errors and bad numbers.
    pub(crate) fn parse(words: Args<'a>, of_keys: bool, of_hash: bool) -> Result<Self, ReplyError> {
        let mut options = Self {
            pattern: None,
            count: 10,
            kind: None,
            no_values: false,
        };
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if of_hash && is("NOVALUES") {
                options.no_values = true;
                at += 1;
                continue;
            }
            let value = words.get(at + 1).ok_or(errors::SYNTAX)?;
            if is("COUNT") {
                let count = common::number::parse_i64(value).ok_or(errors::NOT_INTEGER)?;
                options.count = u64::try_from(count)
                    .ok()
                    .filter(|n| *n > 0)
                    .ok_or(errors::SYNTAX)?;
            } else if is("MATCH") {
                options.pattern = (value != b"*").then_some(value);
            } else if of_keys && is("TYPE") {
                options.kind = Some(value);
            } else {
                return Err(errors::SYNTAX);
            }
            at += 2;
        }
        Ok(options)
    }

    /// Whether a name matches the pattern.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, name, false))
    }

    fn takes(&self, entry: &Entry<'_>) -> bool {
        self.kind
            .is_none_or(|name| name.eq_ignore_ascii_case(entry.kind().name().as_bytes()))
            && self.matches(entry.key())
    }
}

/// Reads a cursor as C's `strtoul` does, which is laxer than other numbers are read: a sign may
/// stand before it, negative numbers wrap round, and no text at all is 0.
pub(crate) fn parse_cursor(text: &[u8]) -> Result<u64, ReplyError> {
    let (digits, is_negative) = match text {
        [b'-', rest @ ..] => (rest, true),
        [b'+', rest @ ..] => (rest, false),
        _ => (text, false),
    };
    let bad = digits.is_empty() && !text.is_empty() || !digits.iter().all(u8::is_ascii_digit);
    let mut value = 0_u64;
    for digit in digits.iter().filter(|_| !bad) {
        let next = value.checked_mul(10);
        let next = next.and_then(|value| value.checked_add(u64::from(digit - b'0')));
        value = next.ok_or(errors::INVALID_CURSOR)?;
    }
    match (bad, is_negative) {
        (true, _) => Err(errors::INVALID_CURSOR),
        (_, true) => Ok(value.wrapping_neg()),
        (_, false) => Ok(value),
    }
}

fn scan(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let cursor = parse_cursor(args.at(1))?;
    let options = ScanOptions::parse(args.from(2), true, false)?;
    let (db, now_ms) = (ctx.db(), ctx.now_ms());
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let mut overdue: Vec<Box<[u8]>> = Vec::new();
    let next = walk(ctx, db, cursor, options.count, &mut |entry| {
        if options.takes(entry) {
            let list = if entry.is_expired(now_ms) {
                &mut overdue
            } else {
                &mut found
            };
            list.push(entry.key().into());
        }
    })?;
    if !overdue.is_empty() {
        crate::expire::delete_met(ctx, db, &overdue);
    }
    out.array(2);
    out.bulk_str(&next.to_string());
    out.array(found.len());
    found.iter().for_each(|key| out.bulk(key));
    Ok(())
}

/// Visits about `count` entries from the cursor on; returns the next cursor.
fn walk(
    ctx: &mut Ctx<'_>,
    db: DbId,
    cursor: u64,
    count: u64,
    visit: &mut dyn FnMut(&Entry<'_>),
) -> Result<u64, ReplyError> {
    let Some((mut shard, mut position)) = ctx.server.keyspace.scan_position(cursor) else {
        return Ok(0);
    };
    let mut visited = 0;
    // Many steps over empty places count as visits too, so that no call takes long; but a small
    // database is walked at once, however many shards there are.
    let shards = 2 * ctx.shards() as u64;
    let mut steps_left = count.saturating_mul(10).saturating_add(shards);
    loop {
        let next = ctx.with_shard(shard, db, |db| {
            let mut next = Some(position);
            while let (Some(at), Some(db)) = (next, db) {
                if visited >= count || steps_left == 0 {
                    return next;
                }
                steps_left -= 1;
                next = db.scan(at, |entry| {
                    visited += 1;
                    visit(&entry);
                });
            }
            None
        })?;
        let cursor = ctx.server.keyspace.next_cursor(shard, next);
        if cursor == 0 || next.is_some() || visited >= count {
            return Ok(cursor);
        }
        steps_left = steps_left.saturating_sub(1);
        match ctx.server.keyspace.scan_position(cursor) {
            Some(next) => (shard, position) = next,
            None => return Ok(0),
        }
    }
}

fn randomkey(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (db, now_ms) = (ctx.db(), ctx.now_ms());
    let mut sizes = Vec::with_capacity(ctx.shards());
    for shard in ctx.server.keyspace.shard_ids() {
        sizes.push(ctx.with_shard(shard, db, |db| db.map_or(0, |db| db.len()))?);
    }
    let mut total: usize = sizes.iter().sum();
    // Some tries, since an expired key may be hit; then any key that is there.
    for _ in 0..100 {
        if total == 0 {
            break;
        }
        let mut at = common::random::below(total);
        let shard = sizes.iter().position(|size| {
            let here = at < *size;
            at = at.saturating_sub(*size);
            here
        });
        let Some((index, shard)) =
            shard.and_then(|i| Some((i, ctx.server.keyspace.shard_ids().nth(i)?)))
        else {
            break;
        };
        let key = ctx.with_shard(shard, db, |db| {
            let entry = common::random::with(|rng| db?.random(rng))?;
            Some((Box::<[u8]>::from(entry.key()), entry.is_expired(now_ms)))
        })?;
        match key {
            Some((key, false)) => {
                out.bulk(&key);
                return Ok(());
            }
            Some((key, true)) => {
                let gone = crate::expire::delete_met(ctx, db, &[key]);
                sizes[index] = sizes[index].saturating_sub(gone);
                total = total.saturating_sub(gone);
            }
            None => {}
        }
    }
    out.null();
    Ok(())
}
