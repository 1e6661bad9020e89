//! Keys disappear when their time has come, not before, and the index stays small.

use super::*;
use std::collections::BTreeMap;

fn set_ex(ks: &Keyspace, now_ms: i64, key: &[u8], expire_at: Option<i64>) {
    write(ks, now_ms, key, |mut w| {
        w.set_with_expiry(Value::int(1), expire_at);
        w.commit(SET);
    });
}

/// Deletes what is due, as the server's cron does; returns the keys.
fn expire(ks: &Keyspace, now_ms: i64) -> Vec<Vec<u8>> {
    let mut gone = Vec::new();
    for shard in ks.shard_ids() {
        while ks.next_due(shard) <= now_ms {
            let mut locked = ks.lock_one(shard);
            for (id, due) in ks.due(&mut locked, shard, now_ms, 16) {
                let mut effects = Effects::at(now_ms);
                let db = locked.db_mut(shard, id).unwrap();
                db.write(due.hash, &due.key, &mut effects).unchanged();
                assert_eq!(effects.expired.len(), 1, "what is due has expired");
                gone.push(due.key.into_vec());
            }
        }
    }
    gone
}

#[test]
fn a_key_lives_up_to_and_including_its_last_millisecond() {
    let ks = keyspace();
    set_ex(&ks, 1_000, b"k", Some(2_000));
    assert!(expire(&ks, 2_000).is_empty());
    assert_eq!(expire(&ks, 2_001), [b"k"]);
    assert_eq!(ks.stats(DbId(0), 0).keys, 0);
}

#[test]
fn the_door_deletes_hides_or_keeps_what_has_expired() {
    let ks = keyspace();
    let hash = ks.hash(b"k");
    let shard = ks.shard_of(hash);
    set_ex(&ks, 1_000, b"k", Some(2_000));
    let mut locked = ks.lock_one(shard);
    let db = locked.db_mut(shard, DbId(0)).unwrap();
    for (on_expired, seen, left) in [
        (OnExpired::Keep, true, 1),
        (OnExpired::Hide, false, 1),
        (OnExpired::Delete, false, 0),
    ] {
        let mut effects = Effects {
            on_expired,
            wants: EventClass(!0),
            ..Effects::at(5_000)
        };
        let w = db.write(hash, b"k", &mut effects);
        assert_eq!(w.exists(), seen);
        w.unchanged();
        assert_eq!(db.len(), left);
        assert_eq!(effects.expired.len(), 1 - left);
        assert_eq!(effects.events.len(), 1 - left);
        assert_eq!(effects.dirty, 0);
    }
    assert_eq!(db.volatile_len(), 0);
}

#[test]
fn expiry_agrees_with_a_model() {
    let ks = keyspace();
    let mut model: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    let mut now = 1_700_000_000_000;
    let mut random = 12345u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (random >> 33) % below
    };
    let steps = if cfg!(miri) { 200 } else { 40_000 };
    for _ in 0..steps {
        let key = format!("k{}", next(500)).into_bytes();
        match next(10) {
            0..6 => {
                let bits = next(22);
                let at = now + 1 + next(1 << bits) as i64;
                set_ex(&ks, now, &key, Some(at));
                model.insert(key, at);
            }
            6 => {
                set_ex(&ks, now, &key, None);
                model.remove(&key);
            }
            7 => {
                write(&ks, now, &key, |mut w| {
                    w.set_expiry(None);
                    w.commit_silent();
                });
                model.remove(&key);
            }
            _ => now += next(200) as i64,
        }
        let mut gone = expire(&ks, now);
        gone.sort();
        let due: Vec<_> = model
            .iter()
            .filter(|(_, at)| **at < now)
            .map(|(k, _)| k.clone())
            .collect();
        assert_eq!(gone, due);
        due.iter().for_each(|key| _ = model.remove(key));
    }
    assert_eq!(ks.stats(DbId(0), now).volatile, model.len());
    let records: usize = ks
        .shard_ids()
        .map(|s| ks.lock_one(s).db(s, DbId(0)).unwrap().expiry_records())
        .sum();
    assert!(
        records < 4 * 600 + 2 * model.len(),
        "{records} records of {}",
        model.len()
    );
}

#[test]
fn putting_an_expiry_off_again_and_again_adds_no_records() {
    let ks = keyspace();
    let times = if cfg!(miri) { 200 } else { 10_000 };
    (0..times).for_each(|i| set_ex(&ks, i, b"k", Some(i + 60_000)));
    let shard = ks.shard_of(ks.hash(b"k"));
    assert_eq!(
        ks.lock_one(shard)
            .db(shard, DbId(0))
            .unwrap()
            .expiry_records(),
        1
    );
    assert!(expire(&ks, 60_000 + times - 1).is_empty());
    assert_eq!(expire(&ks, 60_000 + times), [b"k"]);
}

#[test]
fn records_of_deleted_keys_are_swept_away() {
    let ks = Keyspace::new(KeyspaceConfig {
        databases: 1,
        shards: 1,
    });
    let n = if cfg!(miri) { 600 } else { 20_000 };
    for i in 0..n {
        let key = format!("k{i}");
        set_ex(&ks, 0, key.as_bytes(), Some(1_000_000));
        if i % 10 != 0 {
            write(&ks, 0, key.as_bytes(), |mut w| {
                w.remove();
                w.commit_silent();
            });
        }
    }
    let records = ks
        .lock_one(ShardId(0))
        .db(ShardId(0), DbId(0))
        .unwrap()
        .expiry_records();
    assert!(records <= n / 10 * 3 + 600, "{records}");
    assert_eq!(expire(&ks, 1_000_001).len(), n / 10);
}

#[test]
fn an_emptied_shard_gives_its_index_up_when_asked_to() {
    let ks = keyspace();
    let overhead = || ks.stats(DbId(0), 0).overhead;
    let release = || {
        for shard in ks.shard_ids() {
            let mut locked = ks.lock_one(shard);
            locked.db_mut(shard, DbId(0)).unwrap().release_if_empty();
        }
    };
    set_ex(&ks, 1_000, b"k", Some(2_000));
    release();
    assert_eq!(ks.stats(DbId(0), 0).volatile, 1);
    let used = overhead();
    write(&ks, 1_000, b"k", |mut w| {
        assert!(w.remove());
        w.commit(Event::generic("del"));
    });
    assert!(overhead() > 0 && overhead() < used);
    release();
    assert_eq!(overhead(), 0);
    set_ex(&ks, 1_000, b"k", Some(2_000));
    assert_eq!(expire(&ks, 2_001), [b"k"]);
}
