//! Eviction of keys and of clients: what counts, what goes first, and where it ends.
//!
//! In each test something else than data takes memory: what clients do not read, invalidations
//! that evicting itself causes, what a replica has not been sent.

use std::io::Write;

use super::support::{RawClient, Server, start, wait_until};

fn number(client: &mut RawClient, fields: [&str; 2]) -> [i64; 2] {
    let text = client.call("INFO").text();
    fields.map(|field| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.expect("a field").parse().expect("a number")
    })
}

fn sets(client: &mut RawClient, name: &str, value: &str) {
    let reply = client.call_args(&["CONFIG", "SET", name, value]);
    assert_eq!(reply.text(), "OK", "{name}");
}

/// With one worker and with several.
fn each(test: impl Fn(&str)) {
    ["1", "4"].iter().for_each(|threads| test(threads));
}

/// Each deletion costs ten messages of the size of the key: more than it gives back.
#[test]
fn eviction_ends_though_clients_that_track_do_not_read() {
    each(|threads| {
        let (server, mut client) = start(&["--io-threads", threads]);
        let mut trackers: Vec<_> = (0..10).map(|_| server.raw()).collect();
        for tracker in &mut trackers {
            tracker.call("HELLO 3");
            tracker.call("CLIENT TRACKING on");
        }
        for i in 0..300 {
            let key = format!("{i}{}", "x".repeat(1000));
            client.call_args(&["SET", &key, "x"]);
            for tracker in &mut trackers {
                tracker.call_args(&["GET", &key]);
            }
        }
        sets(&mut client, "maxmemory-policy", "allkeys-lru");
        sets(&mut client, "maxmemory-eviction-tenacity", "100");
        let [used, _] = number(&mut client, ["used_memory", "maxmemory"]);
        sets(&mut client, "maxmemory", &(used - 40_000).to_string());
        wait_until("some are evicted", || {
            number(&mut client, ["evicted_keys", "maxmemory"])[0] >= 10
        });
        let [evicted, exceeded] = number(
            &mut client,
            ["evicted_keys", "current_eviction_exceeded_time"],
        );
        assert!(evicted <= 100, "{evicted}");
        assert_eq!(exceeded, 0);
        assert_eq!(client.call("DBSIZE").number(), 300 - evicted);
    });
}

/// Clients that hold more than they may go before keys do, however much of a reply is sent.
#[test]
fn clients_are_evicted_before_keys() {
    each(|threads| {
        let (server, mut client) = start(&["--io-threads", threads]);
        sets(&mut client, "maxmemory", "16mb");
        sets(&mut client, "maxmemory-policy", "allkeys-lru");
        sets(&mut client, "maxmemory-clients", "3mb");
        client.call("CLIENT NO-EVICT on");
        for i in 0..50 {
            client.call_args(&["SETRANGE", &i.to_string(), "100000", "x"]);
        }
        let mut readers: Vec<_> = (0..20).map(|_| server.raw().sender()).collect();
        wait_until("a client is evicted", || {
            readers.retain_mut(|reader| reader.write_all(b"MGET 1\r\n").is_ok());
            number(&mut client, ["evicted_clients", "evicted_keys"])[0] > 0
        });
        let [_, evicted] = number(&mut client, ["evicted_clients", "evicted_keys"]);
        assert_eq!(evicted, 0);
        assert_eq!(client.call("DBSIZE").number(), 50);
    });
}

/// What waits for a replica is no reason to evict, and is gone soon after the replica.
#[test]
fn output_of_a_stopped_replica_evicts_nothing() {
    each(|threads| {
        let (primary, mut client) = start(&["--io-threads", threads]);
        sets(&mut client, "client-output-buffer-limit", "replica 0 0 0");
        sets(&mut client, "repl-backlog-size", "16384");
        sets(&mut client, "maxmemory-policy", "allkeys-random");
        sets(&mut client, "repl-diskless-sync-delay", "0");
        for i in 0..100 {
            client.call_args(&["SETRANGE", &format!("key:{i}"), "10000", "x"]);
        }
        let port = primary.port().to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
        let link = || replica.info("master_link_status");
        wait_until("the link is up", || link() == "up");
        let fields = ["used_memory", "mem_not_counted_for_evict"];
        let [used, uncounted] = number(&mut client, fields);
        let limit = used - uncounted + 256 * 1024;
        sets(&mut client, "maxmemory", &limit.to_string());
        replica.freeze();
        let value = "A".repeat(5000);
        for _ in 0..4000 {
            client.call_args(&["SETRANGE", "key:0", "0", &value]);
        }
        let [waiting, evicted] = number(&mut client, ["mem_clients_slaves", "evicted_keys"]);
        let [_, uncounted] = number(&mut client, fields);
        replica.signal("-CONT");
        assert_eq!(evicted, 0);
        assert!(uncounted > 2 << 20, "{uncounted} of {waiting}");
        client.call("CLIENT KILL TYPE replica");
        wait_until("the memory comes back", || {
            let [now, uncounted] = number(&mut client, fields);
            assert!(now - uncounted < limit, "{now} {uncounted}");
            now < used + (1 << 20)
        });
    });
}
