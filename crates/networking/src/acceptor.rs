//! The thread that accepts: admission, socket options, and the choice of a worker.
//!
//! It is a thread of its own so that new connections come in while workers are busy, and so that
//! what is listened on can be changed from any of them; it runs no commands and costs nothing while
//! nobody connects. It never waits for a worker.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};

use crate::listener::{ListenSocket, Listeners};
use crate::mailbox::Mail;
use crate::network::Shared;
use crate::tls::TlsStream;
use crate::transport::Transport;
use crate::{ConnInfo, ConnKind, Listen, NetError, NetStats};

/// Connections accepted from one listener before the others are looked at (Redis's number).
const ACCEPTS_MAX: usize = 1000;
/// How long to wait after an error that accepting again would only repeat (no descriptors left).
const RETRY: Duration = Duration::from_millis(100);
/// How long a refused connection stays open for its peer to read why, and how many do.
const REFUSED_FOR: Duration = Duration::from_millis(500);
const REFUSED_MAX: usize = 64;
const WAKER: Token = Token(usize::MAX);

/// An accepted connection on its way to its worker.
pub(crate) struct NewConn {
    pub(crate) info: ConnInfo,
    pub(crate) transport: Transport,
}

/// What others ask of the acceptor.
pub(crate) enum Request {
    /// Listen on this instead, and say how it went.
    Listen(Box<Listen>, Sender<Result<Listen, NetError>>),
    /// Close the listeners and end.
    Stop,
}

/// See the file's comment.
pub(crate) struct Acceptor<T> {
    poll: Poll,
    listeners: Listeners,
    requests: Receiver<Request>,
    shared: Arc<Shared<T>>,
    stats: Arc<NetStats>,
    /// Listeners that may have more to accept.
    pending: Vec<bool>,
    retry_at: Option<Instant>,
    refused: Vec<(Instant, Transport)>,
}

impl<T: Send + Sync + 'static> Acceptor<T> {
    pub(crate) fn new(
        poll: Poll,
        listeners: Listeners,
        requests: Receiver<Request>,
        shared: Arc<Shared<T>>,
        stats: Arc<NetStats>,
    ) -> io::Result<Self> {
        let (pending, refused) = (Vec::new(), Vec::new());
        let mut acceptor = Self {
            poll,
            listeners,
            requests,
            shared,
            stats,
            pending,
            retry_at: None,
            refused,
        };
        acceptor.register()?;
        Ok(acceptor)
    }

    pub(crate) const fn waker_token() -> Token {
        WAKER
    }

    /// The thread's life.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        while self.answer_requests() {
            match self.poll.poll(&mut events, self.wait()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::warn!("Polling the listeners: {error}");
                    std::thread::sleep(RETRY);
                }
                _ => {}
            }
            for event in &events {
                if let Some(pending) = self.pending.get_mut(event.token().0) {
                    *pending = true;
                }
            }
            let now = Instant::now();
            self.refused.retain(|(until, _)| *until > now);
            if self.retry_at.is_none_or(|at| at <= now) {
                self.retry_at = None;
                (0..self.pending.len()).for_each(|i| self.accept_from(i));
            }
        }
        self.listeners
            .open
            .iter()
            .for_each(crate::listener::Listener::unlink);
    }

    /// How long the poll may wait.
    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let next = match self.retry_at {
            None if self.pending.contains(&true) => return Some(Duration::ZERO),
            retry_at => retry_at
                .into_iter()
                .chain(self.refused.first().map(|(until, _)| *until)),
        };
        next.min().map(|at| at.saturating_duration_since(now))
    }

    /// Answers `false` when it is time to end.
    fn answer_requests(&mut self) -> bool {
        while let Ok(request) = self.requests.try_recv() {
            let Request::Listen(listen, reply) = request else {
                return false;
            };
            let result = self.listeners.change(*listen);
            let result = self.register().map_err(NetError::from).and(result);
            // Whoever asked may have given up on the answer.
            let _ = reply.send(result.map(|()| self.listeners.listening().clone()));
        }
        true
    }

    /// Registers every listener afresh, and looks at each once: edges may have gone unseen.
    fn register(&mut self) -> io::Result<()> {
        for (i, listener) in self.listeners.open.iter_mut().enumerate() {
            let source = listener.socket.source();
            let (poll, token) = (self.poll.registry(), Token(i));
            if poll.reregister(source, token, Interest::READABLE).is_err() {
                poll.register(source, token, Interest::READABLE)?;
            }
        }
        self.pending = vec![true; self.listeners.open.len()];
        Ok(())
    }

    /// Accepts what listener `i` has, up to a limit.
    fn accept_from(&mut self, i: usize) {
        for _ in 0..ACCEPTS_MAX {
            if !self.pending[i] {
                return;
            }
            match self.accept_one(i) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pending[i] = false,
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::warn!("Accepting client connection: {error}");
                    self.retry_at = Some(Instant::now() + RETRY);
                    return;
                }
            }
        }
    }

    fn accept_one(&mut self, i: usize) -> io::Result<()> {
        let listener = &self.listeners.open[i];
        let accepted = match &listener.socket {
            ListenSocket::Tcp(socket) => {
                let (stream, peer) = socket.accept()?;
                let tls = listener.tls.clone();
                Accepted::tcp(stream, peer, tls)
            }
            ListenSocket::Unix(socket, path) => {
                let (stream, _) = socket.accept()?;
                tracing::debug!("Accepted connection to {}", path.display());
                Accepted::unix(Transport::Unix(stream), path.clone())
            }
        };
        match accepted {
            Ok(accepted) => self.admit(accepted),
            Err(error) => tracing::debug!("Error accepting a client connection: {error}"),
        }
        Ok(())
    }

    /// Refuses the connection, or hands it to the worker with the fewest.
    fn admit(&mut self, accepted: Accepted) {
        let settings = &self.shared.settings;
        if !self
            .shared
            .registry
            .reserve(settings.maxclients.load(Relaxed))
        {
            return self.refuse(accepted, resp::errors::network::MAX_CLIENTS.as_bytes());
        }
        let protected = settings.protected_mode.load(Relaxed);
        let info = accepted.info(self.shared.next_id.fetch_add(1, Relaxed));
        if protected && settings.default_user_nopass.load(Relaxed) && !info.is_local() {
            self.shared.registry.release();
            return self.refuse(accepted, resp::errors::network::PROTECTED_MODE.as_bytes());
        }
        if info.kind != ConnKind::Unix {
            set_options(&accepted.transport, settings.tcp_keepalive_s.load(Relaxed));
        }
        NetStats::add(&self.stats.accepted, 1);
        let transport = accepted.transport;
        let new = NewConn { info, transport };
        let worker = self.shared.least_loaded();
        self.shared.loads[worker].fetch_add(1, Relaxed);
        self.shared.mailboxes[worker].push(Mail::Connection(Box::new(new)));
    }

    /// Says why, as well as it can be said without waiting.
    fn refuse(&mut self, accepted: Accepted, error: &[u8]) {
        NetStats::add(&self.stats.rejected, 1);
        let mut transport = accepted.transport;
        // Before the TLS handshake there is nothing that could be said.
        if !matches!(transport, Transport::Tls(_)) {
            let _ = transport.write(&[b"-", error, b"\r\n"].concat());
            transport.shutdown_write();
            if self.refused.len() < REFUSED_MAX {
                self.refused.push((Instant::now() + REFUSED_FOR, transport));
            }
        }
    }
}

