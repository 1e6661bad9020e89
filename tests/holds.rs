//! What holds a client up or throws it out: pauses, full memory, replies that nobody reads.
//!
//! All of it is Redis's behaviour too, so these tests pass against `redis-server` 7.0.

use super::support::{RawClient, Server, Value, wait_until};

fn info(client: &mut RawClient, field: &str) -> String {
    let Value::Bulk(text) = client.call("INFO everything") else {
        panic!("INFO answers with text");
    };
    let text = String::from_utf8(text).expect("INFO is ASCII");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap_or_else(|| panic!("no {field} in INFO"))[1..].to_owned()
}

#[test]
fn a_paused_write_counts_as_blocked_until_the_pause_ends() {
    let server = Server::start(&[]);
    let (mut admin, mut writer) = (server.raw(), server.raw());
    admin.call("CLIENT PAUSE 100000 WRITE");
    writer.send_command(&["SET", "k", "v"]);
    wait_until("the writer is blocked", || {
        info(&mut admin, "blocked_clients") == "1"
    });
    assert_eq!(admin.call("GET k"), Value::Null);
    admin.call("CLIENT UNPAUSE");
    assert_eq!(writer.read(), Value::simple("OK"));
    assert_eq!(info(&mut admin, "blocked_clients"), "0");
}

#[test]
fn a_pause_of_writes_keeps_expired_keys_out_of_sight_and_in_place() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("MULTI");
    client.call("SET a 1 PX 10");
    client.call("SET b 1 PX 10");
    client.call("CLIENT PAUSE 100000 WRITE");
    client.call("EXEC");
    wait_until("both are gone for readers", || {
        client.call("EXISTS a b") == Value::Integer(0)
    });
    assert_eq!(info(&mut client, "expired_keys"), "0");
    assert_eq!(client.call("DBSIZE"), Value::Integer(2));
    client.call("CLIENT UNPAUSE");
    assert_eq!(client.call("EXISTS a b"), Value::Integer(0));
    assert_eq!(info(&mut client, "expired_keys"), "2");
}

#[test]
fn exec_is_refused_with_the_reason_when_memory_is_full_only_if_it_would_write() {
    let server = Server::start(&[]);
    let (mut client, mut admin) = (server.raw(), server.raw());
    client.call("SET k v");
    for command in ["MULTI", "GET k", "PING"] {
        client.call(command);
    }
    admin.call("CONFIG SET maxmemory 1");
    let replies = vec![Value::bulk("v"), Value::simple("PONG")];
    assert_eq!(client.call("EXEC"), Value::Array(replies));
    admin.call("CONFIG SET maxmemory 0");
    for command in ["MULTI", "SET k w", "GET k"] {
        client.call(command);
    }
    admin.call("CONFIG SET maxmemory 1");
    let Value::Error(text) = client.call("EXEC") else {
        panic!("EXEC is refused");
    };
    assert!(
        text.starts_with("EXECABORT Transaction discarded because of: OOM"),
        "{text}"
    );
    assert_eq!(client.call("GET k"), Value::bulk("v"));
    client.call("MULTI");
    assert!(
        matches!(client.call("GET k"), Value::Error(_)),
        "queues need memory"
    );
    client.call("DISCARD");
}

#[test]
fn small_integers_count_as_shared_unless_eviction_needs_clocks() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SET small 9999");
    client.call("SET large 10000");
    assert_eq!(
        client.call("OBJECT REFCOUNT small"),
        Value::Integer(2_147_483_647)
    );
    assert_eq!(client.call("OBJECT REFCOUNT large"), Value::Integer(1));
    client.call("CONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru");
    client.call("SET small 1");
    assert_eq!(client.call("OBJECT REFCOUNT small"), Value::Integer(1));
}

#[test]
fn swapdb_takes_stale_keys_for_absent() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.raw();
    client.call("DEBUG SET-ACTIVE-EXPIRE 0");
    client.call("SET x 1 PX 1");
    client.call("SELECT 1");
    client.call("WATCH x");
    client.call("SELECT 0");
    wait_until("x is stale", || client.call("TTL x") == Value::Integer(-2));
    client.call("SET x 1 PXAT 1");
    client.call("SWAPDB 0 1");
    client.call("MULTI");
    client.call("PING");
    assert_eq!(
        client.call("EXEC"),
        Value::Array(vec![Value::simple("PONG")])
    );
}

#[test]
fn who_never_authenticates_nor_reads_is_closed() {
    let server = Server::start(&[]);
    let mut admin = server.raw();
    admin.call("CONFIG SET requirepass secret");
    let flood = b"PING\r\n".repeat(1000);
    let mut silent = std::net::TcpStream::connect(("127.0.0.1", server.port())).expect("connects");
    wait_until("the server has had enough", || {
        std::io::Write::write_all(&mut silent, &flood).is_err()
    });
    assert_eq!(admin.call("PING"), Value::simple("PONG"));
}
