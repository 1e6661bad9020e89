//! A cut is the state of one instant, whatever is written while it is walked.

use super::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type State = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

#[derive(Default)]
struct Sink {
    saved: Mutex<State>,
    detached: Mutex<Vec<Detached>>,
}

impl Sink {
    fn add(&self, db: DbId, entry: Entry<'_>) {
        let key = (db.0, entry.key().to_vec());
        let value = entry.str_value().unwrap().to_vec();
        assert_eq!(
            self.saved.lock().unwrap().insert(key, value),
            None,
            "saved once"
        );
    }
}

impl PreImage for Sink {
    fn save(&self, db: DbId, entry: Entry<'_>) {
        self.add(db, entry);
    }

    fn save_detached(&self, detached: Detached) {
        self.detached.lock().unwrap().push(detached);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

/// One random change, made in the keyspace and the model.
fn change(ks: &Keyspace, model: &mut State, random: &mut Random, keys: u64) {
    let db = random.below(2) as u32;
    let key = format!("k{}", random.below(keys)).into_bytes();
    let value = random.below(1_000_000).to_string().into_bytes();
    let hash = ks.hash(&key);
    let mut locked = ks.lock_one(ks.shard_of(hash));
    let mut effects = Effects::at(0);
    let mut w = locked
        .db_mut(ks.shard_of(hash), DbId(db))
        .unwrap()
        .write(hash, &key, &mut effects);
    match random.below(5) {
        0 | 1 => {
            w.remove();
            model.remove(&(db, key.clone()));
        }
        2 if w.exists() => {
            w.append(&value).unwrap();
            model
                .get_mut(&(db, key.clone()))
                .unwrap()
                .extend_from_slice(&value);
        }
        _ => {
            w.set(Value::detect(&value));
            model.insert((db, key.clone()), value);
        }
    }
    w.commit_silent();
}

fn state_of(ks: &Keyspace) -> State {
    let locked = ks.lock_all();
    let mut state = State::new();
    for db in [DbId(0), DbId(1)] {
        for part in locked.dbs(db) {
            for e in part.iter() {
                state.insert((db.0, e.key().to_vec()), e.str_value().unwrap().to_vec());
            }
        }
    }
    state
}

fn cut_equals_the_state_at_the_cut(seed: u64, disturb: bool) {
    let ks = Keyspace::new(KeyspaceConfig {
        databases: 2,
        shards: 2,
    });
    let mut random = Random(seed);
    let mut model = State::new();
    let keys = if cfg!(miri) { 150 } else { 4_000 };
    (0..keys * 2).for_each(|_| change(&ks, &mut model, &mut random, keys));
    for _ in 0..3 {
        let sink = Arc::new(Sink::default());
        let as_sink: Arc<dyn PreImage> = sink.clone();
        ks.begin_cut(&as_sink, || {});
        let at_cut = model.clone();
        let mut shards: Vec<_> = ks.shard_ids().collect();
        while let Some(&shard) = shards.last() {
            // New keys too, so that segments split and merge under the walker.
            (0..40).for_each(|_| change(&ks, &mut model, &mut random, keys * 2));
            if disturb && random.below(20) == 0 {
                let swapped = ks.lock_all().swap(DbId(0), DbId(1));
                assert!(swapped);
                model = model
                    .into_iter()
                    .map(|((db, k), v)| ((1 - db, k), v))
                    .collect();
            }
            if disturb && random.below(30) == 0 {
                ks.lock_all().flush(DbId(1), false);
                model.retain(|(db, _), _| *db == 0);
            }
            if !ks.walk(shard, 100) {
                shards.pop();
            }
        }
        for detached in std::mem::take(&mut *sink.detached.lock().unwrap()) {
            detached.entries().for_each(|e| sink.add(detached.db(), e));
        }
        assert_eq!(*sink.saved.lock().unwrap(), at_cut);
        assert_eq!(state_of(&ks), model);
    }
}

#[test]
fn walker_and_pre_images_give_the_state_at_the_cut() {
    (0..if cfg!(miri) { 1 } else { 5 }).for_each(|s| cut_equals_the_state_at_the_cut(s, false));
}

#[test]
fn swaps_and_flushes_do_not_disturb_the_cut() {
    (10..if cfg!(miri) { 11 } else { 18 }).for_each(|s| cut_equals_the_state_at_the_cut(s, true));
}

#[test]
fn an_abandoned_cut_leaves_the_next_one_whole() {
    let ks = keyspace();
    (0..500).for_each(|i| set(&ks, format!("k{i}").as_bytes(), b"1"));
    let first: Arc<dyn PreImage> = Arc::new(Sink::default());
    ks.begin_cut(&first, || {});
    ks.walk(ShardId(0), 50);
    (0..50).for_each(|i| set(&ks, format!("k{i}").as_bytes(), b"2"));
    ks.end_cut();
    let sink = Arc::new(Sink::default());
    let as_sink: Arc<dyn PreImage> = sink.clone();
    ks.begin_cut(&as_sink, || {});
    let at_cut = state_of(&ks);
    ks.shard_ids().for_each(|shard| while ks.walk(shard, 50) {});
    assert_eq!(*sink.saved.lock().unwrap(), at_cut);
}
