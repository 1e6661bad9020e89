//! The TLS listener, with rustls at the other end as well. The keys are for tests only.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use networking::{ConnKind, Listen, Network, TlsAuth, TlsConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{PATIENCE, Peer, loopback, request, start_on};
use crate::toy::Toy;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn server(auth_clients: TlsAuth) -> Network<Toy> {
    let tls = TlsConfig {
        cert_file: data("server.crt"),
        key_file: data("server.key"),
        ca_cert_file: Some(data("ca.crt")),
        auth_clients,
        ..TlsConfig::default()
    };
    start_on(
        1,
        Listen {
            tls: Some(tls),
            ..loopback()
        },
    )
}

type TlsPeer = Peer<StreamOwned<ClientConnection, TcpStream>>;

fn connect(network: &Network<Toy>, with_certificate: bool) -> TlsPeer {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(data("ca.crt")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if with_certificate {
        let chain = vec![CertificateDer::from_pem_file(data("client.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(data("client.key")).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let listening = network.handle().listening();
    let socket = TcpStream::connect(("127.0.0.1", listening.tls_port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    Peer::new(StreamOwned::new(session, socket))
}

#[test]
fn commands_and_replies_of_any_size_pass_through_tls() {
    let network = server(TlsAuth::Off);
    let mut peer = connect(&network, false);
    assert_eq!(peer.ask("PING"), "+PONG");
    let value: Vec<u8> = (0..5_000_000).map(|i| b'a' + (i % 26) as u8).collect();
    peer.send(&request(&[b"SET", b"k", &value]));
    assert_eq!(peer.reply(), "+OK");
    assert!(peer.ask("GET k").as_bytes() == value);
    peer.send(&b"PING\r\n".repeat(10_000));
    (0..10_000).for_each(|_| assert_eq!(peer.reply(), "+PONG"));
    assert_eq!(
        network.handle().registry().all()[0].info().kind,
        ConnKind::Tls
    );
    peer.send(b"QUIT\r\n");
    assert_eq!(peer.rest(), b"+OK\r\n");
}

#[test]
fn client_certificates_are_asked_for_as_configured() {
    let strict = server(TlsAuth::Required);
    assert_eq!(connect(&strict, true).ask("PING"), "+PONG");
    let mut stranger = connect(&strict, false);
    let sent = std::io::Write::write_all(stranger.stream.get_mut(), b"PING\r\n");
    assert!(sent.is_err() || stranger.try_reply().is_err());
    let lenient = server(TlsAuth::Optional);
    assert_eq!(connect(&lenient, true).ask("PING"), "+PONG");
    assert_eq!(connect(&lenient, false).ask("PING"), "+PONG");
}

#[test]
fn plain_text_at_the_tls_port_is_refused_and_plain_clients_are_served() {
    let network = server(TlsAuth::Off);
    let listening = network.handle().listening();
    let mut lost = Peer::new(TcpStream::connect(("127.0.0.1", listening.tls_port)).unwrap());
    lost.send(b"PING\r\n");
    let answer = lost.rest();
    assert!(!answer.starts_with(b"+"), "{answer:?}");
    assert_eq!(crate::support::connect(&network).ask("PING"), "+PONG");
}
