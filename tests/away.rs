//! Long commands leave their worker: other clients of it are served meanwhile, and whoever sent one
//! sees no difference.

use std::time::Duration;

use super::support::{RawClient, Server, Value, add_members, is_corewire, wait_until};

/// Members of the large set: SORT takes a second or more of a debug build.
const MEMBERS: usize = 200_000;
const SORT: &[&str] = &["SORT", "large", "ALPHA", "LIMIT", "0", "1"];

/// One worker, and a large set.
fn start() -> (Server, RawClient) {
    let server = Server::start(&["--io-threads", "1", "--enable-debug-command", "local"]);
    let mut client = server.raw();
    add_members(&mut client, &["SADD", "large"], &[], MEMBERS);
    assert_eq!(client.call("SCARD large"), Value::Integer(MEMBERS as i64));
    (server, client)
}

/// Whether nothing has come yet.
fn is_waiting(client: &mut RawClient) -> bool {
    client.set_patience(Duration::from_millis(1));
    let waiting = !client.is_answered();
    client.set_patience(Duration::from_secs(60));
    waiting
}

/// Waits until the client's command runs.
fn wait_for_sort(other: &mut RawClient) {
    wait_until("the command runs", || {
        other.call("CLIENT LIST").text().contains("cmd=sort ")
    });
}

#[test]
fn others_on_the_worker_are_served_while_a_long_command_runs() {
    let (server, mut other) = start();
    let mut slow = server.raw();
    slow.send_command(SORT);
    wait_for_sort(&mut other);
    // Redis answers none before it is done.
    let served = (0..20)
        .take_while(|_| {
            assert!(other.call("INCR other").number() > 0);
            is_waiting(&mut slow)
        })
        .count();
    assert_eq!(slow.read(), Value::bulks(&["member:0"]));
    assert!(!is_corewire() || served >= 3, "only {served} were served");
}

#[test]
fn one_clients_order_and_the_keys_of_the_command_are_as_if_nobody_had_gone() {
    let (server, mut other) = start();
    let mut slow = server.raw();
    slow.send_command(&["SORT", "large", "ALPHA", "STORE", "sorted"]);
    slow.send_command(&["LLEN", "sorted"]);
    slow.send_command(&["SREM", "large", "member:1"]);
    wait_for_sort(&mut other);
    // This needs a shard that is busy: it waits, and comes before or after, never between.
    let seen = other.call("SCARD large").number() as usize;
    assert!(seen == MEMBERS || seen == MEMBERS - 1);
    assert_eq!(slow.read(), Value::Integer(MEMBERS as i64));
    assert_eq!(slow.read(), Value::Integer(MEMBERS as i64));
    assert_eq!(slow.read(), Value::Integer(1));
}

#[test]
fn a_long_transaction_is_one_and_serves_who_waits_for_it() {
    let (server, mut other) = start();
    let (mut slow, mut waiter) = (server.raw(), server.raw());
    waiter.send_command(&["BLPOP", "queue", "0"]);
    wait_until("it waits", || server.info("blocked_clients") == "1");
    for command in ["WATCH counter", "MULTI", "INCR counter"] {
        slow.call(command);
    }
    slow.call_args(SORT);
    slow.call("RPUSH queue job");
    slow.send_command(&["EXEC"]);
    wait_until("the transaction runs", || {
        other.call("CLIENT LIST").text().contains("cmd=exec ")
    });
    other.call("INCRBY counter 10");
    match slow.read() {
        // The other came first.
        Value::Null => assert_eq!(other.call("GET counter"), Value::bulk("10")),
        replies => {
            assert_eq!(replies.elements()[0], Value::Integer(1));
            assert_eq!(other.call("GET counter"), Value::bulk("11"));
            assert_eq!(waiter.read(), Value::bulks(&["queue", "job"]));
        }
    }
}

