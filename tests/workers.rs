//! Workers and shards: a busy shard holds only those that need it, and workers share all data.
//!
//! A busy shard is made with DEBUG HOLD-SHARD, which Redis does not have.

use std::time::{Duration, Instant};

use super::support::{RawClient, Server, Value, is_corewire, wait_until};

/// With one worker, and DEBUG allowed.
fn start_with_debug() -> Server {
    Server::start(&["--io-threads", "1", "--enable-debug-command", "local"])
}

/// Locks the shard of `key` and waits until it is locked.
fn hold(server: &Server, key: &str, seconds: u32) -> RawClient {
    let mut client = server.raw();
    assert_eq!(
        client.call(&format!("DEBUG HOLD-SHARD {key} {seconds}")),
        Value::simple("OK")
    );
    loop {
        let mut waiting = server.raw();
        waiting.set_patience(Duration::from_millis(100));
        waiting.send_command(&["GET", key]);
        if !waiting.is_answered() {
            return waiting;
        }
    }
}

/// How many requests of one client are answered in the time.
fn served(client: &mut RawClient, keys: &[String], time: Duration) -> usize {
    let start = Instant::now();
    (0..)
        .take_while(|i| {
            let key = &keys[i % keys.len()];
            assert_eq!(client.call(&format!("SET {key} v")), Value::simple("OK"));
            start.elapsed() < time
        })
        .count()
}

/// Keys that are not in the shard that is held: those that answer.
fn free_keys(server: &Server) -> Vec<String> {
    let is_free = |key: &String| {
        let mut client = server.raw();
        client.set_patience(Duration::from_secs(1));
        client.send_command(&["GET", key]);
        client.is_answered()
    };
    (0..20)
        .map(|i| format!("free:{i}"))
        .filter(is_free)
        .collect()
}

#[test]
fn a_busy_shard_holds_nobody_else_up() {
    if !is_corewire() {
        return;
    }
    let server = start_with_debug();
    let mut other = server.raw();
    let time = Duration::from_millis(300);
    // A server of the same kind with nothing held, to compare with at the same moment: the machine
    // may be doing other things.
    let idle = start_with_debug();
    let mut unhindered = idle.raw();
    let mut waiting = hold(&server, "busy", 15);
    let keys = free_keys(&server);
    assert!(keys.len() >= 15, "{keys:?}");
    // What touches no key, and what waits for several shards of which one is busy.
    assert_eq!(other.call("PING"), Value::simple("PONG"));
    let mut many = server.raw();
    many.send(format!("MSET {} 1 busy 2\r\nGET busy\r\n", keys[0]).as_bytes());
    let mut rates = Vec::new();
    // A third leaves room for noise, and so do further rounds.
    let keeps_up = (0..5).any(|_| {
        let usual = served(&mut unhindered, &keys, time);
        let meanwhile = served(&mut other, &keys, time);
        rates.push((usual, meanwhile));
        meanwhile * 3 > usual
    });
    waiting.set_patience(Duration::from_millis(1));
    assert!(!waiting.is_answered(), "the shard is still held");
    println!("usually, and meanwhile: {rates:?}");
    assert!(keeps_up, "{rates:?}");
    waiting.set_patience(super::support::PATIENCE);
    assert_eq!(waiting.read(), Value::Null);
    assert_eq!(many.read(), Value::simple("OK"));
    assert_eq!(many.read(), Value::bulk("2"));
}

/// SORT needs all shards only where a pattern may lead to any key.
#[test]
fn sort_without_patterns_waits_for_its_own_keys_only() {
    if !is_corewire() {
        return;
    }
    let server = start_with_debug();
    let waiting = hold(&server, "busy", 15);
    let keys = free_keys(&server);
    let mut client = server.raw();
    client.call(&format!("RPUSH {} 3 1 2", keys[0]));
    let sorted = client.call(&format!("SORT {} STORE {}", keys[0], keys[1]));
    assert_eq!(sorted, Value::Integer(3));
    let sorted = client.call(&format!("SORT_RO {} DESC GET #", keys[1]));
    let texts: Vec<String> = sorted.elements().iter().map(Value::text).collect();
    assert_eq!(texts, ["3", "2", "1"]);
    client.set_patience(Duration::from_millis(100));
    client.send_command(&["SORT", &keys[0], "BY", "weight_*"]);
    assert!(!client.is_answered());
    drop(waiting);
}

#[test]
fn a_client_that_leaves_while_it_waits_for_a_shard_leaves_nothing_behind() {
    if !is_corewire() {
        return;
    }
    let server = start_with_debug();
    drop(hold(&server, "busy", 3));
    let mut pipelined = server.raw();
    pipelined.send(&b"INCR busy\r\n".repeat(100));
    wait_until("the one that left is gone", || {
        server.info("connected_clients") == "2"
    });
    for i in 1..=100 {
        assert_eq!(pipelined.read(), Value::Integer(i), "order is kept");
    }
}

#[test]
fn two_workers_serve_the_same_data() {
    let server = Server::start(&["--io-threads", "2"]);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let mut client = server.raw();
            scope.spawn(move || {
                for i in 0..500 {
                    let (key, value) = (format!("k:{writer}:{i}"), i.to_string());
                    assert_eq!(
                        client.call(&format!("SET {key} {value}")),
                        Value::simple("OK")
                    );
                    assert_eq!(client.call(&format!("GET {key}")), Value::bulk(&value));
                }
            });
        }
    });
    // Every connection sees what every other one wrote.
    for _ in 0..4 {
        let mut client = server.raw();
        assert_eq!(client.call("DBSIZE"), Value::Integer(4000));
        for writer in 0..8 {
            assert_eq!(
                client.call(&format!("GET k:{writer}:499")),
                Value::bulk("499")
            );
        }
    }
}

/// Z3: transfers in transactions, between accounts in any shards.
#[test]
fn transactions_of_two_workers_keep_the_sum() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut auditor = server.raw();
    auditor.call("MSET a:0 100 a:1 100 a:2 100 a:3 100");
    let sum = |client: &mut RawClient| -> i64 {
        let balances = client.call("MGET a:0 a:1 a:2 a:3");
        let balances = balances.elements().iter();
        balances
            .map(|balance| balance.text().parse::<i64>().expect("a number"))
            .sum()
    };
    std::thread::scope(|scope| {
        for from in 0..4 {
            let mut client = server.raw();
            scope.spawn(move || {
                for i in 0..300 {
                    let to = (from + 1 + i % 3) % 4;
                    client.send(
                        format!("MULTI\r\nDECR a:{from}\r\nINCR a:{to}\r\nEXEC\r\n").as_bytes(),
                    );
                    let replies: Vec<Value> = (0..4).map(|_| client.read()).collect();
                    assert_eq!(replies[3].elements().len(), 2);
                }
            });
        }
        for _ in 0..300 {
            assert_eq!(sum(&mut auditor), 400);
        }
    });
    assert_eq!(sum(&mut auditor), 400);
}