/// A connection that nothing has been decided about.
struct Accepted {
    transport: Transport,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    path: Option<PathBuf>,
    fd: i32,
}

impl Accepted {
    fn tcp(
        stream: mio::net::TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, rustls::Error> {
        tracing::debug!("Accepted {}:{}", peer.ip(), peer.port());
        let (local, fd) = (stream.local_addr().ok(), stream.as_raw_fd());
        let transport = match tls {
            None => Transport::Tcp(stream),
            Some(config) => Transport::Tls(Box::new(TlsStream::new(stream, config)?)),
        };
        Ok(Self {
            transport,
            peer: Some(peer),
            local,
            path: None,
            fd,
        })
    }

    fn unix(transport: Transport, path: PathBuf) -> Result<Self, rustls::Error> {
        let fd = match &transport {
            Transport::Unix(stream) => stream.as_raw_fd(),
            _ => -1,
        };
        Ok(Self {
            transport,
            peer: None,
            local: None,
            path: Some(path),
            fd,
        })
    }

    fn info(&self, id: u64) -> ConnInfo {
        let kind = match &self.transport {
            Transport::Tcp(_) => ConnKind::Tcp,
            Transport::Unix(_) => ConnKind::Unix,
            Transport::Tls(_) => ConnKind::Tls,
        };
        let created_ms = common::clock::now_ms();
        let (peer, local, path, fd) = (self.peer, self.local, self.path.clone(), self.fd);
        ConnInfo {
            id,
            kind,
            peer,
            local,
            path,
            fd,
            created_ms,
        }
    }
}

/// Errors of the connection that was to be accepted, not of accepting.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// `TCP_NODELAY`, and keepalive as Redis sets it: probes every third of the time, three of them. A
/// socket that refuses an option still works, so errors are not worth more than this.
fn set_options(transport: &Transport, keepalive_s: u32) {
    let fd = match transport {
        Transport::Tcp(stream) => stream.as_fd(),
        Transport::Tls(stream) => stream.fd(),
        Transport::Unix(_) => return,
    };
    let socket = SockRef::from(&fd);
    transport.set_nodelay(true);
    if keepalive_s > 0 {
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(keepalive_s.into()))
            .with_interval(Duration::from_secs((keepalive_s / 3).max(1).into()))
            .with_retries(3);
        let _ = socket.set_tcp_keepalive(&keepalive);
    }
}
