//! Sockets whose last reply is sent, waiting for the peer to hang up.
//!
//! Closing a socket that has unread input resets the connection, and a reset may overtake the
//! last reply (of QUIT, or to a protocol error). So our side is shut down, what still comes is
//! thrown away, and the socket is closed when the peer closes, or has had its time.

use std::collections::HashMap;

use mio::{Interest, Registry, Token};

use crate::transport::Transport;

/// How long a peer has.
const LINGER_MS: i64 = 1000;
/// Tokens from here on are lingering sockets'.
const TOKEN_MIN: usize = 1 << 32;
/// Reads per event; whoever sends more than that is not going to hang up.
const READS_MAX: usize = 64;

/// See the file's comment.
#[derive(Default)]
pub(super) struct Lingering {
    sockets: HashMap<usize, (Transport, i64)>,
    next: usize,
}

impl Lingering {
    /// Whether an event is about one of these.
    pub(super) fn owns(token: Token) -> bool {
        token.0 >= TOKEN_MIN
    }

    pub(super) fn add(&mut self, mut transport: Transport, poll: &Registry, now_ms: i64) {
        transport.shutdown_write();
        let token = TOKEN_MIN + self.next;
        self.next += 1;
        // What cannot be watched is closed.
        if poll
            .reregister(transport.source(), Token(token), Interest::READABLE)
            .is_ok()
        {
            self.sockets.insert(token, (transport, now_ms + LINGER_MS));
        }
    }

    pub(super) fn on_event(&mut self, token: Token, scratch: &mut [u8]) {
        let Some((transport, _)) = self.sockets.get_mut(&token.0) else {
            return;
        };
        for _ in 0..READS_MAX {
            match transport.read(scratch) {
                Ok(n) if n > 0 => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                _ => break,
            }
        }
        self.sockets.remove(&token.0);
    }

    /// Closes those whose time is up; answers whether there are others.
    pub(super) fn sweep(&mut self, now_ms: i64) -> bool {
        self.sockets.retain(|_, (_, until_ms)| *until_ms > now_ms);
        !self.sockets.is_empty()
    }
}
