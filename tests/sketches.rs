//! HyperLogLogs, and keys that end with their day: section H of the list of behaviours that the
//! project serves; the ids stand with the tests.

use super::support::{Server, Value, wait_until};

/// H1.
#[test]
fn unique_visitors_are_counted_within_two_percent() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    for thousand in 0..100 {
        let visitors: String = (0..1000)
            .map(|i| format!(" visitor:{}", thousand * 1000 + i))
            .collect();
        client.call(&format!("PFADD hll:pageviews{visitors}"));
    }
    let count = client.call("PFCOUNT hll:pageviews").number();
    assert!((98_000..=102_000).contains(&count), "{count}");
    let len = client.call("STRLEN hll:pageviews").number();
    assert!(len <= 12_304, "{len}");
    assert_eq!(
        client.call("PFADD hll:pageviews visitor:1"),
        Value::Integer(0)
    );
    client.call("PFADD hll:other visitor:1 someone-else another");
    assert_eq!(client.call("PFCOUNT hll:other"), Value::Integer(3));
    let union = client.call("PFCOUNT hll:pageviews hll:other").number();
    assert_eq!(
        client.call("PFMERGE hll:all hll:pageviews hll:other"),
        Value::simple("OK")
    );
    assert_eq!(client.call("PFCOUNT hll:all"), Value::Integer(union));
    client.call("SET text v");
    assert_eq!(
        client.call("PFCOUNT text"),
        Value::error("WRONGTYPE Key is not a valid HyperLogLog string value.")
    );
}

/// H2.
#[test]
fn a_key_ends_at_its_unix_time() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SET stats:pageviews:2024-01-01 10");
    let now = client.call("TIME").elements()[0].text();
    let soon: u64 = now.parse::<u64>().expect("seconds") + 1;
    let expire = format!("EXPIREAT stats:pageviews:2024-01-01 {soon}");
    assert_eq!(client.call(&expire), Value::Integer(1));
    wait_until("the key is gone", || {
        client.call("EXISTS stats:pageviews:2024-01-01") == Value::Integer(0)
    });
    let time = client.call("TIME");
    let seconds: u64 = time.elements()[0].text().parse().expect("seconds");
    assert!((soon..=soon + 1).contains(&seconds), "{seconds} not {soon}");
    client.call("SET past v");
    assert_eq!(client.call("EXPIREAT past 1"), Value::Integer(1));
    assert_eq!(client.call("EXISTS past"), Value::Integer(0));
}
