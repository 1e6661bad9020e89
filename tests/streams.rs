//! Streams, as users' guides show them: section G of the list of behaviours that the project
//! serves; the ids stand with the tests.
//!
//! G3 and G13, which wait for entries, are with the blocking commands; G14 is with the log on disk.

use redis::streams::{StreamInfoStreamReply, StreamMaxlen, StreamReadReply};
use redis::{Commands, streams::StreamReadOptions};

use super::support::{Value, start, wait_until};

fn entry(id: &str, fields: &[&str]) -> Value {
    Value::Array(vec![Value::bulk(id), Value::bulks(fields)])
}

/// The ids of an array of entries.
fn ids(entries: &Value) -> Vec<String> {
    let id = |entry: &Value| entry.elements()[0].text();
    entries.elements().iter().map(id).collect()
}

/// G1.
#[test]
fn ids_are_a_time_and_a_number_and_increase() {
    let (_server, mut client) = start(&[]);
    let mut last = (0, 0);
    for i in 0..1000 {
        let id = client.call(&format!("XADD orders * id {i}")).text();
        let (ms, seq) = id.split_once('-').expect("two parts");
        let id: (u64, u64) = (ms.parse().expect("ms"), seq.parse().expect("seq"));
        assert!(id > last, "{id:?} after {last:?}");
        last = id;
    }
    assert!(last.0 > 1_600_000_000_000);
    assert_eq!(client.call("XLEN orders"), Value::Integer(1000));
    let (ms, seq) = last;
    assert_eq!(
        client.call(&format!("XADD orders {ms}-{seq} f v")),
        Value::error(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        )
    );
    assert_eq!(client.call("XADD s 5-* f v"), Value::bulk("5-0"));
    assert_eq!(client.call("XADD s 5-* f v"), Value::bulk("5-1"));
    assert_eq!(client.call("XADD absent NOMKSTREAM * f v"), Value::Null);
}

/// G2.
#[test]
fn ranges_take_incomplete_ids_and_counts() {
    let (_server, mut client) = start(&[]);
    for i in 0..20 {
        client.call(&format!("XADD s 17000000000{i:02}-1 n {i}"));
    }
    assert_eq!(client.call("XRANGE s - +").elements().len(), 20);
    assert_eq!(client.call("XRANGE s - + COUNT 10").elements().len(), 10);
    let from = client.call("XRANGE s 1700000000015 +");
    assert_eq!(from.elements().len(), 5);
    assert_eq!(from.elements()[0], entry("1700000000015-1", &["n", "15"]));
    assert_eq!(client.call("XRANGE s 1700000000015-0 +"), from);
    assert_eq!(
        ids(&client.call("XRANGE s (1700000000018-1 +")),
        ["1700000000019-1"]
    );
    assert_eq!(
        ids(&client.call("XREVRANGE s + - COUNT 2")),
        ["1700000000019-1", "1700000000018-1"]
    );
    assert_eq!(client.call("XRANGE absent - +"), Value::bulks(&[]));
    assert_eq!(
        client.call("XRANGE s abc +"),
        Value::error("ERR Invalid stream ID specified as stream command argument")
    );
}

/// G4.
#[test]
fn streams_are_read_from_an_id_in_either_shape() {
    let (server, mut client) = start(&[]);
    client.call("XADD s 1-1 a 1");
    client.call("XADD s 2-1 b 2");
    let entries = Value::Array(vec![entry("1-1", &["a", "1"]), entry("2-1", &["b", "2"])]);
    assert_eq!(
        client.call("XREAD COUNT 10 STREAMS s 0"),
        Value::Array(vec![Value::Array(vec![Value::bulk("s"), entries.clone()])])
    );
    assert_eq!(client.call("XREAD STREAMS s 2-1"), Value::Null);
    client.call("HELLO 3");
    assert_eq!(
        client.call("XREAD COUNT 10 STREAMS s 0"),
        Value::Aggregate('%', vec![Value::bulk("s"), entries])
    );
    let mut library = server.client();
    let options = StreamReadOptions::default().count(1);
    let read: StreamReadReply = library
        .xread_options(&["s"], &["0"], &options)
        .expect("xread");
    assert_eq!(read.keys[0].ids[0].id, "1-1");
}

/// G5, G6, G7, G16.
#[test]
fn groups_deliver_each_entry_once_until_it_is_acknowledged() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("XGROUP CREATE s g 0 MKSTREAM"), Value::ok());
    assert_eq!(
        client.call("XGROUP CREATE s g $"),
        Value::error("BUSYGROUP Consumer Group name already exists")
    );
    assert_eq!(client.call("XGROUP CREATE s audit $"), Value::ok());
    client.call("XADD s 1-1 n 1");
    client.call("XADD s 2-1 n 2");
    client.call("XADD s 3-1 n 3");
    let mut read = |group: &str, consumer: &str, count: u32, id: &str| {
        let command = format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS s {id}");
        match client.call(&command) {
            Value::Null => Vec::new(),
            reply => ids(&reply.elements()[0].elements()[1]),
        }
    };
    assert_eq!(read("g", "one", 2, ">"), ["1-1", "2-1"]);
    assert_eq!(read("g", "two", 9, ">"), ["3-1"]);
    assert_eq!(read("g", "one", 9, ">"), [""; 0]);
    assert_eq!(read("g", "one", 9, "0"), ["1-1", "2-1"]);
    assert_eq!(read("audit", "one", 9, ">"), ["1-1", "2-1", "3-1"]);
    assert_eq!(
        client.call("XREADGROUP GROUP none c STREAMS s >"),
        Value::error(
            "NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option"
        )
    );
    let summary = client.call("XPENDING s g");
    assert_eq!(summary.elements()[0], Value::Integer(3));
    assert_eq!(client.call("XACK s g 1-1"), Value::Integer(1));
    assert_eq!(client.call("XACK s g 1-1"), Value::Integer(0));
    let one = Value::Array(vec![
        Value::bulks(&["one", "1"]),
        Value::bulks(&["two", "1"]),
    ]);
    assert_eq!(
        client.call("XPENDING s g"),
        Value::Array(vec![
            Value::Integer(2),
            Value::bulk("2-1"),
            Value::bulk("3-1"),
            one
        ])
    );
}

