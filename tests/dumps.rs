//! DUMP and RESTORE against `redis-server`, and MIGRATE between two servers.
//!
//! What one dumps the other restores, with the same content, encoding and, where the order is
//! fixed, the same bytes. Nothing of that is tested where Redis is not installed.

use super::support::{RawClient, Server, Value};

const OPTIONS: [&str; 2] = ["--enable-debug-command", "yes"];

/// Bytes of any kind as arguments.
fn call(client: &mut RawClient, args: &[&[u8]]) -> Value {
    let mut request = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        request.extend_from_slice(arg);
        request.extend_from_slice(b"\r\n");
    }
    client.send(&request);
    client.read()
}

fn dump(client: &mut RawClient, key: &str) -> Vec<u8> {
    match call(client, &[b"DUMP", key.as_bytes()]) {
        Value::Bulk(payload) => payload,
        other => panic!("{key}: {other:?}"),
    }
}

/// What makes keys of every type and encoding; the name's beginning is the type.
fn commands() -> Vec<String> {
    let mut commands: Vec<String> = [
        "SET str:int 12345",
        "SET str:wide 123456789012",
        "SET str:negative -7",
        "SET str:text some-text",
        "SET str:empty-ish x",
        "APPEND str:raw abc",
        "SETRANGE str:zeros 5000 end",
        "PFADD str:hll a b c d e",
        "RPUSH list:one x",
        "RPUSH list:ints 1 -1 300 70000 5000000000",
        "SADD set:ints 1 2 3 -5",
        "SADD set:wide 1 99999999999",
        "SADD set:texts a b c 1",
        "ZADD zset:small 1 a 2.5 b -inf c 1e100 d",
        "HSET hash:small a 1 b two c 3.0",
        "HSET hash:ints 0 127 128 -1 -4096 4095 4096 -32769 8388608 -2147483649 9 -8388609",
        "XADD stream:plain 1-1 a 1 b 2",
        "XADD stream:plain 2-5 a 3 b 4",
        "XADD stream:plain 7-0 c 5",
        "XDEL stream:plain 2-5",
        "XADD stream:groups 1-1 a 1",
        "XADD stream:groups 2-1 a 1",
        "XGROUP CREATE stream:groups g 0",
        "XGROUP CREATE stream:groups h $",
        "XGROUP CREATECONSUMER stream:groups h idle",
        "XREADGROUP GROUP g alice COUNT 1 STREAMS stream:groups >",
        "XREADGROUP GROUP g bob STREAMS stream:groups >",
        "XADD stream:empty 3-3 a 1",
        "XDEL stream:empty 3-3",
    ]
    .map(String::from)
    .to_vec();
    for i in 0..700 {
        commands.push(format!("RPUSH list:long element-{}", i % 50));
        commands.push(format!("SADD set:large member-{i}"));
        commands.push(format!("SADD set:large-ints {i}"));
        commands.push(format!("ZADD zset:large {} member-{i}", i * 37 % 101));
        commands.push(format!(
            "HSET hash:large field-{i} {}",
            "v".repeat(1 + i % 90)
        ));
        commands.push(format!("XADD stream:long {i}-1 field {i}"));
    }
    for len in [1, 62, 63, 64] {
        commands.push(format!("HSET hash:texts {} 7", "f".repeat(len)));
        commands.push(format!("HSET hash:texts {len} {}", "v".repeat(len)));
    }
    commands.push(format!("RPUSH list:plain small {} small", "x".repeat(9000)));
    commands
}

pub(super) fn fill(client: &mut RawClient) -> Vec<String> {
    for command in commands() {
        if let Value::Error(error) = client.call(&command) {
            panic!("{command}: {error}");
        }
    }
    client.call("KEYS *").sorted()
}

/// Content and encoding. A string that was changed in place is `raw` whatever its length, until it
/// is read from a dump.
fn look(client: &mut RawClient, key: &str) -> (String, String) {
    let digest = client.call(&format!("DEBUG DIGEST-VALUE {key}"));
    let encoding = client
        .call(&format!("OBJECT ENCODING {key}"))
        .text()
        .replace("raw", "embstr");
    (digest.elements()[0].text(), encoding)
}

