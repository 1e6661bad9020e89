//! The commands that make a value: what a base is made of that is no snapshot.
//!
//! The same commands as Redis writes, at most 64 elements each, so that any version can read them.
//! Fields that expire are the exception: their HPEXPIREAT needs Redis 7.4.

use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

use datatypes::stream::{Group, StreamId};
use datatypes::{Hash, List, Set, Stream, Zset};
use keyspace::{DbId, Entry, ValueRef};
use resp::{Proto, ReplyWriter, write_command};

use crate::cut::Cut;
use crate::rdb::save::{Progress, SaveError, delay};

/// Elements in one command.
const ITEMS_MAX: usize = 64;

/// The buffer is written out when it has so many bytes.
const BUFFER_BYTES: usize = 128 << 10;
/// A longer buffer, left by a large value, is not kept.
const BUFFER_KEPT_BYTES: usize = 4 << 20;

/// Writes all of a cut as commands; returns how many bytes they have. With `time_s`, a Unix time,
/// they are preceded by an annotation.
///
/// # Errors
/// The writer's, or that it was called off.
pub fn write_aof(
    cut: Cut,
    out: &mut dyn Write,
    time_s: Option<i64>,
    progress: &Progress,
    cancelled: &dyn Fn() -> bool,
) -> Result<u64, SaveError> {
    progress.keys.store(0, Relaxed);
    progress.keys_total.store(cut.keys() as u64, Relaxed);
    let (mut buffer, mut bytes) = (Vec::with_capacity(BUFFER_BYTES * 2), 0);
    if let Some(time_s) = time_s {
        buffer.extend_from_slice(format!("#TS:{time_s}\r\n").as_bytes());
    }
    let mut selected = None;
    let mut flush = |buffer: &mut Vec<u8>, least: usize| {
        if buffer.len() >= least {
            out.write_all(buffer)
                .map_err(|error| SaveError::Io("write", error))?;
            bytes += buffer.len() as u64;
            buffer.clear();
            buffer.shrink_to(BUFFER_KEPT_BYTES);
        }
        Ok(())
    };
    for entries in cut {
        let db = entries.db();
        if selected.replace(db) != Some(db) {
            select(&mut buffer, db);
        }
        entries.visit(|entry| {
            self::entry(&mut buffer, entry);
            progress.keys.fetch_add(1, Relaxed);
            delay(progress, cancelled);
            flush(&mut buffer, BUFFER_BYTES)
        })?;
        if cancelled() {
            return Err(SaveError::Cancelled);
        }
    }
    flush(&mut buffer, 1)?;
    Ok(bytes)
}

/// Appends an array's head.
fn array(out: &mut Vec<u8>, len: usize) {
    ReplyWriter::new(out, Proto::Resp2).array(len);
}

/// Appends a bulk string.
fn bulk(out: &mut Vec<u8>, text: &[u8]) {
    ReplyWriter::new(out, Proto::Resp2).bulk(text);
}

fn command<const N: usize>(out: &mut Vec<u8>, words: [&[u8]; N]) {
    write_command(out, words);
}

fn number(n: i64) -> Vec<u8> {
    let mut text = Vec::with_capacity(20);
    common::number::write_i64(&mut text, n);
    text
}

/// Appends SELECT.
pub fn select(out: &mut Vec<u8>, db: DbId) {
    command(out, [b"SELECT", &number(db.0.into())]);
}

/// Appends the commands that make `entry` in the selected database.
pub fn entry(out: &mut Vec<u8>, entry: Entry<'_>) {
    let key = entry.key();
    match entry.value() {
        ValueRef::Str(text) => command(out, [b"SET", key, text.as_bytes(&mut None)]),
        ValueRef::List(list) => self::list(out, key, list),
        ValueRef::Set(set) => self::set(out, key, set),
        ValueRef::Zset(zset) => self::zset(out, key, zset),
        ValueRef::Hash(hash) => self::hash(out, key, hash),
        ValueRef::Stream(stream) => self::stream(out, key, stream),
    }
    if let Some(at_ms) = entry.expire_at() {
        command(out, [b"PEXPIREAT", key, &number(at_ms)]);
    }
}

/// Spreads elements over commands.
struct Many<'a> {
    out: &'a mut Vec<u8>,
    name: &'static [u8],
    key: &'a [u8],
    /// Words of an element.
    words: usize,
    /// Elements to come.
    left: usize,
    /// Elements that the current command still lacks.
    room: usize,
}

impl<'a> Many<'a> {
    fn new(out: &'a mut Vec<u8>, name: &'static [u8], key: &'a [u8], count: usize) -> Self {
        Self {
            out,
            name,
            key,
            words: 1,
            left: count,
            room: 0,
        }
    }

    fn pairs(self) -> Self {
        Self { words: 2, ..self }
    }

    /// Begins an element; its words are to be appended to what is returned.
    fn element(&mut self) -> &mut Vec<u8> {
        if self.room == 0 {
            self.room = self.left.min(ITEMS_MAX);
            array(self.out, 2 + self.room * self.words);
            bulk(self.out, self.name);
            bulk(self.out, self.key);
        }
        self.room -= 1;
        self.left -= 1;
        self.out
    }
}

fn list(out: &mut Vec<u8>, key: &[u8], list: &List) {
    let mut many = Many::new(out, b"RPUSH", key, list.len());
    let mut buffer = itoa::Buffer::new();
    list.for_each(|item| bulk(many.element(), item.text(&mut buffer)));
}