/// G8, G9, G15.
#[test]
fn a_dead_consumers_entries_go_to_another() {
    let (_server, mut client) = start(&[]);
    client.call("XGROUP CREATE s g 0 MKSTREAM");
    client.call("XADD s 1-1 n 1");
    client.call("XADD s 2-1 n 2");
    client.call("XREADGROUP GROUP g worker-1 STREAMS s >");
    let pending = client.call("XPENDING s g - + 10");
    let row = pending.elements()[0].elements();
    assert_eq!(row[..2], [Value::bulk("1-1"), Value::bulk("worker-1")]);
    assert!(row[2].number() >= 0);
    assert_eq!(row[3], Value::Integer(1));
    assert_eq!(
        client.call("XCLAIM s g worker-2 60000 1-1"),
        Value::bulks(&[])
    );
    wait_until("the entry was idle for 20 ms", || {
        let claimed = client.call("XCLAIM s g worker-2 20 1-1");
        claimed == Value::Array(vec![entry("1-1", &["n", "1"])])
    });
    let row = client.call("XPENDING s g - + 10 worker-2");
    let row = row.elements()[0].elements().to_vec();
    assert_eq!(row[0], Value::bulk("1-1"));
    assert_eq!(row[3], Value::Integer(2), "delivered once more");
    let claimed = client.call("XAUTOCLAIM s g worker-3 0 0 COUNT 10");
    assert_eq!(claimed.elements()[0], Value::bulk("0-0"));
    assert_eq!(ids(&claimed.elements()[1]), ["1-1", "2-1"]);
    assert_eq!(client.call("XACK s g 1-1 2-1"), Value::Integer(2));
    assert_eq!(client.call("XPENDING s g").elements()[0], Value::Integer(0));
}

/// G10, G11.
#[test]
fn streams_are_trimmed_about_or_exactly() {
    let (server, mut client) = start(&[]);
    for i in 0..25_000 {
        client.send_command(&["XADD", "s", "*", "n", &i.to_string()]);
    }
    (0..25_000).for_each(|_| drop(client.read().text()));
    // Without a LIMIT one call stops after a hundred nodes' worth of entries.
    assert_eq!(
        client.call("XTRIM s MAXLEN ~ 10000"),
        Value::Integer(10_000)
    );
    while client.call("XTRIM s MAXLEN ~ 10000").number() > 0 {}
    let len = client.call("XLEN s").number();
    assert!((10_000..10_100).contains(&len), "{len}");
    client.call("XTRIM s MAXLEN 10000");
    assert_eq!(client.call("XLEN s"), Value::Integer(10_000));
    let mut library = server.client();
    for i in 0..500 {
        let _: String = library
            .xadd_maxlen("log", StreamMaxlen::Approx(100), "*", &[("n", i)])
            .expect("xadd");
    }
    let len: usize = library.xlen("log").expect("xlen");
    assert!((100..200).contains(&len), "{len}");
}

/// G12.
#[test]
fn a_stream_describes_itself() {
    let (server, mut client) = start(&[]);
    client.call("XADD s 1-1 n 1");
    client.call("XADD s 2-1 n 2");
    client.call("XGROUP CREATE s g $");
    let flat = client.call("XINFO STREAM s");
    let fields: Vec<String> = flat
        .elements()
        .chunks(2)
        .map(|pair| pair[0].text())
        .collect();
    for field in [
        "length",
        "radix-tree-keys",
        "radix-tree-nodes",
        "last-generated-id",
        "groups",
        "first-entry",
        "last-entry",
    ] {
        assert!(fields.iter().any(|name| name == field), "{field}");
    }
    let info: StreamInfoStreamReply = server.client().xinfo_stream("s").expect("xinfo");
    assert_eq!((info.length, info.groups), (2, 1));
    assert_eq!(
        (info.first_entry.id, info.last_entry.id),
        ("1-1".into(), "2-1".into())
    );
    client.call("HELLO 3");
    assert!(matches!(
        client.call("XINFO STREAM s"),
        Value::Aggregate('%', _)
    ));
    assert_eq!(
        client.call("XINFO STREAM absent"),
        Value::error("ERR no such key")
    );
}

/// XDEL and the empty stream that stays.
#[test]
fn a_stream_outlives_its_entries() {
    let (_server, mut client) = start(&[]);
    client.call("XADD s 1-1 n 1");
    assert_eq!(client.call("XDEL s 1-1 9-9"), Value::Integer(1));
    assert_eq!(client.call("EXISTS s"), Value::Integer(1));
    assert_eq!(client.call("XLEN s"), Value::Integer(0));
    assert_eq!(client.call("TYPE s"), Value::simple("stream"));
    assert!(matches!(client.call("XADD s 1-1 n 1"), Value::Error(_)));
}
