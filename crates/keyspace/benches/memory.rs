//! Resident bytes per key, everything included, at several sizes.
//!
//! Fills a keyspace with 16-byte keys and 32-byte values, without and with expiry, and compares
//! the process's resident set before and after. Each figure is taken in a process of its own.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use common::os::resident_bytes;
use keyspace::{Effects, Event, Keyspace, KeyspaceConfig, ShardSet, Value};
use std::process::Command;

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

fn measure(keys: usize, expiry: bool) {
    let now_ms = common::clock::now_ms();
    let before = resident_bytes();
    let ks = Keyspace::new(KeyspaceConfig::default());
    let mut effects = Effects::at(now_ms);
    for i in 0..keys {
        let key = format!("key:{i:012}");
        let hash = ks.hash(key.as_bytes());
        let shard = ks.shard_of(hash);
        let mut locked = ks.lock(&ShardSet::one(shard));
        let Some(db) = locked.db_mut(shard, keyspace::DbId(0)) else {
            return;
        };
        let mut w = db.write(hash, key.as_bytes(), &mut effects);
        let at = now_ms + 3_600_000 + (i as i64 * 7919) % 3_600_000;
        w.set_with_expiry(Value::plain(&[b'v'; 32]), expiry.then_some(at));
        w.commit(Event::string("set"));
    }
    // What segments have left behind is free, and not part of what the keys need.
    common::memory::release_unused();
    let stats = ks.stats(keyspace::DbId(0), now_ms);
    let per_key = |bytes: u64| bytes as f64 / keys as f64;
    println!(
        "{keys:>9} keys{}: {:.1} resident bytes per key, of which tables and index {:.1}",
        if expiry {
            " with expiry"
        } else {
            "            "
        },
        per_key(resident_bytes() - before),
        per_key(stats.overhead as u64),
    );
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, keys, expiry] = &args[..]
        && let (Ok(keys), Ok(expiry)) = (keys.parse(), expiry.parse())
    {
        return measure(keys, expiry);
    }
    for expiry in ["false", "true"] {
        for keys in [
            "1000000", "1150000", "1300000", "1500000", "1700000", "2000000",
        ] {
            let child = Command::new(&args[0]).args([keys, expiry]).status();
            assert!(child.is_ok_and(|status| status.success()));
        }
    }
}
