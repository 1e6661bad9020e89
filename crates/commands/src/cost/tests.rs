//! Which commands leave, and that every command was thought of.

use super::*;
use crate::Outcome;
use crate::testing::{Tester, all_commands};

/// Commands whose documented complexity is not constant and that have no estimate, by the reason.
const WITHOUT: &[(&str, &[&str])] = &[
    (
        "logarithmic for one element; for many, the number of arguments tells",
        &[
            "geoadd",
            "geohash",
            "geodist",
            "zadd",
            "zincrby",
            "zrank",
            "zrevrank",
            "zcount",
            "zlexcount",
            "bzpopmin",
            "bzpopmax",
            "xclaim",
            "zrem",
            "unblock",
        ],
    ),
    (
        "one step for each argument: their number tells; large values are freed elsewhere",
        &[
            "del",
            "unlink",
            "exists",
            "touch",
            "geopos",
            "hexpire",
            "hpexpire",
            "hexpireat",
            "hpexpireat",
            "hgetex",
            "hgetdel",
            "hmget",
            "hsetex",
            "httl",
            "hpttl",
            "hexpiretime",
            "hpexpiretime",
            "hpersist",
            "hmset",
            "hdel",
            "blpop",
            "brpop",
            "srem",
            "smismember",
            "mset",
            "msetnx",
            "msetex",
            "zmscore",
            "numsub",
            "shardnumsub",
            "subscribe",
            "psubscribe",
            "ssubscribe",
            "unsubscribe",
            "punsubscribe",
            "sunsubscribe",
            "getkeys",
            "getkeysandflags",
        ],
    ),
    (
        "passes over whole nodes of a list, some tens of microseconds for a million elements",
        &["lindex", "lset"],
    ),
    (
        "bounded by what the server is, not by its data: commands, directives, users, slow log; \
         CLIENT LIST counts its lines itself",
        &[
            "info",
            "docs",
            "list",
            "get",
            "set",
            "histogram",
            "reset",
            "auth",
            "discard",
            "swapdb",
        ],
    ),
    (
        "by connections and channels: a post to each worker, or a line for each",
        &["kill", "unpause", "publish", "spublish"],
    ),
    (
        "has threads of its own",
        &["migrate", "save", "shutdown", "psync", "sync", "destroy"],
    ),
    (
        "is to hold its worker: tests of the server rely on it",
        &["debug", "pfdebug", "pfselftest"],
    ),
    (
        "a drawing of fixed size; a stream of its own",
        &["lolwut", "monitor"],
    ),
];

