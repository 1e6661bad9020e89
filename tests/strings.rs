//! Strings, counters and bits, as users' guides show them: section B of the list of behaviours that
//! the project serves; the ids stand with the tests.
//!
//! B16 (hash tags) waits for cluster mode.

use redis::Commands;

use super::support::{Server, Value, start};

/// B1, B15.
#[test]
fn values_come_back_as_they_were_set() {
    let (_server, mut client) = start(&[]);
    let set = client.call_args(&["SET", "user:1001:name", "Alice Johnson"]);
    assert_eq!(set, Value::simple("OK"));
    assert_eq!(
        client.call("GET user:1001:name"),
        Value::bulk("Alice Johnson")
    );
    client.call("SET k 28");
    assert_eq!(client.call("OBJECT ENCODING k"), Value::bulk("int"));
    let json = r#"{"userId":"1001","items":[1,2.5,"three"]}"#;
    client.call_args(&["SET", "k", json]);
    assert_eq!(client.call("GET k"), Value::bulk(json));
    assert_eq!(client.call("OBJECT ENCODING k"), Value::bulk("embstr"));
    client.call_args(&["SET", "k", &json.repeat(2)]);
    assert_eq!(client.call("OBJECT ENCODING k"), Value::bulk("raw"));
}

/// B2.
#[test]
fn values_are_binary_safe_and_end_at_512_mb() {
    let (_server, mut client) = start(&[]);
    client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\x00\r\n\xff\r\n");
    assert_eq!(client.read(), Value::simple("OK"));
    assert_eq!(client.call("GET k"), Value::Bulk(b"\x00\r\n\xff".to_vec()));
    assert_eq!(
        client.call("SETRANGE big 536870911 x"),
        Value::Integer(536_870_912)
    );
    assert_eq!(
        client.call("GETRANGE big 536870910 -1"),
        Value::Bulk(b"\0x".to_vec())
    );
    let too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(
        client.call("SETRANGE big 536870912 x"),
        Value::error(too_long)
    );
    assert_eq!(client.call("APPEND big x"), Value::error(too_long));
}

/// B3, B4, B7, I11.
#[test]
fn values_are_set_with_an_expiry() {
    let (server, mut client) = start(&[]);
    client.call("SET session:abc123 v EX 3600");
    assert!((3599..=3600).contains(&client.call("TTL session:abc123").number()));
    client.call("SET session:abc123 v PX 60000");
    assert!((1..=60_000).contains(&client.call("PTTL session:abc123").number()));
    assert_eq!(
        client.call("SETEX otp:12345 300 123456"),
        Value::simple("OK")
    );
    assert!((299..=300).contains(&client.call("TTL otp:12345").number()));
    for (command, name) in [("SETEX k 0 v", "setex"), ("SET k v EX 0", "set")] {
        let refused = format!("ERR invalid expire time in '{name}' command");
        assert_eq!(client.call(command), Value::error(&refused));
    }
    let mut library = server.client();
    let () = library.set_ex("k", "v", 60).expect("set_ex");
    let () = library.pset_ex("p", "v", 1500).expect("pset_ex");
    assert!((59..=60).contains(&library.ttl::<_, i64>("k").expect("ttl")));
    assert!((1..=1500).contains(&library.pttl::<_, i64>("p").expect("pttl")));
}

/// B5, B6, B8.
#[test]
fn locks_are_taken_in_every_order_of_words() {
    let (_server, mut client) = start(&[]);
    for options in ["NX EX 30", "EX 30 NX", "PX 10000 NX", "NX PX 30000"] {
        client.call("DEL lock");
        let take = format!("SET lock token {options}");
        assert_eq!(client.call(&take), Value::simple("OK"), "{options}");
        assert_eq!(client.call(&take), Value::Null, "{options}");
        assert!(client.call("PTTL lock").number() > 0, "{options}");
    }
    assert_eq!(client.call("SET absent v XX"), Value::Null);
    assert_eq!(client.call("EXISTS absent"), Value::Integer(0));
    assert_eq!(client.call("SET lock v XX"), Value::simple("OK"));
    assert_eq!(client.call("SETNX new v"), Value::Integer(1));
    assert_eq!(client.call("SETNX new v"), Value::Integer(0));
}

/// B9, B10, B11, B12.
#[test]
fn counters_count() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("INCR views"), Value::Integer(1));
    client.call("SET a x");
    let no_integer = Value::error("ERR value is not an integer or out of range");
    assert_eq!(client.call("INCR a"), no_integer);
    assert_eq!(client.call("GET a"), Value::bulk("x"));
    client.call("SET balance 500");
    assert_eq!(client.call("INCRBY balance -100"), Value::Integer(400));
    assert_eq!(
        client.call("DECR inventory:product:301"),
        Value::Integer(-1)
    );
    assert_eq!(
        client.call("DECRBY inventory:product:301 10"),
        Value::Integer(-11)
    );
    assert_eq!(
        client.call("INCRBYFLOAT account 19.99"),
        Value::bulk("19.99")
    );
    client.call("SET f 0.1");
    assert_eq!(client.call("INCRBYFLOAT f 0.2"), Value::bulk("0.3"));
}

#[test]
fn incr_overflow_leaves_value_unchanged() {
    let (_server, mut client) = start(&[]);
    client.call("SET k 9223372036854775807");
    let overflow = Value::error("ERR increment or decrement would overflow");
    assert_eq!(client.call("INCR k"), overflow);
    assert_eq!(client.call("GET k"), Value::bulk("9223372036854775807"));
}

/// B13.
#[test]
fn several_keys_are_set_and_read_at_once() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("MSET key1 a key2 b"), Value::simple("OK"));
    let expected = Value::Array(vec![Value::bulk("a"), Value::bulk("b"), Value::Null]);
    assert_eq!(client.call("MGET key1 key2 key3"), expected);
}

/// B14.
#[test]
fn bits_are_set_and_counted() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("SETBIT f 0 1"), Value::Integer(0));
    assert_eq!(client.call("SETBIT f 1 0"), Value::Integer(0));
    assert_eq!(client.call("GETBIT f 0"), Value::Integer(1));
    assert_eq!(client.call("GETBIT f 1"), Value::Integer(0));
    assert_eq!(client.call("BITCOUNT f"), Value::Integer(1));
    assert_eq!(client.call("GET f"), Value::Bulk(vec![0x80]));
}

/// B17.
#[test]
fn a_hot_key_spread_over_several_is_read_from_any() {
    let (_server, mut client) = start(&[]);
    for i in 0..8 {
        client.call(&format!("SET hot:leaderboard:{i} value EX 60"));
    }
    for i in 0..8 {
        let copy = client.call(&format!("GET hot:leaderboard:{i}"));
        assert_eq!(copy, Value::bulk("value"));
    }
}

/// Z1.
#[test]
fn increments_of_many_clients_are_all_counted() {
    let server = Server::start(&["--io-threads", "2"]);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut client = server.raw();
                client.send(&b"INCR counter\r\n".repeat(1000));
                (0..1000).for_each(|_| assert!(client.read().number() > 0));
            });
        }
    });
    assert_eq!(server.raw().call("GET counter"), Value::bulk("20000"));
}
