//! The longest single insert while a keyspace grows, and how fast it grows.
//!
//! Inserts 20 M keys (or the number given) as fast as one thread goes, timing each.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use keyspace::{DbId, Effects, Event, Keyspace, KeyspaceConfig, ShardSet, Value};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

fn main() {
    let keys = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000_000_u64);
    let ks = Keyspace::new(KeyspaceConfig::default());
    let mut effects = Effects::at(common::clock::now_ms());
    let mut longest = [Duration::ZERO; 5];
    let mut over = [0_u64; 3];
    let start = Instant::now();
    let mut last = start;
    for i in 0..keys {
        let mut key = *b"key:000000000000";
        let mut n = i;
        for digit in key[4..].iter_mut().rev() {
            *digit += (n % 10) as u8;
            n /= 10;
        }
        let hash = ks.hash(&key);
        let shard = ks.shard_of(hash);
        let mut locked = ks.lock(&ShardSet::one(shard));
        let Some(db) = locked.db_mut(shard, DbId(0)) else {
            return;
        };
        let mut w = db.write(hash, &key, &mut effects);
        w.set(Value::plain(&[b'v'; 32]));
        w.commit(Event::string("set"));
        drop(locked);
        let now = Instant::now();
        let took = now - last;
        last = now;
        for (count, limit_us) in over.iter_mut().zip([50, 200, 1000]) {
            *count += u64::from(took > Duration::from_micros(limit_us));
        }
        if took > longest[0] {
            longest[0] = took;
            longest.sort();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{keys} inserts in {seconds:.1} s: {:.2} M/s",
        keys as f64 / seconds / 1e6
    );
    println!("longest: {longest:?}; over 50, 200, 1000 us: {over:?} (preemption included)");
}
