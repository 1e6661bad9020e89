//! The crate as its users see it.

use crate::*;

const SET: Event = Event::string("set");

fn keyspace() -> Keyspace {
    Keyspace::new(KeyspaceConfig {
        databases: 2,
        shards: 4,
    })
}

/// Runs `f` on the guard of a key.
fn write<R>(ks: &Keyspace, now_ms: i64, key: &[u8], f: impl FnOnce(Write<'_>) -> R) -> R {
    let hash = ks.hash(key);
    let mut locked = ks.lock_one(ks.shard_of(hash));
    let db = locked.db_mut(ks.shard_of(hash), DbId(0)).unwrap();
    f(db.write(hash, key, &mut Effects::at(now_ms)))
}

fn get(ks: &Keyspace, key: &[u8]) -> Option<Vec<u8>> {
    let hash = ks.hash(key);
    let locked = ks.lock_one(ks.shard_of(hash));
    let db = locked.db(ks.shard_of(hash), DbId(0)).unwrap();
    db.get(hash, key).map(|e| e.str_value().unwrap().to_vec())
}

fn set(ks: &Keyspace, key: &[u8], value: &[u8]) {
    write(ks, 0, key, |mut w| {
        w.set(Value::detect(value));
        w.commit(SET);
    });
}

#[test]
fn many_keys_are_found_again_and_removed() {
    let ks = keyspace();
    let count = if cfg!(miri) { 500 } else { 20_000 };
    for i in 0..count {
        set(
            &ks,
            format!("key:{i}").as_bytes(),
            format!("value:{i}").as_bytes(),
        );
    }
    assert_eq!(ks.stats(DbId(0), 0).keys, count);
    for i in 0..count {
        let value = get(&ks, format!("key:{i}").as_bytes());
        assert_eq!(value, Some(format!("value:{i}").into_bytes()));
    }
    for i in 0..count {
        write(&ks, 0, format!("key:{i}").as_bytes(), |mut w| {
            assert!(w.remove());
            w.commit(Event::generic("del"));
        });
    }
    let stats = ks.stats(DbId(0), 0);
    assert_eq!((stats.keys, stats.overhead), (0, 0));
}

mod cut;
mod doors;
mod expiring;
mod locks;
mod pins;
