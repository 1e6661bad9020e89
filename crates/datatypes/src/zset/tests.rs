//! Random operations against a plain model in both encodings, orders of insertion, ranges, cursors,
//! thresholds; and listpacks compared byte for byte with a real server's.
//! The comparison is skipped where no `redis-server` is installed.

use super::probe::key_of;
use super::*;
use crate::oracle::{Oracle, Reply};
use crate::testing::{is_compared, sized};
use proptest::prelude::*;
use std::collections::BTreeMap;

const LIMITS: Limits = Limits {
    entries_max: sized(128, 16),
    value_max: 64,
};
const LARGE: Limits = Limits {
    entries_max: 0,
    value_max: 0,
};

/// The plain model: member to score.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<Vec<u8>, f64>);

impl Model {
    fn sorted(&self) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(member, score)| (member.clone(), *score))
            .collect();
        all.sort_by(|a, b| (key_of(a.1), &a.0).cmp(&(key_of(b.1), &b.0)));
        all
    }
}

fn collect(zset: &Zset, ranks: Range<usize>, reverse: bool) -> Vec<(Vec<u8>, f64)> {
    zset.iter(ranks, reverse)
        .map(|(member, score)| (member.to_vec(), score))
        .collect()
}

fn compare(zset: &Zset, model: &Model) {
    zset.check();
    let sorted = model.sorted();
    assert_eq!(collect(zset, 0..usize::MAX, false), sorted);
    assert_eq!(zset.len(), sorted.len());
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u16, f64),
    Remove(u16),
    RemoveRanks(usize, usize),
    PopMax,
    Look(u16, f64, f64),
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-20i32..20).prop_map(f64::from),
        any::<i32>().prop_map(|n| f64::from(n) / 7.0),
        prop_oneof![
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(1e300),
            Just(-0.0)
        ],
        (1_700_000_000_000i64..1_700_000_010_000).prop_map(|n| n as f64),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0u16..600, score()).prop_map(|(m, s)| Op::Insert(m, s)),
        3 => (0u16..600).prop_map(Op::Remove),
        1 => (0usize..600, 0usize..40).prop_map(|(a, n)| Op::RemoveRanks(a, n)),
        1 => Just(Op::PopMax),
        2 => (0u16..600, score(), score()).prop_map(|(m, a, b)| Op::Look(m, a, b)),
    ]
}

fn name(number: u16) -> Vec<u8> {
    // Integers, short texts and long ones.
    match number % 3 {
        0 => number.to_string().into_bytes(),
        1 => format!("member:{number}").into_bytes(),
        _ => format!("{number}")
            .repeat(20 + usize::from(number % 50))
            .into_bytes(),
    }
}

fn apply(zset: &mut Zset, model: &mut Model, limits: Limits, op: Op) {
    match op {
        Op::Insert(number, score) => {
            let member = name(number);
            let expected = match model.0.get(&member) {
                None => Change::Added,
                Some(&old) if old == score => Change::Kept,
                Some(_) => Change::Rescored,
            };
            assert_eq!(zset.insert(&member, score, limits), expected);
            if expected != Change::Kept {
                model.0.insert(member, score);
            }
        }
        Op::Remove(number) => assert_eq!(zset.remove(&name(number)), model.0.remove(&name(number))),
        Op::RemoveRanks(from, count) => {
            let gone: Vec<_> = model.sorted().into_iter().skip(from).take(count).collect();
            assert_eq!(zset.remove_ranks(from..from + count), gone.len());
            gone.iter()
                .for_each(|(member, _)| assert!(model.0.remove(member).is_some()));
        }
        Op::PopMax => {
            let len = zset.len();
            let last = len.checked_sub(1).and_then(|rank| zset.get(rank));
            let last = last.map(|(member, score)| (member.to_vec(), score));
            assert_eq!(last, model.sorted().pop());
            zset.remove_ranks(len.saturating_sub(1)..len);
            last.and_then(|(member, _)| model.0.remove(&member));
        }
        Op::Look(number, a, b) => look(zset, model, &name(number), a.min(b), a.max(b)),
    }
}

