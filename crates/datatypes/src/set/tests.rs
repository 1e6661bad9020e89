//! Sets against a model, in every form and across the conversions.

use super::*;
use crate::testing::{is_compared, sized};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::SmallRng};
use std::collections::{BTreeMap, BTreeSet};

const NEW: SetLimits = SetLimits {
    intset_entries: 8,
    listpack_entries: 12,
    listpack_value: 6,
};
const OLD: SetLimits = SetLimits {
    intset_entries: 8,
    listpack_entries: 0,
    listpack_value: 0,
};

type Draw<'a> = &'a mut dyn FnMut(&mut SmallRng, &mut dyn FnMut(Item<'_>));

fn members(set: &Set) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    set.for_each(|item| assert!(all.insert(item.to_vec()), "twice: {item:?}"));
    all
}

fn set_of(texts: &[&str], limits: &SetLimits) -> Set {
    let mut set = Set::new();
    for text in texts {
        set.add(text.as_bytes(), limits);
    }
    set
}

#[test]
fn forms_follow_the_limits() {
    assert_eq!(size_of::<Option<Set>>(), 8);
    let ints = ["1", "2", "3", "4", "5", "6", "7", "8"];
    assert_eq!(set_of(&ints, &OLD).encoding_name(), "intset");
    assert_eq!(
        set_of(&[&ints[..], &["9"]].concat(), &OLD).encoding_name(),
        "hashtable"
    );
    assert_eq!(set_of(&["1", "a"], &OLD).encoding_name(), "hashtable");
    assert_eq!(set_of(&["a"], &OLD).encoding_name(), "hashtable");
    assert_eq!(set_of(&["1", "a"], &NEW).encoding_name(), "listpack");
    assert_eq!(
        set_of(&["1", "a", "longer!"], &NEW).encoding_name(),
        "hashtable"
    );
    assert_eq!(
        set_of(&["12345678", "a"], &NEW).encoding_name(),
        "hashtable"
    );
    let many: Vec<String> = (0..13).map(|i| format!("m{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(set_of(&many[..12], &NEW).encoding_name(), "listpack");
    assert_eq!(set_of(&many, &NEW).encoding_name(), "hashtable");
    assert_eq!(Set::with_hint(b"1", 9, &NEW).encoding_name(), "listpack");
    assert_eq!(Set::with_hint(b"1", 99, &NEW).encoding_name(), "hashtable");
    assert_eq!(Set::with_hint(b"1", 99, &OLD).encoding_name(), "intset");
    assert_eq!(Set::with_hint(b"a", 1, &OLD).encoding_name(), "hashtable");
}

#[test]
fn a_member_of_fifteen_bytes_takes_sixteen() {
    assert_eq!(Member::allocated(&[b'm'; 15]), 16);
    let long = vec![b'l'; 300];
    assert_eq!(Member::new(&long).text(), &long[..]);
    assert_eq!(Member::new(&long[..255]).text(), &long[..255]);
    assert_eq!(Member::new(b"").text(), b"");
}

#[test]
fn picks_are_uniform_in_every_form() {
    let mut rng = SmallRng::seed_from_u64(11);
    let letters: Vec<String> = (0..10).map(|i| format!("a{i}")).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let ints = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let limits = SetLimits {
        intset_entries: 99,
        ..NEW
    };
    for set in [
        set_of(&ints, &limits),
        set_of(&letters, &NEW),
        set_of(&letters, &OLD),
    ] {
        let mut check = |draw: Draw<'_>| {
            let mut hits = BTreeMap::<Vec<u8>, f64>::new();
            let mut total = 0.0;
            while total < sized(4000, 20) as f64 {
                draw(&mut rng, &mut |item| {
                    *hits.entry(item.to_vec()).or_default() += 1.0;
                    total += 1.0;
                });
            }
            let expected = total / 10.0;
            let chi: f64 = hits
                .values()
                .map(|n| (n - expected).powi(2) / expected)
                .sum();
            // A distribution needs thousands of draws.
            assert!(
                cfg!(miri) || hits.len() == 10 && chi < 40.0,
                "{} {chi} {hits:?}",
                set.encoding_name()
            );
        };
        check(&mut |rng, f| f(set.random(rng).unwrap()));
        check(&mut |rng, f| set.random_many(rng, 7, f));
        for count in [2, 3, 8] {
            check(&mut |rng, f| set.random_distinct(rng, count, f));
        }
        let mut left = set.clone();
        let mut popped = BTreeSet::new();
        while let Some(text) = left.pop_random(&mut rng, |item| item.to_vec()) {
            assert!(popped.insert(text));
        }
        assert_eq!(popped, members(&set));
        assert!(left.is_empty());
    }
}

#[test]
fn distinct_picks_of_a_large_set_are_distinct() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut set = Set::new();
    let len = sized(3000, 450);
    for i in 0..len {
        set.add(format!("member:{i}").as_bytes(), &OLD);
    }
    for count in [1, len / 10 * 3, len / 2, len - 1, len, len + 2000] {
        let mut seen = BTreeSet::new();
        set.random_distinct(&mut rng, count, |item| assert!(seen.insert(item.to_vec())));
        assert_eq!(seen.len(), count.min(len));
    }
}

#[test]
fn scan_returns_what_stays_while_the_table_grows_and_shrinks() {
    let mut set = Set::new();
    let stay = |i: u32| format!("stay:{i}").into_bytes();
    // Together with those that come and go they need more than one segment.
    let (stays, comes) = (sized(500, 340) as u32, 100);
    for i in 0..stays {
        set.add(&stay(i), &OLD);
    }
    let (mut cursor, mut seen, mut round) = (0, BTreeSet::new(), 0u32);
    loop {
        cursor = set.scan(cursor, sized(10, 80), |item| {
            seen.insert(item.to_vec());
        });
        for i in 0..comes {
            let text = format!("pass:{}", (round / 20) * comes + i).into_bytes();
            if round.is_multiple_of(2) {
                set.add(&text, &OLD);
            } else {
                set.remove(&text);
            }
        }
        round += 1;
        if cursor == 0 {
            break;
        }
    }
    assert!((0..stays).all(|i| seen.contains(&stay(i))));
    assert_eq!(
        set.scan(u64::MAX, 10, |_| ()),
        0,
        "a foreign cursor ends the scan"
    );
}

#[test]
fn algebra_across_all_forms() {
    let limits = SetLimits {
        intset_entries: 1000,
        ..NEW
    };
    let count = sized(200, 60);
    let numbers = |step: usize, limits: &SetLimits| {
        let mut set = Set::new();
        for i in (0..count).step_by(step) {
            set.add(i.to_string().as_bytes(), limits);
        }
        set
    };
    let few = set_of(&["0", "6", "7", "12", "x"], &NEW);
    for (one, two) in [
        (&limits, &limits),
        (&limits, &OLD),
        (&OLD, &limits),
        (&OLD, &OLD),
    ] {
        let (twos, threes) = (numbers(2, one), numbers(3, two));
        let collect = |set: &Set, others: &[&Set], inside: bool| {
            let mut all = BTreeSet::new();
            let mut see = |item: Item<'_>| {
                assert!(all.insert(item.to_vec()));
                ControlFlow::Continue(())
            };
            let _ = if inside {
                set.intersect(others, &mut see)
            } else {
                set.difference(others, &mut see)
            };
            all
        };
        let both: BTreeSet<_> = members(&twos)
            .intersection(&members(&threes))
            .cloned()
            .collect();
        assert_eq!(collect(&twos, &[&threes], true), both);
        assert_eq!(both.len(), count.div_ceil(6));
        let rest: BTreeSet<_> = members(&twos).difference(&both).cloned().collect();
        assert_eq!(collect(&twos, &[&threes], false), rest);
        let small = collect(&few, &[&twos, &threes], true);
        assert_eq!(small, members(&set_of(&["0", "6", "12"], &NEW)));
        assert_eq!(
            collect(&few, &[&twos, &threes], false),
            members(&set_of(&["7", "x"], &NEW))
        );
        assert_eq!(collect(&few, &[], true), members(&few));
        let mut limited = 0;
        let flow = twos.intersect(&[&threes], |_| {
            limited += 1;
            if limited == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert!(flow.is_break() && limited == 5);
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0i64..12).prop_map(|int| int.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        3 => proptest::collection::vec(b'a'..b'd', 0..3),
        1 => (5usize..9).prop_map(|len| vec![b'x'; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(300, 4) as u32))]
    #[test]
    fn behaves_as_a_set(
        old in any::<bool>(),
        steps in proptest::collection::vec((0u8..4, text()), 0..120),
    ) {
        let limits = if old { OLD } else { NEW };
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (index, (kind, text)) in steps.into_iter().enumerate() {
            prop_assert_eq!(set.contains(&text), model.contains(&text));
            prop_assert_eq!(set.contains_item(Item::of(&text)), model.contains(&text));
            if kind == 0 {
                prop_assert_eq!(set.remove(&text), model.remove(&text));
            } else {
                prop_assert_eq!(set.add(&text, &limits), model.insert(text.clone()));
            }
            prop_assert_eq!(set.len(), model.len());
            if !is_compared(index, 16) { continue; }
            prop_assert_eq!(members(&set), model.clone());
            let mut scanned = BTreeSet::new();
            let mut cursor = 0;
            loop {
                cursor = set.scan(cursor, 3, |item| { scanned.insert(item.to_vec()); });
                if cursor == 0 { break; }
            }
            prop_assert_eq!(&scanned, &model);
        }
        let copy = set.clone();
        prop_assert!(copy.memory(0) > 0 && copy.allocations() > 0);
        drop(set);
        prop_assert_eq!(members(&copy), model);
    }
}
