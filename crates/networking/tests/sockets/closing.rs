//! Ends of connections: wanted, idle, by garbage, by limits, by shutdown.

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::Ordering::SeqCst;

use crate::support::{connect, eventually, request, start};

#[test]
fn quit_answers_before_it_closes_though_more_was_sent() {
    let network = start(1);
    for _ in 0..50 {
        let mut peer = connect(&network);
        peer.send(&b"PING\r\nQUIT\r\nPING\r\nPING\r\n".repeat(3));
        // More input than the server will ever read.
        let _ = peer.stream.get_mut().write(&[b'x'; 10_000]);
        assert_eq!(peer.rest(), b"+PONG\r\n+OK\r\n");
    }
    eventually("all sessions end", || {
        network.service().disconnected.load(SeqCst) == 50
    });
    assert!(network.handle().registry().is_empty());
}

#[test]
fn a_huge_reply_is_complete_before_the_end() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(b"BIG 20000000\r\nQUIT\r\n");
    assert_eq!(peer.reply().len(), 20_000_000);
    assert_eq!(peer.rest(), b"+OK\r\n");
}

#[test]
fn commands_sent_before_a_half_close_are_answered() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(&b"PING\r\n".repeat(1000));
    peer.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.rest(), b"+PONG\r\n".repeat(1000));
}

#[test]
fn a_blocked_client_that_hangs_up_is_noticed() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.id();
    peer.send(b"WAIT\r\nPING\r\n");
    eventually("blocked", || network.service().dispatched.load(SeqCst) == 2);
    drop(peer);
    eventually("noticed", || network.handle().registry().is_empty());
    assert_eq!(network.service().disconnected.load(SeqCst), 1);
}

#[test]
fn garbage_is_answered_with_an_error_and_closed() {
    let network = start(1);
    for (bytes, error) in [
        (
            &b"*1\r\n:5\r\n"[..],
            "-ERR Protocol error: expected '$', got ':'\r\n",
        ),
        (
            b"*2147483648\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            b"*1\r\n$-5\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            b"ECHO \"\r\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
    ] {
        let mut peer = connect(&network);
        peer.send(b"PING\r\n");
        peer.send(bytes);
        let _ = peer.stream.get_mut().write(&[b'z'; 5000]);
        let expected = format!("+PONG\r\n{error}");
        assert_eq!(String::from_utf8(peer.rest()).unwrap(), expected);
    }
    assert_eq!(connect(&network).ask("PING"), "+PONG");
}

#[test]
fn random_bytes_harm_nobody() {
    let network = start(1);
    let mut seed = 1u64;
    for _ in 0..200 {
        let mut peer = connect(&network);
        let bytes: Vec<u8> = (0..500)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                b"*$\r\n0123456789PINGx\"' \0\xff"[(seed >> 33) as usize % 24]
            })
            .collect();
        let _ = peer.stream.get_mut().write(&bytes);
    }
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    eventually("all gone", || network.handle().registry().is_empty());
}

#[test]
fn a_header_of_a_huge_bulk_costs_nothing() {
    let network = start(1);
    let mut peers: Vec<_> = (0..100).map(|_| connect(&network)).collect();
    for peer in &mut peers {
        peer.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc");
    }
    eventually("all read", || network.handle().stats().reads >= 100);
    let clients = network.handle().registry().all();
    let most = clients.iter().map(|client| client.memory()).max().unwrap();
    assert!(most < 2 << 20, "one holds {most} bytes");
}

#[test]
fn a_request_above_the_query_buffer_limit_is_cut() {
    let network = start(1);
    network
        .handle()
        .settings()
        .query_buffer_limit
        .store(1 << 20, SeqCst);
    let mut peer = connect(&network);
    let _ = peer
        .stream
        .get_mut()
        .write_all(&request(&[b"LEN", &vec![b'x'; 5 << 20]]));
    assert_eq!(peer.rest(), b"");
    let mut peer = connect(&network);
    let args = vec![&b"x"[..]; 1_000_000];
    let _ = peer.stream.get_mut().write_all(&request(&args));
    assert_eq!(peer.rest(), b"");
    assert_eq!(network.handle().stats().query_limit_closed, 2);
}

#[test]
fn idle_clients_are_closed_and_busy_and_blocked_ones_are_not() {
    let network = start(1);
    let (mut idle, mut busy, mut blocked) =
        (connect(&network), connect(&network), connect(&network));
    let _ = (idle.id(), busy.id());
    let id = blocked.id();
    blocked.send(b"WAIT\r\n");
    network.handle().settings().timeout_s.store(1, SeqCst);
    eventually("the idle one is closed", || {
        assert_eq!(busy.ask("PING"), "+PONG");
        network.handle().registry().len() == 2
    });
    assert_eq!(idle.rest(), b"");
    network.handle().settings().timeout_s.store(0, SeqCst);
    assert_eq!(busy.ask(&format!("WAKE {id} up")), "+OK");
    assert_eq!(blocked.reply(), "up");
    assert_eq!(network.handle().stats().idle_closed, 1);
}

#[test]
fn close_at_once_loses_what_is_unsent() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(b"DIE\r\nPING\r\n");
    assert_eq!(peer.rest(), b"");
}

#[test]
fn shutdown_sends_what_is_there_and_ends_the_sessions() {
    let network = start(2);
    let mut peers: Vec<_> = (0..10).map(|_| connect(&network)).collect();
    for peer in &mut peers {
        peer.ask("PING");
    }
    let port = network.handle().listening().port;
    network.shutdown();
    assert!(peers.iter_mut().all(|peer| peer.rest().is_empty()));
    assert_eq!(network.service().disconnected.load(SeqCst), 10);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    network.shutdown();
}
