//! Round trips of all types and encodings, old forms byte by byte, and broken bytes.
//!
//! What a running Redis makes of them is tested by the integration tests (`tests/dumps.rs`).

use super::*;
use crate::rdb::{SliceSource, payload, primitive};
use datatypes::hash::Expiry;
use datatypes::list::End;
use datatypes::listpack::Listpack;
use datatypes::stream::{NewId, NodeLimits, StreamId};
use datatypes::{Hash, List, Set, Stream, Zset};
use keyspace::{StrRef, StrValue};
use proptest::prelude::*;

/// Everything that a value holds, in an order that does not depend on its encoding.
fn content(value: ValueRef<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let text = |item: listpack::Item<'_>| item.to_vec().escape_ascii().to_string();
    match value {
        ValueRef::Str(text) => lines.push(text.to_vec().escape_ascii().to_string()),
        ValueRef::List(list) => list.for_each(|item| lines.push(text(item))),
        ValueRef::Set(set) => set.for_each(|item| lines.push(text(item))),
        ValueRef::Zset(zset) => {
            for (member, score) in zset.iter(0..zset.len(), false) {
                lines.push(format!("{} {score:?}", text(member)));
            }
        }
        ValueRef::Hash(hash) => hash.for_each(|field| {
            let (name, value) = (text(field.name), text(field.value));
            lines.push(format!("{name} {value} {:?}", field.expire_at));
        }),
        ValueRef::Stream(stream) => {
            let mut entries = stream.range(StreamId::MIN, StreamId::MAX, false);
            while let Some(entry) = entries.next_entry() {
                lines.push(format!("{:?}", entry.id));
                while let Some((field, value)) = entries.next_field() {
                    lines.push(format!("{} {}", text(field), text(value)));
                }
            }
            lines.push(format!("{:?}", stream.counters()));
            lines.extend(stream.groups().map(|group| format!("{group:?}")));
        }
    }
    if matches!(value, ValueRef::Set(_) | ValueRef::Hash(_)) {
        lines.sort();
    }
    lines
}

fn encoding(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Str(_) => "",
        ValueRef::List(list) => list.encoding_name(),
        ValueRef::Set(set) => set.encoding_name(),
        ValueRef::Zset(zset) => zset.encoding_name(),
        ValueRef::Hash(hash) => hash.encoding_name(),
        ValueRef::Stream(stream) => stream.encoding_name(),
    }
}