fn set(out: &mut Vec<u8>, key: &[u8], set: &Set) {
    let mut many = Many::new(out, b"SADD", key, set.len());
    let mut buffer = itoa::Buffer::new();
    set.for_each(|member| bulk(many.element(), member.text(&mut buffer)));
}

fn zset(out: &mut Vec<u8>, key: &[u8], zset: &Zset) {
    let mut many = Many::new(out, b"ZADD", key, zset.len()).pairs();
    let mut buffer = itoa::Buffer::new();
    for (member, score) in zset.iter(0..zset.len(), false) {
        let out = many.element();
        bulk(out, common::number::format_reply_f64(score).as_bytes());
        bulk(out, member.text(&mut buffer));
    }
}

fn hash(out: &mut Vec<u8>, key: &[u8], hash: &Hash) {
    let mut many = Many::new(out, b"HMSET", key, hash.len()).pairs();
    let mut buffer = itoa::Buffer::new();
    hash.for_each(|field| {
        let out = many.element();
        bulk(out, field.name.text(&mut buffer));
        bulk(out, field.value.text(&mut buffer));
    });
    if !hash.has_expiries() {
        return;
    }
    hash.for_each(|field| {
        if let Some(at_ms) = field.expire_at {
            let name = field.name.text(&mut buffer);
            let words = [b"HPEXPIREAT", key, &number(at_ms), b"FIELDS", b"1", name];
            command(out, words);
        }
    });
}

fn id(id: StreamId) -> Vec<u8> {
    id.to_string().into_bytes()
}

fn stream(out: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    let mut entries = stream.range(StreamId::MIN, StreamId::MAX, false);
    let mut buffer = itoa::Buffer::new();
    while let Some(entry) = entries.next_entry() {
        array(out, 3 + entry.fields * 2);
        bulk(out, b"XADD");
        bulk(out, key);
        bulk(out, &id(entry.id));
        while let Some((field, value)) = entries.next_field() {
            bulk(out, field.text(&mut buffer));
            bulk(out, value.text(&mut buffer));
        }
    }
    if stream.is_empty() {
        // An entry that is trimmed at once leaves an empty stream.
        command(out, [b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    let counters = stream.counters();
    command(
        out,
        [
            b"XSETID",
            key,
            &id(counters.last_id),
            b"ENTRIESADDED",
            &number(counters.entries_added as i64),
            b"MAXDELETEDID",
            &id(counters.max_deleted_id),
        ],
    );
    for (name, group) in stream.groups() {
        self::group(out, (key, name), group);
    }
}

fn group(out: &mut Vec<u8>, (key, name): (&[u8], &[u8]), group: &Group) {
    let last_id = id(group.last_id());
    // -1 where it is unknown.
    let read = number(group.entries_read().unwrap_or(-1));
    let words = [
        b"XGROUP",
        b"CREATE",
        key,
        name,
        &last_id,
        b"ENTRIESREAD",
        &read,
    ];
    command(out, words);
    for consumer in group.consumers() {
        if consumer.pending_len() == 0 {
            command(
                out,
                [b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()],
            );
        }
        for pending_id in consumer.pending_from(StreamId::MIN) {
            let Some(pending) = group.pending(pending_id) else {
                continue;
            };
            command(
                out,
                [
                    b"XCLAIM",
                    key,
                    name,
                    consumer.name(),
                    b"0",
                    &id(pending_id),
                    b"TIME",
                    &number(pending.delivery_time_ms),
                    b"RETRYCOUNT",
                    &number(pending.delivery_count as i64),
                    b"JUSTID",
                    b"FORCE",
                ],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::reader::{CommandBuf, Commands};
    use datatypes::list::{End, ListLimits};
    use keyspace::{EntryBox, Value};

    fn commands(entry: &EntryBox) -> Vec<String> {
        let mut out = Vec::new();
        super::entry(&mut out, entry.view());
        let (mut reader, mut buf, mut all) =
            (Commands::new(&out[..], 0), CommandBuf::default(), vec![]);
        while reader.next(&mut buf).unwrap() {
            let words: Vec<_> = buf.args().map(String::from_utf8_lossy).collect();
            all.push(words.join(" "));
        }
        all
    }

    #[test]
    fn a_string_is_set_and_expires() {
        let entry = EntryBox::new(b"k", Value::detect(b"12"), Some(99), 0);
        assert_eq!(commands(&entry), ["SET k 12", "PEXPIREAT k 99"]);
    }

    #[test]
    fn elements_are_spread_over_commands_of_64() {
        let mut list = List::new();
        for i in 0..130 {
            list.push(End::Tail, i.to_string().as_bytes(), &ListLimits::default());
        }
        let commands = commands(&EntryBox::new(b"k", Value::List(list), None, 0));
        let lens: Vec<_> = commands.iter().map(|c| c.split(' ').count() - 2).collect();
        assert_eq!(lens, [64, 64, 2]);
        assert!(commands[2].ends_with("k 128 129"));
    }

    #[test]
    fn an_empty_stream_stays_one() {
        let commands = commands(&EntryBox::new(b"k", Value::Stream(Stream::new()), None, 0));
        assert_eq!(
            commands,
            [
                "XADD k MAXLEN 0 0-1 x y",
                "XSETID k 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0"
            ]
        );
    }
}
