//! Hashes, as users' guides show them: section C of the list of behaviours that the project serves;
//! the ids stand with the tests.
//!
//! Where the two protocols answer in different shapes, both are looked at.

use std::collections::{BTreeMap, BTreeSet};

use redis::Commands;

use super::support::{Server, Value, start};

fn bulks(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::bulk(text)).collect()
}

/// C1, C2.
#[test]
fn fields_are_set_and_new_ones_counted() {
    let (_server, mut client) = start(&[]);
    let set = "HSET user:1001 name Alice email a@b.c age 28 active 1";
    assert_eq!(client.call(set), Value::Integer(4));
    assert_eq!(client.call(set), Value::Integer(0));
    assert_eq!(
        client.call("HSET user:1001 name Bob phone 1"),
        Value::Integer(1),
        "only the new one counts"
    );
    assert_eq!(
        client.call("HMSET user:1001 city Portland country US"),
        Value::simple("OK")
    );
    assert_eq!(client.call("HGET user:1001 city"), Value::bulk("Portland"));
    assert_eq!(
        client.call("HSET user:1001 name"),
        Value::error("ERR wrong number of arguments for 'hset' command")
    );
}

/// C3, C4.
#[test]
fn fields_are_read_in_the_order_asked_for() {
    let (server, mut client) = start(&[]);
    client.call("HSET user:1001 name Alice age 28");
    assert_eq!(client.call("HGET user:1001 name"), Value::bulk("Alice"));
    assert_eq!(client.call("HGET user:1001 absent"), Value::Null);
    assert_eq!(client.call("HGET absent name"), Value::Null);
    assert_eq!(
        client.call("HMGET user:1001 age absent name"),
        Value::Array(vec![Value::bulk("28"), Value::Null, Value::bulk("Alice")])
    );
    assert_eq!(
        client.call("HMGET absent a b"),
        Value::Array(vec![Value::Null, Value::Null])
    );
    let mut library = server.client();
    let read: (i64, Option<String>) = library
        .hget("user:1001", &["age", "absent"][..])
        .expect("hmget");
    assert_eq!(read, (28, None));
}

/// C5.
#[test]
fn a_whole_hash_is_an_array_or_a_map() {
    let (server, mut client) = start(&[]);
    client.call("HSET user:1001 name Alice age 28");
    let flat = bulks(&["name", "Alice", "age", "28"]);
    assert_eq!(client.call("HGETALL user:1001"), Value::Array(flat.clone()));
    assert_eq!(client.call("HGETALL absent"), Value::Array(vec![]));
    client.call("HELLO 3");
    assert_eq!(
        client.call("HGETALL user:1001"),
        Value::Aggregate('%', flat)
    );
    assert_eq!(client.call("HGETALL absent"), Value::Aggregate('%', vec![]));
    let mut library = server.client();
    let map: BTreeMap<String, String> = library.hgetall("user:1001").expect("hgetall");
    assert_eq!(map["name"], "Alice");
    let empty: BTreeMap<String, String> = library.hgetall("absent").expect("hgetall");
    assert!(empty.is_empty());
}

/// C6, C7.
#[test]
fn fields_count() {
    let (_server, mut client) = start(&[]);
    assert_eq!(
        client.call("HINCRBY product:1001 stock 10"),
        Value::Integer(10)
    );
    assert_eq!(
        client.call("HINCRBY product:1001 stock -1"),
        Value::Integer(9)
    );
    client.call("HSET product:1001 name lamp");
    assert_eq!(
        client.call("HINCRBY product:1001 name 1"),
        Value::error("ERR hash value is not an integer")
    );
    client.call("HSET product:1001 most 9223372036854775807");
    assert_eq!(
        client.call("HINCRBY product:1001 most 1"),
        Value::error("ERR increment or decrement would overflow")
    );
    assert_eq!(
        client.call("HINCRBYFLOAT user:1001 balance 19.99"),
        Value::bulk("19.99")
    );
    assert_eq!(
        client.call("HINCRBYFLOAT user:1001 balance -0.99"),
        Value::bulk("19")
    );
    assert_eq!(
        client.call("HINCRBYFLOAT product:1001 name 1"),
        Value::error("ERR hash value is not a float")
    );
}

/// C8, C9, C10, C11, C12.
#[test]
fn a_hash_goes_with_its_last_field() {
    let (_server, mut client) = start(&[]);
    client.call("HSET h a 1 b 2 c 3");
    assert_eq!(client.call("HEXISTS h a"), Value::Integer(1));
    assert_eq!(client.call("HEXISTS h z"), Value::Integer(0));
    assert_eq!(client.call("HEXISTS absent a"), Value::Integer(0));
    assert_eq!(client.call("HLEN h"), Value::Integer(3));
    assert_eq!(client.call("HLEN absent"), Value::Integer(0));
    assert_eq!(client.call("HKEYS h").sorted(), ["a", "b", "c"]);
    assert_eq!(client.call("HVALS h").sorted(), ["1", "2", "3"]);
    assert_eq!(client.call("HKEYS absent"), Value::Array(vec![]));
    assert_eq!(client.call("HSTRLEN h a"), Value::Integer(1));
    assert_eq!(client.call("HSETNX h a 9"), Value::Integer(0));
    assert_eq!(client.call("HDEL h a z b"), Value::Integer(2));
    assert_eq!(client.call("EXISTS h"), Value::Integer(1));
    assert_eq!(client.call("HDEL h c"), Value::Integer(1));
    assert_eq!(client.call("EXISTS h"), Value::Integer(0));
    assert_eq!(client.call("HDEL h c"), Value::Integer(0));
}

