//! Error texts that clients compare with: section Y of the list of behaviours that the project
//! serves, as far as the data types provoke them; the ids stand with the tests.
//!
//! Waiting for later subsystems: Y6, Y11, TRYAGAIN (cluster), Y7's NOPERM (users), Y8 (scripts).
//! NOAUTH, WRONGPASS and `max number of clients` are in `connection`; Y9 and NOGROUP go with the
//! streams, Y2 and LOADING with what is written to disk.

use super::support::{Server, Value, wait_until};

/// Y3, Y4, Y12.
#[test]
fn refusals_have_redis_words() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SET text x");
    client.call("RPUSH list a");
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    let unknown = "ERR unknown command 'x', with args beginning with: ";
    let unknown_args = "ERR unknown command 'FOO', with args beginning with: 'a' 'b c' ";
    let subcommand = "ERR unknown subcommand 'nosuch'. Try CONFIG HELP.";
    for (command, expected) in [
        (&["SET", "k", "v", "NOSUCH"][..], "ERR syntax error"),
        (&["SET", "k", "v", "NX", "XX"], "ERR syntax error"),
        (&["GET", "list"], wrong_type),
        (&["INCR", "list"], wrong_type),
        (&["LPUSH", "text", "a"], wrong_type),
        (&["LSET", "list", "7", "x"], "ERR index out of range"),
        (&["x"], unknown),
        (&["FOO", "a", "b c"], unknown_args),
        (&["GET"], "ERR wrong number of arguments for 'get' command"),
        (
            &["gEt", "a", "b"],
            "ERR wrong number of arguments for 'get' command",
        ),
        (
            &["CONFIG", "GET"],
            "ERR wrong number of arguments for 'config|get' command",
        ),
        (&["CONFIG", "nosuch"], subcommand),
        (&["RENAME", "absent", "k"], "ERR no such key"),
        (
            &["INCRBY", "k", "x"],
            "ERR value is not an integer or out of range",
        ),
        (
            &["INCR", "text"],
            "ERR value is not an integer or out of range",
        ),
        (
            &["INCRBYFLOAT", "text", "1"],
            "ERR value is not a valid float",
        ),
        (
            &["SET", "k", "v", "EX", "-1"],
            "ERR invalid expire time in 'set' command",
        ),
        (
            &["SET", "k", "v", "PX", "x"],
            "ERR value is not an integer or out of range",
        ),
        (
            &["GETEX", "text", "EX", "0"],
            "ERR invalid expire time in 'getex' command",
        ),
        (
            &["EXPIRE", "text", "9223372036854775807"],
            "ERR invalid expire time in 'expire' command",
        ),
        (&["SETRANGE", "k", "-1", "x"], "ERR offset is out of range"),
        (
            &["SETBIT", "k", "0", "2"],
            "ERR bit is not an integer or out of range",
        ),
        (
            &["SETBIT", "k", "4294967296", "1"],
            "ERR bit offset is not an integer or out of range",
        ),
        (&["SELECT", "99"], "ERR DB index is out of range"),
        (&["EXEC"], "ERR EXEC without MULTI"),
        (&["DISCARD"], "ERR DISCARD without MULTI"),
        (&["SCAN", "x"], "ERR invalid cursor"),
        (
            &["OBJECT", "FREQ", "text"],
            "ERR An LFU maxmemory policy is not selected, access \
         frequency not tracked. Please note that when switching between policies at runtime LRU \
         and LFU data will take some time to adjust.",
        ),
        (
            &["CONFIG", "SET", "nosuch", "1"],
            "ERR Unknown option or number of arguments for \
         CONFIG SET - 'nosuch'",
        ),
        (
            &["CONFIG", "SET", "maxmemory-policy", "x"],
            "ERR CONFIG SET failed (possibly related to \
         argument 'maxmemory-policy') - argument(s) must be one of the following: volatile-lru",
        ),
    ] {
        // The policies go on, and newer servers have more of them.
        let reply = client.call_args(command);
        let Value::Error(text) = &reply else {
            panic!("{command:?}: {reply:?}")
        };
        assert!(
            text == expected || command[0] == "CONFIG" && text.starts_with(expected),
            "{command:?}\n  {text}\n  {expected}"
        );
    }
    assert_eq!(client.call("GET text"), Value::bulk("x"));
}

