//! The table against a model, with hashes spread and hashes crowded into one deep prefix.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;

/// An item whose hash is crowded: its top `CROWD` bits are the same for every key.
struct Boxed<const CROWD: u32>(Box<(u64, u64)>);

fn hash<const CROWD: u32>(key: u64) -> u64 {
    let mut x = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    let low = x & 0xffff_ffff;
    let high = x >> 32 >> CROWD;
    let prefix = 0xa5a5_a5a5_u64 >> (32 - CROWD) << (32 - CROWD);
    (if CROWD == 0 { high } else { high | prefix }) << 32 | low
}

// SAFETY: a box is a unique thin pointer; the hash is that of the key.
unsafe impl<const CROWD: u32> Item for Boxed<CROWD> {
    type Ref<'a> = &'a (u64, u64);
    type Mut<'a> = &'a mut u64;

    fn into_ptr(self) -> NonNull<u8> {
        NonNull::from(Box::leak(self.0)).cast()
    }

    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        // SAFETY: from `into_ptr`.
        Self(unsafe { Box::from_raw(ptr.cast().as_ptr()) })
    }

    unsafe fn view<'a>(ptr: NonNull<u8>) -> &'a (u64, u64) {
        // SAFETY: from `into_ptr`.
        unsafe { ptr.cast().as_ref() }
    }

    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> &'a mut u64 {
        // SAFETY: from `into_ptr`.
        unsafe { &mut (*ptr.cast::<(u64, u64)>().as_ptr()).1 }
    }

    fn matches(item: &(u64, u64), key: &[u8]) -> bool {
        item.0.to_le_bytes() == key
    }

    fn hash(item: &(u64, u64)) -> u64 {
        hash::<CROWD>(item.0)
    }
}

impl<const C: u32> Table<Boxed<C>> {
    fn place(&self, key: u64) -> Option<Place> {
        self.find(hash::<C>(key), &key.to_le_bytes())
    }

    fn put(&mut self, key: u64, value: u64) -> Option<u64> {
        if let Some(place) = self.place(key) {
            return self.get_mut(place).map(|old| std::mem::replace(old, value));
        }
        let place = self.insert_new(hash::<C>(key), Boxed(Box::new((key, value))));
        assert_eq!(self.get(place), Some(&(key, value)));
        None
    }

    fn take(&mut self, key: u64) -> Option<u64> {
        let place = self.place(key)?;
        self.remove(place).map(|item| item.0.1)
    }

    fn check(&self, model: &BTreeMap<u64, u64>) {
        assert_eq!(self.len(), model.len());
        for (&key, &value) in model {
            let place = self.place(key).expect("every key of the model is found");
            assert_eq!(self.get(place), Some(&(key, value)));
        }
        let all: BTreeMap<u64, u64> = self.iter().copied().collect();
        assert_eq!(&all, model);
        let counted: usize = self.segments().map(|(_, r)| usize::from(r.count)).sum();
        assert_eq!(counted, model.len());
        let deepest = self
            .segments()
            .filter(|(_, r)| r.depth == self.depth)
            .count();
        assert_eq!(deepest as u32, self.deepest);
    }
}

const MIRI_DIVISOR: u64 = if cfg!(miri) { 40 } else { 1 };

fn grows_and_shrinks<const C: u32>() {
    let n = if cfg!(miri) { 500 } else { 30_000 };
    let mut table = Table::<Boxed<C>>::new();
    let mut model = BTreeMap::new();
    for key in 0..n {
        assert_eq!(table.put(key, key * 3), model.insert(key, key * 3));
    }
    table.check(&model);
    let full = table.memory();
    for key in (0..n).filter(|key| key % 8 != 0) {
        assert_eq!(table.take(key), model.remove(&key));
    }
    table.check(&model);
    assert!(table.memory() < full / 3, "{} of {full}", table.memory());
    for key in (0..n).step_by(8) {
        assert!(table.take(key).is_some());
    }
    assert_eq!((table.len(), table.memory()), (0, 0));
}

