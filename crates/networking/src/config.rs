//! What the network is started with, and what it listens on.
//!
//! What can change while the network runs is not here but in `settings`. Nothing is checked here
//! either: opening a listener says what is wrong with an address, a port or a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Bind, NetSettings};

/// The start configuration.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// How many workers (`io-threads`); at least 1.
    pub workers: usize,
    /// What to listen on.
    pub listen: Listen,
    /// The live settings, shared with whoever changes them.
    pub settings: Arc<NetSettings>,
    /// `server_cpulist`, one per worker in turn; empty: not pinned.
    pub cpus: Vec<usize>,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            listen: Listen::default(),
            settings: Arc::new(NetSettings::default()),
            cpus: Vec::new(),
        }
    }
}

/// What to listen on. [`crate::Handle::listen`] changes it at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `bind`; empty: no TCP at all.
    pub bind: Vec<Bind>,
    /// `port`; 0: no plain TCP. See also [`Listen::any_port`].
    pub port: u16,
    /// `port 0` asks the system for a free port instead of turning TCP off (tests).
    pub any_port: bool,
    /// `tls-port`; 0: no TLS.
    pub tls_port: u16,
    /// Certificates; needed with a `tls_port`.
    pub tls: Option<TlsConfig>,
    /// `unixsocket`.
    pub unix: Option<PathBuf>,
    /// `unixsocketperm`; 0: as the umask says.
    pub unix_mode: u32,
    /// `tcp-backlog`.
    pub backlog: i32,
    /// `socket-mark-id`; 0: none.
    pub mark: u32,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            bind: vec![Bind::parse("*"), Bind::parse("-::*")],
            port: 6379,
            any_port: false,
            tls_port: 0,
            tls: None,
            unix: None,
            unix_mode: 0,
            backlog: 511,
            mark: 0,
        }
    }
}

/// `tls-auth-clients`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsAuth {
    /// `yes`: a client must show a certificate that our CA signed.
    #[default]
    Required,
    /// `optional`: it may.
    Optional,
    /// `no`: it is not asked.
    Off,
}

/// The `tls-…` directives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// `tls-cert-file`, PEM.
    pub cert_file: PathBuf,
    /// `tls-key-file`, PEM, not encrypted.
    pub key_file: PathBuf,
    /// `tls-ca-cert-file`, PEM.
    pub ca_cert_file: Option<PathBuf>,
    /// `tls-ca-cert-dir`: every PEM file in it.
    pub ca_cert_dir: Option<PathBuf>,
    /// `tls-auth-clients`.
    pub auth_clients: TlsAuth,
    /// `tls-protocols`, as configured (`TLSv1.2 TLSv1.3`); empty: both.
    pub protocols: String,
    /// `tls-ciphers`, TLS 1.2's suites in OpenSSL's notation; empty: all that are safe.
    pub ciphers: String,
    /// `tls-ciphersuites`, TLS 1.3's suites; empty: all.
    pub ciphersuites: String,
    /// `tls-prefer-server-ciphers`.
    pub prefer_server_ciphers: bool,
}