#[test]
fn every_command_that_is_not_constant_has_an_estimate_or_a_reason_for_none() {
    let excused = |name: &str| WITHOUT.iter().any(|(_, names)| names.contains(&name));
    let missing: Vec<_> = all_commands()
        .filter(|command| command.subcommands.is_empty() && command.cost.is_small())
        .filter(|command| command.complexity != "O(1)" && !excused(command.name))
        .map(|command| format!("{} {}", command.name, command.complexity))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_excuse_is_of_a_command_without_an_estimate() {
    let commands: Vec<_> = all_commands().collect();
    for name in WITHOUT.iter().flat_map(|(_, names)| names.iter()) {
        let of_name = || commands.iter().filter(|command| command.name == *name);
        assert!(of_name().any(|command| command.cost.is_small()), "{name}");
    }
}

/// A tester whose client may leave, with large values of all types.
fn tester() -> Tester {
    let mut tester = Tester::new();
    let numbers: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
    for part in numbers.chunks(1000) {
        let add = |tester: &mut Tester, first: &[&str], pairs: bool| {
            let mut args: Vec<&[u8]> = first.iter().map(|word| word.as_bytes()).collect();
            for number in part {
                args.extend(pairs.then_some(number.as_bytes()));
                args.push(number.as_bytes());
            }
            tester.run(&args);
        };
        add(&mut tester, &["SADD", "set"], false);
        add(&mut tester, &["RPUSH", "list"], false);
        add(&mut tester, &["HSET", "hash"], true);
        add(&mut tester, &["ZADD", "zset"], true);
    }
    for i in 1..=5000 {
        tester.line(&format!("XADD stream {i}-1 f v"));
    }
    tester.line("XGROUP CREATE stream group 0");
    tester.line("XREADGROUP GROUP group me STREAMS stream >");
    tester.run(&[b"SET", b"text", &vec![b'x'; 8 << 20]]);
    tester.run(&[b"SADD", b"small", b"1", b"2"]);
    tester.session.may_leave = true;
    tester
}

fn leaves(tester: &mut Tester, line: &str) -> bool {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let (args, mut buffer) = (Args::new(&words), Vec::new());
    let prepared = crate::prepare(&tester.server, args);
    let mut out = resp::ReplyWriter::new(&mut buffer, tester.session.proto);
    let before = tester.server.stats.changes();
    let outcome = crate::dispatch(
        &tester.server,
        &mut tester.session,
        args,
        prepared,
        &mut out,
    );
    let away = outcome == Outcome::Away;
    if away {
        assert!(buffer.is_empty(), "{line}: a reply of what did not run");
        assert_eq!(before, tester.server.stats.changes(), "{line}");
    }
    crate::batch_end(&tester.server, &mut tester.session);
    away
}

#[test]
fn long_commands_leave_before_they_do_anything() {
    let mut tester = tester();
    for line in "SMEMBERS set|SORT list|SORT_RO set BY nosort|SUNION set small|SDIFF set small\
                 |SUNIONSTORE out set small|SINTER set set|SINTERCARD 2 set set|SPOP set 10000\
                 |SRANDMEMBER small -100000|SRANDMEMBER set 15000|HGETALL hash|HKEYS hash\
                 |HVALS hash|HRANDFIELD hash 19000|LRANGE list 0 -1|LPOP list 20000|RPOP list 9999\
                 |LMPOP 1 list LEFT COUNT 19999|ZRANGE zset 0 -1|ZRANGEBYSCORE zset -inf +inf\
                 |ZRANGEBYLEX zset - +|ZREVRANGE zset 0 15000|ZRANGESTORE out zset 0 -1\
                 |ZREMRANGEBYRANK zset 0 -1|ZREMRANGEBYSCORE zset -inf inf|ZPOPMIN zset 5000\
                 |ZUNIONSTORE out 2 zset set|ZINTER 2 zset zset|ZDIFF 2 zset small\
                 |ZRANDMEMBER zset 10000|ZMPOP 1 zset MIN COUNT 9999|GEOSEARCH zset FROMLONLAT 0 0 \
                 BYRADIUS 1 m|XRANGE stream - +|XREVRANGE stream + - COUNT 4900\
                 |XREAD STREAMS stream 0|GET text|GETEX text PERSIST|GETDEL text|MGET small text\
                 |GETRANGE text 0 -1|BITCOUNT text|BITOP NOT out text|LCS text text|DUMP zset\
                 |COPY hash out|SCAN 0 COUNT 100000|SSCAN set 0 COUNT 50000|SETRANGE new 9000000 x\
                 |SETRANGE text 9000000 x|SETBIT new 99999999 1\
                 |XREADGROUP GROUP group me STREAMS stream 0|XPENDING stream group - + 9999\
                 |XAUTOCLAIM stream group you 0 0 COUNT 5000|XINFO STREAM stream FULL COUNT 0"
        .split('|')
    {
        assert!(leaves(&mut tester, line), "{line}");
    }
}

#[test]
fn what_is_short_stays_though_the_values_are_large() {
    let mut tester = tester();
    for line in "SMEMBERS small|SINTER set small|SORT small|SUNION small small|SPOP set 10\
                 |SRANDMEMBER set 100|HRANDFIELD hash -10|HGET hash 1|LRANGE list 0 99\
                 |LRANGE list -50 -1|LPOP list 5|LPOP nothing 1000000|LPOP small-list\
                 |LTRIM list 0 -2|ZRANGE zset 0 99|ZRANGEBYSCORE zset 5 100\
                 |ZRANGEBYSCORE zset -inf +inf LIMIT 0 10|ZREMRANGEBYSCORE zset 1 5|ZPOPMIN zset\
                 |XRANGE stream - + COUNT 10|XRANGE stream 10 50|XREAD COUNT 5 STREAMS stream 0\
                 |XREAD STREAMS stream 4990|XTRIM stream MAXLEN 4900|GETRANGE text 5 10\
                 |SETRANGE text 100 x|SETBIT text 100 1|SETRANGE short 100 x|XPENDING stream group\
                 |XPENDING stream group - + 10|XAUTOCLAIM stream group you 0 0\
                 |XREADGROUP GROUP group me COUNT 10 STREAMS stream 0|XINFO STREAM stream FULL\
                 |XADD stream MAXLEN ~ 4000 * f v|XADD stream 9000-0 f v|CLIENT LIST\
                 |PUBSUB CHANNELS|STRLEN text|DEL text|FLUSHALL ASYNC|KEYS *|SCAN 0"
        .split('|')
    {
        assert!(!leaves(&mut tester, line), "{line}");
    }
}

#[test]
fn a_transaction_leaves_as_a_whole_or_not_at_all() {
    let mut tester = tester();
    for line in ["MULTI", "GET small", "SMEMBERS small"] {
        assert!(!leaves(&mut tester, line));
    }
    assert!(!leaves(&mut tester, "EXEC"));
    for line in ["MULTI", "INCR n", "SMEMBERS set"] {
        assert!(!leaves(&mut tester, line));
    }
    assert!(leaves(&mut tester, "EXEC"));
    let mut lent = tester.session.lend();
    assert_eq!(
        (lent.may_leave, tester.session.transaction.is_none()),
        (false, true)
    );
    std::mem::swap(&mut lent, &mut tester.session);
    assert!(!leaves(&mut tester, "EXEC"));
    assert_eq!(tester.line("GET n"), "$1\n1");
    std::mem::swap(&mut lent, &mut tester.session);
    tester.session.give_back(lent);
    assert!(tester.session.may_leave);
}

#[test]
fn many_arguments_make_any_command_long() {
    let mut tester = Tester::new();
    tester.session.may_leave = true;
    let many = |count: usize| format!("RPUSH list{}", " x".repeat(count));
    assert!(!leaves(&mut tester, &many(1500)));
    assert!(leaves(&mut tester, &many(3000)));
    assert_eq!(tester.line("LLEN list"), ":1500");
}

#[test]
fn the_entries_of_a_range_are_estimated_from_its_times() {
    let mut tester = tester();
    tester.session.may_leave = false;
    let hash = tester.server.keyspace.hash(b"stream");
    let locked = tester
        .server
        .keyspace
        .lock_one(tester.server.keyspace.shard_of(hash));
    let shard = tester.server.keyspace.shard_of(hash);
    let entry = locked
        .db(shard, tester.session.db)
        .and_then(|db| db.get(hash, b"stream"));
    let Some(ValueRef::Stream(stream)) = entry.map(|entry| entry.value()) else {
        panic!("a stream");
    };
    let at = |ms| StreamId { ms, seq: 0 };
    assert_eq!(span(stream, at(0), StreamId::MAX), 5000);
    assert!((900..=1100).contains(&span(stream, at(2001), at(3000))));
    assert_eq!(span(stream, at(6000), StreamId::MAX), 0);
}
