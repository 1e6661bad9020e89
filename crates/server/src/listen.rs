//! What the server listens on, by its configuration: at start, and when a directive changes it.
//!
//! A change that cannot be made leaves the old sockets open. The files of TLS are read again
//! whenever one of its directives is set, to the same value too, so that renewed certificates get
//! into use without a restart.

use std::path::PathBuf;
use std::sync::Arc;

use networking::{Bind, Handle, Listen, TlsAuth, TlsConfig};
use parking_lot::Mutex;

use crate::boot;
use crate::config::Config;
use crate::service::Shared;

/// Directives that say where to listen, with the reason for the client where that fails.
const ADDRESSES: &[(&str, &str)] = &[
    ("port", PORT_FAILED),
    ("tls-port", PORT_FAILED),
    ("bind", "Failed to bind to specified addresses."),
];
const PORT_FAILED: &str = "Unable to listen on this port. Check server logs.";
/// Directives that TLS listeners are made from.
const TLS: &[&str] = &[
    "tls-cert-file",
    "tls-key-file",
    "tls-key-file-pass",
    "tls-ca-cert-file",
    "tls-ca-cert-dir",
    "tls-auth-clients",
    "tls-protocols",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-prefer-server-ciphers",
];

/// What the configuration asks for.
pub fn wanted(config: &Config) -> Listen {
    let tls_port = config.unsigned("tls-port") as u16;
    Listen {
        bind: config
            .bind()
            .iter()
            .map(|address| Bind::parse(address))
            .collect(),
        port: config.unsigned("port") as u16,
        tls_port,
        tls: (tls_port != 0).then(|| tls(config)),
        unix: path(config, "unixsocket"),
        unix_mode: config.unsigned("unixsocketperm") as u32,
        backlog: config.int("tcp-backlog") as i32,
        mark: config.unsigned("socket-mark-id") as u32,
        ..Listen::default()
    }
}

fn tls(config: &Config) -> TlsConfig {
    TlsConfig {
        cert_file: path(config, "tls-cert-file").unwrap_or_default(),
        key_file: path(config, "tls-key-file").unwrap_or_default(),
        ca_cert_file: path(config, "tls-ca-cert-file"),
        ca_cert_dir: path(config, "tls-ca-cert-dir"),
        auth_clients: match config.choice("tls-auth-clients") {
            "no" => TlsAuth::Off,
            "optional" => TlsAuth::Optional,
            _ => TlsAuth::Required,
        },
        protocols: text(config, "tls-protocols"),
        ciphers: text(config, "tls-ciphers"),
        ciphersuites: text(config, "tls-ciphersuites"),
        prefer_server_ciphers: config.bool("tls-prefer-server-ciphers"),
    }
}

fn text(config: &Config, name: &str) -> String {
    let bytes = config.bytes(name).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn path(config: &Config, name: &str) -> Option<PathBuf> {
    Some(text(config, name))
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Listens elsewhere, or with other certificates, when a directive says so.
pub fn follow(config: &Config, network: Handle<Shared>) {
    let addresses = |config: &Config| (config.int("port"), config.int("tls-port"), config.bind());
    let applied = Mutex::new(addresses(config));
    let again = network.clone();
    let apply = move |config: &Config, reason: &str| {
        let mut applied = applied.lock();
        let asked = addresses(config);
        if *applied == asked {
            // A change that failed is being taken back, and the old sockets are still open.
            return Ok(());
        }
        open(config, &network, reason)?;
        *applied = asked;
        Ok(())
    };
    let apply = Arc::new(apply);
    for (directive, reason) in ADDRESSES {
        let apply = Arc::clone(&apply);
        config.on_change(&[directive], move |config| apply(config, reason));
    }
    config.on_change(TLS, move |config| {
        if config.int("tls-port") == 0 {
            return Ok(());
        }
        let reason = "Unable to update TLS configuration. Check server logs.";
        open(config, &again, reason)
    });
}

fn open(config: &Config, network: &Handle<Shared>, reason: &str) -> Result<(), String> {
    network.listen(wanted(config)).map_err(|error| {
        boot::log_listen_error(config, &error);
        reason.to_owned()
    })
}
