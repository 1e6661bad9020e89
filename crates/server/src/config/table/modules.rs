//! Directives that Redis 8 has from the modules bundled with it.
//!
//! They are known so that a configuration that names them is read; their commands come later.

use crate::config::directive::*;

const LATER: &str = "kept and reported; takes effect with the commands it belongs to";

const fn later(directive: Directive) -> Directive {
    directive.accepted(LATER)
}

const DUPLICATES: &[(&str, i64)] = &[
    ("block", 0),
    ("first", 1),
    ("last", 2),
    ("min", 3),
    ("max", 4),
    ("sum", 5),
];

pub(super) static MODULES: Section = Section {
    title: "Bundled modules of Redis 8",
    intro: "Modules themselves cannot be loaded: loadmodule is refused.",
    directives: &[
        later(text("bf-error-rate", Some("0.01"))).doc("Error rate of new Bloom filters."),
        later(int("bf-initial-size", 100, 1, 1 << 30)).doc("Capacity of new Bloom filters."),
        later(int("bf-expansion-factor", 2, 0, 32768)).doc("Growth of Bloom filters."),
        later(int("cf-bucket-size", 2, 1, 255)).doc("Entries per bucket of cuckoo filters."),
        later(int("cf-initial-size", 1024, 2, 1 << 30)).doc("Capacity of new cuckoo filters."),
        later(int("cf-max-iterations", 20, 1, 65535)).doc("Moves before a cuckoo filter grows."),
        later(int("cf-expansion-factor", 1, 0, 32768)).doc("Growth of cuckoo filters."),
        later(int("cf-max-expansions", 32, 1, 65535)).doc("How often a cuckoo filter may grow."),
        later(text("ts-compaction-policy", Some(""))).doc("Compaction of new time series."),
        later(int("ts-retention-policy", 0, 0, i64::MAX)).doc("Milliseconds samples are kept."),
        later(int("ts-chunk-size-bytes", 4096, 48, 1 << 20)).doc("Bytes per chunk of samples."),
        later(choice(
            "ts-encoding",
            0,
            &[("compressed", 0), ("uncompressed", 1)],
        ))
        .doc("Encoding of new time series."),
        later(choice("ts-duplicate-policy", 0, DUPLICATES))
            .doc("What happens to a second sample of the same time."),
        later(int("ts-ignore-max-time-diff", 0, 0, i64::MAX))
            .doc("Time within which an equal sample is dropped."),
        later(text("ts-ignore-max-val-diff", Some("0.0")))
            .doc("Difference within which a sample counts as equal."),
        later(int("ts-num-threads", 3, 1, 16))
            .with(IMMUTABLE | HIDDEN)
            .doc("Threads of TS queries."),
        later(int("search-timeout", 500, 0, i64::MAX)).doc("Milliseconds a search may take."),
        later(choice(
            "search-on-timeout",
            0,
            &[("return", 0), ("fail", 1)],
        ))
        .doc("What a search that takes longer answers."),
        later(int("search-min-prefix", 2, 1, i64::MAX)).doc("Letters of the shortest prefix."),
        later(int("search-max-prefix-expansions", 200, 1, i64::MAX))
            .doc("Words a prefix may stand for."),
        later(int("search-min-stem-len", 4, 2, u32::MAX as i64))
            .doc("Letters of the shortest word that is stemmed."),
        later(int("search-default-dialect", 1, 1, 4)).doc("Dialect of queries that name none."),
        later(text("search-default-scorer", Some("BM25STD")))
            .with(IMMUTABLE | HIDDEN)
            .doc("Scorer of queries that name none."),
        later(int("search-max-search-results", 1_000_000, 0, i64::MAX))
            .doc("Results a search may give."),
        later(int(
            "search-max-aggregate-results",
            2_147_483_648,
            0,
            i64::MAX,
        ))
        .doc("Results an aggregation may give."),
        later(int("search-cursor-max-idle", 300_000, 0, i64::MAX))
            .doc("Milliseconds a cursor is kept."),
        later(int("search-cursor-read-size", 1000, 0, i64::MAX)).doc("Results per cursor read."),
        later(int("search-workers", 0, 0, 16)).doc("Threads of searches."),
        later(int("search-threads", 20, 1, i64::MAX))
            .with(IMMUTABLE | HIDDEN)
            .doc("Threads of background work of searches."),
        later(flag("search-enable-unstable-features", false))
            .doc("Allow features of searches that are not finished."),
    ],
};
