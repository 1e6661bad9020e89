//! That the support itself works: every way to reach a server, every kind of reply, a clean end.
//!
//! These are also the first tests to look at when all the others fail: here the server does almost
//! nothing.

use super::{Server, Value, wait_until};

#[test]
fn every_client_reaches_the_same_server() {
    let server = Server::start(&[]);
    let answer: String = redis::cmd("PING")
        .query(&mut server.client())
        .expect("reply");
    assert_eq!(answer, "PONG");
    assert_eq!(server.cli(&["PING"]), "PONG");
    assert_eq!(server.raw().call("PING"), Value::simple("PONG"));
    assert_eq!(server.raw().call("ECHO hello"), Value::bulk("hello"));
}

#[test]
fn raw_client_reads_every_kind_of_reply() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let Value::Aggregate('%', hello) = client.call("HELLO 3") else {
        panic!("HELLO 3 gives a map")
    };
    assert!(hello.contains(&Value::Integer(3)));
    assert_eq!(client.call("GET absent"), Value::Null);
    assert_eq!(client.call("STRLEN absent"), Value::Integer(0));
    assert!(matches!(client.call("NOSUCH"), Value::Error(text) if text.starts_with("ERR unknown")));
    assert!(matches!(client.call("COMMAND LIST"), Value::Array(names) if names.len() > 50));
    assert!(
        matches!(client.call("INFO server"), Value::Blob('=', text) if text.starts_with(b"txt:"))
    );
    client.send(b"QUIT\r\n");
    assert_eq!(client.read(), Value::simple("OK"));
    assert!(client.is_closed());
}

#[test]
fn sigterm_ends_a_server_with_success_and_a_log() {
    let mut server = Server::start(&["--loglevel", "notice"]);
    wait_until("the ready line is logged", || {
        server.log().contains("Ready to accept connections")
    });
    assert!(server.dir().is_dir());
    assert_ne!(server.port(), 0);
    assert_eq!(server.terminate(), Some(0));
}
