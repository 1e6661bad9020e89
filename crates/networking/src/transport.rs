//! The byte stream under a connection: TCP, unix socket, or TLS over TCP.
//!
//! All are non-blocking and edge-triggered. On plain sockets a read or write that did less than it
//! was asked shows that the socket is empty or full, so no second call is needed to find out. TLS
//! has buffers of its own: there only `WouldBlock` shows it.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use socket2::SockRef;

use crate::tls::TlsStream;

/// A connected socket.
pub(crate) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Reads what is there; 0 is the end of the stream.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket) => socket.read(into),
            Self::Tls(stream) => stream.read(into),
        })
    }

    /// Writes what the socket takes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        })
    }

    /// Writes what the socket takes of several slices.
    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            Self::Unix(socket) => socket.write_vectored(slices),
            Self::Tls(stream) => stream.write(slices.first().map_or(&[], |slice| slice)),
        })
    }

    /// Whether a read or write that did less than asked proves the socket empty or full.
    pub(crate) fn short_is_final(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    /// Whether it holds bytes back that were written to it.
    pub(crate) fn wants_flush(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.wants_write())
    }

    /// Sends what it holds back, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.flush(),
            _ => Ok(()),
        }
    }

    /// Tells the peer that nothing more will come. Errors are for the next read to find.
    pub(crate) fn shutdown_write(&mut self) {
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            Self::Tls(stream) => stream.shutdown_write(),
        };
    }

    /// `TCP_NODELAY`. A socket that refuses an option still works, so errors are not worth more
    /// than this.
    pub(crate) fn set_nodelay(&self, on: bool) {
        let fd = match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Tls(stream) => stream.fd(),
            Self::Unix(_) => return,
        };
        let _ = SockRef::from(&fd).set_tcp_nodelay(on);
    }

    /// What is registered with the poll loop.
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            Self::Unix(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        }
    }
}

/// Repeats a call that a signal interrupted.
#[inline]
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_gathers_or_sends_at_once_as_it_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let seen = stream.try_clone().unwrap();
        let transport = Transport::Tcp(TcpStream::from_std(stream));
        for on in [true, false, true] {
            transport.set_nodelay(on);
            assert_eq!(seen.nodelay().unwrap(), on);
        }
    }
}
