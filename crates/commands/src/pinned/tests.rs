//! What commands reply and store from pins is what they do under locks, whatever others do in
//! between: they do it the moment the locks are let go of.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use resp::ReplyWriter;

use super::*;
use crate::Outcome;
use crate::testing::{Tester, all_commands};

/// A client on an executor, with values of all types in a keyspace where all is pinned that can be.
fn tester() -> Tester {
    let mut tester = Tester::new();
    for line in [
        "SADD set a b c",
        "SADD other b c d",
        "ZADD zset 1 a 2 b",
        "RPUSH list 3 1 2",
        "HSET hash f v",
        "SET text value",
        "XADD stream 1-1 f v",
        "GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    ] {
        tester.line(line);
    }
    tester.session.may_pin = true;
    tester
}

fn dispatch(tester: &mut Tester, line: &str) -> (Outcome, String) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let (args, mut buffer) = (Args::new(&words), Vec::new());
    let prepared = crate::prepare(&tester.server, args);
    let mut out = ReplyWriter::new(&mut buffer, tester.session.proto);
    let outcome = crate::dispatch(
        &tester.server,
        &mut tester.session,
        args,
        prepared,
        &mut out,
    );
    crate::batch_end(&tester.server, &mut tester.session);
    (outcome, String::from_utf8_lossy(&buffer).into_owned())
}

/// A reader whose `wake_others` runs something while the command has its pins and no locks.
struct Meanwhile(Box<dyn Fn() + Send + Sync>, Arc<AtomicUsize>);

impl crate::session::ClientLink for Meanwhile {
    fn resume(&self) {
        self.1.fetch_add(1, SeqCst);
    }
    fn unblock(&self, _: bytes::Bytes) {}
    fn push(&self, _: bytes::Bytes) {}
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
    fn wake_others(&self) {
        (self.0)();
    }
}

/// Sees to it that these commands of another client run as soon as a command has pinned its keys;
/// counts how often the client is resumed.
fn meanwhile(tester: &mut Tester, lines: &'static [&'static str]) -> Arc<AtomicUsize> {
    let (resumed, server) = (Arc::default(), Arc::clone(&tester.server));
    let run = move || {
        let session = crate::Session::detached(crate::Origin::Client, 0);
        let server = Arc::clone(&server);
        let mut other = Tester { server, session };
        lines.iter().for_each(|line| drop(other.line(line)));
    };
    tester.session.link = Arc::new(Meanwhile(Box::new(run), Arc::clone(&resumed)));
    resumed
}

#[test]
fn who_stores_without_holding_locks_all_the_while_is_known() {
    let mut storing: Vec<_> = all_commands()
        .filter(|command| is_for(command) && command.has(flag::WRITE))
        .map(|command| command.name)
        .collect();
    storing.sort_unstable();
    let known = "bitop copy georadius georadiusbymember geosearchstore sdiffstore sinterstore \
                 sort sunionstore zdiffstore zinterstore zrangestore zunionstore";
    assert_eq!(storing.join(" "), known);
}

#[test]
fn every_long_reader_of_keys_can_do_without_locks() {
    let missing: Vec<_> = all_commands()
        .filter(|command| command.has(flag::READONLY) && !command.cost.is_small())
        .filter(|command| !command.keys.is_empty() && !is_for(command))
        .map(|command| command.name)
        .collect();
    // PFCOUNT keeps what it found with the key.
    assert_eq!(missing, ["pfcount"]);
}

/// Readers and what they reply to keys of their type, of none and of another.
const READERS: &str = "SMEMBERS set|SMEMBERS none|SMEMBERS text|SINTER set other\
    |SUNION set none set|SDIFF set other|SINTERCARD 2 set other|SUNIONCARD 2 set none\
    |SSCAN set 0 COUNT 100\
    |ZRANGE zset 0 -1 WITHSCORES|ZRANGEBYSCORE zset -inf inf|ZUNION 2 zset set|ZINTER 2 zset set\
    |ZDIFF 2 zset none|ZINTERCARD 2 zset set|ZCOUNT zset 0 9|ZLEXCOUNT zset - +|LRANGE list 0 -1\
    |LPOS list 2|SORT list|SORT list DESC LIMIT 0 2|SORT_RO set ALPHA|SORT none|HGETALL hash\
    |HKEYS hash|HVALS hash|GET text|GET set|MGET text none set|GETRANGE text 1 2|STRLEN text\
    |BITCOUNT text|BITPOS text 1|LCS text text|DUMP zset|MEMORY USAGE set SAMPLES 0\
    |XRANGE stream - +|XREVRANGE stream + -|XREAD STREAMS stream none 0 0|XREAD STREAMS stream 9\
    |XINFO STREAM stream FULL|GEOSEARCH places FROMLONLAT 15 37 BYRADIUS 200 km ASC\
    |BITFIELD_RO text GET u8 0|TTL set|OBJECT ENCODING set|EXISTS set none set|TYPE zset";

