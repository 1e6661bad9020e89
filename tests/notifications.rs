//! Keyspace notifications: what is published when a key changes, and when.
//!
//! `tests/data/events-7.0.15.txt` is a script of commands, each followed by the events (indented)
//! that Redis 7.0.15 publishes for it. Run this test with
//! `COREWIRE_TEST_SERVER=/usr/bin/redis-server UPDATE_EXPECT=1` to record it again after adding
//! commands.

use std::time::{Duration, Instant};

use super::support::{RawClient, Server, Value};

/// A client that subscribed to everything.
fn listener(server: &Server) -> RawClient {
    let mut listener = server.raw();
    listener.call("PSUBSCRIBE *");
    listener
}

/// Channel and message of the next message.
fn next(listener: &mut RawClient) -> (String, String) {
    let message = listener.read();
    let parts = message.elements();
    assert_eq!(parts[0].text(), "pmessage");
    (parts[2].text(), parts[3].text())
}

/// What was published up to now: the same publisher's marker comes behind it.
fn published(publisher: &mut RawClient, listener: &mut RawClient) -> Vec<(String, String)> {
    publisher.call("PUBLISH marker m");
    std::iter::from_fn(|| Some(next(listener)).filter(|(channel, _)| channel != "marker")).collect()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn every_command_causes_the_events_that_it_causes_in_redis() {
    let server = Server::start(&["--notify-keyspace-events", "EAmn"]);
    let (mut client, mut publisher) = (server.raw(), server.raw());
    let mut listener = listener(&server);
    let script = std::fs::read_to_string("tests/data/events-7.0.15.txt").expect("the script");
    let mut record = String::new();
    client.call("SELECT 9");
    for line in script.lines().filter(|line| !line.starts_with("  ")) {
        client.call_args(&words(line));
        record += line;
        record.push('\n');
        for (channel, key) in published(&mut publisher, &mut listener) {
            let event = channel.strip_prefix("__keyevent@").expect("an event");
            record += &format!("  {} {key}\n", event.replace("__:", " "));
        }
    }
    expect_test::expect_file!["data/events-7.0.15.txt"].assert_eq(&record);
}

#[test]
fn events_are_published_on_the_channels_that_are_asked_for() {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut client, mut publisher) = (server.raw(), server.raw());
    let mut listener = listener(&server);
    let mut events = |classes: &str| {
        client.call_args(&["CONFIG", "SET", "notify-keyspace-events", classes]);
        client.call("SET k v");
        published(&mut publisher, &mut listener)
    };
    let pair = |channel: &str, message: &str| (channel.to_owned(), message.to_owned());
    let by_key = pair("__keyspace@0__:k", "set");
    let by_event = pair("__keyevent@0__:set", "k");
    assert_eq!(events(""), []);
    assert_eq!(events("A"), [], "neither K nor E");
    assert_eq!(events("K$"), std::slice::from_ref(&by_key));
    assert_eq!(events("E$"), std::slice::from_ref(&by_event));
    assert_eq!(events("KEA"), [by_key, by_event]);
    assert_eq!(events("KEl"), [], "of another class");
}

