//! A batch of parsed commands through the one entrance: look-up, hashing, look-ahead, admission,
//! handler, reply. No sockets, no parsing.

#![allow(missing_docs, reason = "criterion_group! makes undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use commands::{FAMILIES, Origin, Outcome, Prepared, Server, Session, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keyspace::{Keyspace, KeyspaceConfig};
use resp::{ArgScratch, Batch, Limits, Parser, Proto, ReplyWriter};

#[global_allocator]
static ALLOCATOR: common::memory::Mimalloc = common::memory::Mimalloc;

/// Commands of a batch, as from a pipeline.
const BATCH: usize = 16;
/// Batches that take turns, so that keys differ.
const BATCHES: usize = 1000;

/// Requests in batches: the text of each, parsed once.
fn batches(request: impl Fn(usize) -> String) -> Vec<(String, Batch)> {
    let batch_of = |number: usize| {
        let requests = (0..BATCH).map(|i| request(number * BATCH + i));
        let text: String = requests.collect();
        let mut batch = Batch::new();
        Parser::new().parse(text.as_bytes(), &Limits::default(), &mut batch);
        assert_eq!(batch.len(), BATCH, "{text}");
        (text, batch)
    };
    (0..BATCHES).map(batch_of).collect()
}

/// Runs one batch as a connection does.
fn run(server: &Server, session: &mut Session, input: &str, batch: &Batch, reply: &mut Vec<u8>) {
    let mut scratch = ArgScratch::new();
    batch.slice(0, input.as_bytes(), &mut scratch);
    let mut prepared = [Prepared::default(); BATCH];
    for (i, prepared) in prepared.iter_mut().enumerate() {
        *prepared = commands::prepare_for(server, session, batch.args(i, &scratch));
    }
    let mut prefetch_at = 0;
    for (i, &command) in prepared.iter().enumerate() {
        if i == prefetch_at {
            prefetch_at = commands::prefetch(server, session, &prepared, i);
        }
        let mut out = ReplyWriter::new(reply, Proto::Resp2);
        let args = batch.args(i, &scratch);
        let outcome = commands::dispatch(server, session, args, command, &mut out);
        assert_eq!(outcome, Outcome::Done);
    }
    commands::batch_end(server, session);
}

fn bench(c: &mut Criterion, name: &str, request: impl Fn(usize) -> String) {
    let keyspace = Arc::new(Keyspace::new(KeyspaceConfig::default()));
    let table = Table::new(FAMILIES, &[]).expect("a table without renamed commands");
    let server = Server::new(keyspace, table, 1);
    let mut session = Session::detached(Origin::Client, 0);
    let batches = batches(request);
    let mut next = batches.iter().cycle();
    let mut reply = Vec::new();
    let mut group = c.benchmark_group("dispatch");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            if let Some((input, batch)) = next.next() {
                reply.clear();
                run(&server, &mut session, input, batch, &mut reply);
                black_box(&reply);
            }
        });
    });
    group.finish();
}

fn commands_of_a_pipeline(c: &mut Criterion) {
    let value = "0123456789abcdef0123456789abcdef";
    bench(c, "set", |i| format!("SET key:{i:012} {value}\r\n"));
    bench(c, "get_of_nothing", |i| format!("GET key:{i:012}\r\n"));
    bench(c, "incr", |i| format!("INCR key:{i:012}\r\n"));
    bench(c, "hset", |i| format!("HSET key field:{i:08} {value}\r\n"));
    bench(c, "lpush_rpop", |i| match i % 2 {
        0 => format!("LPUSH key {value}\r\n"),
        _ => "RPOP key\r\n".to_owned(),
    });
    bench(c, "unknown", |_| "NOSUCHCOMMAND key\r\n".to_owned());
}

criterion_group!(benches, commands_of_a_pipeline);
criterion_main!(benches);
