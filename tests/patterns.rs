//! Caches, sessions, locks and limits end to end: section M of the list of behaviours that the
//! project serves, and some of its statements about behaviour (Z); the ids stand with the tests.
//!
//! What needs scripts, subscriptions or waiting is elsewhere.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis::{Commands, ExistenceCheck, SetExpiry, SetOptions};

use super::support::{RawClient, Server, Value, start, wait_until};

/// SET with NX and PX: whether it was set.
fn acquire(client: &mut redis::Connection, key: &str, token: &str, ms: u64) -> bool {
    let options = SetOptions::default()
        .conditional_set(ExistenceCheck::NX)
        .with_expiration(SetExpiry::PX(ms));
    let set: Option<String> = client.set_options(key, token, options).expect("set");
    set.is_some()
}

/// Deletes a lock if the token is still in it, by WATCH: what a script does otherwise.
fn release(client: &mut redis::Connection, key: &str, token: &str) -> bool {
    let removed: (i64,) = redis::transaction(client, &[key], |client, pipe| {
        let holder: Option<String> = client.get(key)?;
        if holder.as_deref() != Some(token) {
            return Ok(Some((0,)));
        }
        pipe.del(key).query(client)
    })
    .expect("a transaction");
    removed == (1,)
}

/// M1, M2, M4: hits and misses are told apart in INFO.
#[test]
fn a_cache_beside_a_database_asks_it_once() {
    let server = Server::start(&[]);
    let mut cache = server.client();
    let mut asked = 0;
    let mut read = |cache: &mut redis::Connection, id: u32| -> String {
        let key = format!("user:{id}");
        let cached: Option<String> = cache.get(&key).expect("get");
        cached.unwrap_or_else(|| {
            asked += 1;
            let value = format!("{{\"id\":{id}}}");
            let () = cache.set_ex(&key, &value, 300).expect("set");
            value
        })
    };
    for _ in 0..5 {
        for id in 0..10 {
            assert_eq!(read(&mut cache, id), format!("{{\"id\":{id}}}"));
        }
    }
    assert_eq!(asked, 10);
    assert_eq!(server.info("keyspace_hits"), "40");
    assert_eq!(server.info("keyspace_misses"), "10");
    let ttl: i64 = cache.ttl("user:3").expect("ttl");
    assert!((290..=300).contains(&ttl), "{ttl}");
}

