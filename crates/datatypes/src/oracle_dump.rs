//! Small values byte for byte as `redis-server` makes them: compared with the payloads of its DUMP.

use crate::hash::{Hash, HashBytes, HashLimits};
use crate::list::{End, List, ListLimits, NodeRef};
use crate::oracle::{Oracle, Reply};
use crate::set::{Set, SetBytes, SetLimits};

/// A DUMP payload of that RDB type, without type and footer.
fn dump(oracle: &mut Oracle, key: &str, rdb_type: u8) -> Vec<u8> {
    let Reply::Text(payload) = oracle.call(&["DUMP", key]) else {
        panic!("no {key}")
    };
    assert_eq!(payload[0], rdb_type, "{key}");
    payload[1..payload.len() - 10].to_vec()
}

fn length(bytes: &mut &[u8]) -> usize {
    let first = bytes[0];
    let (length, used) = match first >> 6 {
        0 => ((first & 0x3F) as usize, 1),
        1 => (((first & 0x3F) as usize) << 8 | bytes[1] as usize, 2),
        _ if first == 0x80 => (
            u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize,
            5,
        ),
        _ => panic!("length byte {first}"),
    };
    *bytes = &bytes[used..];
    length
}

fn string<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = length(bytes);
    let (string, rest) = bytes.split_at(length);
    *bytes = rest;
    string
}

/// Texts of every encoding and around every bound.
fn texts() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for bits in [0, 6, 7, 12, 13, 15, 16, 23, 24, 31, 32, 62] {
        for near in [-1i64, 0, 1] {
            let value = (1i64 << bits) + near;
            texts.push(value.to_string().into_bytes());
            texts.push((-value).to_string().into_bytes());
        }
    }
    texts.extend([i64::MIN, i64::MAX].map(|int| int.to_string().into_bytes()));
    texts.extend(
        [
            "",
            "-0",
            "01",
            "+1",
            " 1",
            "1 ",
            "-",
            "9223372036854775808",
            "1.0",
        ]
        .map(|s| s.as_bytes().to_vec()),
    );
    for len in [
        1, 62, 63, 64, 65, 124, 125, 126, 127, 128, 4094, 4095, 4096, 4097, 16_378, 16_379,
    ] {
        texts.push(vec![b'x'; len]);
    }
    texts
}

const LARGE: &str = "2000000";

fn start() -> Option<Oracle> {
    let directives = [
        "hash-max-listpack-entries",
        "hash-max-listpack-value",
        "set-max-intset-entries",
    ];
    let mut options = vec!["--rdbcompression", "no", "--list-max-listpack-size", "-5"];
    let directives = directives.map(|name| format!("--{name}"));
    for name in &directives {
        options.extend([name.as_str(), LARGE]);
    }
    Oracle::start(&options)
}

#[test]
fn hashes_are_packed_as_redis_packs_them() {
    let Some(mut oracle) = start() else { return };
    let limits = HashLimits {
        entries: 2_000_000,
        value: 2_000_000,
    };
    let mut hash = Hash::new();
    let texts = texts();
    let same = |oracle: &mut Oracle, hash: &Hash| {
        let payload = dump(oracle, "h", 16);
        let Some(HashBytes::Pairs(pack)) = hash.packed() else {
            panic!("pairs")
        };
        let mut scratch = Vec::new();
        assert_eq!(string(&mut &payload[..]), pack.full(&mut scratch).bytes());
    };
    for (field, value) in texts.iter().zip(texts.iter().rev()) {
        oracle.call(&[b"HSET", &b"h"[..], field, value]);
        hash.set(field, value, &limits);
    }
    same(&mut oracle, &hash);
    for (field, value) in texts.iter().zip(texts.iter().skip(7)).step_by(3) {
        oracle.call(&[b"HSET", &b"h"[..], field, value]);
        hash.set(field, value, &limits);
    }
    same(&mut oracle, &hash);
    for field in texts.iter().step_by(2) {
        oracle.call(&[b"HDEL", &b"h"[..], field]);
        assert!(hash.delete(field));
    }
    same(&mut oracle, &hash);
}

