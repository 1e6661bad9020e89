//! What clients do to a server: idle crowds, endless pipelines, garbage, silence.
//!
//! None of it may hurt others or take memory without bound.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use super::support::{RawClient, Server, Value, wait_until};

const MIB: u64 = 1 << 20;

/// Lets this process open more files than shells give.
fn raise_own_file_limit(count: u64) {
    let raised = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={count}:"))
        .status();
    assert!(raised.expect("prlimit runs").success());
}

/// Z10: each of the connections has sent a command and received its reply.
#[test]
fn ten_thousand_idle_connections_cost_less_than_20_kb_each() {
    const CONNECTIONS: u64 = 10_000;
    raise_own_file_limit(CONNECTIONS + 100);
    let server = Server::start(&["--maxclients", "10100"]);
    let mut observer = server.raw();
    let before = server.resident_bytes();
    let mut clients: Vec<TcpStream> = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("connect");
        stream.write_all(b"SET k v\r\n").expect("send");
        clients.push(stream);
    }
    for client in &mut clients {
        let mut reply = [0; 5];
        std::io::Read::read_exact(client, &mut reply).expect("a reply");
        assert_eq!(&reply, b"+OK\r\n");
    }
    wait_until("all are counted", || {
        server.info("connected_clients") == (CONNECTIONS + 2).to_string()
    });
    let each = server.resident_bytes().saturating_sub(before) / CONNECTIONS;
    println!("{each} bytes for each idle connection");
    assert!(each < 20_000, "{each} bytes each");
    assert_eq!(observer.call("PING"), Value::simple("PONG"));
    drop(clients);
    wait_until("all are gone", || server.info("connected_clients") == "2");
}

/// A million commands sent as fast as the server takes them, by a client that reads.
#[test]
fn a_million_pipelined_commands_take_bounded_memory() {
    const COMMANDS: usize = 1_000_000;
    let server = Server::start(&[]);
    let mut client = server.raw();
    let before = server.resident_bytes();
    let mut sender = client.sender();
    let peak = std::thread::scope(|scope| {
        scope.spawn(move || {
            let part = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".repeat(1000);
            (0..COMMANDS / 1000).for_each(|_| sender.write_all(&part).expect("send"));
        });
        let mut peak = 0;
        for i in 1..=COMMANDS {
            assert_eq!(client.read(), Value::Integer(i as i64));
            if i % 10_000 == 0 {
                peak = server.resident_bytes().max(peak);
            }
        }
        peak
    });
    let grown = peak.saturating_sub(before);
    assert!(grown < 32 * MIB, "{} MiB", grown / MIB);
}

/// The client sends without reading: the server stops reading from it at some point, or cuts it
/// off, and serves the others.
#[test]
fn a_client_that_never_reads_hurts_nobody() {
    let server = Server::start(&["--client-output-buffer-limit", "normal", "16mb", "0", "0"]);
    let mut other = server.raw();
    other.call_args(&["SET", "big", &"x".repeat(1_000_000)]);
    let before = server.resident_bytes();
    let greedy = server.raw();
    let mut sender = greedy.sender();
    sender.set_nonblocking(true).expect("non-blocking");
    // Replies of 10 GB in all, if they were all made.
    let requests = b"GET big\r\n".repeat(10_000);
    let mut sent = 0;
    wait_until("all is sent, or it is cut off", || {
        if other.call("PING") != Value::simple("PONG") {
            return false;
        }
        match sender.write(&requests[sent..]) {
            Ok(n) => sent += n,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return true,
        }
        sent == requests.len()
    });
    for _ in 0..200 {
        assert_eq!(other.call("STRLEN big"), Value::Integer(1_000_000));
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 200 * MIB, "{} MiB", grown / MIB);
    wait_until("it is cut off", || server.info("connected_clients") == "2");
}

/// Bytes that are no requests, parts of requests, and headers that promise much.
#[test]
fn garbage_and_half_commands_harm_nobody() {
    let server = Server::start(&[]);
    let mut other = server.raw();
    let before = server.resident_bytes();
    let mut random = Vec::new();
    let mut state = 1_u64;
    for _ in 0..100_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random.push((state >> 56) as u8);
    }
    let half: [&[u8]; 10] = [
        b"",
        b"*",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhal",
        b"*2\r\n$3\r\nSET\r\n$536870912\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nx",
        b"*1048576\r\n",
        b"*1048576\r\n$1\r\na\r\n",
        b"GET k",
        b"GET \"half",
        b"\r\n\r\n\n\n",
    ];
    let mut strangers: Vec<RawClient> = Vec::new();
    for bytes in half.iter().copied().cycle().take(200) {
        let mut stranger = server.raw();
        stranger.send(bytes);
        strangers.push(stranger);
    }
    for piece in random.chunks(5000) {
        let stranger = server.raw();
        // The server may close while bytes are on their way.
        let _ = stranger.sender().write_all(piece);
        strangers.push(stranger);
    }
    for _ in 0..100 {
        assert_eq!(other.call("SET other v"), Value::simple("OK"));
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
    assert_eq!(other.call("EXISTS k"), Value::Integer(0));
    // What was half can still become whole.
    strangers[2].send(b"f!\r\n");
    assert_eq!(strangers[2].read(), Value::simple("OK"));
    assert_eq!(other.call("GET k"), Value::bulk("half!"));
    drop(strangers);
    wait_until("they are gone", || server.info("connected_clients") == "2");
}

/// R18.
#[test]
fn ten_megabytes_go_in_and_out() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let big = "0123456789abcdef".repeat(10 << 16);
    let mut sender = client.sender();
    let request = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{big}\r\n", big.len());
    // In pieces, so that the value is seen half.
    for piece in request.as_bytes().chunks(300_001) {
        sender.write_all(piece).expect("send");
    }
    assert_eq!(client.read(), Value::simple("OK"));
    assert!(
        client.call("GET k") == Value::bulk(&big),
        "another value came back"
    );
}
