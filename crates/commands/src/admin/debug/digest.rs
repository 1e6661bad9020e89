//! DEBUG DIGEST and DIGEST-VALUE: signatures of data, equal to those of Redis for equal data.
//!
//! What has an order is mixed in (the hash of the hashes so far), what has none is xored, so that
//! two servers agree however they happen to store things.

use keyspace::{Entry, Kind, ValueRef};
use resp::{Args, ReplyWriter};

use crate::ctx::{CmdResult, Ctx};

#[derive(Clone, Copy, Default)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds something without an order.
    fn xor(&mut self, bytes: &[u8]) {
        self.xor_hash(&common::sha1::digest(bytes));
    }

    fn xor_hash(&mut self, hash: &[u8; 20]) {
        self.0
            .iter_mut()
            .zip(hash)
            .for_each(|(own, other)| *own ^= other);
    }

    /// Adds something behind what was added so far.
    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = common::sha1::digest(&self.0);
    }

    /// Adds the value of an entry, and whether it expires.
    fn value(&mut self, entry: &Entry<'_>) {
        self.mix(&type_number(entry.kind()).to_be_bytes());
        match entry.value() {
            ValueRef::Str(text) => self.mix(text.as_bytes(&mut None)),
            // No command creates collections yet; their digests come with them.
            _ => {}
        }
        if entry.expire_at().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    fn hex(&self) -> String {
        common::sha1::to_hex(&self.0)
    }
}

/// The number of a type in Redis.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}

pub(super) fn digest(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut total = Digest::default();
    for db in ctx.databases() {
        let parts = || ctx.locked.dbs(db);
        if parts().all(|part| part.is_empty()) {
            continue;
        }
        total.mix(&db.0.to_be_bytes());
        for entry in parts().flat_map(|part| part.iter()) {
            let mut own = Digest::default();
            own.mix(entry.key());
            own.value(&entry);
            total.xor(&own.0);
        }
    }
    out.simple(&total.hex());
    Ok(())
}

/// Keys past their time are there as long as they are there.
pub(super) fn digest_value(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    out.array(args.len() - 2);
    for key in args.from(2).iter() {
        let mut digest = Digest::default();
        if let Some(entry) = super::object::find(ctx, key) {
            digest.value(&entry);
        }
        out.simple(&digest.hex());
    }
    Ok(())
}
