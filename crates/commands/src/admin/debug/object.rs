//! DEBUG of values and tables: how things are stored.
//!
//! The fields are Redis's where tools and tests read them; sizes are our own.

use std::mem::size_of;

use datatypes::{Hash, List, Set, Stream, Zset};
use keyspace::{DbId, Entry, StrRef, clock};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::ctx::{CmdResult, Ctx};

/// The entry of a key of the selected database, expired or not.
pub(super) fn find<'c>(ctx: &'c Ctx<'_>, key: &[u8]) -> Option<Entry<'c>> {
    let hash = ctx.hash(key);
    let shard = ctx.server.keyspace.shard_of(hash);
    ctx.locked.db(shard, ctx.db())?.get(hash, key)
}

fn existing<'c>(ctx: &'c Ctx<'_>, key: &[u8]) -> Result<Entry<'c>, ReplyError> {
    find(ctx, key).ok_or(errors::NO_KEY)
}

pub(super) fn object(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let entry = existing(ctx, args.at(2))?;
    let idle_s = clock::idle_seconds(entry.clock(), ctx.now_ms());
    out.simple(&format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_s}",
        entry.key().as_ptr(),
        entry.encoding(),
        serialized_len(&entry),
        entry.clock(),
    ));
    Ok(())
}

pub(super) fn pins(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let entry = existing(ctx, args.at(2))?;
    out.integer(entry.pin_count() as i64);
    Ok(())
}

pub(super) fn shard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let shard = ctx.server.keyspace.shard_of(ctx.hash(args.at(2)));
    out.integer(shard.0.into());
    Ok(())
}

/// Bytes that the value takes in an RDB file, compression left out. Of collections, which cannot be
/// serialised yet, the bytes in memory.
fn serialized_len(entry: &Entry<'_>) -> usize {
    let Some(text) = entry.str_value() else {
        return entry.memory(0);
    };
    let integer = match text {
        StrRef::Int(n) => Some(n),
        // Short texts are looked at for integers, too.
        _ if text.len() <= 11 => text.to_i64(),
        _ => None,
    };
    match integer {
        Some(-0x80..=0x7f) => 2,
        Some(-0x8000..=0x7fff) => 3,
        Some(-0x8000_0000..=0x7fff_ffff) => 5,
        _ => length_len(text.len()) + text.len(),
    }
}

/// Bytes that an RDB file spends on a length.
fn length_len(len: usize) -> usize {
    match len {
        0..64 => 1,
        64..16_384 => 2,
        _ if u32::try_from(len).is_ok() => 5,
        _ => 9,
    }
}

pub(super) fn sdslen(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let entry = existing(ctx, args.at(2))?;
    let text = match entry.str_value() {
        None | Some(StrRef::Int(_)) => return Err(errors::debug::NOT_SDS),
        Some(text) => text,
    };
    out.simple(&format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{}, val_sds_avail:0, \
         val_zmalloc: {}",
        entry.key().len(),
        entry.own_size(),
        text.len(),
        entry.memory(0),
    ));
    Ok(())
}

pub(super) fn structsize(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.bulk_str(&format!(
        "bits:{} slot:8 hash:{} list:{} set:{} zset:{} stream:{} session:{}",
        usize::BITS,
        size_of::<Hash>(),
        size_of::<List>(),
        size_of::<Set>(),
        size_of::<Zset>(),
        size_of::<Stream>(),
        size_of::<crate::Session>(),
    ));
    Ok(())
}

pub(super) fn htstats(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let db = common::number::parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let db = u32::try_from(db).ok().map(DbId);
    let db = db.filter(|db| db.index() < ctx.server.keyspace.databases());
    let db = db.ok_or(errors::debug::DATABASE_OUT_OF_RANGE)?;
    let parts = || ctx.locked.dbs(db);
    let text = format!(
        "[Dictionary HT]\n tables: {}\n number of elements: {}\n bytes: {}\n[Expires HT]\n \
         number of elements: {}\n",
        parts().filter(|part| !part.is_empty()).count(),
        parts().map(|part| part.len()).sum::<usize>(),
        parts().map(|part| part.overhead()).sum::<usize>(),
        parts().map(|part| part.volatile_len()).sum::<usize>(),
    );
    out.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn htstats_key(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let entry = existing(ctx, args.at(2))?;
    if !matches!(entry.encoding(), "hashtable" | "skiplist") {
        return Err(errors::debug::NOT_HASH_TABLE);
    }
    let text = format!(
        " allocations: {}\n bytes: {}\n",
        entry.allocations(),
        entry.memory(0)
    );
    out.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn listpack(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let entry = existing(ctx, args.at(2))?;
    if entry.encoding() != "listpack" {
        return Err(errors::debug::NOT_LISTPACK);
    }
    if let Some(host) = ctx.server.host() {
        host.log_notice(&format!("DEBUG LISTPACK: {entry:?}"));
    }
    out.simple("Listpack structure printed on stdout");
    Ok(())
}
