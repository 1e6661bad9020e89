//! Strings compared byte for byte with a real server's while they grow, properties of unions,
//! and refusal of what is no HyperLogLog or a broken one.
//! The comparison is skipped where no `redis-server` is installed.
// Nothing unsafe here for Miri to look at.
#![cfg(not(miri))]

use super::*;
use crate::oracle::{Oracle, Reply};
use proptest::prelude::*;

const SPARSE_MAX: usize = 3000;

fn filled(elements: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut hll = create();
    for element in elements {
        add(&mut hll, element.to_string().as_bytes(), SPARSE_MAX).unwrap();
    }
    hll
}

#[test]
fn new_one_is_empty_and_sparse() {
    let mut hll = create();
    assert_eq!(check(&hll), Ok(Encoding::Sparse));
    assert_eq!((cached(&hll), count(&hll)), (Some(0), Ok(0)));
    assert!(add(&mut hll, b"a", SPARSE_MAX).unwrap());
    assert_eq!((cached(&hll), count(&hll)), (None, Ok(1)));
    assert!(!add(&mut hll, b"a", SPARSE_MAX).unwrap());
    set_cached(&mut hll, 1);
    assert_eq!(cached(&hll), Some(1));
}

#[test]
fn strings_that_are_none_are_refused() {
    assert_eq!(check(b""), Err(HllError::NotHyperLogLog));
    assert_eq!(
        check(b"HYLL\x02aaaaaaaaaaaaaaaa"),
        Err(HllError::NotHyperLogLog)
    );
    let mut dense = filled(0..10);
    to_dense(&mut dense).unwrap();
    dense.pop();
    assert_eq!(check(&dense), Err(HllError::NotHyperLogLog));
}

#[test]
fn corrupted_sparse_is_refused_and_unchanged() {
    let mut hll = filled(0..100);
    hll.extend_from_slice(b"hello");
    let before = hll.clone();
    assert_eq!(count(&hll), Err(HllError::Corrupted));
    assert_eq!(to_dense(&mut hll), Err(HllError::Corrupted));
    assert_eq!(Registers::new().merge(&hll), Err(HllError::Corrupted));
    assert_eq!(hll, before);
}

#[test]
fn self_test_passes() {
    assert_eq!(
        selftest::self_test_up_to(10_000, 0x1234_5678_9abc_def0, SPARSE_MAX),
        Ok(())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn union_equals_adding_all(a in 0u64..900, b in 0u64..900, shared in 0u64..300) {
        let (left, right) = (filled(0..a + shared), filled(a..a + shared + b));
        let mut union = Registers::new();
        union.merge(&left).unwrap();
        union.merge(&right).unwrap();
        let whole = filled(0..a + shared + b);
        prop_assert_eq!(Ok(union.count()), count(&whole));
        let mut stored = left.clone();
        union.store(&mut stored, SPARSE_MAX).unwrap();
        prop_assert_eq!(count(&stored), count(&whole));
        let mut dense = left;
        union.store_dense(&mut dense).unwrap();
        prop_assert_eq!(check(&dense), Ok(Encoding::Dense));
        prop_assert_eq!(count(&dense), count(&whole));
    }

    #[test]
    fn random_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200), sparse: bool,
    ) {
        if sparse {
            let mut hll = create();
            hll.truncate(HEADER_LEN);
            hll.append(&mut bytes);
            bytes = hll;
        }
        let _ = (check(&bytes), count(&bytes), cached(&bytes), runs(&bytes).count());
        let _ = Registers::new().merge(&bytes);
        let _ = add(&mut bytes, b"x", SPARSE_MAX);
        let _ = to_dense(&mut bytes);
    }
}

#[test]
fn strings_equal_those_of_redis() {
    let Some(mut redis) = Oracle::start(&[]) else {
        return;
    };
    let mut ours = create();
    redis.run("PFADD h");
    for n in 0..4000u64 {
        let element = format!("element:{n}");
        let changed = add(&mut ours, element.as_bytes(), SPARSE_MAX).unwrap();
        assert_eq!(
            redis.call(&["PFADD", "h", &element]),
            Reply::Int(i64::from(changed))
        );
        if n % 97 == 0 || (800..1600).contains(&n) {
            assert_eq!(redis.run("GET h"), Reply::Text(ours.clone()), "after {n}");
        }
        if n % 501 == 0 {
            let found = count(&ours).unwrap();
            set_cached(&mut ours, found);
            assert_eq!(redis.run("PFCOUNT h"), Reply::Int(found as i64));
        }
    }
    assert_eq!(check(&ours), Ok(Encoding::Dense));
    assert_eq!(redis.run("GET h"), Reply::Text(ours));
}

#[test]
fn merges_equal_those_of_redis() {
    let Some(mut redis) = Oracle::start(&[]) else {
        return;
    };
    let sources = [filled(0..300), filled(200..700), filled(0..9000)];
    for (i, source) in sources.iter().enumerate() {
        redis.call(&[b"SET".as_slice(), format!("s{i}").as_bytes(), source]);
    }
    for used in [&sources[..1], &sources[..2], &sources[..3]] {
        redis.run("DEL d");
        let mut command = vec!["PFMERGE".to_owned(), "d".to_owned()];
        command.extend((0..used.len()).map(|i| format!("s{i}")));
        redis.call(&command);
        let (mut union, mut ours) = (Registers::new(), create());
        let dense = used
            .iter()
            .any(|source| union.merge(source) == Ok(Encoding::Dense));
        if dense {
            union.store_dense(&mut ours)
        } else {
            union.store(&mut ours, SPARSE_MAX)
        }
        .unwrap();
        assert_eq!(redis.run("GET d"), Reply::Text(ours));
        command[0] = "PFCOUNT".to_owned();
        assert_eq!(redis.call(&command), Reply::Int(union.count() as i64));
    }
}
