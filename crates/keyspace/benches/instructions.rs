//! A program for callgrind: `valgrind --tool=callgrind --toggle-collect='*measured*'` counts the
//! instructions of as many GETs (or SETs, with the argument `set`) as it prints.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use keyspace::{Db, DbId, Effects, Event, KeyHash, Keyspace, KeyspaceConfig, ShardSet, Value};
use std::hint::black_box;

const ROUNDS: usize = 10_000;

/// What is counted for `get`: the look-up in the table, the comparison, the value.
#[inline(never)]
fn measured_get(db: &Db, hash: KeyHash, key: &[u8]) -> usize {
    db.get(hash, key)
        .and_then(|e| e.str_value())
        .map_or(0, |s| s.len())
}

/// What is counted for `set`: the door, overwriting in place, the commit.
#[inline(never)]
fn measured_set(db: &mut Db, hash: KeyHash, key: &[u8], value: &[u8], effects: &mut Effects) {
    let mut w = db.write(hash, key, effects);
    w.set(Value::detect(value));
    w.commit(Event::string("set"));
}

/// What is counted for `lock`: lock and unlock of one shard.
#[inline(never)]
fn measured_lock(ks: &Keyspace, hash: KeyHash) -> bool {
    let locked = ks.try_lock(&ShardSet::one(ks.shard_of(hash)));
    black_box(&locked);
    locked.is_some()
}

/// What is counted for `hash`.
#[inline(never)]
fn measured_hash(ks: &Keyspace, key: &[u8]) -> KeyHash {
    ks.hash(key)
}

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    let ks = Keyspace::new(KeyspaceConfig {
        databases: 1,
        shards: 1,
    });
    let names: Vec<_> = (0..100_000)
        .map(|i| format!("key:{i:012}").into_bytes())
        .collect();
    let mut effects = Effects::at(1_000_000);
    let value = [b'v'; 32];
    let shard = keyspace::ShardId(0);
    {
        let mut locked = ks.lock_all();
        let Some(db) = locked.db_mut(shard, DbId(0)) else {
            return;
        };
        for key in &names {
            fill(db, ks.hash(key), key, &value, &mut effects);
        }
    }
    let mut total = 0;
    for key in names.iter().cycle().step_by(7).take(ROUNDS) {
        let hash = ks.hash(key);
        match what.as_str() {
            "lock" => total += usize::from(measured_lock(&ks, hash)),
            "hash" => total += measured_hash(&ks, key).0 as usize & 1,
            _ => {
                let mut locked = ks.lock_all();
                let Some(db) = locked.db_mut(shard, DbId(0)) else {
                    return;
                };
                if what == "set" {
                    measured_set(db, hash, key, &value, &mut effects);
                } else {
                    total += measured_get(db, hash, key);
                }
            }
        }
    }
    println!("{ROUNDS} rounds of {what:?} ({total})");
}

#[inline(never)]
fn fill(db: &mut Db, hash: KeyHash, key: &[u8], value: &[u8], effects: &mut Effects) {
    let mut w = db.write(hash, key, effects);
    w.set(Value::detect(value));
    w.commit(Event::string("set"));
}