#[test]
fn intsets_are_those_of_redis() {
    let Some(mut oracle) = start() else { return };
    let limits = SetLimits {
        intset_entries: 2_000_000,
        listpack_entries: 0,
        listpack_value: 0,
    };
    let mut set = Set::new();
    let mut value = 1i64;
    for round in 0..200 {
        value = value
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let text = (value
            >> if round < 70 {
                52
            } else if round < 140 {
                36
            } else {
                4
            })
        .to_string();
        oracle.call(&["SADD", "s", &text]);
        set.add(text.as_bytes(), &limits);
        if round % 5 == 4 {
            oracle.call(&["SREM", "s", &text]);
            set.remove(text.as_bytes());
        }
        let payload = dump(&mut oracle, "s", 11);
        let Some(SetBytes::Intset(bytes)) = set.packed() else {
            panic!("intset")
        };
        assert_eq!(string(&mut &payload[..]), bytes);
    }
}

#[test]
fn list_nodes_are_those_of_redis() {
    let Some(mut oracle) = start() else { return };
    let limits = ListLimits {
        fill: -5,
        ..ListLimits::default()
    };
    let mut list = List::new();
    for (index, text) in texts().iter().enumerate() {
        let (name, end) = if index % 3 == 0 {
            ("LPUSH", End::Head)
        } else {
            ("RPUSH", End::Tail)
        };
        oracle.call(&[name.as_bytes(), b"l", text]);
        list.push(end, text, &limits);
    }
    for _ in 0..10 {
        oracle.call(&["LPOP", "l"]);
        oracle.call(&["RPOP", "l"]);
        list.pop(End::Head, &limits, |_| ());
        list.pop(End::Tail, &limits, |_| ());
    }
    let payload = dump(&mut oracle, "l", 18);
    let mut rest = &payload[..];
    assert_eq!(
        (length(&mut rest), length(&mut rest)),
        (1, 2),
        "one packed node"
    );
    list.for_each_node(|node| {
        let NodeRef::Packed(pack) = node else {
            panic!("packed")
        };
        assert_eq!(pack.bytes(), string(&mut rest));
    });
    assert!(rest.is_empty());
}

#[test]
fn strings_compressed_on_one_side_are_read_on_the_other() {
    let Some(mut oracle) = Oracle::start(&[]) else {
        return;
    };
    for text in [
        b"abc".repeat(400),
        vec![b'x'; 100_000],
        (0..3000)
            .flat_map(|i| format!("item:{} ", i % 700).into_bytes())
            .collect(),
    ] {
        oracle.call(&[&b"SET"[..], b"theirs", &text]);
        let payload = dump(&mut oracle, "theirs", 0);
        let mut rest = &payload[1..];
        assert_eq!(payload[0], 0xC3, "LZF");
        let (packed, size) = (length(&mut rest), length(&mut rest));
        assert_eq!((rest.len(), size), (packed, text.len()));
        assert_eq!(
            common::lzf::decompress(rest, size).as_deref(),
            Some(&text[..])
        );

        let ours = common::lzf::compress(&text, text.len()).unwrap();
        assert!(
            ours.len() < packed * 5 / 4 + 16,
            "{} bytes, theirs {packed}",
            ours.len()
        );
        let mut restore = vec![0, 0xC3];
        for number in [ours.len(), text.len()] {
            restore.push(0x80);
            restore.extend_from_slice(&(number as u32).to_be_bytes());
        }
        restore.extend_from_slice(&ours);
        restore.extend_from_slice(&[10, 0]);
        let crc = common::crc64::crc64(0, &restore);
        restore.extend_from_slice(&crc.to_le_bytes());
        oracle.call(&[&b"DEL"[..], b"ours"]);
        let reply = oracle.call(&[&b"RESTORE"[..], b"ours", b"0", &restore]);
        assert_eq!(reply, Reply::Text(b"OK".to_vec()));
        assert_eq!(oracle.call(&[&b"GET"[..], b"ours"]), Reply::Text(text));
    }
}
