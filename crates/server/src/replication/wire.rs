//! A connection to a primary: reading with an eye on the clock and on the end of the role.
//!
//! The socket blocks for short whiles only. Whoever ends the role shuts it down, which ends every
//! wait at once.

use common::os::os_text;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use common::clock::now_ms;
use socket2::{Domain, Socket, Type};

use super::Context;

/// The longest wait in one call.
const WAIT: Duration = Duration::from_millis(100);
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// The longest line of the handshake.
const LINE_MAX: usize = 1024;

/// Why a link has ended.
#[derive(Debug)]
pub(super) enum Lost {
    /// The role is over: somebody else is followed, or nobody.
    Over,
    /// The link is down, for a reason that is in the log.
    Down,
}

/// See the file's text.
pub(super) struct Wire<'c> {
    context: &'c Context,
    generation: u64,
    stream: TcpStream,
    /// What has been read and not been used.
    input: Vec<u8>,
    used: usize,
    last_io_ms: i64,
    /// Whether what is read belongs to a snapshot, and its size (or -1).
    snapshot: Option<i64>,
}

impl<'c> Wire<'c> {
    /// Connects.
    pub(super) fn connect(
        context: &'c Context,
        generation: u64,
        (host, port): (&str, u16),
    ) -> Result<Self, Lost> {
        let timeout_s = context.config.unsigned("repl-timeout").max(1);
        let own = context.config.text("bind-source-addr");
        let own = Some(own).filter(|own| !own.is_empty());
        let timeout = Duration::from_secs(timeout_s);
        let stream = open(own.as_deref(), (host, port), timeout).map_err(|error| {
            let reason = os_text(&error);
            tracing::error!("Error condition on socket for SYNC: {reason}");
            Lost::Down
        })?;
        let set_up = || {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(WAIT))?;
            stream.set_write_timeout(Some(Duration::from_secs(timeout_s)))?;
            stream.try_clone()
        };
        let canceller = set_up().map_err(|error| {
            tracing::error!("Unable to connect to MASTER: {}", os_text(&error));
            Lost::Down
        })?;
        let cancel = move || {
            // It may be down already.
            let _ = canceller.shutdown(Shutdown::Both);
        };
        let replication = &context.server.replication;
        replication.set_cancel(generation, Arc::new(cancel));
        Ok(Self {
            context,
            generation,
            stream,
            input: Vec::new(),
            used: 0,
            last_io_ms: now_ms(),
            snapshot: None,
        })
    }

    /// The ends of the connection and its descriptor.
    pub(super) fn ends(&self) -> (String, String, i32) {
        let text = |address: io::Result<SocketAddr>| {
            address
                .map(|address| address.to_string())
                .unwrap_or_default()
        };
        let (peer, own) = (self.stream.peer_addr(), self.stream.local_addr());
        (text(peer), text(own), self.stream.as_raw_fd())
    }

    /// What has been read and not been used.
    pub(super) fn pending(&self) -> &[u8] {
        &self.input[self.used..]
    }

    /// Notes that so much of it is used.
    pub(super) fn use_up(&mut self, n: usize) {
        self.used += n;
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        } else if self.used > READ_BYTES && self.used > self.input.len() / 2 {
            self.input.drain(..self.used);
            self.used = 0;
        }
    }

    /// Takes the buffer out: what has been read, and how much of it is used.
    pub(super) fn take(&mut self) -> (Vec<u8>, usize) {
        (
            std::mem::take(&mut self.input),
            std::mem::take(&mut self.used),
        )
    }

    /// Puts it back, with more of it used.
    pub(super) fn put_back(&mut self, input: Vec<u8>, used: usize) {
        (self.input, self.used) = (input, used);
        self.use_up(0);
    }

    /// What is read from now on belongs to a snapshot of this size (or -1), or does no more.
    pub(super) fn set_snapshot(&mut self, size: Option<i64>) {
        self.snapshot = size;
    }

    /// Whether nothing has come for `repl-timeout`.
    pub(super) fn is_silent(&self) -> bool {
        let timeout_s = self.context.config.unsigned("repl-timeout") as i64;
        now_ms() - self.last_io_ms > timeout_s * 1000
    }

    /// Reads more. 0: nothing has come for a short while.
    ///
    /// # Errors
    /// The end of the connection, an error, or the end of the role, which is no I/O error.
    pub(super) fn read(&mut self) -> Result<usize, io::Error> {
        let before = self.input.len();
        self.input.resize(before + READ_BYTES, 0);
        let result = self.stream.read(&mut self.input[before..]);
        let n = *result.as_ref().unwrap_or(&0);
        self.input.truncate(before + n);
        self.count(n);
        match result {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => Ok(n),
            Err(error) if is_wait(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Reads straight into somebody's buffer; nothing may be pending. 0: as for `read`.
    pub(super) fn read_into(&mut self, target: &mut [u8]) -> Result<usize, io::Error> {
        let result = self.stream.read(target);
        self.count(*result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => Ok(n),
            Err(error) if is_wait(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn count(&mut self, n: usize) {
        if n > 0 {
            self.last_io_ms = now_ms();
            let replication = &self.context.server.replication;
            replication.received(self.generation, n as u64, self.snapshot);
        }
    }

    /// Whether the role is over or the process ends.
    pub(super) fn is_over(&self) -> bool {
        self.context.is_stopping() || !self.context.server.replication.is_current(self.generation)
    }

    /// Why reading or writing does not go on; says so in the log, with `what` was attempted.
    pub(super) fn lost(&self, what: &str, error: &io::Error) -> Lost {
        if self.is_over() {
            return Lost::Over;
        }
        let reason = match error.kind() {
            ErrorKind::UnexpectedEof => "connection lost".to_owned(),
            _ => os_text(error),
        };
        tracing::error!("{what}: {reason}");
        Lost::Down
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> Result<String, Lost> {
        loop {
            let pending = self.pending();
            if let Some(end) = pending.iter().position(|b| *b == b'\n') {
                let line = pending[..end]
                    .strip_suffix(b"\r")
                    .unwrap_or(&pending[..end]);
                let line = String::from_utf8_lossy(line).into_owned();
                self.use_up(end + 1);
                return Ok(line);
            }
            if pending.len() > LINE_MAX {
                tracing::error!("Bad protocol from MASTER: a line is too long");
                return Err(Lost::Down);
            }
            match self.read() {
                Ok(0) if self.is_over() => return Err(Lost::Over),
                Ok(0) if self.is_silent() => {
                    tracing::error!("Timeout connecting to the MASTER...");
                    return Err(Lost::Down);
                }
                Ok(_) => {}
                Err(error) => {
                    let what = "Master did not respond to command during SYNC handshake";
                    return Err(self.lost(what, &error));
                }
            }
        }
    }

    /// Sends all of this.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let sent = self.stream.write_all(bytes);
        sent.map_err(|error| self.lost("Sending command to master", &error))
    }

    /// What shows the primary that we are still there, while nothing is read.
    pub(super) fn signs_of_life(&self) -> impl Fn() + Sync + use<> {
        let stream = self.stream.try_clone().ok();
        move || {
            if let Some(stream) = &stream {
                // If the link is down, reading will tell.
                let _ = (&mut &*stream).write_all(b"\n");
            }
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Connects, from our address `own` if that can be done, else from any, as Redis does.
fn open(own: Option<&str>, address: (&str, u16), timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        let bound = own.and_then(|own| open_from(own, address, timeout));
        match bound.unwrap_or_else(|| TcpStream::connect_timeout(&address, timeout)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// `None` where a socket cannot have that address of ours, or get there from it.
fn open_from(own: &str, to: SocketAddr, timeout: Duration) -> Option<io::Result<TcpStream>> {
    let bind = |own: SocketAddr| {
        let socket = Socket::new(Domain::for_address(own), Type::STREAM, None).ok()?;
        socket.bind(&own.into()).ok()?;
        Some(socket)
    };
    let mut candidates = (own, 0).to_socket_addrs().ok()?;
    let socket =
        candidates.find_map(|own| (own.is_ipv4() == to.is_ipv4()).then(|| bind(own))?)?;
    match socket.connect_timeout(&to.into(), timeout) {
        Ok(()) => Some(Ok(socket.into())),
        // The other side has had its say.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::TimedOut
            ) =>
        {
            Some(Err(error))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn origin_with(own: Option<&str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _link = open(own, ("127.0.0.1", port), Duration::from_secs(5)).unwrap();
        listener.accept().unwrap().1.ip().to_string()
    }

    #[test]
    fn a_link_comes_from_the_address_that_it_was_told() {
        assert_eq!(origin_with(None), "127.0.0.1");
        assert_eq!(origin_with(Some("127.0.0.2")), "127.0.0.2");
    }

    #[test]
    fn an_address_that_is_not_ours_is_left_out() {
        assert_eq!(origin_with(Some("192.0.2.1")), "127.0.0.1");
        assert_eq!(origin_with(Some("::1")), "127.0.0.1");
    }
}
