//! What long commands read without a lock.

use super::*;

/// The database of a key, locked.
fn with_db<R>(ks: &Keyspace, key: &[u8], f: impl FnOnce(&mut Db, KeyHash) -> R) -> R {
    let hash = ks.hash(key);
    let mut locked = ks.lock_one(ks.shard_of(hash));
    f(locked.db_mut(ks.shard_of(hash), DbId(0)).unwrap(), hash)
}

fn pin(ks: &Keyspace, key: &[u8]) -> Option<Pin> {
    with_db(ks, key, |db, hash| {
        db.get(hash, key).and_then(|entry| db.pin(entry))
    })
}

/// Long enough not to be copied under a lock.
fn large() -> Vec<u8> {
    vec![b'x'; 1 << 20]
}

#[test]
fn what_is_changed_is_another_entry_and_what_is_not_is_the_same() {
    let ks = keyspace();
    set(&ks, b"k", &large());
    let pinned = pin(&ks, b"k").unwrap();
    let is_same = || {
        with_db(&ks, b"k", |db, hash| {
            db.get(hash, b"k").map(|e| pinned.is(e))
        })
    };
    assert_eq!(is_same(), Some(true));
    write(&ks, 0, b"k", |w| w.unchanged());
    assert_eq!(is_same(), Some(true));
    write(&ks, 0, b"k", |mut w| {
        w.append(b"y").unwrap();
        w.commit(SET);
    });
    assert_eq!(is_same(), Some(false));
    set(&ks, b"k", &large());
    assert_eq!(is_same(), Some(false), "not even the same value");
    assert_eq!(
        pinned.entry().str_value().map(|text| text.len()),
        Some(1 << 20)
    );
}

#[test]
fn a_large_value_is_held_as_long_as_it_is_read() {
    let ks = keyspace();
    set(&ks, b"k", &large());
    set(&ks, b"small", b"v");
    let pins = (pin(&ks, b"k"), pin(&ks, b"small"));
    assert!(pins.0.is_some() && pins.1.is_some());
    let is_held = |key: &[u8]| with_db(&ks, key, |db, hash| db.is_held(hash, key));
    assert!(is_held(b"k") && !is_held(b"small") && !is_held(b"none"));
    assert!(pin(&ks, b"k").is_none(), "somebody waits");
    assert!(pin(&ks, b"small").is_some());
    drop(pins);
    assert!(!is_held(b"k") && pin(&ks, b"k").is_some());
}

#[test]
fn what_is_read_is_evicted_last() {
    use rand::SeedableRng;
    let ks = keyspace();
    set(&ks, b"large", &large());
    set(&ks, b"a", b"v");
    let pinned = pin(&ks, b"large");
    let mut rng = rand::rngs::SmallRng::seed_from_u64(1);
    let mut victim = || {
        ks.victim(evict::Policy::AllkeysRandom, 10, 0, &mut rng)
            .unwrap()
            .key
    };
    assert!((0..50).all(|_| *victim() == *b"a"));
    drop(pinned);
    assert!((0..50).any(|_| *victim() == *b"large"));
    write(&ks, 0, b"a", |mut w| {
        w.remove();
        w.commit(SET);
    });
    let _pinned = pin(&ks, b"large");
    assert_eq!(*victim(), *b"large");
}
