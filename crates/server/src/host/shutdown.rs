//! The way down: who may ask for it, who waits for it, and DEBUG's shortcuts.
//!
//! A request from a client or a signal is left in the [`ShutdownSwitch`]; the thread that started
//! the server takes it from there, because workers cannot end themselves.

use std::sync::Arc;
use std::time::Duration;

use commands::host::{Crash, ShutdownRequest};
use commands::session::ClientLink;
use parking_lot::{Condvar, Mutex};
use resp::{Proto, ReplyError, ReplyWriter, errors};

#[derive(Default)]
struct State {
    request: Option<ShutdownRequest>,
    by_signal: bool,
    /// Clients that wait in SHUTDOWN.
    clients: Vec<Arc<dyn ClientLink>>,
}

/// Holds the request to end the process until someone acts on it.
#[derive(Default)]
pub struct ShutdownSwitch {
    state: Mutex<State>,
    asked: Condvar,
}

impl ShutdownSwitch {
    /// Asks for the end. A later request takes the place of an earlier one.
    pub fn request(&self, request: ShutdownRequest, client: Option<Arc<dyn ClientLink>>) {
        let mut state = self.state.lock();
        state.request = Some(request);
        state.by_signal = client.is_none();
        state.clients.extend(client);
        self.asked.notify_all();
    }

    /// Waits until someone asks for the end, at most for `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<ShutdownRequest> {
        let mut state = self.state.lock();
        if state.request.is_none() {
            self.asked.wait_for(&mut state, timeout);
        }
        state.request
    }

    /// Whether someone has asked for the end.
    pub fn is_asked(&self) -> bool {
        self.state.lock().request.is_some()
    }

    /// Whether the last to ask was a signal.
    pub fn is_by_signal(&self) -> bool {
        self.state.lock().by_signal
    }

    /// Takes the request back; whether there was one. Its clients are told that it failed, and so
    /// they are when the server finds that it cannot end.
    pub fn abort(&self) -> bool {
        let state = std::mem::take(&mut *self.state.lock());
        let mut reply = Vec::new();
        ReplyWriter::new(&mut reply, Proto::Resp2).error(&errors::persistence::SHUTDOWN_FAILED);
        let reply = bytes::Bytes::from(reply);
        state
            .clients
            .iter()
            .for_each(|client| client.unblock(reply.clone()));
        state.request.is_some()
    }
}

/// Ends the process as DEBUG asks; returns only where that cannot be done.
pub(super) fn crash(how: Crash) -> ReplyError {
    match how {
        Crash::MemoryFault => crate::process::crash::segfault(),
        Crash::Panic(text) => {
            // Not a panic of this thread, which would only end this worker in a debug build.
            tracing::error!("The server ends itself: {text}");
            std::process::abort()
        }
        Crash::OutOfMemory => {
            let layout = std::alloc::Layout::from_size_align(isize::MAX as usize, 1);
            std::alloc::handle_alloc_error(layout.unwrap_or(std::alloc::Layout::new::<u8>()))
        }
        Crash::Restart { .. } => errors::debug::RESTART_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_the_wait_and_can_be_taken_back() {
        let switch = ShutdownSwitch::default();
        assert_eq!(switch.wait(Duration::from_millis(1)), None);
        let request = ShutdownRequest {
            now: true,
            ..ShutdownRequest::default()
        };
        switch.request(request, None);
        assert_eq!(switch.wait(Duration::from_secs(10)), Some(request));
        assert!(switch.abort());
        assert!(!switch.abort());
    }
}