/// M5.
#[test]
fn nothing_stale_is_left_after_an_invalidation() {
    let (_server, mut client) = start(&[]);
    for i in 0..100 {
        client.call(&format!("SET product:{i}:details v"));
        client.call(&format!("SET user:{i} v"));
    }
    let keys = client.call("KEYS product:1*").sorted();
    assert_eq!(keys.len(), 11);
    assert_eq!(
        client.call(&format!("DEL {}", keys.join(" "))),
        Value::Integer(11)
    );
    let mut cursor = "0".to_owned();
    loop {
        let reply = client.call(&format!("SCAN {cursor} MATCH product:* COUNT 10"));
        let [next, found] = reply.elements() else {
            panic!("{reply:?}")
        };
        if !found.elements().is_empty() {
            client.call(&format!("UNLINK {}", found.sorted().join(" ")));
        }
        cursor = next.text();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(client.call("KEYS product:*"), Value::Array(vec![]));
    assert_eq!(client.call("DBSIZE"), Value::Integer(100));
}

/// M6, M13.
#[test]
fn of_many_who_miss_one_fetches() {
    let server = Server::start(&[]);
    let fetched = AtomicU32::new(0);
    let get = |token: &str| -> String {
        let mut client = server.client();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(value) = client.get::<_, Option<String>>("report").expect("get") {
                return value;
            }
            if acquire(&mut client, "lock:report", token, 10_000) {
                // Whoever comes late finds that it is there.
                if let Some(value) = client.get("report").expect("get") {
                    assert!(release(&mut client, "lock:report", token));
                    return value;
                }
                fetched.fetch_add(1, Relaxed);
                let () = client.set_ex("report", "figures", 60).expect("set");
                assert!(release(&mut client, "lock:report", token));
                return "figures".to_owned();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("neither value nor lock in time")
    };
    std::thread::scope(|scope| {
        for i in 0..50 {
            let get = &get;
            scope.spawn(move || assert_eq!(get(&format!("client-{i}")), "figures"));
        }
    });
    assert_eq!(fetched.load(Relaxed), 1);
    assert_eq!(server.raw().call("EXISTS lock:report"), Value::Integer(0));
}

/// M7.
#[test]
fn stale_values_are_served_while_one_refreshes() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let () = client.set("page", "old").expect("set");
    let refreshers = (0..20).filter(|i| {
        let value: String = client.get("page").expect("get");
        assert_eq!(value, "old");
        acquire(&mut client, "stale:page", &i.to_string(), 5000)
    });
    assert_eq!(refreshers.count(), 1);
}

/// M9.
#[test]
fn sessions_live_as_long_as_they_are_used() {
    let (_server, mut client) = start(&[]);
    client.send(b"MULTI\r\nHSET session:1 user 7 cart 3\r\nEXPIRE session:1 1800\r\n");
    client.send(b"SADD user:7:sessions session:1\r\nEXEC\r\n");
    let replies: Vec<Value> = (0..5).map(|_| client.read()).collect();
    let done = Value::Array(vec![
        Value::Integer(2),
        Value::Integer(1),
        Value::Integer(1),
    ]);
    assert_eq!(replies[4], done);
    assert!((1790..=1800).contains(&client.call("TTL session:1").number()));
    client.call("EXPIRE session:1 86400");
    assert!(client.call("TTL session:1").number() > 86_000);
    client.call("HSET session:1 cart 4");
    assert!(client.call("TTL session:1").number() > 86_000);
    let sessions = client.call("SMEMBERS user:7:sessions").sorted().join(" ");
    client.call(&format!("DEL {sessions} user:7:sessions"));
    assert_eq!(client.call("HGETALL session:1"), Value::Array(vec![]));
    assert_eq!(client.call("DBSIZE"), Value::Integer(0));
}

/// M10.
#[test]
fn a_revoked_token_is_known_until_it_would_have_ended() {
    let (_server, mut client) = start(&[]);
    client.call("SET revoked:abc 1 PX 60");
    assert_eq!(client.call("EXISTS revoked:abc"), Value::Integer(1));
    wait_until("the token has ended", || {
        client.call("EXISTS revoked:abc") == Value::Integer(0)
    });
}

/// M11, M19.
#[test]
fn a_fixed_window_counts_and_starts_again() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut hit = || -> i64 {
        let (count, _): (i64, bool) = redis::pipe()
            .atomic()
            .incr("rate:user:1", 1)
            .cmd("EXPIRE")
            .arg("rate:user:1")
            .arg(1)
            .arg("NX")
            .query(&mut client)
            .expect("a transaction");
        count
    };
    let remaining: Vec<i64> = (0..5).map(|_| (3 - hit()).max(0)).collect();
    assert_eq!(remaining, [2, 1, 0, 0, 0]);
    wait_until("the window is over", || hit() == 1);
    let ttl: i64 = server.client().pttl("rate:user:1").expect("pttl");
    assert!((1..=1000).contains(&ttl), "never without an end: {ttl}");
}

/// M12.
#[test]
fn a_sliding_window_forgets_what_is_old() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut hit = |now: u64| -> i64 {
        let replies: (i64, i64, i64, bool) = redis::pipe()
            .cmd("ZREMRANGEBYSCORE")
            .arg("rate:sliding")
            .arg(0)
            .arg(now.saturating_sub(60_000))
            .zadd("rate:sliding", format!("{now}-0.123"), now)
            .zcard("rate:sliding")
            .expire("rate:sliding", 60)
            .query(&mut client)
            .expect("a pipeline");
        replies.2
    };
    let start = 1_700_000_000_000;
    let counts: Vec<i64> = (0..8).map(|i| hit(start + i * 10_000)).collect();
    // At 60 s and 70 s, what was there at 0 s and 10 s is gone.
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 6, 6]);
}

/// M13, M15.
#[test]
fn a_lock_is_its_holders_until_its_time_is_over() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.client(), server.client());
    assert!(acquire(&mut one, "leader", "one", 300));
    assert!(!acquire(&mut two, "leader", "two", 300));
    assert!(!release(&mut two, "leader", "two"));
    assert_eq!(one.get::<_, String>("leader").expect("get"), "one");
    // The holder does not come back: after its time another takes over, never before.
    let began = Instant::now();
    wait_until("the lock is free", || {
        acquire(&mut two, "leader", "two", 30_000)
    });
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!release(&mut one, "leader", "one"));
    assert!(release(&mut two, "leader", "two"));
}

