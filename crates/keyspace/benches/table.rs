//! Criterion: GET and SET through the locks, and the bare table.
#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{Criterion, criterion_group, criterion_main};
use keyspace::{DbId, Effects, Event, Keyspace, KeyspaceConfig, ShardSet, Value};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

fn set(ks: &Keyspace, key: &[u8], effects: &mut Effects) {
    let hash = ks.hash(key);
    let shard = ks.shard_of(hash);
    if let Some(mut locked) = ks.try_lock(&ShardSet::one(shard))
        && let Some(db) = locked.db_mut(shard, DbId(0))
    {
        let mut w = db.write(hash, key, effects);
        w.set(Value::detect(b"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"));
        w.commit(Event::string("set"));
    }
}

fn get(ks: &Keyspace, key: &[u8]) -> usize {
    let hash = ks.hash(key);
    let shard = ks.shard_of(hash);
    let Some(locked) = ks.try_lock(&ShardSet::one(shard)) else {
        return 0;
    };
    let entry = locked.db(shard, DbId(0)).and_then(|db| db.get(hash, key));
    entry.and_then(|e| e.str_value()).map_or(0, |s| s.len())
}

fn benches(c: &mut Criterion) {
    for keys in [10_000_usize, 1_000_000] {
        let ks = Keyspace::new(KeyspaceConfig::default());
        let names: Vec<_> = (0..keys)
            .map(|i| format!("key:{i:012}").into_bytes())
            .collect();
        let mut effects = Effects::at(common::clock::now_ms());
        names.iter().for_each(|key| set(&ks, key, &mut effects));
        let mut at = 0;
        let mut next = || {
            at = (at + 7_919) % keys;
            &names[at]
        };
        c.bench_function(&format!("get/{keys}"), |b| {
            b.iter(|| black_box(get(&ks, next())));
        });
        c.bench_function(&format!("set/{keys}"), |b| {
            b.iter(|| set(&ks, next(), &mut effects));
        });
        c.bench_function(&format!("hash/{keys}"), |b| {
            b.iter(|| black_box(ks.hash(next())));
        });
    }
}

criterion_group!(table, benches);
criterion_main!(table);
