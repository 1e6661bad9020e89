//! Connections, handshakes and protocol versions: section A of the list of behaviours that the
//! project serves; the ids stand with the tests. What other languages' clients do is done with the
//! `redis` crate or on the wire.
//!
//! A4's users other than default wait for users. A17's `loading:1` is with the snapshots, A20's
//! BLPOP with the blocking commands, A24 with replication and the errors, A27's TLS with TLS. A12,
//! A18, A22 and A23 are about the client; what the server sees of them is here.

use std::io::Write;
use std::time::Duration;

use redis::ConnectionLike;

use super::support::{RawClient, Server, Value, is_corewire, wait_until};

const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

fn connect(url: &str) -> redis::RedisResult<redis::Connection> {
    redis::Client::open(url)?.get_connection()
}

/// The value of a field in a line of CLIENT LIST.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {name} in {line}"))
}

fn clients(client: &mut RawClient) -> Vec<String> {
    let list = client.call("CLIENT LIST").text();
    list.lines().map(str::to_owned).collect()
}

/// A1, A27.
#[test]
fn ping_is_answered_in_every_form() {
    let server = Server::start(&["--requirepass", "pw"]);
    assert_eq!(
        server.cli(&["-a", "pw", "--no-auth-warning", "ping"]),
        "PONG"
    );
    assert!(server.cli(&["ping"]).starts_with("NOAUTH"));
    let mut client = server.raw();
    client.send(b"AUTH pw\r\nPING\r\n  PING  \"hello world\"  \n\r\n\r\nPING\r\n");
    let replies: Vec<Value> = (0..4).map(|_| client.read()).collect();
    let pong = Value::simple("PONG");
    let expected = [
        Value::simple("OK"),
        pong.clone(),
        Value::bulk("hello world"),
        pong,
    ];
    assert_eq!(replies, expected);
}

/// A2.
#[test]
fn hello_changes_the_protocol_or_refuses() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let refused = client.call("HELLO 4");
    assert_eq!(
        refused,
        Value::error("NOPROTO unsupported protocol version")
    );
    let Value::Aggregate('%', hello) = client.call("HELLO 3") else {
        panic!("HELLO 3 gives a map")
    };
    let names: Vec<String> = hello.iter().step_by(2).map(Value::text).collect();
    let expected = [
        "server", "version", "proto", "id", "mode", "role", "modules",
    ];
    assert_eq!(names, expected);
    assert_eq!(hello[5], Value::Integer(3));
    assert_eq!(hello[9], Value::bulk("standalone"));
    assert_eq!(hello[11], Value::bulk("master"));
    let Value::Array(hello) = client.call("HELLO 2") else {
        panic!("HELLO 2 gives an array")
    };
    assert_eq!(hello[5], Value::Integer(2));
}

/// A3, A5, A6.
#[test]
fn client_libraries_connect_with_either_protocol() {
    let server = Server::start(&[]);
    for protocol in ["", "?protocol=resp3"] {
        let url = format!("redis://127.0.0.1:{}/{protocol}", server.port());
        let mut client = connect(&url).expect("connect");
        let cmd = |words: &str| {
            let mut words = words.split(' ');
            let mut cmd = redis::cmd(words.next().expect("a name"));
            cmd.arg(words.collect::<Vec<_>>());
            cmd
        };
        let () = cmd("SET hello world EX 60")
            .query(&mut client)
            .expect("set");
        let value: String = cmd("GET hello").query(&mut client).expect("get");
        assert_eq!(value, "world");
        let absent: Option<String> = cmd("GET absent").query(&mut client).expect("get");
        assert_eq!(absent, None);
        let values: Vec<Option<String>> =
            cmd("MGET hello absent").query(&mut client).expect("mget");
        assert_eq!(values, [Some("world".to_owned()), None]);
        let config: std::collections::HashMap<String, String> = cmd("CONFIG GET databases")
            .query(&mut client)
            .expect("config");
        assert_eq!(config["databases"], "16");
        let error = cmd("INCR hello")
            .query::<i64>(&mut client)
            .expect_err("no number");
        assert!(error.to_string().contains("not an integer"), "{error}");
        assert!(client.check_connection());
    }
}