/// M8, Z6: a key is there until its millisecond, and not after.
#[test]
fn lifetimes_are_exact_to_the_millisecond() {
    let (_server, mut client) = start(&[]);
    let unix_ms = |client: &mut RawClient| {
        let time = client.call("TIME");
        let parts: Vec<i64> = time
            .elements()
            .iter()
            .map(|n| n.text().parse().expect("n"))
            .collect();
        parts[0] * 1000 + parts[1] / 1000
    };
    for _ in 0..20 {
        client.call("SET k v PX 30");
        let ends = client.call("PEXPIRETIME k").number();
        loop {
            let before = unix_ms(&mut client);
            let value = client.call("GET k");
            let after = unix_ms(&mut client);
            if value == Value::Null {
                assert!(after >= ends, "gone {} ms early", ends - after);
                break;
            }
            assert!(before <= ends, "still there {} ms late", before - ends);
        }
    }
    client.call("SET k v PX 5000");
    let ttl = client.call("PTTL k").number();
    assert!((4500..=5000).contains(&ttl), "{ttl}");
}

/// Z8: expired keys are returned by nothing, whether or not they are deleted yet.
#[test]
fn what_is_over_is_never_shown() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.raw();
    client.call("DEBUG SET-ACTIVE-EXPIRE 0");
    for i in 0..50 {
        client.call(&format!("SET short:{i} v PX 1"));
        client.call(&format!("SET long:{i} v"));
    }
    wait_until("the last one is over", || {
        client.call("PTTL short:49") == Value::Integer(-2)
    });
    assert_eq!(client.call("GET short:1"), Value::Null);
    assert_eq!(client.call("EXISTS short:2"), Value::Integer(0));
    assert_eq!(client.call("TYPE short:3"), Value::simple("none"));
    assert_eq!(client.call("KEYS short:*"), Value::Array(vec![]));
    let scanned = client.call("SCAN 0 COUNT 1000");
    let keys: BTreeSet<String> = scanned.elements()[1].sorted().into_iter().collect();
    assert_eq!(keys.len(), 50);
    assert!(keys.iter().all(|key| key.starts_with("long:")));
    (0..20).for_each(|_| assert!(client.call("RANDOMKEY").text().starts_with("long:")));
    client.call("DEBUG SET-ACTIVE-EXPIRE 1");
    wait_until("they are deleted", || {
        client.call("DBSIZE") == Value::Integer(50)
    });
}

/// M18.
#[test]
fn a_server_that_comes_back_serves_again() {
    let mut server = Server::start(&[]);
    let read = |server: &Server| -> Option<String> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", server.port()));
        let mut client = client.expect("a url").get_connection().ok()?;
        client.get("k").ok()?
    };
    let () = server.client().set("k", "v").expect("set");
    assert_eq!(read(&server).as_deref(), Some("v"));
    server.kill_and_restart();
    assert_eq!(read(&server), None, "nothing was saved");
    let () = server.client().set("k", "again").expect("set");
    assert_eq!(read(&server).as_deref(), Some("again"));
}

/// M14.
#[test]
fn a_lock_on_five_servers_needs_three_of_them() {
    let mut servers: Vec<Option<Server>> = (0..5).map(|_| Some(Server::start(&[]))).collect();
    let take = |servers: &[Option<Server>], token: &str| -> bool {
        let up: Vec<&Server> = servers.iter().flatten().collect();
        let got = up
            .iter()
            .filter(|server| acquire(&mut server.client(), "lock", token, 30_000))
            .count();
        if got < 3 {
            for server in up {
                release(&mut server.client(), "lock", token);
            }
        }
        got >= 3
    };
    assert!(take(&servers, "one"));
    assert!(!take(&servers, "two"), "it is taken");
    for server in servers.iter().flatten() {
        assert!(release(&mut server.client(), "lock", "one"));
    }
    servers[0] = None;
    servers[3] = None;
    assert!(take(&servers, "three"), "two of five are down");
    for server in servers.iter().flatten() {
        assert!(release(&mut server.client(), "lock", "three"));
    }
    servers[1] = None;
    assert!(!take(&servers, "four"), "three of five are down");
    for server in servers.iter().flatten() {
        assert_eq!(server.raw().call("EXISTS lock"), Value::Integer(0));
    }
}