fn as_ref<'a>(value: &'a Value<'_>) -> ValueRef<'a> {
    match value {
        Value::Str(StrValue::Int(int)) => ValueRef::Str(StrRef::Int(*int)),
        Value::Str(StrValue::Plain(text) | StrValue::Raw(text)) => ValueRef::Str(StrRef::Raw(text)),
        Value::Str(StrValue::Buffer(text, _)) => ValueRef::Str(StrRef::Raw(text)),
        Value::Str(StrValue::Shared(text)) => ValueRef::Str(StrRef::Raw(text)),
        Value::List(list) => ValueRef::List(list),
        Value::Set(set) => ValueRef::Set(set),
        Value::Zset(zset) => ValueRef::Zset(zset),
        Value::Hash(hash) => ValueRef::Hash(hash),
        Value::Stream(stream) => ValueRef::Stream(stream),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.hash.entries = 8;
    limits.set.intset_entries = 8;
    limits.set.listpack_entries = 8;
    limits.zset.entries_max = 8;
    limits.list.fill = 4;
    limits
}

fn options() -> Options {
    Options::new(limits(), Check::Full, VERSION)
}

/// Writes, reads and compares, for both ways of writing and for slices and streams.
fn assert_round_trip(value: ValueRef<'_>) {
    for compression in [Compression::None, Compression::Lzf] {
        let mut bytes = Vec::new();
        payload::write(&mut bytes, value, compression);
        let mut payload = payload::open(&bytes, true).expect("a right footer");
        assert_eq!(payload.type_byte, type_of(value));
        let mut scratch = Scratch::default();
        let mut stream = crate::rdb::ReadSource::new(payload.value.rest(), false);
        let read = read(
            payload.type_byte,
            &mut payload.value,
            &mut scratch,
            &options(),
        );
        let read = read.expect("what was written");
        assert_eq!(content(as_ref(&read)), content(value));
        // A table that could be packed by now (a long value was replaced) is read packed.
        if encoding(value) != "hashtable" {
            assert_eq!(encoding(as_ref(&read)), encoding(value));
        }
        drop(read);
        assert!(payload.value.rest().is_empty());
        let again = super::read(payload.type_byte, &mut stream, &mut scratch, &options());
        assert_eq!(content(as_ref(&again.unwrap())), content(value));
    }
}

fn texts(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![
        any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        (-300i64..300).prop_map(|int| int.to_string().into_bytes()),
        "[a-c]{0,6}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..100),
        "(ab){30,60}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(text, count)
}

proptest! {
    #[test]
    fn strings_round_trip(texts in texts(1..2)) {
        let value = Value::detect(&texts[0]);
        assert_round_trip(as_ref(&value));
    }

    #[test]
    fn lists_round_trip(texts in texts(1..30), depth in 0u32..2, threshold in 0usize..80) {
        let mut list = List::new();
        let mut limits = limits().list;
        limits.compress_depth = depth;
        limits.packed_threshold = threshold;
        for text in &texts {
            list.push(End::Tail, text, &limits);
        }
        let mut bytes = Vec::new();
        write(&mut bytes, ValueRef::List(&list), Compression::Lzf);
        let mut source = SliceSource::new(&bytes);
        let mut scratch = Scratch::default();
        let read = read(LIST_QUICKLIST_2, &mut source, &mut scratch, &options()).unwrap();
        prop_assert_eq!(content(as_ref(&read)), content(ValueRef::List(&list)));
    }

    #[test]
    fn sets_round_trip(texts in texts(1..20), ints: bool) {
        let mut set = Set::new();
        for (at, text) in texts.iter().enumerate() {
            let int = (at * 77 % 1000).to_string().into_bytes();
            set.add(if ints { &int } else { text }, &limits().set);
        }
        assert_round_trip(ValueRef::Set(&set));
    }

    #[test]
    fn sorted_sets_round_trip(
        texts in texts(1..20),
        scores in proptest::collection::vec(-1e9..1e9f64, 20),
    ) {
        let mut zset = Zset::default();
        for (text, score) in texts.iter().zip(scores) {
            let score = if text.len() % 2 == 0 { score } else { score.trunc() };
            zset.insert(text, score, limits().zset);
        }
        assert_round_trip(ValueRef::Zset(&zset));
    }

    #[test]
    fn hashes_round_trip(
        texts in texts(1..30),
        expiries in proptest::collection::vec(proptest::option::of(1..1i64 << 40), 30),
        some_expire: bool,
    ) {
        let mut hash = Hash::new();
        for (pair, expire_at) in texts.chunks(2).zip(expiries) {
            let expiry = match expire_at.filter(|_| some_expire) {
                Some(ms) => Expiry::At(ms),
                None => Expiry::Clear,
            };
            hash.put(&pair[0], &pair[pair.len() - 1], expiry, &limits().hash);
        }
        // A hash without expiring fields is written as one that never had any.
        let is_plain_again = hash.encoding_name() == "listpackex" && !hash.has_expiries();
        if !is_plain_again {
            assert_round_trip(ValueRef::Hash(&hash));
        }
    }

    #[test]
    fn streams_round_trip(entries in proptest::collection::vec((texts(2..5), 1u64..9), 0..20)) {
        assert_round_trip(ValueRef::Stream(&stream(&entries)));
    }

    /// Bytes changed anywhere are refused or read as something else; nothing panics, then or when
    /// the value is used.
    #[test]
    fn broken_bytes_are_refused_or_harmless(
        entries in proptest::collection::vec((texts(2..5), 1u64..9), 1..6),
        kind in 0usize..6,
        places in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        full: bool,
    ) {
        let texts: Vec<Vec<u8>> = entries.iter().flat_map(|(texts, _)| texts.clone()).collect();
        let mut bytes = Vec::new();
        let type_byte = some_value(kind, &texts, &entries, &mut bytes);
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let check = if full { Check::Full } else { Check::Shape };
        let options = Options::new(limits(), check, VERSION);
        let mut scratch = Scratch::default();
        if let Ok(value) = read(type_byte, &mut SliceSource::new(&bytes), &mut scratch, &options) {
            content(as_ref(&value));
            write(&mut Vec::new(), as_ref(&value), Compression::Lzf);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_harmless(
        type_byte in 0u8..30,
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut scratch = Scratch::default();
        if let Ok(value) = read(type_byte, &mut SliceSource::new(&bytes), &mut scratch, &options())
        {
            content(as_ref(&value));
        }
    }
}

/// Written is the listpack that Redis would have, whatever it is in memory, and read back the same.
#[test]
fn small_hashes_are_written_with_backlens_of_every_length() {
    let mut options = options();
    options.limits.hash.entries = 100;
    options.limits.hash.value = 1 << 22;
    let long = [
        1, 63, 64, 124, 125, 126, 127, 4095, 4096, 16_378, 16_379, 70_000, 2_100_000,
    ];
    let mut texts: Vec<Vec<u8>> = long.iter().map(|len| vec![b'x'; *len]).collect();
    let ints = [0, 127, 128, -1, -4097, 40_000, 9_000_000, 1 << 40];
    texts.extend(ints.iter().map(|int: &i64| int.to_string().into_bytes()));
    for expiring in [false, true] {
        let (mut hash, mut packed) = (Hash::new(), Listpack::new());
        for (at, text) in texts.iter().enumerate() {
            let value = &texts[texts.len() - 1 - at];
            packed.append_pair(text, value);
            let expire_at = 1 << (at + 7);
            if expiring {
                packed.append_int(expire_at);
                hash.put(text, value, Expiry::At(expire_at), &options.limits.hash);
            } else {
                hash.set(text, value, &options.limits.hash);
            }
        }
        let mut bytes = Vec::new();
        write(&mut bytes, ValueRef::Hash(&hash), Compression::None);
        assert!(bytes.ends_with(packed.view().bytes()), "{expiring}");
        let type_byte = type_of(ValueRef::Hash(&hash));
        let (mut source, mut scratch) = (SliceSource::new(&bytes), Scratch::default());
        let again = read(type_byte, &mut source, &mut scratch, &options).unwrap();
        assert_eq!(encoding(as_ref(&again)), hash.encoding_name());
        let mut twice = Vec::new();
        write(&mut twice, as_ref(&again), Compression::None);
        assert!(twice == bytes, "{expiring}");
    }
}

fn stream(entries: &[(Vec<Vec<u8>>, u64)]) -> Stream {
    let node = NodeLimits {
        bytes_max: 200,
        entries_max: 5,
    };
    let mut stream = Stream::new();
    let (mut ids, mut ms) = (Vec::new(), 0);
    for (texts, step) in entries {
        let pairs: Vec<&[u8]> = texts[..texts.len() / 2 * 2]
            .iter()
            .map(Vec::as_slice)
            .collect();
        ms += step;
        let id = NewId::Exact(StreamId::new(ms, *step));
        ids.push(stream.append(id, &pairs, node).unwrap());
    }
    if let Some(id) = ids.get(1) {
        stream.delete(*id, datatypes::stream::References::Keep);
    }
    stream.create_group(b"g", StreamId::new(3, 0), Some(2));
    stream.create_group(b"7", StreamId::MIN, None);
    let group = stream.group_mut(b"g").unwrap();
    for name in [&b"alice"[..], b"bob"] {
        group.create_consumer(name, 1_700_000_000_000);
        group.consumer_mut(name).unwrap().active_time_ms = Some(1_700_000_000_000);
    }
    for (at, id) in ids.iter().enumerate() {
        let name: &[u8] = if at % 3 == 0 { b"alice" } else { b"bob" };
        group.assign(*id, name, 1_700_000_000_000 + at as i64, at as u64);
    }
    stream
}

fn some_value(
    kind: usize,
    texts: &[Vec<u8>],
    entries: &[(Vec<Vec<u8>>, u64)],
    out: &mut Vec<u8>,
) -> u8 {
    let (mut list, mut set, mut zset) = (List::new(), Set::new(), Zset::default());
    let (mut hash, mut expiring) = (Hash::new(), Hash::new());
    for (at, text) in texts.iter().enumerate() {
        list.push(End::Tail, text, &limits().list);
        set.add(text, &limits().set);
        zset.insert(text, at as f64 / 2.0, limits().zset);
        hash.set(text, &texts[0], &limits().hash);
        let expiry = Expiry::At(1 + at as i64 * 1000);
        expiring.put(text, &texts[0], expiry, &limits().hash);
    }
    let stream = stream(entries);
    let value = match kind {
        0 => ValueRef::List(&list),
        1 => ValueRef::Set(&set),
        2 => ValueRef::Zset(&zset),
        3 => ValueRef::Hash(&hash),
        4 => ValueRef::Hash(&expiring),
        _ => ValueRef::Stream(&stream),
    };
    write(out, value, Compression::None);
    type_of(value)
}

/// Reads bytes of that type under limits that keep all packed.
fn check(type_byte: u8, version: u16, bytes: &[u8]) -> Result<Vec<String>, String> {
    let options = Options::new(Limits::default(), Check::Full, version);
    let (mut scratch, mut source) = (Scratch::default(), SliceSource::new(bytes));
    let value = read(type_byte, &mut source, &mut scratch, &options);
    let value = value.map_err(|error| error.to_string())?;
    Ok(content(as_ref(&value)))
}

#[test]
fn plain_old_collections_are_read() {
    let three = b"\x03\x01b\x01a\xC0\x05";
    assert_eq!(check(LIST, 1, three).unwrap(), ["b", "a", "5"]);
    assert_eq!(check(SET, 1, three).unwrap(), ["5", "a", "b"]);
    let scores = b"\x03\x01a\x031.5\x01b\xFE\x01c\xFF";
    assert_eq!(
        check(ZSET, 1, scores).unwrap(),
        ["c -inf", "a 1.5", "b inf"]
    );
    let pairs = b"\x02\x01b\x012\x01a\x011";
    assert_eq!(check(HASH, 1, pairs).unwrap(), ["a 1 None", "b 2 None"]);
    let zipmap = b"\x12\x02\x03foo\x03\x01bar_\x02he\x01\x00w\xFF";
    assert_eq!(
        check(HASH_ZIPMAP, 1, zipmap).unwrap(),
        ["foo bar None", "he w None"]
    );
}

#[test]
fn collections_of_ziplists_are_read() {
    // Two entries: "abc" and 2.
    let mut bytes = vec![0x12];
    bytes.extend_from_slice(&[0x12, 0, 0, 0, 0x0F, 0, 0, 0, 2, 0]);
    bytes.extend_from_slice(b"\x00\x03abc\x05\xF3\xFF");
    assert_eq!(check(LIST_ZIPLIST, 6, &bytes).unwrap(), ["abc", "2"]);
    assert_eq!(check(ZSET_ZIPLIST, 6, &bytes).unwrap(), ["abc 2.0"]);
    assert_eq!(check(HASH_ZIPLIST, 6, &bytes).unwrap(), ["abc 2 None"]);
    let quicklist = [&[2][..], &bytes, &bytes].concat();
    assert_eq!(
        check(LIST_QUICKLIST, 7, &quicklist).unwrap(),
        ["abc", "2", "abc", "2"]
    );
}

#[test]
fn hashes_with_expiring_fields_are_read_in_all_forms() {
    let expected = ["a 1 Some(1000)", "b 2 None", "c 3 Some(1500)"];
    let ms = 1000i64.to_le_bytes();
    let fields = b"\x03\x01\x01a\x011\x00\x01b\x012\x41\xF5\x01c\x013";
    let bytes = [&ms[..], fields].concat();
    assert_eq!(check(HASH_METADATA, 12, &bytes).unwrap(), expected);
    let fields = b"\x03\x43\xE8\x01a\x011\x00\x01b\x012\x45\xDC\x01c\x013";
    assert_eq!(check(HASH_METADATA_PRE_GA, 12, fields).unwrap(), expected);
    let mut valkey = vec![3];
    for (name, value, at) in [("a", "1", 1000i64), ("b", "2", -1), ("c", "3", 1500)] {
        primitive::write_string(&mut valkey, name.as_bytes(), Compression::None);
        primitive::write_string(&mut valkey, value.as_bytes(), Compression::None);
        valkey.extend_from_slice(&at.to_le_bytes());
    }
    assert_eq!(check(HASH_METADATA_PRE_GA, 80, &valkey).unwrap(), expected);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let error = |type_byte, bytes: &[u8]| check(type_byte, VERSION, bytes).unwrap_err();
    let id = [&[0x81][..], &0x3C9D_4E5F_1234_5678u64.to_be_bytes()].concat();
    assert_eq!(
        error(MODULE_2, &id),
        format!(
            "The RDB file contains module data I can't load: no matching module type '{}'",
            std::str::from_utf8(&module_name(0x3C9D_4E5F_1234_5678)).unwrap()
        )
    );
    assert_eq!(error(8, b"\0"), "Unknown RDB encoding type 8");
    assert_eq!(error(SET, b"\0"), "empty key");
    assert_eq!(
        error(SET, b"\x02\x01a\x01a"),
        "Duplicate set members detected"
    );
    assert_eq!(
        error(HASH, b"\x02\x01a\x01b\x01a\x01b"),
        "Duplicate hash fields detected"
    );
}

#[test]
fn module_names_are_nine_digits_of_six_bits() {
    // The number of RedisJSON's type, version 3.
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let id = b"ReJSON-RL".iter().fold(0u64, |id, c| {
        id << 6 | digits.iter().position(|digit| digit == c).unwrap() as u64
    });
    assert_eq!(&module_name(id << 10 | 3), b"ReJSON-RL");
}

#[test]
fn a_promised_count_takes_no_memory() {
    let huge = [0x81, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    for type_byte in [
        LIST,
        SET,
        ZSET,
        ZSET_2,
        HASH,
        LIST_QUICKLIST,
        LIST_QUICKLIST_2,
    ] {
        let error = check(type_byte, VERSION, &huge).unwrap_err();
        assert_eq!(error, "unexpected end of the data");
    }
}
