//! Payloads of RESTORE: whatever the bytes are, they are refused or become a value that no command
//! stumbles over.
//!
//! The first two bytes choose limits, checks and the commands that then use the key; the rest is
//! type byte and value, to which the target adds the footer. What was restored must also survive
//! being dumped and restored again.
#![no_main]

use commands::{FAMILIES, Origin, Outcome, Server, Session, Table};
use keyspace::{Keyspace, KeyspaceConfig};
use libfuzzer_sys::fuzz_target;
use resp::{Args, ReplyWriter};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Commands run on each restored key.
const COMMANDS: usize = 40;
/// The RDB version that payloads state; 80 is Valkey's.
const VERSIONS: [u16; 4] = [10, 12, 14, 80];

/// What is done with the key `k`.
const USES: &str = "\
GET k|APPEND k abc|SETRANGE k 3 xyz|GETRANGE k 0 -1|INCR k|BITCOUNT k|SETBIT k 9 1|PFCOUNT k
PFADD k a b|PFMERGE k k|STRLEN k|LCS k k|GETEX k PERSIST|OBJECT ENCODING k|MEMORY USAGE k|TYPE k
COPY k l REPLACE|RENAME k k|EXPIRE k 100|SORT k|SORT k ALPHA DESC|TTL k|MOVE k 1|LRANGE k 0 -1
LPUSH k a|RPUSH k b c|LPOP k|RPOP k 2|LINSERT k BEFORE a b|LREM k 0 a|LINDEX k 2|LTRIM k 1 -2
LSET k 0 7|LPOS k a RANK -1 COUNT 0|LMOVE k l LEFT RIGHT|LLEN k|RPOPLPUSH k k|HGETALL k|HSET k f v
HSET k a 1 b 2|HDEL k a|HINCRBY k n 1|HRANDFIELD k -5 WITHVALUES|HSCAN k 0|HRANDFIELD k 3
HEXPIRE k 100 FIELDS 1 f|HPERSIST k FIELDS 1 f|HTTL k FIELDS 1 f|HVALS k|HGET k f
HEXPIRE k 0 FIELDS 2 a b|HGETDEL k FIELDS 1 a|HSTRLEN k f|HINCRBYFLOAT k x 1.5|HKEYS k|HMGET k a b
SMEMBERS k|SADD k a 5|SADD k 100000|SREM k a|SPOP k|SPOP k 2|SRANDMEMBER k -5|SRANDMEMBER k 3
SSCAN k 0|SISMEMBER k 5|SINTER k k|SUNIONSTORE l k k|SDIFF k l|SMOVE k l a|SCARD k
SINTERCARD 1 k LIMIT 2|ZRANGE k 0 -1 WITHSCORES|ZADD k 1 a|ZADD k -5.5 b 7 c|ZREM k a|ZPOPMIN k
ZPOPMAX k 2|ZRANK k a|ZRANGEBYSCORE k -inf +inf LIMIT 1 3|ZREVRANGE k 0 2|ZINCRBY k 2 a
ZUNIONSTORE l 2 k k|ZSCAN k 0|ZREMRANGEBYRANK k 0 0|ZREMRANGEBYSCORE k 1 2|ZRANGEBYLEX k - +
ZRANDMEMBER k -4|ZCOUNT k 0 9|ZLEXCOUNT k [a +|ZREVRANK k c|ZINTER 2 k k|ZREMRANGEBYLEX k [a [b
ZMSCORE k a b|GEOPOS k a|XRANGE k - +|XREVRANGE k + - COUNT 3|XADD k * a 1|XADD k MAXLEN 2 * b 2
XDEL k 1-1|XTRIM k MAXLEN 1|XREAD STREAMS k 0|XREADGROUP GROUP g c STREAMS k >
XREADGROUP GROUP g c STREAMS k 0|XLEN k|XPENDING k g|XPENDING k g - + 10|XAUTOCLAIM k g d 0 0
XCLAIM k g d 0 1-1 FORCE|XACK k g 1-1|XINFO STREAM k FULL|XINFO GROUPS k|XINFO CONSUMERS k g
XGROUP CREATE k g 0|XGROUP SETID k g 1-1|XGROUP DELCONSUMER k g c|XGROUP DESTROY k g|XSETID k 9-9
XTRIM k MINID 2|XDELEX k DELREF IDS 1 1-1|XINFO STREAM k|XGROUP CREATECONSUMER k g e
XACKDEL k g IDS 1 1-1";

struct Client {
    server: Server,
    session: Session,
}

impl Client {
    fn new(choice: u8) -> Self {
        let config = KeyspaceConfig {
            shards: 4,
            ..KeyspaceConfig::default()
        };
        let table = Table::new(FAMILIES, &[]).expect("a table without renamed commands");
        let server = Server::new(Arc::new(Keyspace::new(config)), table, 1);
        let settings = &server.settings;
        settings.proto_max_bulk_len.store(1 << 20, Relaxed);
        settings
            .sanitize_dump_payload
            .store((choice & 1).into(), Relaxed);
        if choice & 2 != 0 {
            settings.hash_max_listpack_entries.store(3, Relaxed);
            settings.zset_max_listpack_entries.store(3, Relaxed);
            settings.set_max_intset_entries.store(3, Relaxed);
            settings.list_max_listpack_size.store(2, Relaxed);
        }
        if choice & 4 != 0 {
            settings.set_max_listpack_entries.store(4, Relaxed);
            settings.list_compress_depth.store(1, Relaxed);
        }
        Self {
            server,
            session: Session::detached(Origin::Client, 0),
        }
    }

    fn run(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let args = Args::new(args);
        let prepared = commands::prepare(&self.server, args);
        let mut reply = Vec::new();
        let mut out = ReplyWriter::new(&mut reply, self.session.proto);
        let outcome = commands::dispatch(&self.server, &mut self.session, args, prepared, &mut out);
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        commands::batch_end(&self.server, &mut self.session);
        reply
    }

    /// Dumps the key and restores it elsewhere.
    fn assert_survives_a_dump(&mut self) {
        let reply = self.run(&[b"DUMP", b"k"]);
        let Some(end) = reply.windows(2).position(|pair| pair == b"\r\n") else {
            panic!("no line")
        };
        if !reply.starts_with(b"$-1") {
            let payload = &reply[end + 2..reply.len() - 2];
            let restored = self.run(&[b"RESTORE", b"copy", b"0", payload, b"REPLACE"]);
            assert_eq!(restored, b"+OK\r\n", "{}", payload.escape_ascii());
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [choice, seed, value @ ..] = data else {
        return;
    };
    let mut payload = value.to_vec();
    let version = VERSIONS[usize::from(choice >> 3 & 3)];
    payload.extend_from_slice(&version.to_le_bytes());
    let crc = common::crc64::crc64(0, &payload);
    payload.extend_from_slice(&crc.to_le_bytes());

    let mut client = Client::new(*choice);
    if client.run(&[b"RESTORE", b"k", b"0", &payload]) != b"+OK\r\n" {
        return;
    }
    client.assert_survives_a_dump();
    let uses: Vec<&str> = USES.split(['\n', '|']).collect();
    let mut state = u32::from(*seed);
    for _ in 0..COMMANDS {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let line = uses[(state >> 16) as usize % uses.len()];
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.run(&words);
    }
    client.assert_survives_a_dump();
    commands::disconnect(&client.server, client.session);
});