#[test]
fn a_table_that_grew_gives_memory_back_as_it_empties() {
    grows_and_shrinks::<0>();
}

#[test]
fn deep_prefixes_rebase_their_stored_bits_both_ways() {
    // Miri sees one split: from 7 bits on it passes the eighth.
    grows_and_shrinks::<{ if cfg!(miri) { 7 } else { 6 } }>();
    if !cfg!(miri) {
        grows_and_shrinks::<13>();
    }
}

#[test]
#[cfg_attr(miri, ignore = "only large tables tell")]
fn buckets_are_well_filled_at_every_size() {
    let mut table = Table::<Boxed<0>>::new();
    let mut worst: f64 = 1.0;
    for key in 0..200_000 / MIRI_DIVISOR {
        table.put(key, 0);
        if key > 20_000 && key % 1_000 == 0 {
            worst = worst.min(table.len() as f64 / table.capacity() as f64);
        }
    }
    assert!(worst > 0.7, "{worst}");
}

#[derive(Clone, Debug)]
enum Op {
    Put(u64, u64),
    Take(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let key = prop_oneof![0..40u64, 0..3_000u64];
    prop_oneof![
        3 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Put(k, v)),
        2 => key.prop_map(Op::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 48 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_a_model(ops in prop::collection::vec(op(), 0..4_000 / MIRI_DIVISOR as usize)) {
        let mut table = Table::<Boxed<5>>::new();
        let mut model = BTreeMap::new();
        for op in ops {
            match op {
                Op::Put(key, value) => {
                    prop_assert_eq!(table.put(key, value), model.insert(key, value));
                }
                Op::Take(key) => prop_assert_eq!(table.take(key), model.remove(&key)),
            }
        }
        table.check(&model);
    }

    /// Keys below 1,000 stay throughout; the others come and go between the steps of the scan,
    /// so that the table grows and shrinks under it.
    #[test]
    fn a_scan_returns_what_is_there_throughout(
        waves in prop::collection::vec((any::<bool>(), 0..700u64), 1..60),
        start in prop_oneof![Just(0u64), Just(20_000)],
    ) {
        let stay = 1_000 / MIRI_DIVISOR;
        let mut table = Table::<Boxed<0>>::new();
        (0..stay).for_each(|key| _ = table.put(key, 0));
        let mut next_key = 10_000;
        (0..start / MIRI_DIVISOR).for_each(|i| _ = table.put(next_key + i, 0));
        next_key += start;
        let mut first_key = 10_000;
        let mut seen = BTreeSet::new();
        let mut position = Some(0);
        let mut waves = waves.iter().cycle();
        let mut steps = 0;
        while let Some(at) = position {
            position = table.scan(at, |item| _ = seen.insert(item.0));
            prop_assert!(position.is_none_or(|p| p > at), "positions advance");
            prop_assert!(position.is_none_or(|p| p << POSITION_BITS == 0));
            steps += 1;
            if steps % 16 == 0 && let Some(&(grow, by)) = waves.next() {
                if grow {
                    (0..by).for_each(|i| _ = table.put(next_key + i, 0));
                    next_key += by;
                } else {
                    let end = next_key.min(first_key + by * 2);
                    (first_key..end).for_each(|key| _ = table.take(key));
                    first_key = end;
                }
            }
        }
        prop_assert!((0..stay).all(|key| seen.contains(&key)));
    }
}

#[test]
fn a_quiet_scan_visits_each_item_once_in_hash_order_of_homes() {
    for n in [0, 1, 5, 50, 5_000 / MIRI_DIVISOR] {
        let mut table = Table::<Boxed<4>>::new();
        (0..n).for_each(|key| _ = table.put(key, 0));
        let mut seen = Vec::new();
        let mut position = Some(0);
        while let Some(at) = position {
            position = table.scan(at, |item| seen.push(item.0));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..n).collect::<Vec<_>>());
    }
}

#[test]
fn items_are_found_by_the_top_half_of_their_hash() {
    let mut table = Table::<Boxed<9>>::new();
    let n = 8_000 / MIRI_DIVISOR;
    (0..n).for_each(|key| _ = table.put(key, key));
    for key in 0..n {
        let mut found = false;
        table.find_prefix((hash::<9>(key) >> 32) as u32, |place, item| {
            found |= item.0 == key && table.get(place) == Some(item);
        });
        assert!(found);
    }
}

#[test]
fn random_items_are_spread_over_the_table() {
    let mut table = Table::<Boxed<0>>::new();
    let n = 1_000;
    (0..n).for_each(|key| _ = table.put(key, 0));
    let mut hits = vec![0u32; n as usize];
    let mut state = 1u64;
    for _ in 0..100 * n / MIRI_DIVISOR {
        let item = table.random(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            hash::<0>(state)
        });
        hits[item.unwrap().0 as usize] += 1;
    }
    if !cfg!(miri) {
        assert!(
            hits.iter().all(|&h| (40..=200).contains(&h)),
            "{:?}",
            hits.iter().minmax()
        );
    }
}

