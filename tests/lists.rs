//! Lists, as users' guides show them: section D of the list of behaviours that the project serves;
//! the ids stand with the tests.
//!
//! D3, D4 and D10, which wait for elements, are with the blocking commands.

use std::time::{Duration, Instant};

use redis::Commands;

use super::support::{Value, start};

/// D1, D2, M17.
#[test]
fn pushed_left_and_popped_right_is_a_queue() {
    let (server, mut client) = start(&[]);
    assert_eq!(client.call("RPUSH activity a b c"), Value::Integer(3));
    assert_eq!(client.call("LPUSH activity z y"), Value::Integer(5));
    assert_eq!(
        client.call("LRANGE activity 0 -1"),
        Value::bulks(&["y", "z", "a", "b", "c"])
    );
    let mut library = server.client();
    for job in ["one", "two", "three"] {
        let _: i64 = library.lpush("jobs", job).expect("lpush");
    }
    let jobs: Vec<Option<String>> = (0..4)
        .map(|_| library.rpop("jobs", None).expect("rpop"))
        .collect();
    let first = jobs[0].as_deref();
    assert_eq!((first, jobs[2].as_deref()), (Some("one"), Some("three")));
    assert_eq!(jobs[3], None);
    assert_eq!(client.call("LPOP jobs"), Value::Null);
    assert_eq!(client.call("EXISTS jobs"), Value::Integer(0));
}

/// D2: with a count, nothing and no elements differ.
#[test]
fn several_elements_are_popped_at_once() {
    let (_server, mut client) = start(&[]);
    client.call("RPUSH l a b c d e");
    assert_eq!(client.call("LPOP l 2"), Value::bulks(&["a", "b"]));
    assert_eq!(client.call("RPOP l 9"), Value::bulks(&["e", "d", "c"]));
    assert_eq!(client.call("LPOP l 2"), Value::Null);
    client.call("RPUSH l a");
    assert_eq!(client.call("LPOP l 0"), Value::bulks(&[]));
    let refused = Value::error("ERR value is out of range, must be positive");
    assert_eq!(client.call("LPOP l -1"), refused);
    assert_eq!(
        client.call("LMPOP 2 absent l LEFT COUNT 3"),
        Value::Array(vec![Value::bulk("l"), Value::bulks(&["a"])])
    );
    assert_eq!(client.call("LMPOP 1 absent LEFT"), Value::Null);
}

/// D5, D6, D7, D9.
#[test]
fn a_feed_keeps_the_newest_hundred() {
    let (_server, mut client) = start(&[]);
    for i in 0..150 {
        client.call(&format!("LPUSH feed post:{i}"));
        assert_eq!(client.call("LTRIM feed 0 99"), Value::simple("OK"));
    }
    assert_eq!(client.call("LLEN feed"), Value::Integer(100));
    assert_eq!(client.call("LINDEX feed 0"), Value::bulk("post:149"));
    assert_eq!(client.call("LINDEX feed -1"), Value::bulk("post:50"));
    let page = client.call("LRANGE feed 0 9");
    let page: Vec<String> = page.elements().iter().map(Value::text).collect();
    let newest: Vec<String> = (140..150).rev().map(|i| format!("post:{i}")).collect();
    assert_eq!(page, newest);
    assert_eq!(client.call("LRANGE feed 0 -1").elements().len(), 100);
    assert_eq!(client.call("LRANGE feed 500 600"), Value::bulks(&[]));
    assert_eq!(client.call("LTRIM feed 5 1"), Value::simple("OK"));
    assert_eq!(client.call("EXISTS feed"), Value::Integer(0));
    assert_eq!(client.call("LLEN feed"), Value::Integer(0));
}

/// D8.
#[test]
fn elements_move_from_list_to_list() {
    let (_server, mut client) = start(&[]);
    client.call("RPUSH src a b c");
    assert_eq!(client.call("LMOVE src dst LEFT RIGHT"), Value::bulk("a"));
    assert_eq!(client.call("LMOVE src dst LEFT RIGHT"), Value::bulk("b"));
    assert_eq!(client.call("LRANGE dst 0 -1"), Value::bulks(&["a", "b"]));
    assert_eq!(client.call("LMOVE dst dst LEFT RIGHT"), Value::bulk("a"));
    assert_eq!(client.call("LRANGE dst 0 -1"), Value::bulks(&["b", "a"]));
    assert_eq!(client.call("RPOPLPUSH src dst"), Value::bulk("c"));
    assert_eq!(client.call("EXISTS src"), Value::Integer(0));
    assert_eq!(client.call("LMOVE absent dst LEFT RIGHT"), Value::Null);
    client.call("SET text v");
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(
        client.call("LMOVE dst text LEFT RIGHT"),
        Value::error(wrong_type)
    );
    assert_eq!(
        client.call("LLEN dst"),
        Value::Integer(3),
        "a refused move takes nothing"
    );
}

