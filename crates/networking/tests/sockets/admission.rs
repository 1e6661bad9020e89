//! Who gets in, and by which door.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::SeqCst;

use networking::{Bind, Listen};

use crate::support::{PATIENCE, Peer, connect, eventually, loopback, start, start_on};

#[test]
fn clients_above_maxclients_are_told_so() {
    let network = start(1);
    network.handle().settings().maxclients.store(3, SeqCst);
    let mut peers: Vec<_> = (0..3).map(|_| connect(&network)).collect();
    peers
        .iter_mut()
        .for_each(|peer| assert_eq!(peer.ask("PING"), "+PONG"));
    let mut refused = connect(&network);
    assert_eq!(refused.rest(), b"-ERR max number of clients reached\r\n");
    assert_eq!(network.handle().stats().rejected, 1);
    drop(peers.pop());
    eventually("a place is free", || network.handle().registry().len() == 2);
    assert_eq!(connect(&network).ask("PING"), "+PONG");
}

#[test]
fn the_unix_socket_serves_and_has_its_permissions() {
    let path = std::env::temp_dir().join(format!("corewire-net-{}.sock", std::process::id()));
    // What a crashed server left behind is replaced.
    std::fs::write(&path, "").unwrap();
    let listen = Listen {
        unix: Some(path.clone()),
        unix_mode: 0o700,
        ..loopback()
    };
    let network = start_on(1, listen);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut peer = Peer::new(stream);
    assert_eq!(peer.ask("PING"), "+PONG");
    assert_eq!(peer.ask("BIG 5000000").len(), 5_000_000);
    let client = &network.handle().registry().all()[0];
    assert_eq!(client.info().peer_text(), format!("{}:0", path.display()));
    assert!(client.info().is_local());
    network.shutdown();
    assert!(!path.exists());
}

#[test]
fn v6_and_v4_listen_on_the_same_port() {
    let bind = vec![Bind::parse("127.0.0.1"), Bind::parse("-::1")];
    let network = start_on(1, Listen { bind, ..loopback() });
    let port = network.handle().listening().port;
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    // A machine without v6 is no failure of ours.
    if let Ok(stream) = std::net::TcpStream::connect(("::1", port)) {
        let mut peer = Peer::new(stream);
        assert_eq!(peer.ask("PING"), "+PONG");
        let text = network
            .handle()
            .registry()
            .all()
            .last()
            .unwrap()
            .info()
            .peer_text();
        assert!(text.starts_with("[::1]:"), "{text}");
    }
}

#[test]
fn listeners_can_be_changed_while_clients_stay() {
    let network = start(1);
    let mut old = connect(&network);
    assert_eq!(old.ask("PING"), "+PONG");
    let before = network.handle().listening();
    network.handle().listen(loopback()).unwrap();
    let after = network.handle().listening();
    assert_ne!(before.port, after.port);
    assert!(std::net::TcpStream::connect(("127.0.0.1", before.port)).is_err());
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    let bad = Listen {
        bind: vec![Bind::parse("999.999.999.999")],
        ..after.clone()
    };
    assert!(network.handle().listen(bad).is_err());
    assert_eq!(network.handle().listening(), after);
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    assert_eq!(old.ask("PING"), "+PONG");
}

#[test]
fn protected_mode_refuses_other_machines() {
    // An address of this machine that is not loopback, if it has one.
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let outside = probe
        .connect("192.0.2.1:9")
        .and_then(|()| probe.local_addr());
    let Some(ip) = outside.ok().map(|a| a.ip()).filter(|ip| !ip.is_loopback()) else {
        return;
    };
    let network = start_on(
        1,
        Listen {
            bind: vec![Bind::parse("*")],
            ..loopback()
        },
    );
    let port = network.handle().listening().port;
    let far = || Peer::new(std::net::TcpStream::connect((ip, port)).unwrap());
    let text = String::from_utf8(far().rest()).unwrap();
    assert!(
        text.starts_with("-DENIED Redis is running in protected mode"),
        "{text}"
    );
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    network
        .handle()
        .settings()
        .default_user_nopass
        .store(false, SeqCst);
    assert_eq!(far().ask("PING"), "+PONG");
    network
        .handle()
        .settings()
        .default_user_nopass
        .store(true, SeqCst);
    network
        .handle()
        .settings()
        .protected_mode
        .store(false, SeqCst);
    assert_eq!(far().ask("PING"), "+PONG");
}
