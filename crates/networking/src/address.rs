//! Addresses: what `bind` names, and the two ends of a connection as CLIENT LIST prints them.
//!
//! Addresses are resolved when a listener opens, not when they are parsed. How an address reads in
//! CLIENT LIST is dictated by Redis: `ip:port`, brackets around v6, the path and `:0` for a unix
//! socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One address of the `bind` directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// An IP address, a host name, `*` (all of v4) or `::*` (all of v6).
    pub host: String,
    /// Written with the `-` prefix: an address that this machine does not have is no error.
    pub optional: bool,
}

impl Bind {
    /// Reads one address as configured, with its prefix.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let host = text.strip_prefix('-').unwrap_or(text);
        Self {
            host: host.to_owned(),
            optional: text.starts_with('-'),
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.optional { "-" } else { "" }, self.host)
    }
}

/// How a client came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnKind {
    /// Plain TCP.
    Tcp,
    /// The unix socket.
    Unix,
    /// TLS over TCP.
    Tls,
}

/// What does not change about a connection.
#[derive(Clone, Debug)]
pub struct ConnInfo {
    /// The client id: unique, growing, never reused.
    pub id: u64,
    /// How it came in.
    pub kind: ConnKind,
    /// The client's end; `None` on the unix socket.
    pub peer: Option<SocketAddr>,
    /// Our end; `None` on the unix socket.
    pub local: Option<SocketAddr>,
    /// The path of the unix socket.
    pub path: Option<PathBuf>,
    /// The descriptor.
    pub fd: i32,
    /// When it was accepted, Unix ms.
    pub created_ms: i64,
}

impl ConnInfo {
    /// `addr=` of CLIENT LIST: `ip:port`, `[ip6]:port` or `path:0`.
    #[must_use]
    pub fn peer_text(&self) -> String {
        self.text(self.peer)
    }

    /// `laddr=` of CLIENT LIST.
    #[must_use]
    pub fn local_text(&self) -> String {
        self.text(self.local)
    }

    fn text(&self, end: Option<SocketAddr>) -> String {
        match (end, &self.path) {
            (Some(end), _) => end.to_string(),
            (None, Some(path)) => format!("{}:0", path.display()),
            (None, None) => "?:0".to_owned(),
        }
    }

    /// Whether the client is on this machine: loopback or the unix socket.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.peer
            .is_none_or(|peer| peer.ip().to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_prefix_is_read_and_printed() {
        let bind = Bind::parse("-::*");
        assert_eq!((bind.host.as_str(), bind.optional), ("::*", true));
        assert_eq!(bind.to_string(), "-::*");
        assert!(!Bind::parse("127.0.0.1").optional);
    }
}
