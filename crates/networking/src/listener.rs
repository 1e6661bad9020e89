//! Listening sockets: opening them, and changing what is listened on as a whole.
//!
//! A change keeps the sockets that stay, opens the new ones, and only then closes the others; if
//! an address can only be had by closing an old one first (`127.0.0.1` to `*` on the same port),
//! that is tried, and undone if it fails.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mio::net::{TcpListener, UnixListener};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{Bind, ConnKind, Listen, NetError};

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Endpoint {
    Tcp {
        kind: ConnKind,
        bind: Bind,
        port: u16,
    },
    Unix {
        path: PathBuf,
        mode: u32,
    },
}

/// An open listening socket.
pub(crate) struct Listener {
    endpoint: Endpoint,
    pub(crate) socket: ListenSocket,
    /// With TLS: how to answer the handshake.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// The socket itself.
pub(crate) enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl ListenSocket {
    /// What is registered with the poll loop.
    pub(crate) fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(socket) => socket,
            Self::Unix(socket, _) => socket,
        }
    }
}

impl Listener {
    /// The port that it got; `None` for the unix socket.
    fn port(&self) -> Option<u16> {
        match &self.socket {
            ListenSocket::Tcp(socket) => socket.local_addr().ok().map(|addr| addr.port()),
            ListenSocket::Unix(..) => None,
        }
    }