#[test]
fn readers_reply_from_pins_what_they_reply_under_locks() {
    let mut tester = tester();
    let resumed = meanwhile(&mut tester, &[]);
    for line in READERS.split('|') {
        tester.session.may_pin = true;
        let without = dispatch(&mut tester, line);
        tester.session.may_pin = false;
        assert_eq!(without, dispatch(&mut tester, line), "{line}");
    }
    assert_eq!(resumed.load(SeqCst), 0);
    assert_eq!(tester.line("DEBUG PINS set"), ":0");
}

#[test]
fn a_reader_sees_the_keys_as_they_were_when_it_began() {
    let mut tester = tester();
    meanwhile(
        &mut tester,
        &[
            "SADD set z",
            "DEL other",
            "SET none v",
            "RENAME list elsewhere",
        ],
    );
    for (line, reply) in [
        ("SORT set ALPHA", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"),
        ("LRANGE elsewhere 0 0", "*1\r\n$1\r\n3\r\n"),
    ] {
        assert_eq!(
            dispatch(&mut tester, line),
            (Outcome::Done, reply.into()),
            "{line}"
        );
    }
    tester.session.may_pin = false;
    assert_eq!(tester.line("SCARD set"), ":4");
    assert_eq!(tester.line("EXISTS other none"), ":1");
}

#[test]
fn what_is_flushed_or_deleted_under_a_reader_is_read_to_its_end() {
    for line in [
        "FLUSHALL SYNC",
        "FLUSHDB ASYNC",
        "SWAPDB 0 1",
        "UNLINK list",
        "MOVE list 3",
    ] {
        let line: &'static [&'static str] = Box::leak(Box::new([line]));
        let mut tester = tester();
        meanwhile(&mut tester, line);
        let (_, reply) = dispatch(&mut tester, "LRANGE list 0 -1");
        assert_eq!(reply, "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2\r\n", "{line:?}");
        assert_eq!(tester.line("EXISTS list"), ":0", "{line:?}");
    }
}

/// Who stores, from sources `set`, `zset`, `list`, `text` or `places`, into `out`; with the type of
/// that then.
const STORING: &str = "SUNIONSTORE out set other|SINTERSTORE out set other|SDIFFSTORE out set other\
    |ZUNIONSTORE out 2 zset set|ZINTERSTORE out 2 zset set|ZDIFFSTORE out 2 zset none\
    |ZRANGESTORE out zset 0 -1|SORT list STORE out|COPY hash out|COPY set out REPLACE\
    |BITOP NOT out text|GEOSEARCHSTORE out places FROMLONLAT 15 37 BYRADIUS 200 km\
    |GEORADIUS places 15 37 200 km STORE out|SUNIONSTORE set set other|COPY set out DB 1";

#[test]
fn what_is_stored_is_what_is_stored_under_locks() {
    for line in STORING.split('|') {
        let outcome = |may_pin: bool| {
            let mut tester = tester();
            let mut log = tester.server.log.read_from_end();
            tester.session.may_pin = may_pin;
            let replied = dispatch(&mut tester, line);
            let mut bytes = Vec::new();
            log.read(&mut bytes);
            (replied, tester.line("DEBUG DIGEST"), bytes)
        };
        let stored = outcome(true);
        assert_eq!(stored, outcome(false), "{line}");
        assert!(!stored.2.is_empty(), "{line}");
    }
}

