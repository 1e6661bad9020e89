//! Sorted sets.
//!
//! All ranges are ranges of ranks, found in logarithmic time and streamed into the reply. A sorted
//! set whose last member goes is deleted with it.

pub(crate) mod add;
mod algebra;
mod block;
mod bounds;
mod pop;
mod random;
mod range;
mod rank;
mod remove;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use pop::pop_with_key;

use datatypes::Zset;
use datatypes::listpack::Item;
use datatypes::zset::Limits;
use keyspace::{Event, EventClass, ValueMut, ValueRef, Write};
use resp::{Proto, ReplyError, ReplyWriter, errors};
use std::sync::atomic::Ordering::Relaxed;

use crate::collection;
use crate::command::Command;
use crate::ctx::Ctx;
use crate::server::Server;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &block::BZMPOP,
    &block::BZPOPMAX,
    &block::BZPOPMIN,
    &add::ZADD,
    &rank::ZCARD,
    &rank::ZCOUNT,
    &algebra::ZDIFF,
    &algebra::ZDIFFSTORE,
    &add::ZINCRBY,
    &algebra::ZINTER,
    &algebra::ZINTERCARD,
    &algebra::ZINTERSTORE,
    &rank::ZLEXCOUNT,
    &pop::ZMPOP,
    &rank::ZMSCORE,
    &pop::ZPOPMAX,
    &pop::ZPOPMIN,
    &random::ZRANDMEMBER,
    &range::ZRANGE,
    &range::ZRANGEBYLEX,
    &range::ZRANGEBYSCORE,
    &range::ZRANGESTORE,
    &rank::ZRANK,
    &remove::ZREM,
    &remove::ZREMRANGEBYLEX,
    &remove::ZREMRANGEBYRANK,
    &remove::ZREMRANGEBYSCORE,
    &range::ZREVRANGE,
    &range::ZREVRANGEBYLEX,
    &range::ZREVRANGEBYSCORE,
    &rank::ZREVRANK,
    &scan::ZSCAN,
    &rank::ZSCORE,
    &algebra::ZUNION,
    &algebra::ZUNIONSTORE,
];

/// The thresholds of the small form.
#[inline]
pub(crate) fn limits(server: &Server) -> Limits {
    Limits {
        entries_max: server.settings.zset_max_listpack_entries.load(Relaxed) as usize,
        value_max: server.settings.zset_max_listpack_value.load(Relaxed) as usize,
    }
}

/// An event of the family.
pub(crate) const fn event(name: &'static str) -> Event {
    Event::new(EventClass::ZSET, name)
}

/// The value as a sorted set.
///
/// # Errors
/// WRONGTYPE.
#[inline]
pub(crate) fn expect(value: Option<ValueRef<'_>>) -> Result<Option<&Zset>, ReplyError> {
    match value {
        None => Ok(None),
        Some(ValueRef::Zset(zset)) => Ok(Some(zset)),
        Some(_) => Err(errors::WRONGTYPE),
    }
}

/// Reads a sorted set.
///
/// # Errors
/// WRONGTYPE.
#[inline]
pub(crate) fn read<'c>(ctx: &'c Ctx<'_>, key: &[u8]) -> Result<Option<&'c Zset>, ReplyError> {
    expect(ctx.read(key).map(|entry| entry.value()))
}

/// Ends a guard over a sorted set from which `count` members were taken: a set without members is
/// deleted.
pub(crate) fn commit_removal(key: Write<'_>, name: &'static str, count: usize) {
    collection::commit_removal::<Zset>(key, event(name), count as u64);
}

/// The sorted set behind a guard, to be changed; it was checked before that it is one.
#[inline]
pub(crate) fn value_mut<'w>(key: &'w mut Write<'_>) -> Option<&'w mut Zset> {
    match key.value_mut() {
        Some(ValueMut::Zset(zset)) => Some(zset),
        _ => None,
    }
}

/// Announces `count` members, each with its score if `with_scores`: pairs under RESP3, flat else.
fn begin_members(count: usize, with_scores: bool, out: &mut ReplyWriter<'_>) {
    let is_flat = with_scores && out.proto() == Proto::Resp2;
    out.array(if is_flat { count * 2 } else { count });
}

/// Writes one of the members that [`begin_members`] announced.
#[inline]
fn write_entry(member: Item<'_>, score: f64, with_scores: bool, out: &mut ReplyWriter<'_>) {
    if with_scores && out.proto() == Proto::Resp3 {
        out.array(2);
    }
    collection::reply_item(member, out);
    if with_scores {
        out.double(score);
    }
}
