//! Keys, their lifetimes, SCAN and the commands that walk everything: section I of the list of
//! behaviours that the project serves; the ids stand with the tests.
//!
//! Of I5, names of types of modules wait for those types.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::support::{RawClient, Value, start, wait_until};

/// Sends all commands at once, then reads all replies.
fn pipeline(client: &mut RawClient, commands: impl Iterator<Item = String>) -> Vec<Value> {
    let commands: Vec<String> = commands.collect();
    let mut replies = Vec::with_capacity(commands.len());
    for part in commands.chunks(1000) {
        client.send((part.join("\r\n") + "\r\n").as_bytes());
        replies.extend(part.iter().map(|_| client.read()));
    }
    replies
}

/// Calls SCAN until its cursor is 0; what it returned, with repetitions.
fn scan(
    client: &mut RawClient,
    options: &str,
    mut between: impl FnMut(&mut RawClient),
) -> Vec<String> {
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = client.call(&format!("SCAN {cursor} {options}"));
        let [next, page] = reply.elements() else {
            panic!("{reply:?} is no page")
        };
        keys.extend(page.elements().iter().map(Value::text));
        cursor = next.text();
        if cursor == "0" {
            return keys;
        }
        between(client);
    }
}

/// I1, I2, I3, I4, I5, I16.
#[test]
fn keys_are_inspected_and_deleted() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("EXPIRE absent 10"), Value::Integer(0));
    assert_eq!(client.call("TTL absent"), Value::Integer(-2));
    assert_eq!(client.call("TYPE absent"), Value::simple("none"));
    client.call("MSET legacy:key 1 b 2 c 3");
    assert_eq!(client.call("TTL legacy:key"), Value::Integer(-1));
    assert_eq!(client.call("EXPIRE legacy:key 86400"), Value::Integer(1));
    assert!((86_399..=86_400).contains(&client.call("TTL legacy:key").number()));
    assert_eq!(client.call("TYPE legacy:key"), Value::simple("string"));
    assert_eq!(
        client.call("EXISTS legacy:key b absent b"),
        Value::Integer(3)
    );
    assert_eq!(scan(&mut client, "TYPE string", |_| ()).len(), 3);
    assert_eq!(scan(&mut client, "TYPE hash", |_| ()).len(), 0);
    assert_eq!(client.call("DEL b c absent"), Value::Integer(2));
    assert_eq!(client.call("DBSIZE"), Value::Integer(1));
}

/// I5, I16.
#[test]
fn every_type_has_its_name() {
    let (_server, mut client) = start(&[]);
    for (command, name) in [
        ("SET k v", "string"),
        ("HSET k f v", "hash"),
        ("RPUSH k v", "list"),
        ("SADD k v", "set"),
        ("ZADD k 1 v", "zset"),
        ("XADD k * f v", "stream"),
    ] {
        client.call("DEL k");
        client.call(command);
        assert_eq!(client.call("TYPE k"), Value::simple(name));
        assert_eq!(scan(&mut client, &format!("TYPE {name}"), |_| ()), ["k"]);
    }
}

/// I6.
#[test]
fn keys_match_globs() {
    let (_server, mut client) = start(&[]);
    client.call("MSET user:1 x user:1:settings x user:22 x other x a* x");
    for (pattern, expected) in [
        ("user:*", &["user:1", "user:1:settings", "user:22"][..]),
        ("user:*:settings", &["user:1:settings"]),
        ("user:?", &["user:1"]),
        ("user:[12]*", &["user:1", "user:1:settings", "user:22"]),
        ("user:[^1]*", &["user:22"]),
        ("a\\*", &["a*"]),
        ("a?", &["a*"]),
        ("nothing*", &[]),
    ] {
        let keys = client.call(&format!("KEYS {pattern}")).sorted();
        assert_eq!(keys, expected, "{pattern}");
    }
    assert_eq!(client.call("KEYS *").elements().len(), 5);
}

/// I7.
#[test]
fn scan_returns_all_that_stay_while_others_come_and_go() {
    let (server, mut client) = start(&[]);
    pipeline(&mut client, (0..5000).map(|i| format!("SET stay:{i} x")));
    let done = AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = server.raw();
            for round in 0.. {
                if done.load(Relaxed) {
                    return;
                }
                let keys = || (0..500).map(move |i| format!("x:{round}:{i}"));
                pipeline(&mut other, keys().map(|key| format!("SET {key} x")));
                pipeline(&mut other, keys().map(|key| format!("DEL {key}")));
            }
        });
        let found = scan(&mut client, "MATCH stay:* COUNT 100", |_| ());
        done.store(true, Relaxed);
        found
    });
    let distinct: HashSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), 5000);
}