    /// Removes the unix socket's file.
    pub(crate) fn unlink(&self) {
        if let ListenSocket::Unix(_, path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// All listening sockets.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) open: Vec<Listener>,
    listen: Listen,
}

impl Listeners {
    /// Opens what `listen` asks for.
    pub(crate) fn open(listen: Listen) -> Result<Self, NetError> {
        let mut listeners = Self::default();
        listeners.change(listen)?;
        Ok(listeners)
    }

    /// What is listened on, with the ports that the system chose.
    pub(crate) fn listening(&self) -> &Listen {
        &self.listen
    }

    /// Goes over to `listen`; on failure everything stays as it was.
    pub(crate) fn change(&mut self, mut listen: Listen) -> Result<(), NetError> {
        let tls = match &listen.tls {
            Some(tls) if listen.tls_port != 0 || listen.any_port => {
                Some(crate::tls::server_config(tls)?)
            }
            _ => None,
        };
        let wanted = endpoints(&listen, tls.is_some());
        let (kept, gone): (Vec<_>, Vec<_>) = self
            .open
            .drain(..)
            .partition(|listener| wanted.contains(&listener.endpoint));
        self.open = kept;
        let missing: Vec<_> = wanted.into_iter().filter(|w| !self.has(w)).collect();
        let before: Vec<_> = gone
            .iter()
            .map(|listener| listener.endpoint.clone())
            .collect();
        let gone_tls = gone.iter().find_map(|listener| listener.tls.clone());
        match open_all(&missing, &listen) {
            Ok(opened) => {
                close_all(gone, &opened);
                self.open.extend(opened);
            }
            Err(error) if gone.is_empty() => return Err(error),
            Err(error) if !in_use(&error) => {
                self.open.extend(gone);
                return Err(error);
            }
            Err(_) => {
                close_all(gone, &[]);
                match open_all(&missing, &listen) {
                    Ok(opened) => self.open.extend(opened),
                    Err(error) => {
                        let mut again = open_all(&before, &self.listen)?;
                        for listener in again.iter_mut().filter(|l| l.is_tls()) {
                            listener.tls.clone_from(&gone_tls);
                        }
                        self.open.extend(again);
                        return Err(error);
                    }
                }
            }
        }
        for listener in self.open.iter_mut().filter(|listener| listener.is_tls()) {
            listener.tls.clone_from(&tls);
        }
        self.note_ports(&mut listen);
        self.listen = listen;
        Ok(())
    }

    fn has(&self, endpoint: &Endpoint) -> bool {
        self.open
            .iter()
            .any(|listener| listener.endpoint == *endpoint)
    }

    /// Notes the ports that the system chose, here and in `listen`.
    fn note_ports(&mut self, listen: &mut Listen) {
        listen.any_port = false;
        for listener in &mut self.open {
            let Some(got) = listener.port() else { continue };
            match &mut listener.endpoint {
                Endpoint::Tcp {
                    kind: ConnKind::Tls,
                    port,
                    ..
                } => {
                    (*port, listen.tls_port) = (got, got);
                }
                Endpoint::Tcp { port, .. } => (*port, listen.port) = (got, got),
                Endpoint::Unix { .. } => {}
            }
        }
    }
}

impl Listener {
    /// How clients of this listener speak TCP; `None` for the unix socket.
    fn kind(&self) -> Option<ConnKind> {
        match self.endpoint {
            Endpoint::Tcp { kind, .. } => Some(kind),
            Endpoint::Unix { .. } => None,
        }
    }

    fn is_tls(&self) -> bool {
        self.kind() == Some(ConnKind::Tls)
    }
}

fn endpoints(listen: &Listen, tls: bool) -> Vec<Endpoint> {
    let mut all = Vec::new();
    let mut add = |kind, port| {
        let tcp = |bind: &Bind| Endpoint::Tcp {
            kind,
            bind: bind.clone(),
            port,
        };
        all.extend(listen.bind.iter().map(tcp));
    };
    if listen.port != 0 || listen.any_port {
        add(ConnKind::Tcp, listen.port);
    }
    if tls {
        add(ConnKind::Tls, listen.tls_port);
    }
    let unix = listen.unix.iter();
    all.extend(unix.map(|path| Endpoint::Unix {
        path: path.clone(),
        mode: listen.unix_mode,
    }));
    all
}

/// Closes listeners; a unix socket's file goes too, unless it is already that of a new listener.
fn close_all(gone: Vec<Listener>, opened: &[Listener]) {
    let path = |listener: &Listener| match &listener.socket {
        ListenSocket::Unix(_, path) => Some(path.clone()),
        ListenSocket::Tcp(_) => None,
    };
    for listener in gone {
        if !opened
            .iter()
            .any(|new| path(new).is_some() && path(new) == path(&listener))
        {
            listener.unlink();
        }
    }
}

fn in_use(error: &NetError) -> bool {
    matches!(error, NetError::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
}

/// Opens all of these or none.
fn open_all(endpoints: &[Endpoint], listen: &Listen) -> Result<Vec<Listener>, NetError> {
    let mut opened: Vec<Listener> = Vec::new();
    for endpoint in endpoints {
        let socket = match endpoint {
            Endpoint::Unix { path, mode } => open_unix(path, *mode, listen.backlog)?,
            Endpoint::Tcp { kind, bind, port } => {
                // With a port of the system's choice, all addresses share the first one's.
                let same = |l: &&Listener| l.kind() == Some(*kind);
                let chosen = opened.iter().find(same).and_then(Listener::port);
                let port = if *port == 0 {
                    chosen.unwrap_or(0)
                } else {
                    *port
                };
                match open_tcp(bind, port, listen) {
                    Ok(socket) => ListenSocket::Tcp(socket),
                    Err(error) if bind.optional && is_unavailable(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
        };
        opened.push(Listener {
            endpoint: endpoint.clone(),
            socket,
            tls: None,
        });
    }
    Ok(opened)
}

/// What the `-` prefix forgives: this machine does not have the address, or its family.
fn is_unavailable(error: &NetError) -> bool {
    let NetError::Bind { source, .. } = error else {
        return false;
    };
    let code = source.raw_os_error();
    let forgiven = [
        libc::EADDRNOTAVAIL,
        libc::EAFNOSUPPORT,
        libc::EPROTONOSUPPORT,
        libc::ENOPROTOOPT,
    ];
    code.is_some_and(|code| forgiven.contains(&code) || code == libc::EPFNOSUPPORT)
}

fn open_tcp(bind: &Bind, port: u16, listen: &Listen) -> Result<TcpListener, NetError> {
    let failed = |source| NetError::Bind {
        address: bind.host.clone(),
        port,
        source,
    };
    let mut result = Err(NetError::Address {
        address: bind.host.clone(),
    });
    for address in resolve(&bind.host, port) {
        result = tcp_socket(address, listen).map_err(failed);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn resolve(host: &str, port: u16) -> Vec<SocketAddr> {
    match host {
        "*" => vec![(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port).into()],
        "::*" => vec![(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port).into()],
        _ => (host, port)
            .to_socket_addrs()
            .map(Iterator::collect)
            .unwrap_or_default(),
    }
}

fn tcp_socket(address: SocketAddr, listen: &Listen) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    #[cfg(target_os = "linux")]
    if listen.mark != 0 {
        socket.set_mark(listen.mark)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(listen.backlog)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn open_unix(path: &Path, mode: u32, backlog: i32) -> Result<ListenSocket, NetError> {
    let open = || -> io::Result<UnixListener> {
        // What an earlier run left behind.
        let _ = std::fs::remove_file(path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(backlog)?;
        if mode != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        socket.set_nonblocking(true)?;
        Ok(UnixListener::from_std(socket.into()))
    };
    let socket = open().map_err(|source| NetError::Unix {
        path: path.to_owned(),
        source,
    })?;
    Ok(ListenSocket::Unix(socket, path.to_owned()))
}

#[cfg(test)]
mod tests;
