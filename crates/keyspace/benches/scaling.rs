//! How much more two threads do than one: random reads and writes (one in eight) on uniform keys,
//! each operation with its own lock as a command takes it.
//!
//! The keyspace is used as a worker uses it: it looks ahead at batches of so many operations, in
//! stages (`commands/src/lookahead.rs`). With `--alone` each operation comes by itself, as from
//! clients that do not pipeline.
//! Prints operations per second over several alternating rounds: of one thread with the keyspace of
//! a server of one worker, of one and of two threads with that of a server of two, and the ratios.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use keyspace::{DbId, Effects, Event, KeyHash, Keyspace, KeyspaceConfig, Pace, Step, Value};
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

/// How the threads work.
#[derive(Clone, Copy)]
struct Way {
    /// Operations that are looked ahead at together.
    batch: usize,
    pace: Pace,
}

/// An operation: key, hash, and whether it is written.
type Op = ([u8; 16], KeyHash, bool);

/// One step of the look-ahead.
fn look_ahead(ks: &Keyspace, ops: &[Op], step: Step) {
    if step.is_first() {
        ops.iter().for_each(|op| ks.prefetch(DbId(0), op.1));
    }
    ops[step.range(2)]
        .iter()
        .for_each(|op| ks.prefetch_lock(op.1));
    let near = ops[step.range(1)].iter();
    near.for_each(|op| ks.prefetch_entry(DbId(0), op.1));
}

/// What a thread does until it is stopped; answers how many operations that were.
fn work(ks: &Keyspace, way: Way, mut state: u64, stop: &AtomicBool) -> u64 {
    let mut effects = Effects::at(common::clock::now_ms());
    let mut ops: [Op; BATCH] = [([0; 16], KeyHash(0), false); BATCH];
    let ops = &mut ops[..way.batch];
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
        let mut ask_at = usize::from(way.batch == 1);
        for (i, (key, hash, is_set)) in ops.iter().enumerate() {
            if i == ask_at {
                let step = way.pace.at(i, ops.len());
                look_ahead(ks, ops, step);
                ask_at = step.next();
            }
            if *is_set {
                set(ks, key, *hash, &mut effects);
            } else {
                std::hint::black_box(get(ks, key, *hash));
            }
        }
        effects.clear();
        count += way.batch as u64;
    }
    count
}

/// Operations per second of all threads together.
fn round(ks: &Keyspace, way: Way, threads: u64) -> f64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, done) = (&stop, &done);
            scope.spawn(move || {
                let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread + 1);
                done.fetch_add(work(ks, way, seed, stop), Relaxed);
            });
        }
        std::thread::sleep(ROUND);
        stop.store(true, Relaxed);
    });
    done.load(Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// A keyspace as a server with that many workers has it, full.
fn filled(workers: usize) -> Keyspace {
    let ks = Keyspace::new(KeyspaceConfig {
        shards: KeyspaceConfig::shards_for(workers),
        ..KeyspaceConfig::default()
    });
    let mut effects = Effects::at(common::clock::now_ms());
    for key in (0..KEYS).map(key) {
        set(&ks, &key, ks.hash(&key), &mut effects);
    }
    ks
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let batch = match std::env::args().any(|arg| arg == "--alone") {
        true => 1,
        false => BATCH,
    };
    let (single, shared) = (filled(1), filled(2));
    let [whole, stepped] = [1, 2].map(|workers| Way {
        batch,
        pace: Pace::of(workers),
    });
    let (mut same, mut of_servers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let alone = round(&single, whole, 1);
        let (one, two) = (round(&shared, stepped, 1), round(&shared, stepped, 2));
        println!(
            "one worker's keyspace {alone:>11.0}/s; two workers': 1 thread {one:>11.0}/s, \
             2 threads {two:>11.0}/s; ratios {:.2} {:.2}",
            two / alone,
            two / one
        );
        same.push(two / one);
        of_servers.push(two / alone);
    }
    println!(
        "median: two threads do {:.2} times what one does in the same keyspace, {:.2} times what \
         one worker does",
        median(same),
        median(of_servers)
    );
}
