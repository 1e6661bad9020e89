//! What the write guard does and records.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

fn encoding(ks: &Keyspace, key: &[u8]) -> &'static str {
    let hash = ks.hash(key);
    let locked = ks.lock_one(ks.shard_of(hash));
    locked
        .db(ks.shard_of(hash), DbId(0))
        .unwrap()
        .get(hash, key)
        .unwrap()
        .encoding()
}

#[test]
fn a_string_changed_in_place_stays_raw() {
    let ks = keyspace();
    set(&ks, b"k", b"10");
    assert_eq!(encoding(&ks, b"k"), "int");
    write(&ks, 0, b"k", |mut w| {
        assert_eq!(w.append(b"x"), Ok(3));
        w.commit(SET);
    });
    assert_eq!(
        (get(&ks, b"k").unwrap(), encoding(&ks, b"k")),
        (b"10x".to_vec(), "raw")
    );
    write(&ks, 0, b"k", |mut w| {
        w.raw_mut(5).unwrap()[4] = b'!';
        w.commit(SET);
    });
    assert_eq!(get(&ks, b"k").unwrap(), b"10x\0!");
    write(&ks, 0, b"new", |mut w| {
        w.raw_mut(2).unwrap()[0] = b'a';
        w.commit(SET);
    });
    assert_eq!(
        (get(&ks, b"new").unwrap(), encoding(&ks, b"new")),
        (b"a\0".to_vec(), "raw")
    );
    write(&ks, 0, b"fresh", |mut w| {
        assert_eq!(w.append(b"5"), Ok(1));
        w.commit(SET);
    });
    assert_eq!(encoding(&ks, b"fresh"), "int");
}

#[test]
fn a_string_grows_past_its_entry_by_appending() {
    let ks = keyspace();
    let mut model = Vec::new();
    for i in 0..600u32 {
        let piece = i.to_string();
        model.extend_from_slice(piece.as_bytes());
        write(&ks, 0, b"k", |mut w| {
            assert_eq!(w.append(piece.as_bytes()), Ok(model.len()));
            w.commit(SET);
        });
    }
    assert_eq!(get(&ks, b"k"), Some(model.clone()));
    write(&ks, 0, b"k", |mut w| {
        assert_eq!(w.raw_mut(0).unwrap().len(), model.len());
        assert_eq!(w.raw_mut(5_000).unwrap().len(), 5_000);
        w.commit(SET);
    });
    assert_eq!(get(&ks, b"k").unwrap().len(), 5_000);
}

#[test]
fn strings_are_refused_of_other_kinds_and_nothing_changes() {
    let ks = keyspace();
    write(&ks, 0, b"h", |mut w| {
        w.set(Value::Hash(datatypes::Hash::default()));
        w.commit_silent();
    });
    write(&ks, 0, b"h", |mut w| {
        assert_eq!(w.str_value(), Err(WrongKind));
        assert_eq!(w.append(b"x"), Err(WrongKind));
        assert_eq!(w.raw_mut(1), Err(WrongKind));
        assert_eq!(w.kind(), Some(Kind::Hash));
        w.unchanged();
    });
}

#[test]
fn commits_record_what_is_wanted_and_nothing_else() {
    let ks = keyspace();
    let hash = ks.hash(b"k");
    let shard = ks.shard_of(hash);
    let mut locked = ks.lock_one(shard);
    let db = locked.db_mut(shard, DbId(0)).unwrap();
    let mut effects = Effects::at(5);
    let mut w = db.write(hash, b"k", &mut effects);
    w.set(Value::int(1));
    w.commit(SET);
    assert_eq!(
        (effects.dirty, effects.events.len(), effects.touched.len()),
        (1, 0, 0)
    );
    effects.wants = EventClass::GENERIC
        .union(EventClass::STRING)
        .union(EventClass::NEW);
    effects.tracks = true;
    let mut w = db.write(hash, b"k", &mut effects);
    assert!(w.remove() && !w.remove());
    w.commit(Event::generic("del"));
    let mut w = db.write(hash, b"k", &mut effects);
    w.set(Value::int(1));
    w.note(SET);
    w.commit(Event::generic("expire"));
    let names: Vec<_> = effects.events.iter().map(|e| e.event.name).collect();
    assert_eq!(names, ["del", "new", "set", "expire"]);
    assert_eq!((effects.dirty, effects.touched.len()), (3, 2));
    db.write(hash, b"k", &mut effects).unchanged();
    assert_eq!(effects.dirty, 3);
}

