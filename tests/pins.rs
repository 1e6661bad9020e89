//! Long commands hold no locks while they work: other keys of the same shard are read and written
//! meanwhile; who changes the very key waits, or the outcome is that of some order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::support::{RawClient, Server, Value, add_members, is_corewire, wait_until};

/// Members of the large values: to sort them takes half a second of a debug build.
const MEMBERS: usize = 100_000;
const SORT: &[&str] = &["SORT", "large", "ALPHA", "LIMIT", "0", "1"];

/// One worker, with a large set and a large sorted set; `None` where the server is another.
fn start() -> Option<(Server, RawClient)> {
    if !is_corewire() {
        return None;
    }
    let server = Server::start(&["--io-threads", "1", "--enable-debug-command", "local"]);
    let mut client = server.raw();
    add_members(&mut client, &["SADD", "large"], &[], MEMBERS);
    add_members(&mut client, &["ZADD", "zlarge"], &["1"], MEMBERS);
    Some((server, client))
}

/// A key in the shard of another.
fn neighbour(client: &mut RawClient, key: &str) -> String {
    let shard = client.call(&format!("DEBUG SHARD {key}"));
    let names = (0..).map(|i| format!("near:{key}:{i}"));
    let mut near = names.filter(|name| client.call(&format!("DEBUG SHARD {name}")) == shard);
    near.next().unwrap()
}

/// Sends a long command, and waits until it reads `key` without its lock.
fn send_and_wait(slow: &mut RawClient, words: &[&str], key: &str, other: &mut RawClient) {
    slow.send_command(words);
    wait_until("its key is pinned", || {
        other.call(&format!("DEBUG PINS {key}")) == Value::Integer(1)
    });
}

/// Whether nothing has come yet.
fn is_waiting(client: &mut RawClient) -> bool {
    client.set_patience(Duration::from_millis(1));
    let waiting = !client.is_answered();
    client.set_patience(Duration::from_secs(60));
    waiting
}

#[test]
fn keys_of_the_same_shard_are_used_while_a_long_command_runs() {
    let Some((server, mut other)) = start() else {
        return;
    };
    let mut slow = server.raw();
    let near = neighbour(&mut other, "large");
    let target = neighbour(&mut other, &near);
    for (words, key, reply) in [
        (SORT, "large", Value::bulks(&["member:0"])),
        (
            &["SORT", "large", "ALPHA", "STORE", &target],
            "large",
            Value::Integer(MEMBERS as i64),
        ),
        (
            &["ZUNIONSTORE", &target, "2", "zlarge", "none"],
            "zlarge",
            Value::Integer(MEMBERS as i64),
        ),
    ] {
        let near = neighbour(&mut other, key);
        send_and_wait(&mut slow, words, key, &mut other);
        let served = (0..20)
            .take_while(|_| {
                assert!(other.call(&format!("INCR {near}")).number() > 0);
                assert!(other.call(&format!("EXISTS {key}")).number() == 1);
                is_waiting(&mut slow)
            })
            .count();
        assert!(served >= 3, "{words:?}: only {served} were served");
        assert_eq!(slow.read(), reply);
        assert_eq!(other.call(&format!("DEBUG PINS {key}")), Value::Integer(0));
    }
    assert_eq!(
        other.call(&format!("ZCARD {target}")).number(),
        MEMBERS as i64
    );
}

#[test]
fn who_writes_to_the_key_waits_for_its_readers_and_others_do_not() {
    let Some((server, mut other)) = start() else {
        return;
    };
    let (mut slow, mut writer) = (server.raw(), server.raw());
    send_and_wait(&mut slow, SORT, "large", &mut other);
    writer.send_command(&["SADD", "large", "a:first"]);
    writer.send_command(&["SCARD", "large"]);
    wait_until("the writer has come", || {
        other.call("CLIENT LIST").text().contains("cmd=sadd")
    });
    let small = other.call("SCARD large").number() as usize;
    assert!(small == MEMBERS || !is_waiting(&mut slow));
    // What it reads is what was there when it began.
    assert_eq!(slow.read(), Value::bulks(&["member:0"]));
    assert_eq!(writer.read(), Value::Integer(1));
    assert_eq!(writer.read(), Value::Integer(MEMBERS as i64 + 1));
    assert_eq!(slow.call_args(SORT), Value::bulks(&["a:first"]));
}

#[test]
fn a_writer_gets_its_turn_among_readers_that_never_end() {
    let Some((server, mut writer)) = start() else {
        return;
    };
    let (done, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = server.raw();
                while !done.load(SeqCst) {
                    let count = client.call("SMEMBERS large").elements().len();
                    assert!(count >= MEMBERS);
                    read.fetch_add(1, SeqCst);
                }
            });
        }
        wait_until("all read", || read.load(SeqCst) >= 3);
        for i in 0..5 {
            assert_eq!(writer.call(&format!("SADD large w{i}")), Value::Integer(1));
        }
        done.store(true, SeqCst);
    });
}