/// C13.
#[test]
fn a_scan_of_a_large_hash_sees_every_field() {
    let (server, mut client) = start(&[]);
    for hundred in 0..100 {
        let fields: String = (0..100)
            .map(|i| format!(" field:{} {i}", hundred * 100 + i))
            .collect();
        client.call(&format!("HSET large{fields}"));
    }
    let mut seen = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let reply = client.call(&format!("HSCAN large {cursor} COUNT 100"));
        let [next, found] = reply.elements() else {
            panic!("{reply:?}")
        };
        seen.extend(found.elements().chunks(2).map(|pair| pair[0].text()));
        cursor = next.text();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 10_000);
    let mut library = server.client();
    let found = library
        .hscan_match::<_, _, (String, String)>("large", "field:77*")
        .expect("hscan");
    assert_eq!(found.count(), 111);
}

/// C14.
#[test]
fn numbers_are_stored_as_text() {
    let server = Server::start(&[]);
    let mut library = server.client();
    let () = library
        .hset_multiple("h", &[("int", 1), ("negative", -20)])
        .expect("hset");
    let () = library.hset("h", "float", 0.5).expect("hset");
    let mut client = server.raw();
    assert_eq!(
        client.call("HMGET h int negative float"),
        Value::Array(bulks(&["1", "-20", "0.5"]))
    );
}

/// C15, R10.
#[test]
fn small_hashes_are_compact_up_to_the_configured_size() {
    let (_server, mut client) = start(&[]);
    let entries = client.call("CONFIG GET hash-max-listpack-entries");
    assert_eq!(entries.elements()[1], Value::bulk("512"));
    client.call("CONFIG SET hash-max-ziplist-entries 128 hash-max-ziplist-value 64");
    for i in 0..128 {
        client.call(&format!("HSET h f{i} {}", "v".repeat(64)));
    }
    assert_eq!(client.call("OBJECT ENCODING h"), Value::bulk("listpack"));
    client.call("HSET h one-more v");
    assert_eq!(client.call("OBJECT ENCODING h"), Value::bulk("hashtable"));
    client.call("HSET short f v");
    assert_eq!(
        client.call("OBJECT ENCODING short"),
        Value::bulk("listpack")
    );
    client.call(&format!("HSET short f {}", "v".repeat(65)));
    assert_eq!(
        client.call("OBJECT ENCODING short"),
        Value::bulk("hashtable")
    );
    assert_eq!(client.call("HLEN h"), Value::Integer(129));
}

/// C16, M3.
#[test]
fn counts_are_gathered_and_flushed() {
    let (_server, mut client) = start(&[]);
    for _ in 0..1000 {
        client.send_command(&["HINCRBY", "pageviews:pending", "p", "1"]);
    }
    (1..=1000).for_each(|n| assert_eq!(client.read(), Value::Integer(n)));
    client.send_command(&["MULTI"]);
    client.send_command(&["HGETALL", "pageviews:pending"]);
    client.send_command(&["DEL", "pageviews:pending"]);
    let replies = [client.read(), client.read(), client.read()];
    assert!(!replies.iter().any(|reply| matches!(reply, Value::Error(_))));
    let all = Value::Array(bulks(&["p", "1000"]));
    assert_eq!(
        client.call("EXEC"),
        Value::Array(vec![all, Value::Integer(1)])
    );
    assert_eq!(client.call("EXISTS pageviews:pending"), Value::Integer(0));
}

/// HRANDFIELD's shapes: a field, fields, and pairs that RESP3 nests.
#[test]
fn random_fields_come_alone_or_with_values() {
    let (_server, mut client) = start(&[]);
    client.call("HSET h a 1 b 2 c 3");
    assert!(["a", "b", "c"].contains(&client.call("HRANDFIELD h").text().as_str()));
    assert_eq!(client.call("HRANDFIELD h 5").sorted(), ["a", "b", "c"]);
    assert_eq!(client.call("HRANDFIELD h -5").elements().len(), 5);
    assert_eq!(client.call("HRANDFIELD absent"), Value::Null);
    assert_eq!(client.call("HRANDFIELD absent 2"), Value::Array(vec![]));
    let flat = client.call("HRANDFIELD h 3 WITHVALUES");
    assert_eq!(flat.sorted(), ["1", "2", "3", "a", "b", "c"]);
    client.call("HELLO 3");
    let pairs = client.call("HRANDFIELD h 3 WITHVALUES");
    let pairs: Vec<_> = pairs.elements().iter().map(Value::sorted).collect();
    assert!(pairs.contains(&vec!["1".to_owned(), "a".to_owned()]));
}
