//! Hashes against a model, in every form and across the conversions.

use super::*;
use crate::testing::{is_compared, sized};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::SmallRng};
use std::collections::BTreeMap;

const LIMITS: HashLimits = HashLimits {
    entries: 8,
    value: 10,
};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn fields(hash: &Hash) -> Model {
    let mut all = Model::new();
    hash.for_each(|field| {
        let value = (field.value.to_vec(), field.expire_at);
        assert!(
            all.insert(field.name.to_vec(), value).is_none(),
            "twice: {field:?}"
        );
    });
    all
}

#[test]
fn forms_follow_the_limits() {
    assert_eq!(size_of::<Option<Hash>>(), 8);
    let mut hash = Hash::new();
    for i in 0..8 {
        assert!(hash.set(&[b'a' + i], b"1", &LIMITS));
    }
    assert_eq!(hash.encoding_name(), "listpack");
    assert!(!hash.set(b"a", b"2", &LIMITS));
    assert_eq!(hash.encoding_name(), "listpack");
    assert!(hash.set(b"z", b"2", &LIMITS));
    assert_eq!(hash.encoding_name(), "hashtable");
    assert_eq!(
        hash.get(b"a").map(|item| item.to_vec()),
        Some(b"2".to_vec())
    );
    let mut long = Hash::new();
    long.set(b"f", b"0123456789", &LIMITS);
    assert_eq!(long.encoding_name(), "listpack");
    long.set(b"f", b"01234567890", &LIMITS);
    assert_eq!(long.encoding_name(), "hashtable");
    let mut prepared = Hash::new();
    prepared.prepare([&b"short"[..], b"much too long"], &LIMITS);
    assert_eq!(prepared.encoding_name(), "hashtable");
}

#[test]
fn a_listpack_with_expiries_is_sorted_by_them() {
    let mut hash = Hash::new();
    for name in [b"a", b"b", b"c", b"d"] {
        hash.set(name, b"v", &LIMITS);
    }
    assert!(!hash.set_expiry(b"none", Some(5)));
    assert_eq!(hash.encoding_name(), "listpack");
    for (name, ms) in [(b"c", 300), (b"a", 100), (b"d", 200)] {
        assert!(hash.set_expiry(name, Some(ms)));
    }
    assert_eq!(hash.encoding_name(), "listpackex");
    let order = |hash: &Hash| {
        let mut order = Vec::new();
        hash.for_each(|field| order.extend(field.name.to_vec()));
        order
    };
    assert_eq!(order(&hash), b"adcb");
    assert_eq!(hash.next_due(), Some(100));
    hash.set(b"a", b"new", &LIMITS);
    assert_eq!(order(&hash), b"dcba");
    hash.put(b"d", b"kept", Expiry::Keep, &LIMITS);
    assert_eq!(hash.field(b"d").unwrap().expire_at, Some(200));
    assert_eq!(hash.due_len(250), 1);
    let mut gone = Vec::new();
    assert_eq!(
        hash.expire_due(250, 9, |field| gone.push(field.value.to_vec())),
        1
    );
    assert_eq!(gone, [b"kept"]);
    assert_eq!(hash.next_due(), Some(300));
    assert!(hash.set_expiry(b"c", None));
    assert!(!hash.has_expiries());
    let Some(HashBytes::Triples(pack)) = hash.packed() else {
        panic!("triples")
    };
    let mut scratch = Vec::new();
    let full = pack.full(&mut scratch);
    let pack = Leanpack::from_full(validate_triples(full.bytes()).unwrap());
    assert_eq!(
        fields(&Hash::from_listpack_ex(pack, &LIMITS)),
        fields(&hash)
    );
}