/// Dumps all keys of one and restores them at the other.
fn assert_moves(from: &mut RawClient, to: &mut RawClient) {
    for key in fill(from) {
        let payload = dump(from, &key);
        let reply = call(to, &[b"RESTORE", key.as_bytes(), b"0", &payload]);
        assert_eq!(reply, Value::simple("OK"), "{key}");
        assert_eq!(look(from, &key), look(to, &key), "{key}");
        if key.starts_with("stream") {
            let full = format!("XINFO STREAM {key} FULL");
            assert_eq!(from.call(&full), to.call(&full), "{key}");
        }
        let unordered = ["set:large", "set:large-ints", "set:texts", "hash:large"];
        if !unordered.contains(&key.as_str()) {
            assert_eq!(dump(to, &key), payload, "{key}");
        }
    }
}

/// Strings as they are: compressed ones may differ in bytes, there are many right ways.
const PLAIN: [&str; 2] = ["--rdbcompression", "no"];

/// Ours and redis-server, with these options, too.
fn both(extra: &[&str]) -> Option<(Server, Server)> {
    let options = [&OPTIONS[..], extra].concat();
    let redis = Server::start_redis(&options)?;
    Some((Server::start(&options), redis))
}

#[test]
fn redis_restores_what_we_dump() {
    let Some((ours, redis)) = both(&PLAIN) else {
        return;
    };
    assert_moves(&mut ours.raw(), &mut redis.raw());
}

#[test]
fn we_restore_what_redis_dumps() {
    let Some((ours, redis)) = both(&PLAIN) else {
        return;
    };
    assert_moves(&mut redis.raw(), &mut ours.raw());
}

#[test]
fn compressed_dumps_are_read_on_both_sides() {
    let Some((ours, redis)) = both(&[]) else {
        return;
    };
    let (mut ours, mut redis) = (ours.raw(), redis.raw());
    for key in fill(&mut ours) {
        let payload = dump(&mut ours, &key);
        let reply = call(&mut redis, &[b"RESTORE", key.as_bytes(), b"0", &payload]);
        assert_eq!(reply, Value::simple("OK"), "{key}");
        let back = dump(&mut redis, &key);
        let reply = call(
            &mut ours,
            &[b"RESTORE", key.as_bytes(), b"0", &back, b"REPLACE"],
        );
        assert_eq!(reply, Value::simple("OK"), "{key}");
        assert_eq!(look(&mut ours, &key), look(&mut redis, &key), "{key}");
    }
}

/// Long elements in small hashes: their backlens, which are not kept in memory, have up to four
/// bytes.
#[test]
fn small_hashes_with_long_texts_are_the_same_bytes_on_both_sides() {
    let long = ["--hash-max-listpack-value", "4000000"];
    let Some((ours, redis)) = both(&[PLAIN, long].concat()) else {
        return;
    };
    let (mut ours, mut redis) = (ours.raw(), redis.raw());
    for len in [
        64, 125, 126, 127, 4095, 4096, 16_377, 16_378, 16_379, 70_000, 2_100_000,
    ] {
        let (field, value) = (format!("field-{len}"), "v".repeat(len));
        for client in [&mut ours, &mut redis] {
            let reply = call(client, &[b"HSET", b"h", field.as_bytes(), value.as_bytes()]);
            assert_eq!(reply, Value::Integer(1), "{len}");
        }
        let payload = dump(&mut redis, "h");
        assert!(dump(&mut ours, "h") == payload, "{len}");
        let reply = call(&mut ours, &[b"RESTORE", b"h", b"0", &payload, b"REPLACE"]);
        assert_eq!(reply, Value::simple("OK"), "{len}");
        assert!(dump(&mut ours, "h") == payload, "{len}");
        assert_eq!(ours.call("OBJECT ENCODING h"), Value::bulk("listpack"));
    }
}

/// Under limits that Redis applies while it reads, both choose the same encodings.
#[test]
fn encodings_follow_the_directives_while_reading() {
    let tight = [
        "--hash-max-listpack-entries",
        "2",
        "--set-max-intset-entries",
        "2",
        "--zset-max-listpack-entries",
        "2",
        "--list-max-listpack-size",
        "2",
    ];
    let Some((ours, redis)) = both(&[&PLAIN[..], &tight].concat()) else {
        return;
    };
    let source = Server::start(&OPTIONS);
    let (mut ours, mut redis, mut source) = (ours.raw(), redis.raw(), source.raw());
    for key in fill(&mut source) {
        let payload = dump(&mut source, &key);
        for client in [&mut ours, &mut redis] {
            let reply = call(client, &[b"RESTORE", key.as_bytes(), b"0", &payload]);
            assert_eq!(reply, Value::simple("OK"), "{key}");
        }
        assert_eq!(look(&mut ours, &key), look(&mut redis, &key), "{key}");
    }
}