/// I8.
#[test]
fn scan_and_del_remove_all_that_match() {
    let (_server, mut client) = start(&[]);
    pipeline(&mut client, (0..10_000).map(|i| format!("SET cache:{i} x")));
    client.call("SET other x");
    let mut cursor = "0".to_owned();
    loop {
        let reply = client.call(&format!("SCAN {cursor} MATCH cache:* COUNT 100"));
        let keys: Vec<String> = reply.elements()[1]
            .elements()
            .iter()
            .map(Value::text)
            .collect();
        if !keys.is_empty() {
            let removed = client.call(&format!("DEL {}", keys.join(" ")));
            assert_eq!(removed, Value::Integer(keys.len() as i64));
        }
        cursor = reply.elements()[0].text();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(client.call("KEYS *").sorted(), ["other"]);
}

/// I9, I10.
#[test]
fn databases_are_apart() {
    let (_server, mut client) = start(&[]);
    let databases = client.call("CONFIG GET databases");
    assert_eq!(databases.elements()[1], Value::bulk("16"));
    for db in 0..16 {
        client.call(&format!("SELECT {db}"));
        assert_eq!(client.call("GET k"), Value::Null);
        client.call(&format!("SET k {db}"));
    }
    client.call("SELECT 3");
    assert_eq!(client.call("FLUSHDB"), Value::simple("OK"));
    let sizes = |client: &mut RawClient| {
        let size = |db| {
            client.call(&format!("SELECT {db}"));
            client.call("DBSIZE").number()
        };
        (0..16).map(size).collect::<Vec<_>>()
    };
    let mut expected = [1; 16];
    expected[3] = 0;
    assert_eq!(sizes(&mut client), expected);
    assert_eq!(client.call("FLUSHALL"), Value::simple("OK"));
    assert_eq!(sizes(&mut client), [0; 16]);
    let refused = Value::error("ERR DB index is out of range");
    assert_eq!(client.call("SELECT 16"), refused);
}

/// I12.
#[test]
fn reading_and_expire_again_keep_a_session_alive() {
    let (_server, mut client) = start(&[]);
    client.call("SET session v EX 100");
    for _ in 0..3 {
        client.call("EXPIRE session 50");
        assert_eq!(client.call("GET session"), Value::bulk("v"));
        assert_eq!(client.call("EXPIRE session 1800"), Value::Integer(1));
        assert!((1799..=1800).contains(&client.call("TTL session").number()));
    }
}

/// I13, Z6: with a second for an hour.
#[test]
fn keys_with_spread_lifetimes_are_neither_lost_early_nor_kept() {
    let (_server, mut client) = start(&[]);
    let start = Instant::now();
    pipeline(
        &mut client,
        (0..1000).map(|i| format!("SET k:{i} v PX {}", 3600 + i * 360 / 1000)),
    );
    let set_after = start.elapsed();
    while start.elapsed() < Duration::from_millis(3500) {
        let size = client.call("DBSIZE").number();
        assert!(size == 1000 || start.elapsed() >= Duration::from_millis(3600));
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_until("all are due", || {
        start.elapsed() > set_after + Duration::from_millis(3970)
    });
    let found = pipeline(&mut client, (0..1000).map(|i| format!("GET k:{i}")));
    assert!(found.iter().all(|value| *value == Value::Null));
}

/// I14.
#[test]
fn long_keys_with_spaces_and_umlauts_work() {
    let (_server, mut client) = start(&[]);
    let key = "object-type:ключ ß 日本:".repeat(40);
    assert!(key.len() > 1024);
    assert_eq!(client.call_args(&["SET", &key, "v"]), Value::simple("OK"));
    assert_eq!(client.call_args(&["GET", &key]), Value::bulk("v"));
    assert_eq!(client.call("KEYS *").sorted(), [key]);
}

/// I15: nobody touches the keys; DBSIZE counts what is there, due or not.
#[test]
fn an_idle_server_lets_a_hundred_thousand_due_keys_go() {
    let (_server, mut client) = start(&[]);
    // Long enough that none is due before the last is set.
    let start = Instant::now();
    for part in 0..100 {
        let keys = part * 1000..(part + 1) * 1000;
        pipeline(&mut client, keys.map(|i| format!("SET k:{i} v PX 5000")));
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(client.call("DBSIZE"), Value::Integer(100_000));
    let last_due = Instant::now() + Duration::from_secs(5);
    wait_until("no key is left", || client.call("DBSIZE").number() == 0);
    let late = last_due.elapsed();
    assert!(
        late < Duration::from_secs(3),
        "{late:?} after the last was due"
    );
}