#[test]
fn triples_from_outside_are_checked() {
    let check = |items: &[Item<'_>]| {
        let pack = crate::listpack::Listpack::from_items(items.iter().copied());
        validate_triples(pack.view().bytes()).is_ok()
    };
    let [a, b, v] = [b"a", b"b", b"v"].map(|text| Item::Str(text));
    assert!(check(&[a, v, Item::Int(5), b, v, Item::Int(0)]));
    assert!(check(&[a, v, Item::Int(5), b, v, Item::Int(5)]));
    assert!(!check(&[a, v, Item::Int(5), b, v, Item::Int(4)]), "order");
    assert!(
        !check(&[a, v, Item::Int(0), b, v, Item::Int(4)]),
        "none goes last"
    );
    assert!(!check(&[a, v, v]), "not a number");
    assert!(!check(&[a, v, Item::Int(EXPIRY_MAX + 1)]), "out of bounds");
    assert!(!check(&[a, v, Item::Int(5), a, v, Item::Int(6)]), "twice");
    assert!(!check(&[a, v]), "not whole");
}

#[test]
fn fields_of_a_table_expire_in_order() {
    let limits = HashLimits {
        entries: 0,
        value: 0,
    };
    // Fields of one time; all of them need more than one segment of the table.
    let each = sized(100, 22);
    let count = 20 * each as i64;
    let mut hash = Hash::new();
    for i in 0..count {
        hash.put(
            i.to_string().as_bytes(),
            b"v",
            Expiry::At(1 + i / each as i64),
            &limits,
        );
    }
    assert_eq!(hash.encoding_name(), "hashtable");
    assert_eq!(hash.next_due(), Some(1));
    assert_eq!(hash.due_len(2), 2 * each);
    let mut last = 0;
    let removed = hash.expire_due(5, 5 * each - each / 2, |field| {
        let ms = field.expire_at.unwrap();
        assert!(ms >= last);
        last = ms;
    });
    assert_eq!(
        (removed, hash.len()),
        (5 * each - each / 2, 15 * each + each / 2)
    );
    assert_eq!(hash.expire_due(5, usize::MAX, |_| ()), each / 2);
    assert_eq!(hash.next_due(), Some(6));
    for i in count / 4..count {
        match i % 3 {
            0 => assert!(hash.delete(i.to_string().as_bytes())),
            1 => assert!(hash.set_expiry(i.to_string().as_bytes(), None)),
            _ => assert!(!hash.set(i.to_string().as_bytes(), b"w", &limits)),
        }
    }
    assert_eq!(hash.next_due(), None);
    let View::Table(table) = hash.view() else {
        panic!("a table")
    };
    assert_eq!(table.dues(), 0);
}

#[test]
fn picks_are_distinct_and_uniform() {
    let mut rng = SmallRng::seed_from_u64(5);
    for limits in [
        HashLimits {
            entries: 64,
            value: 64,
        },
        HashLimits {
            entries: 0,
            value: 0,
        },
    ] {
        let mut hash = Hash::new();
        for i in 0..10u8 {
            hash.set(&[b'a' + i], &[b'A' + i], &limits);
        }
        let mut hits = [0u32; 10];
        for _ in 0..sized(2000, 10) {
            let mut seen = Vec::new();
            let mut see = |field: FieldRef<'_>| {
                let name = field.name.to_vec()[0];
                assert_eq!(field.value.to_vec(), [name - 32]);
                seen.push(name - b'a');
            };
            hash.random_distinct(&mut rng, 3, &mut see);
            hash.random_many(&mut rng, 1, &mut see);
            see(hash.random(&mut rng).unwrap());
            seen.iter().for_each(|i| hits[*i as usize] += 1);
            seen.truncate(3);
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 3);
        }
        // A distribution needs thousands of draws.
        assert!(
            cfg!(miri) || hits.iter().all(|n| (850..1150).contains(n)),
            "{hits:?}"
        );
    }
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0i64..8).prop_map(|int| int.to_string().into_bytes()),
        proptest::collection::vec(b'a'..b'd', 0..3),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => any::<i16>().prop_map(|int| int.to_string().into_bytes()),
        8 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => (8usize..400).prop_map(|len| vec![b'v'; len]),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, Vec<u8>, Expiry),
    Delete(Vec<u8>),
    SetExpiry(Vec<u8>, Option<i64>),
    Expire(i64, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let expiry = || {
        prop_oneof![
            4 => Just(Expiry::Clear),
            2 => Just(Expiry::Keep),
            1 => (1i64..30).prop_map(Expiry::At),
        ]
    };
    prop_oneof![
        6 => (name(), value(), expiry()).prop_map(|(n, v, e)| Step::Put(n, v, e)),
        2 => name().prop_map(Step::Delete),
        2 => (name(), proptest::option::of(1i64..30)).prop_map(|(n, e)| Step::SetExpiry(n, e)),
        1 => (1i64..30, 0usize..4).prop_map(|(now, count)| Step::Expire(now, count)),
    ]
}

