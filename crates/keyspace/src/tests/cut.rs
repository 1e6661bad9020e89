//! A cut is the state of one instant, whatever is written while it is walked.

use super::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type State = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

#[derive(Default)]
struct Sink {
    queue: Mutex<Vec<CutEntries>>,
    saved: Mutex<State>,
}

impl Sink {
    fn drain(&self) {
        for entries in std::mem::take(&mut *self.queue.lock().unwrap()) {
            let db = entries.db().0;
            let visited = entries.visit(|entry| {
                let key = (db, entry.key().to_vec());
                let value = entry.str_value().unwrap().to_vec();
                let before = self.saved.lock().unwrap().insert(key, value);
                before.map_or(Ok(()), Err)
            });
            assert_eq!(visited, Ok(()), "saved once");
        }
    }

    fn into_state(self: Arc<Self>) -> State {
        self.drain();
        std::mem::take(&mut *self.saved.lock().unwrap())
    }
}

impl PreImage for Sink {
    fn save(&self, entries: CutEntries) {
        self.queue.lock().unwrap().push(entries);
    }

    fn part_over(&self) {}
}

/// Walks all that is left.
fn walk_all(ks: &Keyspace) {
    for db in [DbId(0), DbId(1)] {
        for shard in ks.shard_ids() {
            while ks.walk(shard, db, 50) {}
        }
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
        let mut parts: Vec<_> = ks.shard_ids().map(|s| (s, DbId(0))).collect();
        parts.extend(ks.shard_ids().map(|s| (s, DbId(1))));
        while let Some(&(shard, db)) = parts.last() {
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
            if !ks.walk(shard, db, 100) {
                parts.pop();
            }
            // Now and then, so that entries are changed and deleted while they are pinned.
            if random.below(6) == 0 {
                sink.drain();
            }
        }
        walk_all(&ks);
        assert_eq!(sink.into_state(), at_cut);
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
    let first_sink = Arc::new(Sink::default());
    let first: Arc<dyn PreImage> = first_sink.clone();
    ks.begin_cut(&first, || {});
    ks.walk(ShardId(0), DbId(0), 50);
    (0..50).for_each(|i| set(&ks, format!("k{i}").as_bytes(), b"2"));
    ks.abandon_cut();
    ks.end_cut();
    let sink = Arc::new(Sink::default());
    let as_sink: Arc<dyn PreImage> = sink.clone();
    ks.begin_cut(&as_sink, || {});
    let at_cut = state_of(&ks);
    walk_all(&ks);
    assert_eq!(sink.into_state(), at_cut);
}

/// A writer thread changes what the walker reads without a lock.
#[test]
fn writers_and_the_reader_of_pins_do_not_meet() {
    let ks = Arc::new(keyspace());
    let keys = if cfg!(miri) { 60 } else { 3_000 };
    for i in 0..keys {
        set(
            &ks,
            format!("k{i}").as_bytes(),
            format!("first value {i}").as_bytes(),
        );
    }
    let sink = Arc::new(Sink::default());
    let as_sink: Arc<dyn PreImage> = sink.clone();
    ks.begin_cut(&as_sink, || {});
    let at_cut = state_of(&ks);
    let writer = {
        let ks = Arc::clone(&ks);
        std::thread::spawn(move || {
            let mut random = Random(5);
            for _ in 0..keys * 4 {
                let key = format!("k{}", random.below(keys)).into_bytes();
                write(&ks, 0, &key, |mut w| {
                    match random.below(4) {
                        0 => drop(w.remove()),
                        1 => drop(w.append(b"more")),
                        2 => w.set_with_expiry(Value::plain(b"second value"), Some(i64::MAX)),
                        _ => drop(w.raw_mut(40).map(|bytes| bytes[3] = b'!')),
                    }
                    w.commit_silent();
                });
            }
        })
    };
    while !writer.is_finished() {
        for shard in ks.shard_ids() {
            ks.walk(shard, DbId(0), 20);
        }
        sink.drain();
    }
    writer.join().unwrap();
    walk_all(&ks);
    assert_eq!(sink.into_state(), at_cut);
}

#[test]
fn a_large_value_is_held_while_it_is_pinned() {
    let ks = keyspace();
    write(&ks, 0, b"big", |mut w| {
        w.set(Value::plain(&vec![b'x'; 1 << 20]));
        w.commit_silent();
    });
    let hash = ks.hash(b"big");
    let shard = ks.shard_of(hash);
    let is_held = || {
        let mut locked = ks.lock_one(shard);
        locked.db_mut(shard, DbId(0)).unwrap().is_held(hash, b"big")
    };
    assert!(!is_held());
    let sink = Arc::new(Sink::default());
    let as_sink: Arc<dyn PreImage> = sink.clone();
    ks.begin_cut(&as_sink, || {});
    assert!(is_held(), "it is pinned before it is changed");
    write(&ks, 0, b"big", |mut w| {
        assert!(w.remove());
        w.commit_silent();
    });
    assert!(held_bytes() >= 1 << 20);
    assert!(!is_held());
    let state = sink.into_state();
    assert_eq!(state[&(0, b"big".to_vec())].len(), 1 << 20);
    ks.abandon_cut();
    ks.end_cut();
}

/// Other data takes the place of what is there in the middle of a cut: the cut is of the old.
#[test]
fn other_data_takes_over_whole_and_a_cut_goes_on() {
    let keys = if cfg!(miri) { 60 } else { 3_000 };
    let fill = |ks: &Keyspace, value: &[u8]| {
        for i in 0..keys {
            let expiry = (i % 3 == 0).then_some(5_000 + i64::from(i));
            write(ks, 0, format!("k{i}").as_bytes(), |mut w| {
                w.set_with_expiry(Value::plain(value), expiry);
                w.commit_silent();
            });
        }
    };
    let ks = keyspace();
    fill(&ks, b"old");
    let sink = Arc::new(Sink::default());
    let as_sink: Arc<dyn PreImage> = sink.clone();
    ks.begin_cut(&as_sink, || {});
    for shard in ks.shard_ids() {
        ks.walk(shard, DbId(0), 20);
    }
    let new = ks.alike();
    fill(&new, b"new");
    ks.take_over(&mut ks.lock_all(), &new);
    walk_all(&ks);
    let saved = sink.into_state();
    assert_eq!(saved.len(), keys as usize);
    assert!(saved.values().all(|value| value == b"old"));
    ks.end_cut();
    let stats = ks.stats(DbId(0), 0);
    assert_eq!(
        (stats.keys, stats.volatile),
        (keys as usize, (keys as usize).div_ceil(3))
    );
    assert_eq!(new.stats(DbId(0), 0).keys, 0);
    let locked = ks.lock_all();
    let is_new = |entry: Entry<'_>| entry.str_value().unwrap().to_vec() == b"new";
    assert!(locked.dbs(DbId(0)).flat_map(|db| db.iter()).all(is_new));
    drop(locked);
    // What expires next is known without a look at the data.
    assert!(ks.shard_ids().any(|shard| ks.next_due(shard) <= 5_000));
}
