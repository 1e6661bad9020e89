//! The metrics listener, over a real socket: what Prometheus and orchestrators ask for.
//!
//! Redis has none, so these tests do nothing against it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::support::{Server, Value, free_port, is_corewire, wait_until};

/// A server with its metrics port.
fn start() -> (Server, u16) {
    let port = free_port();
    let server = Server::start(&["--metrics-port", &port.to_string()]);
    (server, port)
}

/// The status line and headers, and the body, of one request.
fn request(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    let text = format!("{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}

/// The value of a metric, by its name with labels.
fn value(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.strip_prefix(' ')?.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in\n{page}"))
}

#[test]
fn the_page_shows_what_the_server_did() {
    if !is_corewire() {
        return;
    }
    let (server, port) = start();
    let mut client = server.raw();
    client.call("SET k v EX 100");
    client.call("GET k");
    client.call("GET absent");
    client.call("LPUSH k v");
    client.call("SELECT 3");
    client.call("SET other v");
    let (head, page) = request(port, "GET /metrics");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(page.ends_with("# EOF\n"));
    for (name, expected) in [
        ("redis_up", 1.0),
        ("redis_connected_clients", 1.0),
        ("redis_keyspace_hits_total", 1.0),
        ("redis_keyspace_misses_total", 1.0),
        (r#"redis_db_keys{db="db0"}"#, 1.0),
        (r#"redis_db_keys_expiring{db="db0"}"#, 1.0),
        (r#"redis_db_keys{db="db3"}"#, 1.0),
        (r#"redis_commands_total{cmd="get"}"#, 2.0),
        (r#"redis_commands_failed_calls_total{cmd="lpush"}"#, 1.0),
        (r#"redis_commands_latencies_usec_count{cmd="get"}"#, 2.0),
        (r#"redis_errors_total{err="WRONGTYPE"}"#, 1.0),
        ("redis_loading_dump_file", 0.0),
        ("redis_memory_max_bytes", 0.0),
    ] {
        assert_eq!(value(&page, name), expected, "{name}");
    }
    assert!(value(&page, "redis_memory_used_bytes") > 100_000.0);
    assert!(value(&page, r#"redis_db_avg_ttl_seconds{db="db0"}"#) > 90.0);
    let described = page.lines().filter(|line| line.starts_with("# TYPE "));
    assert!(described.count() > 40);
}

#[test]
fn health_and_readiness_are_told_apart() {
    if !is_corewire() {
        return;
    }
    let (_server, port) = start();
    assert!(request(port, "GET /healthz").0.starts_with("HTTP/1.1 200"));
    assert!(request(port, "GET /readyz").0.starts_with("HTTP/1.1 200"));
    assert!(request(port, "GET /nothing").0.starts_with("HTTP/1.1 404"));
    let (head, _) = request(port, "POST /metrics");
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    let (head, body) = request(port, "HEAD /healthz");
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty());
}

#[test]
fn the_listener_moves_and_closes_while_the_server_runs() {
    if !is_corewire() {
        return;
    }
    let server = Server::start(&[]);
    let mut client = server.raw();
    let ports = [free_port(), free_port()];
    for port in ports {
        let set = format!("CONFIG SET metrics-port {port}");
        assert_eq!(client.call(&set), Value::simple("OK"));
        assert!(request(port, "GET /healthz").0.starts_with("HTTP/1.1 200"));
    }
    let is_open = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    assert!(!is_open(ports[0]));
    // In use: refused, and the old one stays.
    let refused = client.call(&format!("CONFIG SET metrics-port {}", server.port()));
    assert!(matches!(refused, Value::Error(_)), "{refused:?}");
    let refused = client.call("CONFIG SET metrics-bind nonsense");
    assert!(matches!(refused, Value::Error(_)), "{refused:?}");
    assert!(
        request(ports[1], "GET /readyz")
            .0
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(
        client.call("CONFIG SET metrics-bind *"),
        Value::simple("OK")
    );
    assert!(
        request(ports[1], "GET /readyz")
            .0
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(
        client.call("CONFIG SET metrics-port 0"),
        Value::simple("OK")
    );
    assert!(!is_open(ports[1]));
}

/// Half requests and garbage keep nobody else out.
#[test]
fn rude_clients_do_not_block_the_listener() {
    if !is_corewire() {
        return;
    }
    let (_server, port) = start();
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect"))
        .collect();
    for stream in &mut silent {
        stream.write_all(b"GET /met").expect("send");
    }
    let mut garbage = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    garbage
        .write_all(b"\x00\xff*3\r\n$3\r\nSET\r\n\r\n")
        .expect("send");
    let mut answer = Vec::new();
    garbage.read_to_end(&mut answer).expect("closed");
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    assert!(request(port, "GET /metrics").0.starts_with("HTTP/1.1 200"));
}

/// A server that still reads its data is alive but not ready.
#[test]
fn a_loading_server_is_not_ready() {
    if !is_corewire() {
        return;
    }
    let saved = Server::start(&[]);
    let mut client = saved.raw();
    for i in 0..1000 {
        client.send_command(&["SET", &format!("k:{i}"), "v"]);
    }
    (0..1000).for_each(|_| drop(client.read()));
    assert_eq!(client.call("SAVE"), Value::simple("OK"));
    let (dir, port) = (saved.dir().display().to_string(), free_port());
    let metrics = port.to_string();
    let server = Server::start(&[
        "--metrics-port",
        &metrics,
        "--dir",
        &dir,
        "--key-load-delay",
        "20000",
    ]);
    let (head, body) = request(port, "GET /readyz");
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "loading\n");
    assert!(request(port, "GET /healthz").0.starts_with("HTTP/1.1 200"));
    let page = request(port, "GET /metrics").1;
    assert_eq!(value(&page, "redis_loading_dump_file"), 1.0);
    let hurry = server.raw().call("CONFIG SET key-load-delay 0");
    assert_eq!(hurry, Value::simple("OK"));
    wait_until("the data is there", || {
        request(port, "GET /readyz").0.starts_with("HTTP/1.1 200")
    });
    assert_eq!(server.raw().call("DBSIZE"), Value::Integer(1000));
}
