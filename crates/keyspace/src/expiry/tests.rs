//! The wheel against a model.

use super::*;
use proptest::prelude::*;

/// Fires everything due at `now`.
fn fire_all(index: &mut ExpiryIndex, now_ms: i64) -> Vec<u32> {
    let mut fired = Vec::new();
    while index.fire(now_ms, &mut fired) {}
    fired.sort_unstable();
    fired
}

#[test]
fn a_page_and_a_record_are_compact() {
    assert_eq!(size_of::<Record>(), 6);
    assert_eq!(size_of::<Chunk>(), 128);
}

#[test]
fn a_million_records_cost_under_seven_bytes_each_and_nothing_while_not_due() {
    let n = if cfg!(miri) { 2_000 } else { 1_000_000 };
    let now = 1_700_000_000_000;
    let mut index = ExpiryIndex::new(now);
    for i in 0..n {
        index.add(i, now + 3_600_000 + i64::from(i % 600_000));
    }
    if !cfg!(miri) {
        assert!(index.memory() < n as usize * 7, "{}", index.memory());
    }
    let mut fired = Vec::new();
    assert!(!index.fire(now + 1, &mut fired));
    assert_eq!(fire_all(&mut index, now + 7_200_000).len(), n as usize);
    assert_eq!((index.len(), index.next_due()), (0, None));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 48 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Records may fire early by the fraction of a coarse level (the entry decides), never late.
    #[test]
    fn records_fire_in_time(
        adds in prop::collection::vec((0u32..36, any::<u64>(), 0i64..400, 1u32..60), 1..60),
        start in prop_oneof![Just(0i64), 1_600_000_000_000i64..1_800_000_000_000],
    ) {
        let mut index = ExpiryIndex::new(start);
        let mut model: Vec<(i64, u32)> = Vec::new();
        let mut now = start;
        for (id, (bits, random, step, burst)) in adds.into_iter().enumerate() {
            let at = now + (random & ((1u64 << bits) - 1)) as i64;
            for i in 0..burst {
                let (id, at) = (id as u32 * 64 + i, at + i64::from(i * i));
                index.add(id, at);
                model.push((at, id));
            }
            now += step;
            prop_assert!(index.next_due().unwrap() <= model.iter().map(|m| m.0).min().unwrap());
            let fired = fire_all(&mut index, now);
            prop_assert!(model.iter().all(|(at, id)| *at > now || fired.contains(id)));
            for (at, id) in &model {
                let early = at - now > 65_536 && fired.contains(id);
                prop_assert!(!early, "early by more than the coarsest fraction");
            }
            for id in fired {
                let place = model.iter().position(|m| m.1 == id);
                prop_assert!(place.is_some(), "fired once");
                model.swap_remove(place.unwrap_or(0));
            }
            if model.is_empty() {
                prop_assert_eq!(index.next_due(), None);
                index.add(u32::MAX, now + 1);
                model.push((now + 1, u32::MAX));
            }
        }
        let mut rest = fire_all(&mut index, now + (1 << 39));
        rest.extend(fire_all(&mut index, now + (1 << 40)));
        prop_assert_eq!(rest.len(), model.len());
        prop_assert_eq!(index.len(), 0);
    }
}

#[test]
fn chunks_have_places_of_their_own_in_pages_that_grow() {
    let mut index = ExpiryIndex::new(0);
    let mut places = Vec::new();
    for id in 0..40 {
        assert_eq!(index.allocate(), id);
        let (page, at) = ExpiryIndex::place(id as usize);
        assert!(at < index.pages[page].len());
        places.push((page, at));
    }
    places.dedup();
    assert_eq!((places.len(), index.chunks()), (40, 40));
    let lengths: Vec<_> = index.pages.iter().map(|page| page.len()).collect();
    assert_eq!(lengths, [1, 1, 2, 4, 8, 8, 8, 8]);
}

#[test]
fn a_single_record_takes_little_memory() {
    let mut index = ExpiryIndex::new(0);
    index.add(1, 3_600_000);
    assert!(index.memory() < 448, "{}", index.memory());
}

#[test]
fn levels_that_have_emptied_take_no_memory() {
    let mut index = ExpiryIndex::new(0);
    // One for each slot of the first level, and one that stays.
    (0..256).for_each(|at| index.add(at as u32, at));
    index.add(1000, 1 << 34);
    assert_eq!(index.heads.memory(), (256 + 4) * size_of::<u32>());
    assert_eq!(fire_all(&mut index, 300).len(), 256);
    assert_eq!((index.heads.memory(), index.len()), (16, 1));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn heads_are_those_of_a_map(
        changes in prop::collection::vec((0usize..6, 0usize..256, 0u32..3), 1..400),
    ) {
        let (mut heads, mut model) = (Heads::default(), std::collections::BTreeMap::new());
        for (number, (level, slot, what)) in changes.into_iter().enumerate() {
            let slot = if level == 0 { slot } else { slot % 64 };
            let known = model.get(&(level, slot)).copied().unwrap_or(NONE);
            prop_assert_eq!(heads.get(level, slot), known);
            if what == 0 {
                heads.set(level, slot, NONE);
                model.remove(&(level, slot));
            } else {
                heads.set(level, slot, number as u32);
                model.insert((level, slot), number as u32);
            }
        }
        for level in 0..LEVELS {
            let all = (0..if level == 0 { 256 } else { 64 }).map(|slot| heads.get(level, slot));
            let held: Vec<_> = all.filter(|chunk| *chunk != NONE).collect();
            prop_assert_eq!(&held, &heads.chunks[level]);
            let modelled: Vec<_> = model.iter().filter(|(at, _)| at.0 == level).collect();
            prop_assert_eq!(held.len(), modelled.len());
        }
    }
}