fn look(zset: &Zset, model: &Model, member: &[u8], min: f64, max: f64) {
    let sorted = model.sorted();
    let rank = sorted.iter().position(|(other, _)| other == member);
    assert_eq!(zset.rank(member), rank.map(|rank| (rank, sorted[rank].1)));
    assert_eq!(zset.score(member), model.0.get(member).copied());
    for (min_excluded, max_excluded) in [(false, false), (true, false), (false, true), (true, true)]
    {
        let within = |score: f64| {
            (if min_excluded {
                score > min
            } else {
                score >= min
            }) && (if max_excluded {
                score < max
            } else {
                score <= max
            })
        };
        let expected: Vec<_> = sorted
            .iter()
            .filter(|(_, score)| within(*score))
            .cloned()
            .collect();
        let ranks = zset.ranks_by_score(&ScoreRange {
            min,
            min_excluded,
            max,
            max_excluded,
        });
        assert_eq!(ranks.len(), expected.len());
        assert_eq!(collect(zset, ranks.clone(), false), expected);
        let reversed: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(collect(zset, ranks, true), reversed);
    }
}

fn bounds(member: &str) -> [LexBound<'_>; 4] {
    let member = member.as_bytes();
    [
        LexBound::Lowest,
        LexBound::Highest,
        LexBound::Included(member),
        LexBound::Excluded(member),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(24, 2) as u32))]

    #[test]
    fn agrees_with_the_model(
        ops in prop::collection::vec(op(), 0..sized(1500, 150)), small: bool,
    ) {
        let limits = if small { LIMITS } else { LARGE };
        let (mut zset, mut model) = (Zset::new(1, limits), Model::default());
        for op in ops {
            apply(&mut zset, &mut model, limits, op);
        }
        compare(&zset, &model);
        let clone = zset.clone();
        drop(zset);
        compare(&clone, &model);
    }

    #[test]
    fn small_ones_agree_with_the_model(ops in prop::collection::vec(op(), 0..60)) {
        let (mut zset, mut model) = (Zset::default(), Model::default());
        for (index, op) in ops.into_iter().enumerate() {
            apply(&mut zset, &mut model, Limits { entries_max: 128, value_max: 10_000 }, op);
            if is_compared(index, 8) { compare(&zset, &model); }
        }
        prop_assert!(zset.packed().is_some_and(Zset::is_valid_packed));
    }

    #[test]
    fn lex_ranges_agree_with_the_model(
        members in prop::collection::btree_set("[ab]{0,4}", 0..300), large: bool,
        a in "[ab]{0,4}", b in "[ab]{0,4}",
    ) {
        let mut zset = Zset::default();
        if large { zset.unpack(); }
        for member in &members {
            zset.insert(member.as_bytes(), 5.0, Limits { entries_max: 1000, value_max: 64 });
        }
        zset.check();
        for min in bounds(&a) {
            for max in bounds(&b) {
                let above = |m: &str| match min {
                    LexBound::Lowest => true,
                    LexBound::Highest => false,
                    LexBound::Included(x) => m.as_bytes() >= x,
                    LexBound::Excluded(x) => m.as_bytes() > x,
                };
                let below = |m: &str| match max {
                    LexBound::Lowest => false,
                    LexBound::Highest => true,
                    LexBound::Included(x) => m.as_bytes() <= x,
                    LexBound::Excluded(x) => m.as_bytes() < x,
                };
                let expected = members.iter().filter(|m| above(m) && below(m));
                let expected: Vec<_> = expected.map(|m| m.clone().into_bytes()).collect();
                let ranks = zset.ranks_by_lex(&LexRange { min, max });
                let found: Vec<_> = zset.iter(ranks, false).map(|(m, _)| m.to_vec()).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

/// A large set in one of several orders of insertion.
fn filled(count: u32, order: impl Fn(u32) -> u32) -> (Zset, Model) {
    let (mut zset, mut model) = (Zset::new(1, LARGE), Model::default());
    for i in 0..count {
        let n = order(i);
        let member = format!("member:{n:08}").into_bytes();
        zset.insert(&member, f64::from(n / 3), LARGE);
        model.0.insert(member, f64::from(n / 3));
    }
    (zset, model)
}

#[test]
fn any_order_of_insertion_gives_the_same_set() {
    let count = sized(20_000, 200) as u32;
    let orders: [fn(u32) -> u32; 4] = [
        |i| i,
        |i| 20_000 - i,
        |i| i * 7919 % 20_000,
        |i| i % 2 * 10_000 + i / 2,
    ];
    for order in orders {
        let (zset, model) = filled(count, order);
        compare(&zset, &model);
    }
}

#[test]
fn removing_everything_leaves_nothing() {
    let count = sized(10_000, 200) as u32;
    for step in [1, 3, 7919] {
        let (mut zset, mut model) = filled(count, |i| i);
        for i in 0..count {
            let n = i * step % count;
            let member = format!("member:{n:08}").into_bytes();
            assert_eq!(zset.remove(&member), model.0.remove(&member));
            if i.is_multiple_of(sized(1000, 60) as u32) {
                compare(&zset, &model);
            }
        }
        if step != 3 {
            assert!(zset.is_empty());
        }
        zset.insert(b"again", 1.0, LARGE);
        assert_eq!(zset.rank(b"again").map(|(rank, _)| rank), Some(0));
    }
}

#[test]
fn large_ranges_are_removed_at_once() {
    let n = sized(20_000, 140);
    let count = n as u32;
    for (from, to) in [
        (0, 10),
        (0, n - 1),
        (n / 4, n / 4 * 3),
        (n / 20 * 19, n),
        (77, 78),
        (0, n),
    ] {
        let (mut zset, mut model) = filled(count, |i| i.wrapping_mul(7919) % 20_000);
        let gone = model.sorted()[from..to].to_vec();
        assert_eq!(zset.remove_ranks(from..to), to - from);
        gone.iter()
            .for_each(|(member, _)| assert!(model.0.remove(member).is_some()));
        compare(&zset, &model);
    }
}

#[test]
fn rescoring_moves_members() {
    let count = sized(5_000, 150) as u32;
    let (mut zset, mut model) = filled(count, |i| i);
    for i in 0..4 * count {
        let n = i.wrapping_mul(7919) % count;
        let member = format!("member:{n:08}").into_bytes();
        let score = f64::from(i.wrapping_mul(31) % 2000) + 0.25;
        zset.insert(&member, score, LARGE);
        model.0.insert(member, score);
    }
    compare(&zset, &model);
}

#[test]
fn cursor_visits_everything_once() {
    let (zset, model) = filled(sized(5_000, 200) as u32, |i| i);
    let (mut seen, mut cursor) = (BTreeMap::new(), 0);
    loop {
        let next = zset.scan(cursor, |member, score| {
            assert_eq!(seen.insert(member.to_vec(), score), None);
        });
        match next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(seen, model.0);
}

#[test]
fn thresholds_decide_the_encoding() {
    let mut zset = Zset::new(3, LIMITS);
    for i in 0..LIMITS.entries_max {
        zset.insert(format!("{i}").as_bytes(), 1.5, LIMITS);
    }
    assert_eq!(zset.encoding_name(), "listpack");
    zset.insert(b"1", 2.5, LIMITS);
    assert_eq!(zset.encoding_name(), "listpack");
    zset.insert(b"one more", 2.5, LIMITS);
    assert_eq!(zset.encoding_name(), "skiplist");
    zset.pack_if_small(LIMITS);
    assert_eq!(zset.encoding_name(), "skiplist");
    zset.remove(b"0");
    zset.pack_if_small(LIMITS);
    assert_eq!(zset.encoding_name(), "listpack");
    zset.insert(&[b'x'; 65], 1.0, LIMITS);
    assert_eq!(zset.encoding_name(), "skiplist");
}

#[test]
fn foreign_listpacks_are_checked() {
    let pack = |texts: &[&[u8]]| {
        let mut pack = Listpack::new();
        pack.extend(texts.iter().copied());
        Zset::is_valid_packed(pack.view())
    };
    assert!(pack(&[b"a", b"1", b"b", b"1.5"]));
    assert!(!pack(&[b"a", b"1", b"b"]));
    assert!(!pack(&[b"a", b"x"]));
    assert!(!pack(&[b"a", b"1", b"a", b"2"]));
}

#[test]
fn listpacks_equal_those_of_redis() {
    let Some(mut redis) = Oracle::start(&["--rdbcompression", "no"]) else {
        return;
    };
    let mut zset = Zset::default();
    let scores = [
        "1",
        "-7",
        "2.5",
        "1e20",
        "-0",
        "3.3333333333333335",
        "1e-9",
        "inf",
        "-inf",
        "4611686018427387904",
    ];
    for i in 0..100u32 {
        let (member, score) = (
            format!("m{}", i * 37 % 60),
            scores[i as usize % scores.len()],
        );
        redis.run(&format!("ZADD z {score} {member}"));
        zset.insert(
            member.as_bytes(),
            common::number::parse_f64(score.as_bytes()).unwrap(),
            LIMITS,
        );
    }
    let Reply::Text(dump) = redis.run("DUMP z") else {
        panic!("no dump")
    };
    let ours = zset.packed().unwrap().bytes();
    // One byte of type, two of length, the listpack, two of version, eight of checksum.
    assert_eq!(&dump[3..dump.len() - 10], ours);
}