#[test]
fn a_source_deleted_during_a_store_gives_the_outcome_of_some_order() {
    let Some((server, mut other)) = start() else {
        return;
    };
    let mut slow = server.raw();
    other.call("ZADD small 1 a");
    let words = &["ZUNIONSTORE", "out", "2", "zlarge", "small"];
    send_and_wait(&mut slow, words, "zlarge", &mut other);
    assert_eq!(other.call("DEL zlarge"), Value::Integer(1));
    let was_waiting = is_waiting(&mut slow);
    let stored = slow.read();
    assert!(!was_waiting || stored == Value::Integer(1), "{stored:?}");
    assert_eq!(other.call("ZCARD out"), stored);
    let words = &["ZUNIONSTORE", "out", "2", "large", "small"];
    send_and_wait(&mut slow, words, "large", &mut other);
    other.call("FLUSHALL");
    let was_waiting = is_waiting(&mut slow);
    let stored = slow.read();
    assert!(!was_waiting || stored == Value::Integer(0), "{stored:?}");
    assert_eq!(other.call("DBSIZE"), Value::Integer(0));
}

#[test]
fn a_snapshot_and_a_long_command_read_the_same_value() {
    let Some((server, mut other)) = start() else {
        return;
    };
    let (mut slow, mut writer) = (server.raw(), server.raw());
    send_and_wait(&mut slow, SORT, "large", &mut other);
    assert!(other.call("BGSAVE").text().starts_with("Background"));
    writer.send_command(&["SADD", "large", "x"]);
    wait_until("it is saved", || {
        server.info("rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(slow.read(), Value::bulks(&["member:0"]));
    assert_eq!(writer.read(), Value::Integer(1));
    assert_eq!(other.call("DEBUG PINS large"), Value::Integer(0));
    assert_eq!(other.call("DEBUG RELOAD NOSAVE"), Value::ok());
    assert_eq!(other.call("SCARD large"), Value::Integer(MEMBERS as i64));
}

#[test]
fn what_was_deleted_under_a_long_command_is_freed_behind_it() {
    let Some((server, mut other)) = start() else {
        return;
    };
    let used = |server: &Server| server.info("used_memory").parse::<usize>().unwrap();
    let mut slow = server.raw();
    let full = used(&server);
    send_and_wait(&mut slow, SORT, "large", &mut other);
    assert_eq!(other.call("UNLINK large zlarge"), Value::Integer(2));
    assert_eq!(slow.read(), Value::bulks(&["member:0"]));
    wait_until("it is freed", || used(&server) < full / 2);
}

/// Writers change two sets together, one of them large; what reads or stores both without locks
/// sees them together.
#[test]
fn transactions_are_seen_whole_or_not_at_all() {
    if !is_corewire() {
        return;
    }
    let server = Server::start(&["--io-threads", "4", "--enable-debug-command", "local"]);
    let mut admin = server.raw();
    for part in 0..20 {
        let members: Vec<String> = (0..1000).map(|i| format!("m:{part}:{i}")).collect();
        admin.call(&format!("SADD large {}", members.join(" ")));
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let (server, done) = (&server, &done);
                scope.spawn(move || {
                    let mut client = server.raw();
                    let store = format!("SDIFFSTORE out:{number} small large");
                    let mut rounds = 0;
                    while !done.load(SeqCst) {
                        assert_eq!(client.call("SDIFF small large"), Value::Array(Vec::new()));
                        assert_eq!(client.call(&store), Value::Integer(0));
                        rounds += 1;
                    }
                    rounds
                })
            })
            .collect();
        for number in 0..3 {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let mut client = server.raw();
                for round in 0.. {
                    if done.load(SeqCst) {
                        break;
                    }
                    let word = ["SADD", "SREM"][round % 2];
                    let moved =
                        "RENAME large other\r\nRENAME other large\r\n".repeat(round % 5 / 4);
                    let commands =
                        format!("{word} large a:{number}\r\n{word} small a:{number}\r\n");
                    client.send(format!("MULTI\r\n{commands}{moved}EXEC\r\n").as_bytes());
                    (0..3 + moved.lines().count()).for_each(|_| drop(client.read()));
                    assert_eq!(
                        client.read().elements()[..2],
                        [Value::Integer(1), Value::Integer(1)]
                    );
                }
            });
        }
        let before = server.info("total_commands_processed");
        wait_until("many commands have run", || {
            let now = server
                .info("total_commands_processed")
                .parse::<u64>()
                .unwrap();
            now > before.parse::<u64>().unwrap() + 10_000
        });
        done.store(true, SeqCst);
        let rounds = readers.into_iter().map(|reader| reader.join().unwrap());
        assert!(rounds.min() > Some(0), "somebody read nothing");
    });
    assert_eq!(admin.call("DEBUG PINS large"), Value::Integer(0));
}
