//! TLS listeners, as `redis-cli --tls` meets them.
//!
//! The certificates are those of the network layer's tests: a CA, a server's for localhost, and a
//! client's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::{Server, Value, free_port};

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("crates/networking/tests/data")
        .join(name)
}

fn path(name: &str) -> String {
    pem(name).display().to_string()
}

/// What `redis-cli --tls` prints, errors included.
fn tls_cli(port: u16, with_certificate: bool, args: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-h", "localhost", "-p", &port.to_string(), "--tls"]);
    command.args(["--cacert", &path("ca.crt")]);
    if with_certificate {
        command.args(["--cert", &path("client.crt"), "--key", &path("client.key")]);
    }
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.expect("redis-cli runs");
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&printed).trim_end().to_owned()
}

fn with_tls(more: &[&str]) -> (Server, u16) {
    let port = free_port();
    let (text, cert, key, ca) = (
        port.to_string(),
        path("server.crt"),
        path("server.key"),
        path("ca.crt"),
    );
    let mut args = vec!["--tls-port", &text, "--tls-cert-file", &cert];
    args.extend(["--tls-key-file", &key, "--tls-ca-cert-file", &ca]);
    args.extend(more);
    (Server::start(&args), port)
}

#[test]
fn a_client_with_a_certificate_is_served_and_one_without_is_not() {
    let (server, port) = with_tls(&[]);
    assert_eq!(tls_cli(port, true, &["SET", "k", "over tls"]), "OK");
    assert_eq!(server.raw().call("GET k"), Value::bulk("over tls"));
    assert!(!tls_cli(port, false, &["GET", "k"]).contains("over tls"));
    let listed = tls_cli(port, true, &["CLIENT", "LIST"]);
    assert!(listed.contains("cmd=client|list"), "{listed}");
}

#[test]
fn certificates_of_clients_can_be_made_optional_while_it_runs() {
    let (server, port) = with_tls(&["--tls-protocols", "TLSv1.3"]);
    let set = server.raw().call("CONFIG SET tls-auth-clients no");
    assert_eq!(set, Value::simple("OK"));
    assert_eq!(tls_cli(port, false, &["PING"]), "PONG");
}

#[test]
fn tls_is_turned_on_moved_and_turned_off_while_it_runs() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    for (name, file) in [
        ("tls-cert-file", "server.crt"),
        ("tls-key-file", "server.key"),
        ("tls-ca-cert-file", "ca.crt"),
    ] {
        let set = client.call_args(&["CONFIG", "SET", name, &path(file)]);
        assert_eq!(set, Value::simple("OK"));
    }
    for _ in 0..2 {
        let port = free_port();
        let set = client.call_args(&["CONFIG", "SET", "tls-port", &port.to_string()]);
        assert_eq!(set, Value::simple("OK"));
        assert_eq!(tls_cli(port, true, &["PING"]), "PONG");
        client.call("CONFIG SET tls-port 0");
        assert!(tls_cli(port, true, &["PING"]).contains("refused"));
    }
}

#[test]
fn a_certificate_that_cannot_be_read_leaves_the_old_one_in_use() {
    let (server, port) = with_tls(&[]);
    let broken = server.dir().join("broken.crt");
    fs::write(&broken, "no certificate").expect("written");
    let broken = broken.display().to_string();
    let set = server
        .raw()
        .call_args(&["CONFIG", "SET", "tls-cert-file", &broken]);
    let text = "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - \
                Unable to update TLS configuration. Check server logs.";
    assert_eq!(set, Value::error(text));
    assert_eq!(tls_cli(port, true, &["PING"]), "PONG");
}

#[test]
fn unknown_ciphers_are_refused_and_known_ones_used() {
    let (server, port) = with_tls(&[]);
    let mut client = server.raw();
    let refused = client.call("CONFIG SET tls-ciphersuites NONE");
    assert!(matches!(refused, Value::Error(_)), "{refused:?}");
    let set = client.call("CONFIG SET tls-ciphersuites TLS_AES_128_GCM_SHA256");
    assert_eq!(set, Value::simple("OK"));
    let other = ["--tls-ciphersuites", "TLS_AES_256_GCM_SHA384", "PING"];
    assert_eq!(tls_cli(port, true, &["PING"]), "PONG");
    // The lists have nothing in common for TLS 1.3, and 1.2 is not offered then.
    client.call("CONFIG SET tls-protocols TLSv1.3");
    assert_ne!(tls_cli(port, true, &other), "PONG");
}
