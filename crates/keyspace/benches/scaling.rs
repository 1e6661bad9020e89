//! How much more two threads do than one: random reads and writes (one in eight) on uniform keys,
//! each operation with its own lock as a command takes it.
//!
//! Prints operations per second for 1 and 2 threads and the ratio, over several alternating rounds.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use keyspace::{DbId, Effects, Event, Keyspace, KeyspaceConfig, ShardSet, Value};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

const KEYS: u64 = 1_000_000;
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

fn set(ks: &Keyspace, i: u64, effects: &mut Effects) {
    let key = key(i);
    let hash = ks.hash(&key);
    let shard = ks.shard_of(hash);
    loop {
        let Some(mut locked) = ks.try_lock(&ShardSet::one(shard)) else {
            std::thread::yield_now();
            continue;
        };
        if let Some(db) = locked.db_mut(shard, DbId(0)) {
            let mut write = db.write(hash, &key, effects);
            write.set(Value::plain(&[b'v'; 32]));
            write.commit(Event::string("set"));
        }
        return;
    }
}

fn get(ks: &Keyspace, i: u64) -> usize {
    let key = key(i);
    let hash = ks.hash(&key);
    let shard = ks.shard_of(hash);
    loop {
        let Some(locked) = ks.try_lock(&ShardSet::one(shard)) else {
            std::thread::yield_now();
            continue;
        };
        let entry = locked
            .db(shard, DbId(0))
            .and_then(|db| db.get(hash, &key).map(|entry| entry.key().len()));
        return entry.unwrap_or(0);
    }
}

/// Operations per second of all threads together.
fn round(ks: &Keyspace, threads: u64) -> f64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, done) = (&stop, &done);
            scope.spawn(move || {
                let mut effects = Effects::at(common::clock::now_ms());
                let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread + 1);
                let mut count = 0;
                while !stop.load(Relaxed) {
                    for _ in 0..100 {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        let i = state % KEYS;
                        if state >> 32 & 7 == 0 {
                            set(ks, i, &mut effects);
                        } else {
                            std::hint::black_box(get(ks, i));
                        }
                        count += 1;
                    }
                    effects.clear();
                }
                done.fetch_add(count, Relaxed);
            });
        }
        std::thread::sleep(ROUND);
        stop.store(true, Relaxed);
    });
    done.load(Relaxed) as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let ks = Keyspace::new(KeyspaceConfig::default());
    let mut effects = Effects::at(common::clock::now_ms());
    (0..KEYS).for_each(|i| set(&ks, i, &mut effects));
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (one, two) = (round(&ks, 1), round(&ks, 2));
        ratios.push(two / one);
        println!(
            "1 thread {one:>12.0}/s   2 threads {two:>12.0}/s   ratio {:.2}",
            two / one
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ROUNDS / 2]);
}