#[test]
fn what_was_read_and_has_changed_is_not_stored() {
    for change in [
        "SADD set z",
        "DEL set",
        "SET set v",
        "RENAME set b",
        "EXPIRE set 100",
        "FLUSHALL",
        "SWAPDB 0 1",
        "PEXPIRE set -1",
        "SADD none x",
    ] {
        let line: &'static [&'static str] = Box::leak(Box::new([change]));
        let mut tester = tester();
        let resumed = meanwhile(&mut tester, line);
        let command = "SUNIONSTORE out set none";
        let first = dispatch(&mut tester, command);
        assert_eq!(first, (Outcome::Deferred, String::new()), "{change}");
        assert_eq!(resumed.load(SeqCst), 1, "{change}");
        assert_eq!(
            tester
                .server
                .stats
                .totals(tester.server.table.find(b"sunionstore"))
                .calls,
            0
        );
        // The other changes no more, but would be seen if it did: now the locks are kept.
        let (outcome, reply) = dispatch(&mut tester, command);
        assert_eq!(outcome, Outcome::Done, "{change}");
        let expected = match change {
            "SADD set z" | "SADD none x" => ":4\r\n",
            "EXPIRE set 100" => ":3\r\n",
            "SET set v" => "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            _ => ":0\r\n",
        };
        assert_eq!(reply, expected, "{change}");
        assert!(!tester.session.keeps_locks);
    }
}

#[test]
fn changes_of_the_destination_and_of_other_keys_do_not_matter() {
    let mut tester = tester();
    let resumed = meanwhile(&mut tester, &["SET out v", "SET text w", "OBJECT FREQ set"]);
    let stored = dispatch(&mut tester, "SUNIONSTORE out set other");
    assert_eq!(stored, (Outcome::Done, ":4\r\n".into()));
    assert_eq!(resumed.load(SeqCst), 0);
    assert_eq!(tester.line("TYPE out"), "+set");
}

#[test]
fn a_command_that_may_not_run_any_more_goes_back() {
    let mut tester = tester();
    let resumed = meanwhile(&mut tester, &["CLIENT PAUSE 100000 WRITE"]);
    let stored = dispatch(&mut tester, "SUNIONSTORE out set other");
    assert_eq!(stored.0, Outcome::Deferred);
    assert_eq!(
        dispatch(&mut tester, "SUNIONSTORE out set other").0,
        Outcome::Deferred
    );
    assert_eq!(resumed.load(SeqCst), 0, "the end of the pause does that");
    tester.line("CLIENT UNPAUSE");
    assert!(resumed.load(SeqCst) > 0);
    let resumed = meanwhile(&mut tester, &["REPLICAOF 127.0.0.1 1"]);
    assert_eq!(
        dispatch(&mut tester, "SUNIONSTORE out set other").0,
        Outcome::Deferred
    );
    assert_eq!(resumed.load(SeqCst), 1);
    let (outcome, reply) = dispatch(&mut tester, "SUNIONSTORE out set other");
    assert_eq!((outcome, &reply[..9]), (Outcome::Done, "-READONLY"));
}

#[test]
fn a_waiting_reader_waits_under_its_locks() {
    let mut tester = tester();
    meanwhile(&mut tester, &[]);
    let (outcome, reply) = dispatch(&mut tester, "XREAD BLOCK 0 STREAMS stream none 1-1 0");
    assert_eq!((outcome, reply), (Outcome::Blocked, String::new()));
    let mut tester = self::tester();
    meanwhile(&mut tester, &["XADD stream 2-1 f w"]);
    let line = "XREAD BLOCK 0 STREAMS stream 1-1";
    assert_eq!(dispatch(&mut tester, line).0, Outcome::Deferred);
    let (outcome, reply) = dispatch(&mut tester, line);
    assert!(outcome == Outcome::Done && reply.contains("2-1"), "{reply}");
}

/// A set too large to be copied under a lock.
fn large(tester: &mut Tester) {
    for part in 0..20 {
        let members: Vec<String> = (0..1000).map(|i| format!("{}", part * 1000 + i)).collect();
        tester.line(&format!("SADD large {}", members.join(" ")));
    }
}

#[test]
fn writers_of_a_large_value_wait_and_readers_behind_them() {
    let mut tester = tester();
    large(&mut tester);
    let pin = pin(&tester.server, b"large");
    let resumed = meanwhile(&mut tester, &[]);
    assert_eq!(dispatch(&mut tester, "SCARD large").1, ":20000\r\n");
    let (outcome, _) = dispatch(&mut tester, "SRANDMEMBER large");
    assert_eq!(outcome, Outcome::Done);
    for line in [
        "SADD large x",
        "SREM large 1",
        "EXPIRE large 5",
        "RENAME large small",
    ] {
        assert_eq!(dispatch(&mut tester, line).0, Outcome::Deferred, "{line}");
    }
    // One reader after the other would keep the writer waiting for ever.
    assert_eq!(dispatch(&mut tester, "SMEMBERS large").0, Outcome::Deferred);
    assert_eq!(
        dispatch(&mut tester, "SUNIONSTORE out set large").0,
        Outcome::Deferred
    );
    assert_eq!(
        dispatch(&mut tester, "SISMEMBER large 1").0,
        Outcome::Deferred
    );
    assert_eq!(resumed.load(SeqCst), 0);
    drop(pin);
    assert_eq!(resumed.load(SeqCst), 7);
    assert_eq!(dispatch(&mut tester, "SADD large x").1, ":1\r\n");
    assert_eq!(dispatch(&mut tester, "SMEMBERS large").0, Outcome::Done);
}

