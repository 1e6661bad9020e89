//! Whole RDB files: whatever the bytes are, they are refused, or loaded alike by one thread and by
//! several; what was loaded can be saved, and loaded again.
//!
//! The checksum is not looked at, so that changed files get through to the values.
#![no_main]

use keyspace::{DbId, Keyspace, KeyspaceConfig, NewEntry, OnDuplicate};
use libfuzzer_sys::fuzz_target;
use persistence::cut::Cut;
use persistence::rdb::ReadSource;
use persistence::rdb::load::{Events, LoadOptions, Loaded, TakeClocks, load, load_parallel};
use persistence::rdb::primitive::Compression;
use persistence::rdb::save::{Clocks, Progress, SaveOptions, write_rdb};
use persistence::rdb::value::{Check, Limits};
use std::sync::Arc;

struct Silent;

impl Events for Silent {
    fn aux(&self, _: &[u8], _: &[u8]) {}
    fn function(&self, _: Vec<u8>) {}
    fn empty_key(&self, _: &[u8]) {}
    fn no_checksum(&self) {}
    fn progress(&self, _: u64) -> bool {
        true
    }
}

fn keyspace() -> Arc<Keyspace> {
    Arc::new(Keyspace::new(KeyspaceConfig {
        databases: 4,
        shards: 4,
    }))
}

/// What a file becomes; `None` where it is refused.
fn loaded(bytes: &[u8], helpers: usize) -> Option<Arc<Keyspace>> {
    let (ks, counters) = (keyspace(), Loaded::default());
    let options = LoadOptions {
        limits: Limits::default(),
        check: Check::Shape,
        now_ms: 0,
        skip_expired: false,
        checksum: false,
        databases: 4,
        clocks: TakeClocks::Idle,
    };
    let insert = |entry: NewEntry<'_>| ks.load(entry, OnDuplicate::Replace, 0);
    let source = ReadSource::new(bytes, false);
    let result = match helpers {
        0 => load(source, &options, &counters, &Silent, insert).map(drop),
        _ => load_parallel(source, &options, &counters, &Silent, (helpers, &insert)).map(drop),
    };
    result.ok().map(|()| ks)
}

fn keys(ks: &Keyspace) -> Vec<usize> {
    (0..4).map(|db| ks.stats(DbId(db), 0).keys).collect()
}

fuzz_target!(|data: &[u8]| {
    let alone = loaded(data, 0);
    let helped = loaded(data, 1);
    assert_eq!(alone.is_some(), helped.is_some());
    let (Some(alone), Some(helped)) = (alone, helped) else {
        return;
    };
    assert_eq!(keys(&alone), keys(&helped));
    let options = SaveOptions {
        compression: Compression::Lzf,
        checksum: true,
        aux: Vec::new(),
        functions: Vec::new(),
        clocks: Clocks::Unsaved,
        now_ms: 0,
    };
    let mut bytes = Vec::new();
    let cut = Cut::begin(&alone, || {});
    let saved = write_rdb(cut, &mut bytes, &options, &Progress::default(), &|| false);
    assert!(saved.is_ok());
    let again = loaded(&bytes, 0);
    assert_eq!(again.map(|ks| keys(&ks)), Some(keys(&alone)));
});
