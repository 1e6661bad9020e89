//! What the STORE forms of searches keep: positions or distances as scores.

use datatypes::Zset;
use datatypes::zset::Limits;
use keyspace::{Event, Value};
use resp::ReplyWriter;

use super::search::{Found, Query};
use crate::ctx::Ctx;
use crate::zsets;

/// The sorted set of what was found, and how much that is.
pub(super) fn collect(query: &Query<'_>, found: &[Found<'_>], limits: Limits) -> (Zset, usize) {
    let mut zset = Zset::default();
    if found.len() > limits.entries_max {
        zset.unpack();
    }
    let mut buffer = itoa::Buffer::new();
    for item in found {
        let score = if query.store_distances {
            item.hit.distance / query.unit
        } else {
            item.score
        };
        zset.insert(item.member.text(&mut buffer), score, limits);
    }
    (zset, found.len())
}

/// Puts it into a key; an empty result deletes the key.
pub(super) fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    result: Zset,
    count: usize,
    event: &'static str,
    out: &mut ReplyWriter<'_>,
) {
    let mut key = ctx.write(key);
    if count > 0 {
        key.set(Value::Zset(result));
        key.commit_n(zsets::event(event), count as u64);
    } else if key.remove() {
        key.commit(Event::generic("del"));
    } else {
        key.unchanged();
    }
    out.integer(count as i64);
}