/// D11, R12.
#[test]
fn a_list_of_more_than_a_node_is_a_quicklist() {
    let (_server, mut client) = start(&[]);
    let size = client.call("CONFIG GET list-max-ziplist-size");
    assert_eq!(size.elements()[1], Value::bulk("-2"));
    for i in 0..10_000 {
        client.send_command(&["RPUSH", "large", &format!("item:{i}")]);
    }
    (1..=10_000).for_each(|n| assert_eq!(client.read(), Value::Integer(n)));
    assert_eq!(
        client.call("OBJECT ENCODING large"),
        Value::bulk("quicklist")
    );
    client.call("RPUSH small a b c");
    // Redis 7.0 has no small lists; 7.2 and later call them so.
    let small = client.call("OBJECT ENCODING small").text();
    assert!(
        ["listpack", "quicklist"].contains(&small.as_str()),
        "{small}"
    );
    assert_eq!(client.call("LINDEX large 5000"), Value::bulk("item:5000"));
}

/// D12. The limit is the guides'; a debug build in a busy test run gets ten times that.
#[test]
fn a_page_of_a_million_elements_is_read_at_once() {
    let (_server, mut client) = start(&[]);
    let thousand: String = (0..1000).map(|i| format!(" item:{i}")).collect();
    let push = format!("RPUSH large{thousand}");
    for n in 1..=1000 {
        assert_eq!(client.call(&push), Value::Integer(n * 1000));
    }
    let limit = Duration::from_millis(50);
    for start in [0, 250_000, 500_000, 999_900] {
        let fastest = (0..5).map(|_| {
            let began = Instant::now();
            let page = client.call(&format!("LRANGE large {start} {}", start + 99));
            assert_eq!(page.elements().len(), 100);
            began.elapsed()
        });
        let fastest = fastest.min().unwrap_or_default();
        assert!(fastest < limit, "at {start}: {fastest:?}");
    }
}

/// LINSERT, LSET, LREM, LPOS: edits in the middle.
#[test]
fn elements_are_found_and_edited_in_place() {
    let (_server, mut client) = start(&[]);
    client.call("RPUSH l a b c b a");
    assert_eq!(client.call("LPOS l b"), Value::Integer(1));
    assert_eq!(client.call("LPOS l b RANK -1"), Value::Integer(3));
    assert_eq!(
        client.call("LPOS l a COUNT 0"),
        Value::Array(vec![Value::Integer(0), Value::Integer(4)])
    );
    assert_eq!(client.call("LPOS l z"), Value::Null);
    assert_eq!(client.call("LINSERT l BEFORE c x"), Value::Integer(6));
    assert_eq!(client.call("LINSERT l AFTER z x"), Value::Integer(-1));
    assert_eq!(client.call("LSET l 0 first"), Value::simple("OK"));
    assert_eq!(
        client.call("LSET l 99 v"),
        Value::error("ERR index out of range")
    );
    assert_eq!(
        client.call("LSET absent 0 v"),
        Value::error("ERR no such key")
    );
    assert_eq!(client.call("LREM l 1 b"), Value::Integer(1));
    assert_eq!(
        client.call("LRANGE l 0 -1"),
        Value::bulks(&["first", "x", "c", "b", "a"])
    );
    assert_eq!(client.call("LPUSHX absent v"), Value::Integer(0));
    assert_eq!(client.call("RPUSHX l v"), Value::Integer(6));
}

/// The same in RESP3: nulls have a type of their own.
#[test]
fn nothing_to_pop_is_null_in_both_protocols() {
    let (_server, mut client) = start(&[]);
    client.send(b"LPOP absent\r\nLPOP absent 2\r\nHELLO 3\r\nLPOP absent\r\nLPOP absent 2\r\n");
    assert_eq!(client.read(), Value::Null);
    assert_eq!(client.read(), Value::Null);
    assert!(matches!(client.read(), Value::Aggregate('%', _)));
    assert_eq!(client.read(), Value::Null);
    assert_eq!(client.read(), Value::Null);
}