/// Two of ours, and the address of the second for MIGRATE. All of the second sleeps when it sleeps.
fn pair() -> (Server, Server, String) {
    let target = [&OPTIONS[..], &["--io-threads", "1"]].concat();
    let (from, to) = (Server::start(&OPTIONS), Server::start(&target));
    let address = format!("127.0.0.1 {}", to.port());
    (from, to, address)
}

#[test]
fn migrate_moves_keys_with_their_expiry() {
    let (from, to, address) = pair();
    let (mut from, mut to) = (from.raw(), to.raw());
    from.call("MSET a 1 b 2");
    from.call("PSETEX c 60000 3");
    let reply = from.call(&format!("MIGRATE {address} a 3 5000 COPY"));
    assert_eq!(reply, Value::simple("OK"));
    let words: Vec<String> = format!("MIGRATE {address} _ 3 5000 REPLACE KEYS a b none c")
        .split(' ')
        .map(|word| word.replace('_', ""))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(from.call_args(&words), Value::simple("OK"));
    assert_eq!(from.call("EXISTS a b c"), Value::Integer(0));
    to.call("SELECT 3");
    let values = to.call("MGET a b c");
    assert_eq!(values.sorted(), ["1", "2", "3"]);
    let ttl = to.call("PTTL c").number();
    assert!((1..=60_000).contains(&ttl), "{ttl}");
}

#[test]
fn what_the_target_refuses_stays() {
    let (from, to, address) = pair();
    let (mut from, mut to) = (from.raw(), to.raw());
    from.call("SET k ours");
    to.call("SET k theirs");
    let reply = from.call(&format!("MIGRATE {address} k 0 5000"));
    let refusal = "ERR Target instance replied with error: \
                   BUSYKEY Target key name already exists.";
    assert_eq!(reply, Value::error(refusal));
    assert_eq!(from.call("GET k"), Value::bulk("ours"));
    let port = super::support::free_port();
    let reply = from.call(&format!("MIGRATE 127.0.0.1 {port} k 0 5000"));
    // To be refused shows, as in Redis, when the first bytes are sent.
    let refusal = "IOERR error or timeout writing to target instance";
    assert_eq!(reply, Value::error(refusal));
}

/// While the target does not answer, the server does: the key can be read, other keys changed, and
/// who would change the key waits.
#[test]
fn a_slow_target_holds_nobody_but_writers_of_the_key() {
    let (from, to, address) = pair();
    let (mut mover, mut reader, mut writer) = (from.raw(), from.raw(), from.raw());
    mover.call("SET k v");
    let mut sleeper = to.raw();
    sleeper.send_command(&["DEBUG", "SLEEP", "1"]);
    // It is asleep once it does not answer any more.
    let mut probe = to.raw();
    probe.set_patience(std::time::Duration::from_millis(50));
    loop {
        probe.send(b"PING\r\n");
        if !probe.is_answered() {
            break;
        }
        probe.read();
    }
    mover.send_command(
        &format!("MIGRATE {address} k 0 9000")
            .split(' ')
            .collect::<Vec<_>>(),
    );
    super::support::wait_until("the key moves", || {
        writer.send_command(&["APPEND", "k", "!"]);
        writer.set_patience(std::time::Duration::from_millis(50));
        !writer.is_answered() || {
            writer.read();
            false
        }
    });
    let value = reader.call("GET k").text();
    assert!(value.starts_with('v'), "{value}");
    assert_eq!(reader.call("SET other 1"), Value::simple("OK"));
    assert_eq!(mover.read(), Value::simple("OK"));
    // The writer's command ran after the move, on a key that was not there.
    writer.set_patience(super::support::PATIENCE);
    assert_eq!(writer.read(), Value::Integer(1));
    assert_eq!(reader.call("GET k"), Value::bulk("!"));
}

/// The client of a MIGRATE goes away; the key must not stay on both sides.
#[test]
fn a_migration_is_ended_without_its_client() {
    let (from, to, address) = pair();
    let mut reader = from.raw();
    reader.call("SET k v");
    to.raw().send_command(&["DEBUG", "SLEEP", "0.3"]);
    let mut mover = from.raw();
    mover.send_command(
        &format!("MIGRATE {address} k 0 9000")
            .split(' ')
            .collect::<Vec<_>>(),
    );
    drop(mover);
    super::support::wait_until("the key is gone", || {
        reader.call("EXISTS k") == Value::Integer(0)
    });
    assert_eq!(to.raw().call("GET k"), Value::bulk("v"));
}
