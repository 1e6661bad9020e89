//! Directives of the network and of TLS.
//!
//! TLS files are volatile: setting the same name again reads the file again.

use super::INT_MAX;
use crate::config::directive::*;

pub(super) static NETWORK: Section = Section {
    title: "Network",
    intro: "Where the server listens, and how it treats connections.",
    directives: &[
        special("bind", Special::Bind).doc(
            "Addresses to listen on. An address with a leading - may be missing on this machine; \
             * and ::* stand for every interface.",
        ),
        text("bind-source-addr", None).doc("Local address of outgoing connections."),
        flag("protected-mode", true)
            .doc("Without a password and without bind, serve the loopback interfaces only."),
        int("port", 6379, 0, 65535).doc("TCP port; 0 closes it."),
        int("tcp-backlog", 511, 0, INT_MAX)
            .with(IMMUTABLE)
            .doc("Length of the kernel's queue of connections that wait for accept."),
        text("unixsocket", None)
            .with(IMMUTABLE)
            .doc("Path of a Unix socket to listen on as well."),
        octal("unixsocketperm", 0, 0, 0o777)
            .with(IMMUTABLE)
            .doc("File mode of the Unix socket, in octal; 0 leaves it to the umask."),
        text("unixsocketgroup", None)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; the socket belongs to the group of the process")
            .doc("Group that owns the Unix socket (from Valkey)."),
        int("timeout", 0, 0, INT_MAX)
            .doc("Seconds after which an idle client is closed; 0: never."),
        int("tcp-keepalive", 300, 0, INT_MAX)
            .doc("Seconds between keepalive probes to clients; 0 sends none."),
        int("socket-mark-id", 0, 0, u32::MAX as i64)
            .with(IMMUTABLE)
            .accepted("kept and reported; sockets are not marked")
            .doc("Mark of listening sockets, for routing by packet filters."),
        int("max-new-connections-per-cycle", 10, 1, 1000)
            .accepted("kept and reported; accepting has its own thread and needs no limit")
            .doc("Connections accepted before commands are served again."),
        int("max-new-tls-connections-per-cycle", 1, 1, 1000)
            .accepted("kept and reported; accepting has its own thread and needs no limit")
            .doc("TLS connections accepted before commands are served again."),
        flag("mptcp", false)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; listeners use plain TCP")
            .doc("Multipath TCP on listening sockets (from Valkey)."),
        text("rdma-bind", None)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; there is no RDMA listener")
            .doc("Addresses of the RDMA listener (from Valkey)."),
        int("rdma-port", 0, 0, 65535)
            .with(HIDDEN)
            .accepted("kept and reported; there is no RDMA listener")
            .doc("Port of the RDMA listener (from Valkey)."),
        int("rdma-rx-size", 1 << 20, 64 << 10, 16 << 20)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; there is no RDMA listener")
            .doc("Receive buffer of an RDMA connection (from Valkey)."),
        int("rdma-completion-vector", -1, -1, 1024)
            .with(IMMUTABLE | HIDDEN)
            .accepted("kept and reported; there is no RDMA listener")
            .doc("Completion vector of RDMA connections (from Valkey)."),
    ],
};

const AUTH: &[(&str, i64)] = &[("no", 0), ("yes", 1), ("optional", 2)];

/// A file that TLS reads: set again, it is read again.
const fn file(name: &'static str) -> Directive {
    text(name, None).with(VOLATILE)
}

pub(super) static TLS: Section = Section {
    title: "TLS",
    intro: "Encrypted connections on a port of their own.",
    directives: &[
        int("tls-port", 0, 0, 65535).doc("TLS port; 0 closes it."),
        file("tls-cert-file").doc("Certificate chain of the server, PEM."),
        file("tls-key-file").doc("Private key of the certificate, PEM."),
        text("tls-key-file-pass", None)
            .with(SENSITIVE)
            .accepted("kept; keys with a passphrase are refused with a clear message")
            .doc("Passphrase of the private key."),
        file("tls-client-cert-file")
            .accepted("kept and reported; replication does not use it yet")
            .doc("Certificate for outgoing connections, if it differs."),
        file("tls-client-key-file")
            .accepted("kept and reported; replication does not use it yet")
            .doc("Private key for outgoing connections, if it differs."),
        text("tls-client-key-file-pass", None)
            .with(SENSITIVE)
            .accepted("kept; keys with a passphrase are refused with a clear message")
            .doc("Passphrase of the outgoing private key."),
        file("tls-dh-params-file")
            .accepted("kept and reported; only elliptic curve key exchange is offered")
            .doc("Diffie-Hellman parameters of old cipher suites."),
        file("tls-ca-cert-file")
            .doc("Certificate authorities that peers are checked against, PEM."),
        file("tls-ca-cert-dir").doc("Directory of such certificates."),
        choice("tls-auth-clients", 1, AUTH).doc("Whether clients must show a valid certificate."),
        choice("tls-auth-clients-user", 0, &[("off", 0), ("cn", 1)])
            .accepted("kept and reported; takes effect with users")
            .doc("Log a client in as the user that its certificate names (Redis 8.6)."),
        flag("tls-replication", false)
            .accepted("kept and reported; replication does not use it yet")
            .doc("Use TLS towards a primary."),
        flag("tls-cluster", false)
            .accepted("kept and reported; takes effect with cluster mode")
            .doc("Use TLS on the cluster bus."),
        text("tls-protocols", None).doc("Versions to offer, such as \"TLSv1.2 TLSv1.3\"."),
        text("tls-ciphers", None).doc("Cipher suites of TLS 1.2, in OpenSSL's notation."),
        text("tls-ciphersuites", None).doc("Cipher suites of TLS 1.3."),
        flag("tls-prefer-server-ciphers", false)
            .doc("Choose the cipher by the server's preference, not the client's."),
        flag("tls-session-caching", true)
            .accepted("kept and reported; sessions are kept as the TLS library sees fit")
            .doc("Let clients resume sessions."),
        int("tls-session-cache-size", 20480, 0, INT_MAX)
            .accepted("kept and reported; sessions are kept as the TLS library sees fit")
            .doc("Sessions kept; 0 means no limit."),
        int("tls-session-cache-timeout", 300, 0, INT_MAX)
            .accepted("kept and reported; sessions are kept as the TLS library sees fit")
            .doc("Seconds for which one is kept."),
        int("tls-auto-reload-interval", 0, 0, INT_MAX)
            .accepted("kept and reported; CONFIG SET tls-cert-file reloads")
            .doc("Seconds between looks at the certificate files for changes (from Valkey)."),
    ],
};
