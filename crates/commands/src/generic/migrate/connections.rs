//! Connections to other servers, kept for some seconds in case the next key goes there too.
//!
//! Whoever uses one has it for himself and gives it back when all is well. All of it is for
//! background threads: it blocks.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use parking_lot::Mutex;

/// Connections kept at most.
const KEPT_MAX: usize = 64;
/// How long an unused one is kept.
const KEPT_MS: i64 = 10_000;
/// Longest line of a reply that is told to the client.
const LINE_MAX: usize = 1024;

/// Where a server listens: host and port as the client gave them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

/// A connection.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    /// The database that is selected there, if that is known.
    pub(super) db: Option<i64>,
    used_ms: i64,
}

impl Connection {
    fn open(target: &Target, timeout: Duration) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (target.host.as_str(), target.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self {
                        stream: BufReader::new(stream),
                        db: None,
                        used_ms: 0,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends all of it, and waits for progress no longer than `timeout`.
    pub(super) fn send(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.set_write_timeout(Some(timeout))?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(bytes)
    }

    /// Reads a line without its end.
    pub(super) fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let bytes = self.stream.fill_buf()?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            line.extend_from_slice(&bytes[..end]);
            self.stream.consume(end);
            if line.len() > LINE_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let text = line.trim_ascii_end().len();
        line.truncate(text);
        Ok(line)
    }
}

/// The connections that nobody uses now.
#[derive(Default)]
pub(super) struct Connections(Mutex<HashMap<Target, Connection>>);

impl Connections {
    /// One to that server, kept or new.
    pub(super) fn take(&self, target: &Target, timeout: Duration) -> io::Result<Connection> {
        let kept = self.0.lock().remove(target);
        kept.map_or_else(|| Connection::open(target, timeout), Ok)
    }

    /// Keeps one for later.
    pub(super) fn give_back(&self, target: Target, mut connection: Connection, now_ms: i64) {
        connection.used_ms = now_ms;
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX && !kept.contains_key(&target) {
            let some = kept.keys().next().cloned();
            some.and_then(|some| kept.remove(&some));
        }
        kept.insert(target, connection);
    }

    /// Closes those that were not used for long.
    pub(super) fn close_unused(&self, now_ms: i64) {
        let mut kept = self.0.lock();
        kept.retain(|_, connection| now_ms - connection.used_ms <= KEPT_MS);
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