#[test]
fn a_large_value_deleted_under_its_reader_is_not_freed_under_a_lock() {
    let mut tester = tester();
    large(&mut tester);
    meanwhile(&mut tester, &["DEL large"]);
    let (_, reply) = dispatch(&mut tester, "SMEMBERS large");
    assert!(reply.starts_with("*20000\r\n"));
    assert_eq!(tester.line("EXISTS large"), ":0");
}

#[test]
fn who_tracks_is_told_of_what_changed_after_it_was_read() {
    let mut tester = tester();
    tester.session.proto = resp::Proto::Resp3;
    tester.line("HELLO 3");
    tester.line("CLIENT TRACKING ON");
    meanwhile(&mut tester, &["SADD set z"]);
    dispatch(&mut tester, "SMEMBERS set");
    // The key is forgotten when that was told.
    assert_eq!(tester.server.tracking.key_count(), 0);
}

#[test]
fn locks_are_kept_where_something_follows_from_reading() {
    let mut tester = tester();
    tester.line("PEXPIRE set 1");
    tester.line("CONFIG SET notify-keyspace-events KEA");
    let over_ms = common::clock::now_ms() + 3;
    while common::clock::now_ms() < over_ms {}
    let resumed = meanwhile(&mut tester, &["SADD other y"]);
    assert_eq!(dispatch(&mut tester, "SUNION set").1, "*0\r\n");
    assert_eq!(
        dispatch(&mut tester, "SORT list BY other*").0,
        Outcome::Done
    );
    assert_eq!(resumed.load(SeqCst), 0);
    assert_eq!(tester.line("SCARD other"), ":3");
}

/// A pin on what database 0 has at a key.
fn pin(server: &Server, key: &[u8]) -> Option<Pin> {
    let hash = server.keyspace.hash(key);
    let shard = server.keyspace.shard_of(hash);
    let locked = server.keyspace.lock_one(shard);
    let db = locked.db(shard, DbId(0))?;
    db.get(hash, key).and_then(|entry| db.pin(entry))
}

#[test]
fn due_fields_of_a_large_hash_stay_while_it_is_read() {
    let mut tester = tester();
    for part in 0..20 {
        let fields = (0..500).map(|i| format!("f{part}:{i} v"));
        tester.line(&format!(
            "HSET large {}",
            fields.collect::<Vec<_>>().join(" ")
        ));
    }
    tester.line("HPEXPIRE large 100000 FIELDS 1 f0:0");
    // It is due then, for the cycle, but not for the client's commands.
    let now_ms = common::clock::now_ms() + 100_000;
    let mut session = crate::Session::detached(crate::Origin::Internal, 0);
    let pinned = pin(&tester.server, b"large").unwrap();
    let next_ms = crate::expire::cycle(&tester.server, &mut session, now_ms + 10);
    assert!(next_ms > now_ms + 10, "it does not try on and on");
    assert!(pin(&tester.server, b"large").is_none(), "somebody waits");
    assert_eq!(pinned.entry().pin_count(), 1);
    drop(pinned);
    assert!(
        pin(&tester.server, b"large").is_some(),
        "nothing was copied, or is in the way"
    );
    assert_eq!(tester.line("HLEN large"), ":10000");
    crate::expire::cycle(&tester.server, &mut session, now_ms + 10 + 1000);
    assert_eq!(tester.line("HLEN large"), ":9999");
}

#[test]
fn a_key_that_no_other_of_its_database_is_beside_can_be_read_with_missing_ones() {
    let mut tester = tester();
    tester.line("SELECT 3");
    tester.line("SADD only a b");
    meanwhile(&mut tester, &["FLUSHALL"]);
    let missing: String = (0..20).map(|i| format!(" missing:{i}")).collect();
    let (_, reply) = dispatch(&mut tester, &format!("SUNION only{missing}"));
    assert!(reply.starts_with("*2\r\n"), "{reply}");
}
