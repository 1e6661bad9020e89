//! Client-side caching over sockets: redirection, several workers, and that no change is missed.

use super::support::{RawClient, Server, Value};

fn invalidation(keys: &[&str]) -> Value {
    let keys = keys.iter().map(|key| Value::bulk(key)).collect();
    Value::Aggregate('>', vec![Value::bulk("invalidate"), Value::Array(keys)])
}

fn resp3(server: &Server) -> RawClient {
    let mut client = server.raw();
    client.call("HELLO 3");
    client
}

#[test]
fn a_reader_is_told_of_changes_expiry_and_flushes() {
    let server = Server::start(&[]);
    let (mut reader, mut writer) = (resp3(&server), server.raw());
    assert_eq!(reader.call("CLIENT TRACKING ON"), Value::simple("OK"));
    writer.call("MSET a 1 b 2");
    reader.call("MGET a b");
    writer.call("SET a 2");
    assert_eq!(reader.read(), invalidation(&["a"]));
    writer.call("PEXPIRE b 20");
    assert_eq!(reader.read(), invalidation(&["b"]));
    reader.call("GET b");
    assert_eq!(reader.read(), invalidation(&["b"]), "its time is over");
    reader.call("GET a");
    writer.call("FLUSHDB");
    let all = vec![Value::bulk("invalidate"), Value::Null];
    assert_eq!(reader.read(), Value::Aggregate('>', all));
}

#[test]
fn resp2_clients_redirect_to_a_connection_that_subscribed() {
    let server = Server::start(&["--io-threads", "4"]);
    let (mut reader, mut writer, mut target) = (server.raw(), server.raw(), server.raw());
    let id = target.call("CLIENT ID").number();
    target.call("SUBSCRIBE __redis__:invalidate");
    reader.call(&format!("CLIENT TRACKING ON REDIRECT {id}"));
    assert_eq!(reader.call("CLIENT GETREDIR"), Value::Integer(id));
    let list = reader.call("CLIENT LIST").text();
    assert!(list.contains(" flags=t ") && list.contains(&format!(" redir={id} ")));
    reader.call("GET k");
    writer.call("SET k v");
    let told = [
        Value::bulk("message"),
        Value::bulk("__redis__:invalidate"),
        Value::Array(vec![Value::bulk("k")]),
    ];
    assert_eq!(target.read(), Value::Array(told.to_vec()));
    reader.call("GET k");
    target.call("QUIT");
    assert!(target.is_closed());
    writer.call("SET k w");
    super::support::wait_until("the redirection is known to be broken", || {
        let info = reader.call("CLIENT TRACKINGINFO");
        info.elements()[1]
            .elements()
            .contains(&Value::bulk("broken_redirect"))
    });
}

#[test]
fn broadcasts_reach_all_who_named_the_prefix() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut clients: Vec<_> = (0..4).map(|_| resp3(&server)).collect();
    for client in &mut clients {
        client.call("CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:");
    }
    let mut writer = server.raw();
    writer.send(b"MULTI\r\nSET user:2 a\r\nSET user:1 a\r\nSET other a\r\nEXEC\r\nDEL user:1\r\n");
    for client in &mut clients {
        assert_eq!(client.read(), invalidation(&["user:1", "user:2"]));
        assert_eq!(client.read(), invalidation(&["user:1"]));
    }
    let info = writer.read();
    assert_eq!(info, Value::simple("OK"));
}

#[test]
fn invalidations_follow_the_reply_in_a_pipeline() {
    let server = Server::start(&[]);
    let mut client = resp3(&server);
    client.send(b"CLIENT TRACKING ON\r\nGET k\r\nSET k 1\r\nGET k\r\nDEL k\r\n");
    assert_eq!(client.read(), Value::simple("OK"));
    assert_eq!(client.read(), Value::Null);
    assert_eq!(client.read(), Value::simple("OK"));
    assert_eq!(client.read(), invalidation(&["k"]));
    assert_eq!(client.read(), Value::bulk("1"));
    assert_eq!(client.read(), Value::Integer(1));
    assert_eq!(client.read(), invalidation(&["k"]));
}

/// A cache that drops what it is told to never holds what is not there any more.
#[test]
fn a_cache_that_heeds_invalidations_ends_with_the_last_values() {
    let server = Server::start(&["--io-threads", "4"]);
    let writers: Vec<_> = (0..3)
        .map(|w| {
            let mut writer = server.raw();
            std::thread::spawn(move || {
                (0..400).for_each(|i| drop(writer.call(&format!("SET k{} {w}:{i}", i % 5))));
            })
        })
        .collect();
    let mut reader = resp3(&server);
    reader.call("CLIENT TRACKING ON");
    let mut cache = std::collections::HashMap::new();
    let read = |reader: &mut RawClient, key: &str, cache: &mut std::collections::HashMap<_, _>| {
        reader.send_command(&["GET", key]);
        loop {
            match reader.read() {
                Value::Aggregate('>', parts) => {
                    let Value::Array(keys) = &parts[1] else {
                        continue;
                    };
                    keys.iter().for_each(|key| drop(cache.remove(&key.text())));
                }
                value => break cache.insert(key.to_owned(), value),
            }
        }
    };
    for i in 0..2000 {
        read(&mut reader, &format!("k{}", i % 5), &mut cache);
    }
    writers
        .into_iter()
        .for_each(|writer| writer.join().expect("it ends well"));
    // What was on its way is here when a later command is answered; a few rounds let it arrive.
    for _ in 0..3 {
        read(&mut reader, "other", &mut cache);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut fresh = server.raw();
    for (key, value) in &cache {
        assert_eq!(*value, fresh.call(&format!("GET {key}")), "{key}");
    }
}

#[test]
fn clients_that_hold_too_much_are_closed_largest_first() {
    let server = Server::start(&["--maxmemory-clients", "3mb"]);
    let mut control = server.raw();
    control.call("CLIENT NO-EVICT ON");
    let fill = |name: &str, bytes: usize| {
        let mut client = server.raw();
        client.call(&format!("CLIENT SETNAME {name}"));
        let part = "x".repeat(bytes - 1);
        client.send(format!("*2\r\n$3\r\nGET\r\n${bytes}\r\n{part}").as_bytes());
        client
    };
    let mut small = fill("small", 500_000);
    let _large = fill("large", 2_000_000);
    let mut last = fill("last", 1_500_000);
    super::support::wait_until("one is closed", || {
        let info = control.call("INFO stats").text();
        info.contains("evicted_clients:1\r")
    });
    assert!(!control.call("CLIENT LIST").text().contains("name=large"));
    for client in [&mut small, &mut last] {
        client.send(b"x\r\n");
        assert_eq!(client.read(), Value::Null);
    }
}