/// A4, A7.
#[test]
fn a_password_is_required_and_checked() {
    let server = Server::start(&["--requirepass", "pw"]);
    let mut client = server.raw();
    let noauth = Value::error("NOAUTH Authentication required.");
    assert_eq!(client.call("GET k"), noauth);
    assert_eq!(client.call("AUTH wrong"), Value::error(WRONGPASS));
    assert_eq!(client.call("AUTH default wrong"), Value::error(WRONGPASS));
    assert_eq!(client.call("AUTH nobody pw"), Value::error(WRONGPASS));
    assert_eq!(
        client.call("HELLO 3 AUTH default wrong"),
        Value::error(WRONGPASS)
    );
    assert_eq!(client.call("GET k"), noauth);
    assert_eq!(client.call("AUTH default pw"), Value::simple("OK"));
    assert_eq!(client.call("GET k"), Value::Null);

    let url = |user: &str| format!("redis://{user}:pw@127.0.0.1:{}/2", server.port());
    for user in ["", "default"] {
        let mut library = connect(&url(user)).expect("connect");
        let () = redis::cmd("SET")
            .arg("k")
            .arg("v")
            .query(&mut library)
            .expect("set");
        let list = clients(&mut client);
        let line = list
            .iter()
            .find(|line| field(line, "db") == "2")
            .expect("in the list");
        assert_eq!(field(line, "user"), "default");
    }
    assert!(connect(&url("nobody")).is_err());
}

/// A8.
#[test]
fn a_password_where_none_is_set_is_refused_in_known_words() {
    let server = Server::start(&[]);
    let text = "ERR AUTH <password> called without any password configured for the default user. \
                Are you sure your configuration is correct?";
    let mut client = server.raw();
    assert_eq!(client.call("AUTH x"), Value::error(text));
    assert_eq!(client.call("AUTH default x"), Value::simple("OK"));
    assert_eq!(client.call("PING"), Value::simple("PONG"));
}

/// A9, A10: newer than Redis 7.0.
#[test]
fn client_libraries_introduce_themselves() {
    if !is_corewire() {
        return;
    }
    let server = Server::start(&[]);
    let mut client = server.raw();
    let ok = Value::simple("OK");
    assert_eq!(client.call("CLIENT SETINFO LIB-NAME redis-py"), ok);
    assert_eq!(client.call("CLIENT SETINFO lib-ver 7.0.1"), ok);
    let info = client.call("CLIENT INFO").text();
    assert_eq!(field(info.trim_end(), "lib-name"), "redis-py");
    assert_eq!(field(info.trim_end(), "lib-ver"), "7.0.1");
    assert!(matches!(
        client.call("CLIENT SETINFO NOSUCH x"),
        Value::Error(_)
    ));
    assert!(matches!(
        client.call_args(&["CLIENT", "SETINFO", "LIB-NAME", "a b"]),
        Value::Error(_)
    ));
    client.send_command(&[
        "CLIENT",
        "MAINT_NOTIFICATIONS",
        "ON",
        "moving-endpoint-type",
        "none",
    ]);
    assert!(matches!(client.read(), Value::Error(_) | Value::Simple(_)));
    assert_eq!(client.call("PING"), Value::simple("PONG"));
}

/// A11.
#[test]
fn clients_beyond_maxclients_are_turned_away() {
    let server = Server::start(&[]);
    let mut first = server.raw();
    // Whoever looked whether the server is up may not be quite gone.
    wait_until("it is the only one", || clients(&mut first).len() == 1);
    assert_eq!(first.call("CONFIG SET maxclients 5"), Value::simple("OK"));
    let mut others: Vec<RawClient> = (0..4).map(|_| server.raw()).collect();
    for other in &mut others {
        assert_eq!(other.call("PING"), Value::simple("PONG"));
    }
    let mut sixth = server.raw();
    assert_eq!(
        sixth.read(),
        Value::error("ERR max number of clients reached")
    );
    assert!(sixth.is_closed());
    assert_ne!(server_info(&mut first, "rejected_connections"), "0");
    drop(others);
    wait_until("the others are gone", || clients(&mut first).len() == 1);
    assert_eq!(server.raw().call("PING"), Value::simple("PONG"));
}

fn server_info(client: &mut RawClient, name: &str) -> String {
    let text = client.call("INFO everything").text();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .to_owned()
}

/// A12, A23.
#[test]
fn the_list_shows_each_connection_once() {
    let server = Server::start(&[]);
    let pool: Vec<redis::Connection> = (0..2).map(|_| server.client()).collect();
    let mut observer = server.raw();
    let own = observer.call("CLIENT ID").number().to_string();
    // Whoever looked whether the server is up may not be quite gone.
    wait_until("there are three", || clients(&mut observer).len() == 3);
    let list = clients(&mut observer);
    assert_eq!(
        list.iter().filter(|line| field(line, "id") != own).count(),
        2
    );
    drop(pool);
    wait_until("they are gone", || clients(&mut observer).len() == 1);
}

