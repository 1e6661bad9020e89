//! TLS listeners: loading of certificates, and the stream that encrypts a connection.
//!
//! Handshake and records run inside the worker's own edge-triggered reads and writes; there is no
//! TLS thread. Keys and certificates are read when a listener is opened, so that CONFIG SET of the
//! same paths loads renewed ones.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite, SupportedProtocolVersion,
    version,
};

use crate::{NetError, TlsAuth, TlsConfig};

/// A TCP connection that speaks TLS.
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: ServerConnection,
}

impl TlsStream {
    pub(crate) fn new(socket: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            socket,
            session: ServerConnection::new(config)?,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Decrypts into `into`, reading records as long as there are any. 0 is the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The peer left without a goodbye: for us that is an end like any other.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            if self.session.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            let processed = self.session.process_new_packets();
            // Handshake answers, and the alert that says why a handshake failed.
            let flushed = self.flush();
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            flushed?;
        }
    }

    /// Encrypts and sends. What the socket does not take stays in the session, up to its limit.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.session.writer().write(bytes)?;
        self.flush()?;
        if n == 0 && !bytes.is_empty() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(n)
        }
    }

    /// Sends encrypted bytes until there are none or the socket is full.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) fn shutdown_write(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush()?;
        self.socket.shutdown(Shutdown::Write)
    }
}

/// Loads what a TLS listener needs.
pub(crate) fn server_config(tls: &TlsConfig) -> Result<Arc<ServerConfig>, NetError> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites = suites(&provider.cipher_suites, tls)?;
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(&tls.protocols)?)
        .map_err(tls_error)?;
    let builder = match tls.auth_clients {
        TlsAuth::Off => builder.with_no_client_auth(),
        auth => {
            let roots = Arc::new(roots(tls)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match auth {
                TlsAuth::Optional => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(tls_error)?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key_file).map_err(|e| file(&tls.key_file, e))?;
    let chain = certificates(&tls.cert_file)?;
    let mut config = builder.with_single_cert(chain, key).map_err(tls_error)?;
    config.ignore_client_order = tls.prefer_server_ciphers;
    Ok(Arc::new(config))
}

/// Reads `tls-protocols`. The versions that Redis also names and nobody should use are left out.
fn versions(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, NetError> {
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => found.push(&version::TLS12),
            "tlsv1.3" => found.push(&version::TLS13),
            "tlsv1" | "tlsv1.1" => {}
            _ => {
                return Err(NetError::Tls(format!(
                    "Invalid tls-protocols specified: {text}"
                )));
            }
        }
    }
    if text.split_whitespace().next().is_none() {
        found = vec![&version::TLS12, &version::TLS13];
    }
    if found.is_empty() {
        return Err(NetError::Tls(format!(
            "No supported version in tls-protocols: {text}"
        )));
    }
    Ok(found)
}

/// The suites that `tls-ciphers` and `tls-ciphersuites` leave of those that we have.
fn suites(
    all: &[SupportedCipherSuite],
    tls: &TlsConfig,
) -> Result<Vec<SupportedCipherSuite>, NetError> {
    let mut left = Vec::new();
    for (text, newest, what) in [
        (&tls.ciphersuites, true, "tls-ciphersuites"),
        (&tls.ciphers, false, "tls-ciphers"),
    ] {
        let of_version = all.iter().filter(|suite| suite.tls13().is_some() == newest);
        let before = left.len();
        left.extend(of_version.filter(|suite| allows(text, &openssl_name(suite))));
        if left.len() == before {
            return Err(NetError::Tls(format!(
                "No supported cipher in {what}: {text}"
            )));
        }
    }
    Ok(left)
}

/// Whether OpenSSL's list names this suite: by itself or by one of the words for all good ones.
fn allows(list: &str, name: &str) -> bool {
    let words = || {
        let separators = [':', ',', ' '];
        list.split(separators).filter(|word| !word.is_empty())
    };
    let general = ["DEFAULT", "ALL", "HIGH", "ECDHE", "EECDH", "AESGCM"];
    let named = |word: &str| word == name || general.contains(&word);
    let excluded = words().any(|word| word.strip_prefix(['!', '-']) == Some(name));
    !excluded && (words().next().is_none() || words().any(named))
}

/// A suite's name as OpenSSL has it, such as `ECDHE-RSA-AES256-GCM-SHA384`.
fn openssl_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name
            .trim_start_matches("TLS_")
            .replace("_WITH_", "-")
            .replace("AES_", "AES")
            .replace("POLY1305_SHA256", "POLY1305")
            .replace('_', "-"),
    }
}

fn roots(tls: &TlsConfig) -> Result<RootCertStore, NetError> {
    let mut files: Vec<_> = tls.ca_cert_file.iter().cloned().collect();
    if let Some(dir) = &tls.ca_cert_dir {
        let entries = std::fs::read_dir(dir).map_err(|e| file(dir, e))?;
        files.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_file()),
        );
    }
    let mut store = RootCertStore::empty();
    for path in files {
        for certificate in certificates(&path)? {
            store.add(certificate).map_err(tls_error)?;
        }
    }
    if store.is_empty() {
        let text = "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-port, \
                    tls-cluster or tls-replication are enabled!";
        return Err(NetError::Tls(text.to_owned()));
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let found = CertificateDer::pem_file_iter(path).map_err(|e| file(path, e))?;
    let chain: Vec<_> = found.collect::<Result<_, _>>().map_err(|e| file(path, e))?;
    if chain.is_empty() {
        return Err(NetError::Tls(format!(
            "No certificate in {}",
            path.display()
        )));
    }
    Ok(chain)
}

fn tls_error(error: impl std::fmt::Display) -> NetError {
    NetError::Tls(error.to_string())
}

fn file(path: &Path, error: impl std::fmt::Display) -> NetError {
    NetError::Tls(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_read_and_nonsense_is_refused() {
        assert_eq!(versions("").unwrap().len(), 2);
        assert_eq!(versions("TLSv1.2").unwrap().len(), 1);
        assert_eq!(versions("tlsv1.1 TLSv1.3").unwrap().len(), 1);
        assert!(versions("TLSv1").is_err());
        assert!(versions("SSLv3").is_err());
    }

    fn left(ciphers: &str, ciphersuites: &str) -> Result<Vec<String>, NetError> {
        let tls = TlsConfig {
            ciphers: ciphers.into(),
            ciphersuites: ciphersuites.into(),
            ..TlsConfig::default()
        };
        let all = rustls::crypto::ring::default_provider().cipher_suites;
        Ok(suites(&all, &tls)?.iter().map(openssl_name).collect())
    }

    #[test]
    fn cipher_lists_choose_among_the_suites_that_there_are() {
        assert_eq!(left("", "").unwrap().len(), 9);
        assert_eq!(left("DEFAULT:!MEDIUM", "").unwrap().len(), 9);
        let two = left("ECDHE-RSA-AES256-GCM-SHA384:NONE", "TLS_AES_128_GCM_SHA256").unwrap();
        assert_eq!(
            two,
            ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        let without = left("HIGH:!ECDHE-RSA-CHACHA20-POLY1305", "").unwrap();
        assert_eq!(without.len(), 8);
        assert!(left("RC4-MD5", "").is_err());
    }
}
