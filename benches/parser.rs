//! Request parsing and reply writing: what each command pays before and after its handler.

#![allow(missing_docs, reason = "criterion_group! makes undocumented functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use resp::{ArgScratch, Batch, Limits, Parser, Proto, ReplyWriter};

const SET: &[u8] =
    b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$32\r\n0123456789abcdef0123456789abcdef\r\n";
const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n";

/// Parses `input` and makes the arguments of each command in it.
fn parse(parser: &mut Parser, batch: &mut Batch, limits: &Limits, input: &[u8]) -> usize {
    batch.clear();
    let (consumed, _) = parser.parse(black_box(input), limits, batch);
    for i in 0..batch.len() {
        let mut scratch = ArgScratch::new();
        batch.slice(i, input, &mut scratch);
        black_box(batch.args(i, &scratch).len());
    }
    consumed
}

fn bench_parse(c: &mut Criterion, name: &str, input: &[u8], commands: u64) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(commands));
    let (mut parser, mut batch, limits) = (Parser::new(), Batch::new(), Limits::default());
    group.bench_function(name, |b| {
        b.iter(|| parse(&mut parser, &mut batch, &limits, input));
    });
    group.finish();
}

fn requests(c: &mut Criterion) {
    bench_parse(c, "set", SET, 1);
    bench_parse(c, "set_pipeline_16", &SET.repeat(16), 16);
    bench_parse(c, "get_pipeline_16", &GET.repeat(16), 16);
    bench_parse(c, "inline_get", b"GET key:000000012345\r\n", 1);
    let fields = "$5\r\nfield\r\n$5\r\nvalue\r\n".repeat(500);
    bench_parse(
        c,
        "hset_1000",
        format!("*1002\r\n$4\r\nHSET\r\n$1\r\nk\r\n{fields}").as_bytes(),
        1,
    );
}

fn halves(c: &mut Criterion) {
    let (first, _) = SET.split_at(SET.len() / 2);
    let (mut parser, mut batch, limits) = (Parser::new(), Batch::new(), Limits::default());
    c.bench_function("parse/set_in_two_pieces", |b| {
        b.iter(|| {
            parse(&mut parser, &mut batch, &limits, first);
            parse(&mut parser, &mut batch, &limits, SET)
        });
    });
}

fn bench_reply(c: &mut Criterion, name: &str, write: impl Fn(&mut ReplyWriter<'_>)) {
    /// Replies in one iteration, so that the buffer's reset does not count.
    const REPLIES: usize = 100;
    let mut group = c.benchmark_group("reply");
    group.throughput(Throughput::Elements(REPLIES as u64));
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || Vec::with_capacity(64 * 1024),
            |out| {
                let mut writer = ReplyWriter::new(black_box(out), Proto::Resp2);
                for _ in 0..REPLIES {
                    write(&mut writer);
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn replies(c: &mut Criterion) {
    bench_reply(c, "ok", |w| w.ok());
    bench_reply(c, "bulk_32", |w| {
        w.bulk(black_box(b"0123456789abcdef0123456789abcdef"));
    });
    bench_reply(c, "bulk_3", |w| w.bulk(black_box(b"abc")));
    bench_reply(c, "integer", |w| w.integer(black_box(1_234_567)));
    bench_reply(c, "double", |w| w.double(black_box(3.25)));
}

fn hashes(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    for len in [8, 16, 32, 64] {
        let key = vec![b'k'; len];
        group.bench_function(len.to_string(), |b| {
            b.iter(|| common::hash::hash(black_box(&key)));
        });
    }
    group.finish();
}

criterion_group!(benches, requests, halves, replies, hashes);
criterion_main!(benches);