/// As Redis 8.2 does; `A` does not include these classes.
#[test]
fn who_replaces_a_value_says_so_and_whether_its_type_changed() {
    if !super::support::is_corewire() {
        return;
    }
    let server = Server::start(&["--notify-keyspace-events", "EAoc"]);
    let (mut client, mut publisher) = (server.raw(), server.raw());
    let mut listener = listener(&server);
    let mut events = |command: &str| {
        for line in "FLUSHALL;SET s 1;RPUSH l 2 1;SADD t 1 2;ZADD z 1 1".split(';') {
            client.call(line);
        }
        published(&mut publisher, &mut listener);
        client.call(command);
        let names = published(&mut publisher, &mut listener)
            .into_iter()
            .map(|(channel, key)| format!("{} {key}", &channel["__keyevent@0__:".len()..]));
        names.collect::<Vec<_>>().join(", ")
    };
    let cases = [
        ("SET s 2", "overwritten s, set s"),
        ("SET s 2 KEEPTTL", "overwritten s, set s"),
        ("SET n 2", "set n"),
        ("SET s 2 NX", ""),
        ("GETSET s 2", "overwritten s, set s"),
        ("MSET n 1 s 2", "set n, overwritten s, set s"),
        (
            "SETEX l 100 v",
            "overwritten l, type_changed l, set l, expire l",
        ),
        ("BITOP NOT l s", "overwritten l, type_changed l, set l"),
        (
            "SORT l STORE z",
            "overwritten z, type_changed z, sortstore z",
        ),
        ("SUNIONSTORE t t", "overwritten t, sunionstore t"),
        (
            "ZUNIONSTORE s 1 z",
            "overwritten s, type_changed s, zunionstore s",
        ),
        ("ZRANGESTORE z z 0 -1", "overwritten z, zrangestore z"),
        ("SINTERSTORE l n t", "del l"),
        (
            "RENAME l s",
            "rename_from l, rename_to s, overwritten s, type_changed s",
        ),
        ("RENAME l n", "rename_from l, rename_to n"),
        (
            "COPY l z REPLACE",
            "copy_to z, overwritten z, type_changed z",
        ),
        ("COPY l n", "copy_to n"),
        ("INCR s", "incrby s"),
        ("APPEND s 1", "append s"),
        ("PFADD n a", "pfadd n"),
        ("LPUSH l 1", "lpush l"),
    ];
    for (command, expected) in cases {
        assert_eq!(events(command), expected, "{command}");
    }
    client.call("SET s 1");
    let Value::Bulk(dump) = client.call("DUMP s") else {
        panic!("a payload");
    };
    published(&mut publisher, &mut listener);
    let restore = format!(
        "*5\r\n$7\r\nRESTORE\r\n$1\r\nz\r\n$1\r\n0\r\n${}\r\n",
        dump.len()
    );
    let mut restore = restore.into_bytes();
    restore.extend_from_slice(&dump);
    restore.extend_from_slice(b"\r\n$7\r\nREPLACE\r\n");
    client.send(&restore);
    assert_eq!(client.read(), Value::simple("OK"));
    let names: Vec<_> = published(&mut publisher, &mut listener)
        .into_iter()
        .map(|(channel, _)| channel["__keyevent@0__:".len()..].to_owned())
        .collect();
    assert_eq!(names, ["restore", "overwritten", "type_changed"]);
}

#[test]
fn a_key_expires_in_public_at_its_time() {
    let server = Server::start(&["--notify-keyspace-events", "Ex"]);
    let (mut client, mut listener) = (server.raw(), listener(&server));
    let start = Instant::now();
    client.call("SET k v PX 150");
    assert_eq!(
        next(&mut listener),
        ("__keyevent@0__:expired".to_owned(), "k".to_owned())
    );
    assert!(start.elapsed() >= Duration::from_millis(149));
    client.call("DEBUG SET-ACTIVE-EXPIRE 0");
    client.call("SET k v PX 1");
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(client.call("GET k"), Value::Null);
    assert_eq!(next(&mut listener).1, "k");
}

#[test]
fn a_key_is_evicted_in_public_as_soon_as_the_limit_falls() {
    let server = Server::start(&[
        "--notify-keyspace-events",
        "Ee",
        "--maxmemory-policy",
        "allkeys-lru",
    ]);
    let (mut client, mut listener) = (server.raw(), listener(&server));
    client.call("SET k v");
    client.call("CONFIG SET maxmemory 1");
    assert_eq!(
        next(&mut listener),
        ("__keyevent@0__:evicted".to_owned(), "k".to_owned())
    );
}

#[test]
fn events_of_a_key_come_in_the_order_of_its_changes() {
    let server = Server::start(&["--notify-keyspace-events", "K$"]);
    let mut listener = listener(&server);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = server.raw();
            std::thread::spawn(move || {
                for _ in 0..200 {
                    client.call("SET k v");
                    client.call("APPEND k x");
                }
            })
        })
        .collect();
    let count = (0..1600)
        .filter(|_| next(&mut listener).1 == "append")
        .count();
    assert_eq!(count, 800);
    clients
        .into_iter()
        .for_each(|client| client.join().unwrap());
}

#[test]
fn events_that_a_client_causes_and_receives_itself_follow_the_reply() {
    let server = Server::start(&["--notify-keyspace-events", "KA"]);
    let mut client = server.raw();
    client.call("HELLO 3");
    client.call("PSUBSCRIBE __keyspace*");
    client.send(b"INCR n\r\nMULTI\r\nINCR n\r\nDEL n\r\nEXEC\r\nPING\r\n");
    let event = |name: &str| {
        let words = ["pmessage", "__keyspace*", "__keyspace@0__:n", name];
        Value::Aggregate('>', words.map(Value::bulk).to_vec())
    };
    if super::support::is_corewire() {
        assert_eq!(client.read(), Value::Integer(1));
        assert_eq!(client.read(), event("incrby"));
        for reply in ["OK", "QUEUED", "QUEUED"] {
            assert_eq!(client.read(), Value::simple(reply));
        }
        let replies = Value::Array(vec![Value::Integer(2), Value::Integer(1)]);
        assert_eq!(client.read(), replies);
        assert_eq!(client.read(), event("incrby"));
        assert_eq!(client.read(), event("del"));
        assert_eq!(client.read(), Value::simple("PONG"));
    }
}
