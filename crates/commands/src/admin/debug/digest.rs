//! DEBUG DIGEST and DIGEST-VALUE: signatures of data, equal to those of Redis for equal data.
//!
//! What has an order is mixed in (the hash of the hashes so far), what has none is xored, so that
//! two servers agree however they happen to store things.

use datatypes::listpack::Item;
use datatypes::stream::StreamId;
use datatypes::{Stream, Zset};
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
            ValueRef::List(list) => list.for_each(|item| self.mix_item(item)),
            ValueRef::Set(set) => set.for_each(|item| self.xor(&item.to_vec())),
            ValueRef::Zset(zset) => self.zset(zset),
            ValueRef::Hash(hash) => hash.for_each(|field| {
                self.xor_own([field.name.to_vec(), field.value.to_vec()]);
            }),
            ValueRef::Stream(stream) => self.stream(stream),
        }
        if entry.expire_at().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    fn mix_item(&mut self, item: Item<'_>) {
        self.mix(item.text(&mut itoa::Buffer::new()));
    }

    /// Adds a member of several parts without an order among the members.
    fn xor_own(&mut self, parts: [Vec<u8>; 2]) {
        let mut own = Self::default();
        parts.iter().for_each(|part| own.mix(part));
        self.xor(&own.0);
    }

    fn zset(&mut self, zset: &Zset) {
        for (member, score) in zset.iter(0..zset.len(), false) {
            let score = common::number::format_reply_f64(score);
            self.xor_own([member.to_vec(), score.as_bytes().to_vec()]);
        }
    }

    fn stream(&mut self, stream: &Stream) {
        let last = StreamId::MAX;
        let mut entries = stream.range(StreamId::MIN, last, false);
        while let Some(entry) = entries.next_entry() {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            while let Some((field, value)) = entries.next_field() {
                self.mix_item(field);
                self.mix_item(value);
            }
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

#[cfg(test)]
mod tests {
    use datatypes::list::{End, ListLimits};
    use datatypes::stream::{NewId, NodeLimits};
    use datatypes::{Hash, List, Set, hash, set, zset};
    use expect_test::expect;
    use keyspace::{EntryBox, Value};

    use super::*;
    use crate::testing::check;

    fn digest_of(value: Value<'_>) -> String {
        let entry = EntryBox::new(b"k", value, None, 0);
        let mut digest = Digest::default();
        digest.value(&entry.view());
        digest.hex()
    }

    /// The expected digests are answers of redis-server 7.0.15.
    #[test]
    fn strings_have_the_digests_that_redis_gives_them() {
        check(
            "SET i 42
             SET st hello EX 1000
             DEBUG DIGEST-VALUE i st nokey",
            &expect![[r#"
                +OK
                +OK
                *3
                +547a004a370bc71c2d611f010c52f2e7b64c77a4
                +d037c4eb8a8b36b602fbced4000daeab0714c1e3
                +0000000000000000000000000000000000000000"#]],
        );
    }

    #[test]
    fn collections_have_the_digests_that_redis_gives_them() {
        let mut list = List::new();
        let mut members = Set::new();
        for text in [b"a", b"1", b"b"] {
            list.push(End::Tail, text, &ListLimits::default());
        }
        for text in [&b"a"[..], b"1", b"bb"] {
            members.add(text, &set::SetLimits::default());
        }
        let limits = zset::Limits {
            entries_max: 128,
            value_max: 64,
        };
        let mut scores = Zset::new(1, limits);
        for (member, score) in [(b"a", 1.5), (b"b", 2.0), (b"c", f64::INFINITY)] {
            scores.insert(member, score, limits);
        }
        let mut fields = Hash::new();
        fields.set(b"f", b"v", &hash::HashLimits::default());
        fields.set(b"n", b"1", &hash::HashLimits::default());
        let mut stream = Stream::new();
        let id = NewId::Exact(StreamId { ms: 1, seq: 1 });
        let limits = NodeLimits {
            bytes_max: 4096,
            entries_max: 100,
        };
        stream
            .append(id, &[b"f", b"v", b"g", b"2"], limits)
            .unwrap();
        for (value, expected) in [
            (
                Value::List(list),
                "d5f44352f6226abea9252dad248ef5de0d964396",
            ),
            (
                Value::Set(members),
                "9bb43bb6747536182c2f56b3820766db59f44e27",
            ),
            (
                Value::Zset(scores),
                "e92d6b728e330370f3ad224b269045df0d1b132d",
            ),
            (
                Value::Hash(fields),
                "ad9a818d75d51dd3c55d5905f22259a91bbc4b14",
            ),
            (
                Value::Stream(stream),
                "8551276864e67acc9e58c42c490ba228cc233280",
            ),
        ] {
            assert_eq!(digest_of(value), expected);
        }
    }
}
