//! Listening, against real sockets on ports of the system's choice.

use std::net::TcpStream;

use super::*;

fn listen(bind: &[&str]) -> Listen {
    let bind = bind.iter().map(|text| Bind::parse(text)).collect();
    Listen {
        bind,
        port: 0,
        any_port: true,
        ..Listen::default()
    }
}

#[test]
fn addresses_that_this_machine_lacks_are_forgiven_only_with_the_prefix() {
    assert!(Listeners::open(listen(&["127.0.0.1", "-192.0.2.1"])).is_ok());
    assert!(matches!(
        Listeners::open(listen(&["192.0.2.1"])),
        Err(NetError::Bind { .. })
    ));
    let nonsense = Listeners::open(listen(&["999.999.999.999"]));
    assert!(matches!(nonsense, Err(NetError::Address { .. })));
}

#[test]
fn all_addresses_share_one_chosen_port() {
    let listeners = Listeners::open(listen(&["127.0.0.1", "-::1"])).unwrap();
    let port = listeners.listening().port;
    assert_ne!(port, 0);
    assert!(
        listeners
            .open
            .iter()
            .all(|listener| listener.port() == Some(port))
    );
}

#[test]
fn a_wider_bind_on_the_same_port_replaces_the_narrow_one() {
    let mut listeners = Listeners::open(listen(&["127.0.0.1"])).unwrap();
    let port = listeners.listening().port;
    listeners
        .change(Listen {
            port,
            any_port: false,
            ..listen(&["*"])
        })
        .unwrap();
    assert_eq!(listeners.open.len(), 1);
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_failed_change_leaves_the_old_listeners_open() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut listeners = Listeners::open(listen(&["127.0.0.1"])).unwrap();
    let before = listeners.listening().clone();
    let port = taken.local_addr().unwrap().port();
    assert!(
        listeners
            .change(Listen {
                port,
                ..listen(&["127.0.0.1"])
            })
            .is_err()
    );
    assert!(listeners.change(listen(&["999.999.999.999"])).is_err());
    assert_eq!(listeners.listening(), &before);
    TcpStream::connect(("127.0.0.1", before.port)).unwrap();
}

#[test]
fn no_bind_address_means_no_tcp() {
    let mut listeners = Listeners::open(listen(&["127.0.0.1"])).unwrap();
    let port = listeners.listening().port;
    listeners.change(listen(&[])).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