#[test]
fn watchers_are_flagged_by_commits_flushes_and_swaps() {
    let ks = keyspace();
    let watch = |key: &[u8]| {
        let dirty = Arc::new(AtomicBool::new(false));
        let shard = ks.shard_of(ks.hash(key));
        let watcher = Watcher {
            dirty: Arc::clone(&dirty),
            expired: false,
        };
        ks.lock_one(shard)
            .db_mut(shard, DbId(0))
            .unwrap()
            .watch(key, watcher);
        dirty
    };
    set(&ks, b"a", b"1");
    let (a, b) = (watch(b"a"), watch(b"b"));
    write(&ks, 0, b"a", |w| w.unchanged());
    assert!(!a.load(SeqCst));
    set(&ks, b"a", b"2");
    assert!(a.load(SeqCst) && !b.load(SeqCst));
    a.store(false, SeqCst);
    assert_eq!(ks.lock_all().flush(DbId(0), true), 1);
    assert!(a.load(SeqCst) && !b.load(SeqCst), "b was not there");
    let hash = ks.hash(b"b");
    let mut locked = ks.lock_all();
    let mut effects = Effects::at(0);
    let mut w = locked
        .db_mut(ks.shard_of(hash), DbId(1))
        .unwrap()
        .write(hash, b"b", &mut effects);
    w.set(Value::int(1));
    w.commit(SET);
    assert!(!b.load(SeqCst));
    assert!(locked.swap(DbId(0), DbId(1)) && !locked.swap(DbId(0), DbId(2)));
    assert!(b.load(SeqCst));
    drop(locked);
    assert_eq!(get(&ks, b"b"), Some(b"1".to_vec()));
}

#[test]
fn taken_entries_move_with_value_expiry_and_clock() {
    let ks = keyspace();
    write(&ks, 1_000, b"from", |mut w| {
        w.set_with_expiry(Value::plain(b"v"), Some(9_000));
        w.commit(SET);
    });
    set(&ks, b"to", b"old");
    let entry = write(&ks, 1_000, b"from", |mut w| {
        let entry = w.take().unwrap();
        w.commit(Event::generic("rename_from"));
        entry
    });
    write(&ks, 1_000, b"to", |mut w| {
        w.put(entry);
        assert_eq!(
            (w.expire_at(), w.entry().unwrap().key()),
            (Some(9_000), &b"to"[..])
        );
        w.commit(Event::generic("rename_to"));
    });
    assert_eq!(
        (get(&ks, b"from"), get(&ks, b"to")),
        (None, Some(b"v".to_vec()))
    );
    let stats = ks.stats(DbId(0), 1_000);
    assert_eq!(
        (stats.keys, stats.volatile, stats.ttl_avg_ms),
        (1, 1, 8_000)
    );
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "not committed")]
fn a_forgotten_commit_fails_loudly() {
    let ks = keyspace();
    write(&ks, 0, b"k", |mut w| w.set(Value::int(1)));
}

#[test]
fn a_scan_by_cursor_visits_every_key_of_every_shard() {
    let ks = keyspace();
    let keys: std::collections::BTreeSet<Vec<u8>> = (0..if cfg!(miri) { 200 } else { 3_000 })
        .map(|i| format!("k{i}").into_bytes())
        .collect();
    keys.iter().for_each(|k| set(&ks, k, b"v"));
    let (mut cursor, mut seen) = (0, std::collections::BTreeSet::new());
    loop {
        let (shard, position) = ks.scan_position(cursor).unwrap();
        let locked = ks.lock_one(shard);
        let next = locked.db(shard, DbId(0)).unwrap().scan(position, |e| {
            seen.insert(e.key().to_vec());
        });
        cursor = ks.next_cursor(shard, next);
        assert!(cursor < 1 << 44);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, keys);
    assert_eq!(ks.scan_position(u64::MAX), None);
}

#[test]
fn victims_are_the_oldest_the_rarest_or_the_soonest() {
    use evict::Policy;
    let ks = keyspace();
    for i in 0..200i64 {
        write(&ks, i * 1_000, format!("k{i}").as_bytes(), |mut w| {
            w.set_with_expiry(Value::int(i), (i >= 100).then_some(1_000_000 + i));
            w.commit(SET);
        });
    }
    let mut rng = rand::rng();
    let victim = |policy, rng: &mut _| {
        let victim = ks.victim(policy, 10_000, 300_000, rng).unwrap();
        assert_eq!(ks.shard_of(victim.hash), victim.shard);
        String::from_utf8(victim.key.into()).unwrap()
    };
    assert_eq!(victim(Policy::AllkeysLru, &mut rng), "k0");
    assert_eq!(victim(Policy::VolatileLru, &mut rng), "k100");
    assert_eq!(victim(Policy::VolatileTtl, &mut rng), "k100");
    assert!(victim(Policy::AllkeysRandom, &mut rng).starts_with('k'));
    assert_eq!(ks.victim(Policy::NoEviction, 5, 0, &mut rng), None);
}