trait MinMax: Iterator + Sized + Clone {
    fn minmax(self) -> (Option<Self::Item>, Option<Self::Item>)
    where
        Self::Item: Ord,
    {
        (self.clone().min(), self.max())
    }
}

impl<I: Iterator + Clone> MinMax for I {}

#[test]
fn the_only_item_of_a_large_hash_space_is_random_too() {
    let mut table = Table::<Boxed<0>>::new();
    assert!(table.random(|| 7).is_none());
    table.put(1, 2);
    assert_eq!(table.random(|| 7), Some(&(1, 2)));
}

#[test]
fn stale_places_are_harmless() {
    let mut table = Table::<Boxed<0>>::new();
    (0..500).for_each(|key| _ = table.put(key, 0));
    let places: Vec<_> = (0..500).filter_map(|key| table.place(key)).collect();
    (0..499).for_each(|key| _ = table.take(key));
    assert!(
        places
            .iter()
            .filter_map(|&p| table.get(p))
            .all(|item| item.0 == 499)
    );
    table.clear();
    assert!(
        places
            .iter()
            .all(|&p| table.get(p).is_none() && table.remove(p).is_none())
    );
}

#[test]
fn segments_keep_their_epoch_through_growth_and_do_not_merge_across_epochs() {
    let mut table = Table::<Boxed<0>>::new();
    table.set_first_epoch(3);
    let n = 3_000 / MIRI_DIVISOR.min(4);
    (0..n).for_each(|key| _ = table.put(key, 0));
    assert!(table.segments().all(|(_, r)| r.epoch == 3));
    let first = table.segment_of(0).unwrap();
    table.set_epoch(first, 4);
    let newer: BTreeSet<u64> = table.segment_items(first).map(|i| i.0).collect();
    let end = table.position_after(first).unwrap();
    for key in (0..n).filter(|k| k % 64 != 0) {
        table.take(key);
    }
    for (index, record) in table.segments() {
        let expected = if table.segment_start(index) < end {
            4
        } else {
            3
        };
        assert_eq!(record.epoch, expected);
    }
    assert!(
        table
            .iter()
            .all(|i| newer.contains(&i.0) == (hash::<0>(i.0) < end))
    );
}

#[test]
fn what_was_reserved_takes_all_items_without_moving() {
    for count in [
        1,
        309,
        310,
        3000 / MIRI_DIVISOR.min(6),
        40_000 / MIRI_DIVISOR,
    ] {
        let hashes: Vec<u64> = (0..count).map(hash::<0>).collect();
        let mut table: Table<Boxed<0>> = Table::new();
        table.reserve(hashes.iter().copied());
        let capacity = table.capacity();
        let mut model = BTreeMap::new();
        for key in 0..count {
            table.put(key, key);
            model.insert(key, key);
        }
        assert!(capacity == 0 || table.capacity() == capacity, "{count}");
        assert!(capacity as u64 <= count * 3 / 2, "{count}: {capacity}");
        table.check(&model);
        for key in 0..count {
            assert_eq!(table.take(key), Some(key));
        }
        assert!(table.is_empty());
    }
}
