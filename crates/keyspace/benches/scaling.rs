//! How much more two threads do than one: random reads and writes (one in eight) on uniform keys,
//! each operation with its own lock as a command takes it.
//!
//! The keyspace is used as a worker uses it: batches of so many operations are looked ahead at
//! (all buckets, then all entries) before the first of them runs. With `--alone` each operation
//! comes by itself, as from clients that do not pipeline.
//! Prints operations per second for 1 and 2 threads and the ratio, over several alternating rounds.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use keyspace::{DbId, Effects, Event, KeyHash, Keyspace, KeyspaceConfig, Value};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

const KEYS: u64 = 1_000_000;
/// As many as a worker looks ahead at.
const BATCH: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn key(i: u64) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = i;
    for digit in key[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn set(ks: &Keyspace, key: &[u8], hash: KeyHash, effects: &mut Effects) {
    let shard = ks.shard_of(hash);
    loop {
        let Some(mut locked) = ks.try_lock_one(shard) else {
            std::thread::yield_now();
            continue;
        };
        if let Some(db) = locked.db_mut(shard, DbId(0)) {
            let mut write = db.write(hash, key, effects);
            write.set(Value::plain(&[b'v'; 32]));
            write.commit(Event::string("set"));
        }
        return;
    }
}

fn get(ks: &Keyspace, key: &[u8], hash: KeyHash) -> usize {
    let shard = ks.shard_of(hash);
    loop {
        let Some(locked) = ks.try_lock_one(shard) else {
            std::thread::yield_now();
            continue;
        };
        let entry = locked
            .db(shard, DbId(0))
            .and_then(|db| db.get(hash, key).map(|entry| entry.key().len()));
        return entry.unwrap_or(0);
    }
}

/// What a thread does until it is stopped; answers how many operations that were.
fn work(ks: &Keyspace, batch: usize, mut state: u64, stop: &AtomicBool) -> u64 {
    let mut effects = Effects::at(common::clock::now_ms());
    let mut ops = [([0; 16], KeyHash(0), false); BATCH];
    let ops = &mut ops[..batch];
    let mut count = 0;
    while !stop.load(Relaxed) {
        for (key_of, hash, is_set) in &mut *ops {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *key_of = key(state % KEYS);
            *hash = ks.hash(key_of);
            *is_set = state >> 32 & 7 == 0;
        }
        if batch > 1 {
            ops.iter().for_each(|op| ks.prefetch(DbId(0), op.1));
            ops.iter().for_each(|op| ks.prefetch_entry(DbId(0), op.1));
        }
        for (key, hash, is_set) in &*ops {
            if *is_set {
                set(ks, key, *hash, &mut effects);
            } else {
                std::hint::black_box(get(ks, key, *hash));
            }
        }
        effects.clear();
        count += batch as u64;
    }
    count
}

/// Operations per second of all threads together.
fn round(ks: &Keyspace, batch: usize, threads: u64) -> f64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, done) = (&stop, &done);
            scope.spawn(move || {
                let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread + 1);
                done.fetch_add(work(ks, batch, seed, stop), Relaxed);
            });
        }
        std::thread::sleep(ROUND);
        stop.store(true, Relaxed);
    });
    done.load(Relaxed) as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let batch = match std::env::args().any(|arg| arg == "--alone") {
        true => 1,
        false => BATCH,
    };
    let ks = Keyspace::new(KeyspaceConfig::default());
    let mut effects = Effects::at(common::clock::now_ms());
    for key in (0..KEYS).map(key) {
        set(&ks, &key, ks.hash(&key), &mut effects);
    }
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (one, two) = (round(&ks, batch, 1), round(&ks, batch, 2));
        ratios.push(two / one);
        println!(
            "1 thread {one:>12.0}/s   2 threads {two:>12.0}/s   ratio {:.2}",
            two / one
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ROUNDS / 2]);
}