/// Y1.
#[test]
fn out_of_memory_refuses_growth_only() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SET k v");
    client.call("CONFIG SET maxmemory 1");
    let oom = Value::error("OOM command not allowed when used memory > 'maxmemory'.");
    assert_eq!(client.call("SET other v"), oom);
    assert_eq!(client.call("GET k"), Value::bulk("v"));
    assert_eq!(client.call("DEL k"), Value::Integer(1));
    client.call("MULTI");
    assert_eq!(client.call("SET other v"), oom);
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.call("EXEC"), Value::error(aborted));
    client.call("CONFIG SET maxmemory 0");
    assert_eq!(client.call("SET other v"), Value::simple("OK"));
}

/// Y10.
#[test]
fn transactions_fail_as_a_whole() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.raw(), server.raw());
    client.call("MULTI");
    assert_eq!(client.call("SET k v"), Value::simple("QUEUED"));
    assert!(matches!(client.call("NOSUCH"), Value::Error(_)));
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.call("EXEC"), Value::error(aborted));
    client.call("WATCH k");
    other.call("SET k changed");
    client.call("MULTI");
    client.call("SET k v");
    assert_eq!(client.call("EXEC"), Value::Null);
    assert_eq!(client.call("GET k"), Value::bulk("changed"));
}

#[test]
fn errors_hold_neither_line_ends_nor_more_than_is_needed_of_arguments() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let name = format!("bad\r\n+OK\r\n{}", "x".repeat(500));
    let reply = client.call_args(&[&name, "a\nb"]).text();
    let start = "ERR unknown command 'bad  +OK  xxx";
    assert!(reply.starts_with(start) && reply.len() < 300, "{reply}");
    assert_eq!(client.call("PING"), Value::simple("PONG"));
}

/// BUSYKEY and UNBLOCKED of Y12.
#[test]
fn refusals_of_restored_keys_and_of_waits_have_redis_words() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.raw(), server.raw());
    client.call("SET k v");
    let Value::Bulk(dump) = client.call("DUMP k") else {
        panic!("a payload");
    };
    client.send(
        format!(
            "*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n${}\r\n",
            dump.len()
        )
        .as_bytes(),
    );
    client.send(&[&dump[..], b"\r\n"].concat());
    let busy = "BUSYKEY Target key name already exists.";
    assert_eq!(client.read(), Value::error(busy));
    let Value::Integer(id) = client.call("CLIENT ID") else {
        panic!("an id");
    };
    client.send(b"BLPOP none 0\r\n");
    let unblock = format!("CLIENT UNBLOCK {id} ERROR");
    wait_until("it is unblocked", || {
        other.call(&unblock) == Value::Integer(1)
    });
    let unblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    assert_eq!(client.read(), Value::error(unblocked));
}

/// Y5, and MASTERDOWN and NOREPLICAS of Y12.
#[test]
fn refusals_of_replication_have_redis_words() {
    let server = Server::start(&["--min-replicas-to-write", "1"]);
    let mut client = server.raw();
    let lonely = "NOREPLICAS Not enough good replicas to write.";
    assert_eq!(client.call("SET k v"), Value::error(lonely));
    assert_eq!(client.call("GET k"), Value::Null);
    client.call("CONFIG SET min-replicas-to-write 0");
    client.call("SET k v");
    client.call("REPLICAOF 127.0.0.1 1");
    let readonly = "READONLY You can't write against a read only replica.";
    assert_eq!(client.call("SET k w"), Value::error(readonly));
    assert_eq!(client.call("GET k"), Value::bulk("v"));
    client.call("CONFIG SET replica-serve-stale-data no");
    let down = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    assert_eq!(client.call("GET k"), Value::error(down));
    client.call("REPLICAOF NO ONE");
    assert_eq!(client.call("SET k w"), Value::simple("OK"));
}