/// A13, A15.
#[test]
fn a_client_that_times_out_finds_the_server_again() {
    let server = Server::start(&[]);
    let (mut pausing, mut waiting) = (server.raw(), server.raw());
    assert_eq!(pausing.call("CLIENT PAUSE 1000 ALL"), Value::simple("OK"));
    waiting.set_patience(Duration::from_millis(200));
    waiting.send_command(&["GET", "k"]);
    assert!(!waiting.is_answered());
    drop(waiting);
    assert_eq!(server.raw().call("GET k"), Value::Null);

    server.freeze();
    let mut waiting = server.raw();
    waiting.set_patience(Duration::from_millis(200));
    waiting.send_command(&["PING"]);
    assert!(!waiting.is_answered());
    server.signal("-CONT");
    waiting.set_patience(super::support::PATIENCE);
    assert_eq!(waiting.read(), Value::simple("PONG"));
}

/// A14, A16, A18.
#[test]
fn a_client_comes_back_after_the_server() {
    let mut server = Server::start(&[]);
    let client = redis::Client::open(format!("redis://127.0.0.1:{}/", server.port())).expect("url");
    let mut observer = server.raw();
    wait_until("opening has connected nothing", || {
        clients(&mut observer).len() == 1
    });
    let mut connection = client.get_connection().expect("connect");
    server.kill_and_restart();
    let lost = redis::cmd("PING")
        .query::<String>(&mut connection)
        .expect_err("it was killed");
    assert!(lost.is_connection_dropped() || lost.is_io_error(), "{lost}");
    let mut connection = client.get_connection().expect("connect again");
    assert_eq!(
        redis::cmd("PING").query::<String>(&mut connection),
        Ok("PONG".to_owned())
    );
}

/// A17, A19, A26.
#[test]
fn what_clients_ask_before_they_are_ready_is_there() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let info = client.call("INFO").text();
    assert!(info.contains("\r\nloading:0\r\n"), "{info}");
    assert_eq!(info.matches('\n').count(), info.matches("\r\n").count());
    for (name, value) in [
        ("tcp-keepalive", "300"),
        ("timeout", "0"),
        ("maxclients", "10000"),
    ] {
        let reply = client.call(&format!("CONFIG GET {name}"));
        assert_eq!(reply.elements()[1], Value::bulk(value), "{name}");
    }
}

/// A21.
#[test]
fn quit_comes_after_all_replies() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.send(b"SET k v\r\nGET k\r\nQUIT\r\nSET k lost\r\n");
    let replies: Vec<Value> = (0..3).map(|_| client.read()).collect();
    assert_eq!(
        replies,
        [Value::simple("OK"), Value::bulk("v"), Value::simple("OK")]
    );
    assert!(client.is_closed());
    assert_eq!(server.raw().call("GET k"), Value::bulk("v"));
}

/// A22.
#[test]
fn a_killed_client_is_disconnected_and_may_come_again() {
    let server = Server::start(&[]);
    let (mut victim, mut killer) = (server.raw(), server.raw());
    let id = victim.call("CLIENT ID").number();
    assert_eq!(
        killer.call(&format!("CLIENT KILL ID {id}")),
        Value::Integer(1)
    );
    assert!(victim.is_closed());
    assert_eq!(
        killer.call(&format!("CLIENT KILL ID {id}")),
        Value::Integer(0)
    );
    assert!(server.raw().call("CLIENT ID").number() > id);
}

/// A25.
#[test]
fn a_thousand_requests_on_one_socket_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let sets: String = (0..1000)
        .map(|i| format!("SET k:{i} value:{i}\r\n"))
        .collect();
    let gets: String = (0..1000).map(|i| format!("GET k:{i}\r\n")).collect();
    let mut sender = client.sender();
    std::thread::scope(|scope| {
        scope.spawn(move || sender.write_all((sets + &gets).as_bytes()).expect("send"));
        (0..1000).for_each(|_| assert_eq!(client.read(), Value::simple("OK")));
        for i in 0..1000 {
            assert_eq!(client.read(), Value::bulk(&format!("value:{i}")));
        }
    });
}

/// A28.
#[test]
fn bad_lengths_are_protocol_errors_that_end_the_connection() {
    let server = Server::start(&[]);
    for (request, text) in [
        ("*x\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$-5\r\n", "invalid bulk length"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\nPING\r\n", "expected '$', got 'P'"),
        ("PING \"x\r\n", "unbalanced quotes in request"),
    ] {
        let mut client = server.raw();
        client.send(request.as_bytes());
        let expected = format!("ERR Protocol error: {text}");
        assert_eq!(client.read(), Value::error(&expected), "{request:?}");
        assert!(client.is_closed());
    }
}
