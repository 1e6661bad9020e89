//! Sets, as users' guides show them: section E of the list of behaviours that the project serves;
//! the ids stand with the tests.

use std::collections::BTreeSet;

use redis::Commands;

use super::support::{Value, start};

/// E1, E2, E9, E10.
#[test]
fn members_are_counted_once() {
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("SADD tags a b c"), Value::Integer(3));
    assert_eq!(client.call("SADD tags c d"), Value::Integer(1));
    assert_eq!(client.call("SADD tags a"), Value::Integer(0));
    assert_eq!(client.call("SISMEMBER tags a"), Value::Integer(1));
    assert_eq!(client.call("SISMEMBER tags z"), Value::Integer(0));
    assert_eq!(client.call("SISMEMBER absent z"), Value::Integer(0));
    assert_eq!(
        client.call("SMISMEMBER tags a z"),
        Value::Array(vec![Value::Integer(1), Value::Integer(0)])
    );
    assert_eq!(client.call("SCARD tags"), Value::Integer(4));
    assert_eq!(client.call("SCARD absent"), Value::Integer(0));
    assert_eq!(client.call("SREM tags a z b"), Value::Integer(2));
    assert_eq!(client.call("SREM tags c d"), Value::Integer(2));
    assert_eq!(client.call("EXISTS tags"), Value::Integer(0));
}

/// E3.
#[test]
fn members_are_an_array_or_a_set() {
    let (server, mut client) = start(&[]);
    client.call("SADD tags a b");
    let reply = client.call("SMEMBERS tags");
    assert!(matches!(&reply, Value::Array(_)), "{reply:?}");
    assert_eq!(reply.sorted(), ["a", "b"]);
    client.call("HELLO 3");
    let reply = client.call("SMEMBERS tags");
    assert!(matches!(&reply, Value::Aggregate('~', _)), "{reply:?}");
    assert_eq!(
        client.call("SMEMBERS absent"),
        Value::Aggregate('~', vec![])
    );
    for command in [
        "SINTER tags tags",
        "SUNION tags absent",
        "SDIFF tags absent",
    ] {
        let reply = client.call(command);
        assert!(
            matches!(&reply, Value::Aggregate('~', _)),
            "{command}: {reply:?}"
        );
    }
    let members: BTreeSet<String> = server.client().smembers("tags").expect("smembers");
    assert_eq!(members.len(), 2);
}

/// E4, E5, E6, E13.
#[test]
fn sets_are_combined() {
    let (_server, mut client) = start(&[]);
    client.call("SADD alice music movies coding hiking");
    client.call("SADD bob movies coding gaming reading");
    assert_eq!(
        client.call("SINTER alice bob").sorted(),
        ["coding", "movies"]
    );
    assert_eq!(
        client.call("SUNION alice bob").sorted(),
        ["coding", "gaming", "hiking", "movies", "music", "reading"]
    );
    assert_eq!(client.call("SDIFF alice bob").sorted(), ["hiking", "music"]);
    assert_eq!(client.call("SINTER alice absent"), Value::Array(vec![]));
    assert_eq!(client.call("SINTERCARD 2 alice bob"), Value::Integer(2));
    assert_eq!(
        client.call("SINTERCARD 2 alice bob LIMIT 1"),
        Value::Integer(1)
    );
    assert_eq!(
        client.call("SINTERSTORE common alice bob"),
        Value::Integer(2)
    );
    assert_eq!(
        client.call("SMEMBERS common").sorted(),
        ["coding", "movies"]
    );
    assert_eq!(
        client.call("SINTERSTORE common alice absent"),
        Value::Integer(0)
    );
    assert_eq!(client.call("EXISTS common"), Value::Integer(0));
    assert_eq!(client.call("SMOVE alice bob music"), Value::Integer(1));
    assert_eq!(client.call("SISMEMBER bob music"), Value::Integer(1));
    client.call("SET text v");
    assert_eq!(
        client.call("SINTER alice text"),
        Value::error("WRONGTYPE Operation against a key holding the wrong kind of value")
    );
}

/// E7, E8.
#[test]
fn members_are_picked_and_popped_at_random() {
    let (_server, mut client) = start(&[]);
    client.call("SADD s a b c d");
    assert!(matches!(client.call("SRANDMEMBER s"), Value::Bulk(_)));
    assert_eq!(client.call("SRANDMEMBER absent"), Value::Null);
    for _ in 0..20 {
        let two: BTreeSet<String> = client
            .call("SRANDMEMBER s 2")
            .sorted()
            .into_iter()
            .collect();
        assert_eq!(two.len(), 2);
        assert_eq!(client.call("SRANDMEMBER s -5").elements().len(), 5);
    }
    assert_eq!(
        client.call("SRANDMEMBER s 99").sorted(),
        ["a", "b", "c", "d"]
    );
    assert_eq!(client.call("SCARD s"), Value::Integer(4));
    let popped = client.call("SPOP s").text();
    assert_eq!(
        client.call(&format!("SISMEMBER s {popped}")),
        Value::Integer(0)
    );
    assert_eq!(client.call("SPOP s 9").elements().len(), 3);
    assert_eq!(client.call("EXISTS s"), Value::Integer(0));
    assert_eq!(client.call("SPOP s"), Value::Null);
}

/// E11.
#[test]
fn a_scan_of_a_large_set_sees_every_member() {
    let (server, mut client) = start(&[]);
    for hundred in 0..100 {
        let members: String = (0..100)
            .map(|i| format!(" member:{}", hundred * 100 + i))
            .collect();
        client.call(&format!("SADD large{members}"));
    }
    let mut library = server.client();
    let seen: BTreeSet<String> = library.sscan("large").expect("sscan").collect();
    assert_eq!(seen.len(), 10_000);
}

/// E12, M5.
#[test]
fn a_tag_names_what_to_drop() {
    let (_server, mut client) = start(&[]);
    for i in 0..20 {
        client.call(&format!("SET product:{i} v"));
        client.call(&format!("SADD tag:sale product:{i}"));
    }
    let keys = client.call("SMEMBERS tag:sale").sorted().join(" ");
    client.call("MULTI");
    client.call(&format!("DEL {keys}"));
    client.call("DEL tag:sale");
    assert_eq!(
        client.call("EXEC"),
        Value::Array(vec![Value::Integer(20), Value::Integer(1)])
    );
    assert_eq!(client.call("DBSIZE"), Value::Integer(0));
}

/// R10's kin: integers, few members, many members.
#[test]
fn sets_change_their_encoding_at_the_configured_sizes() {
    let (_server, mut client) = start(&[]);
    client.call("CONFIG SET set-max-intset-entries 20");
    let numbers: String = (0..20).map(|i| format!(" {i}")).collect();
    client.call(&format!("SADD numbers{numbers}"));
    assert_eq!(
        client.call("OBJECT ENCODING numbers"),
        Value::bulk("intset")
    );
    client.call("SADD numbers 1000");
    let larger = client.call("OBJECT ENCODING numbers").text();
    // From Redis 7.2 on there are listpacks between the two.
    assert!(
        ["hashtable", "listpack"].contains(&larger.as_str()),
        "{larger}"
    );
    assert_eq!(client.call("SCARD numbers"), Value::Integer(21));
    client.call(&format!("SADD numbers {}", "x".repeat(65)));
    assert_eq!(
        client.call("OBJECT ENCODING numbers"),
        Value::bulk("hashtable")
    );
}