#[test]
fn a_client_killed_during_its_long_command_is_gone_at_once() {
    if !is_corewire() {
        return;
    }
    let (server, mut other) = start();
    let mut slow = server.raw();
    let id = slow.call("CLIENT ID").number();
    slow.send_command(&["SORT", "large", "ALPHA", "STORE", "sorted"]);
    wait_for_sort(&mut other);
    assert_eq!(
        other.call(&format!("CLIENT KILL ID {id}")),
        Value::Integer(1)
    );
    assert!(slow.is_closed());
    // What it had begun is done all the same.
    wait_until("the command is done", || {
        other.call("LLEN sorted") == Value::Integer(MEMBERS as i64)
    });
    wait_until("nothing is left of it", || {
        !other.call("CLIENT LIST").text().contains("cmd=sort ")
    });
}

#[test]
fn an_invalidation_comes_behind_the_reply_that_it_is_about() {
    if !is_corewire() {
        return;
    }
    let (server, mut other) = start();
    let mut reader = server.raw();
    reader.call("HELLO 3");
    reader.call("CLIENT TRACKING on");
    for round in 0..5 {
        reader.send_command(&["SMEMBERS", "large"]);
        other.call(&format!("SADD large new:{round}"));
        reader.send_command(&["PING"]);
        let mut values = Vec::new();
        while values.last() != Some(&Value::simple("PONG")) {
            values.push(reader.read());
        }
        let is_push = |value: &Value| matches!(value, Value::Aggregate('>', _));
        // What was read a round before may be invalidated too, in front of the reply.
        let reply = values.iter().position(|value| !is_push(value)).unwrap();
        let len = values[reply].elements().len();
        let stale = len == MEMBERS + round;
        assert!(stale || len == MEMBERS + round + 1);
        assert!(!stale || values[reply..].iter().any(is_push), "{round}");
    }
}

#[test]
fn a_large_reply_leaves_in_parts_and_takes_what_the_slow_log_says() {
    let (server, mut other) = start();
    other.call("CONFIG SET slowlog-log-slower-than 0");
    let mut slow = server.raw();
    slow.send_command(&["SMEMBERS", "large"]);
    slow.send_command(&["PING"]);
    assert_eq!(slow.read().elements().len(), MEMBERS);
    assert_eq!(slow.read(), Value::simple("PONG"));
    let log = other.call("SLOWLOG GET -1");
    let mut commands = log.elements().iter().map(|entry| &entry.elements()[3]);
    assert!(commands.any(|args| args.elements()[0] == Value::bulk("SMEMBERS")));
}

#[test]
fn modes_of_replies_hold_for_commands_that_are_away() {
    let server = Server::start(&["--io-threads", "1", "--enable-debug-command", "local"]);
    let mut client = server.raw();
    if is_corewire() {
        client.call("DEBUG AWAY-THRESHOLD 0");
    }
    client.call("RPUSH list c b a");
    client.send_command(&["CLIENT", "REPLY", "SKIP"]);
    client.send_command(&["SORT", "list", "ALPHA"]);
    client.send_command(&["LRANGE", "list", "0", "0"]);
    assert_eq!(client.read(), Value::bulks(&["c"]));
    client.send_command(&["CLIENT", "REPLY", "OFF"]);
    client.send_command(&["SORT", "list", "ALPHA", "STORE", "sorted"]);
    client.send_command(&["CLIENT", "REPLY", "ON"]);
    assert_eq!(client.read(), Value::ok());
    assert_eq!(
        client.call("LRANGE sorted 0 -1"),
        Value::bulks(&["a", "b", "c"])
    );
    client.call("MULTI");
    client.call("LRANGE sorted 0 0");
    client.call("SORT list ALPHA LIMIT 0 1");
    let a = || Value::bulks(&["a"]);
    assert_eq!(client.call("EXEC"), Value::Array(vec![a(), a()]));
    let mut monitor = server.raw();
    monitor.call("MONITOR");
    client.call("SUNION list2 list3");
    assert!(
        monitor
            .read()
            .text()
            .ends_with("\"SUNION\" \"list2\" \"list3\"")
    );
}