fn apply(hash: &mut Hash, model: &mut Model, step: Step, limits: &HashLimits) {
    match step {
        Step::Put(name, value, expiry) => {
            let own = model.get(&name).and_then(|(_, expire_at)| *expire_at);
            let expire_at = match expiry {
                Expiry::Clear => None,
                Expiry::Keep => own,
                Expiry::At(ms) => Some(ms),
            };
            assert_eq!(
                hash.put(&name, &value, expiry, limits),
                !model.contains_key(&name)
            );
            model.insert(name, (value, expire_at));
        }
        Step::Delete(name) => {
            assert_eq!(hash.delete(&name), model.remove(&name).is_some());
        }
        Step::SetExpiry(name, expire_at) => {
            assert_eq!(hash.set_expiry(&name, expire_at), model.contains_key(&name));
            if let Some(field) = model.get_mut(&name) {
                field.1 = expire_at;
            }
        }
        Step::Expire(now, count) => {
            let due = |model: &Model| {
                model
                    .values()
                    .filter_map(|v| v.1)
                    .min()
                    .filter(|ms| *ms <= now)
            };
            let mut removed = 0;
            let answer = hash.expire_due(now, count, |field| {
                assert_eq!(field.expire_at, due(model));
                let own = model.remove(&field.name.to_vec()).expect("was in");
                assert_eq!((field.value.to_vec(), field.expire_at), own);
                removed += 1;
            });
            assert_eq!(answer, removed);
            assert!(removed == count || due(model).is_none());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(400, 4) as u32))]
    #[test]
    fn behaves_as_a_map(
        entries in prop_oneof![Just(0usize), Just(5), Just(100)],
        value in prop_oneof![Just(10usize), Just(1000)],
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let limits = HashLimits { entries, value };
        let (mut hash, mut model) = (Hash::new(), Model::new());
        for (index, step) in steps.into_iter().enumerate() {
            apply(&mut hash, &mut model, step, &limits);
            if !is_compared(index, 16) { continue; }
            prop_assert_eq!(fields(&hash), model.clone());
            prop_assert_eq!(hash.len(), model.len());
            prop_assert_eq!(hash.next_due(), model.values().filter_map(|v| v.1).min());
            let mut scanned = Model::new();
            let mut cursor = 0;
            loop {
                cursor = hash.scan(cursor, 2, |field| {
                    scanned.insert(field.name.to_vec(), (field.value.to_vec(), field.expire_at));
                });
                if cursor == 0 { break; }
            }
            prop_assert_eq!(&scanned, &model);
            for (name, (value, expire_at)) in &model {
                let field = hash.field(name).expect("in");
                let got = (field.value.to_vec(), field.expire_at);
                prop_assert_eq!(got, (value.clone(), *expire_at));
            }
        }
        let copy = hash.clone();
        prop_assert!(copy.memory(0) > 0 && copy.allocations() > 0);
        drop(hash);
        prop_assert_eq!(fields(&copy), model);
    }
}
