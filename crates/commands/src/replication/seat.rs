//! Our primary as a client among the others: CLIENT LIST shows it, CLIENT KILL ends its connection.
//!
//! The link is no connection of a worker, so the registry of clients does not have it; the seat is
//! what stands there for it.

use std::sync::Arc;

use bytes::Bytes;
use common::clock::now_ms;

use crate::host::{ClientBuffers, ClientView};
use crate::session::{ClientLink, ClientState, client_flag};

use super::follow::{Cancel, Connection};
use super::state::Replication;

/// The ids of primaries are beyond those of clients.
const FIRST_ID: u64 = 1 << 48;

/// A connected primary.
pub(crate) struct Seat {
    id: u64,
    /// Its address, ours, and the descriptor.
    ends: (String, String, i32),
    state: Arc<ClientState>,
    created_ms: i64,
    last_io_ms: i64,
    cancel: Option<Cancel>,
}

struct Link(Option<Cancel>);

impl ClientLink for Link {
    fn resume(&self) {}
    fn unblock(&self, _: Bytes) {}
    fn push(&self, _: Bytes) {}
    fn kill(&self, _: bool) {
        self.0.iter().for_each(|cancel| cancel());
    }
    fn wake_at(&self, _: i64) {}
}

impl ClientView for Seat {
    fn id(&self) -> u64 {
        self.id
    }
    fn addr(&self) -> String {
        self.ends.0.clone()
    }
    fn laddr(&self) -> String {
        self.ends.1.clone()
    }
    fn fd(&self) -> i32 {
        self.ends.2
    }
    fn age_s(&self) -> u64 {
        ((now_ms() - self.created_ms) / 1000).max(0) as u64
    }
    fn idle_s(&self) -> u64 {
        ((now_ms() - self.last_io_ms) / 1000).max(0) as u64
    }
    fn buffers(&self) -> ClientBuffers {
        ClientBuffers::default()
    }
    fn state(&self) -> &ClientState {
        &self.state
    }
    fn link(&self) -> Arc<dyn ClientLink> {
        Arc::new(Link(self.cancel.clone()))
    }
}

impl Replication {
    /// The primary's connection has these ends (address, own address, descriptor), and its commands
    /// run in a session with this state.
    pub fn take_seat(
        &self,
        generation: u64,
        ends: (String, String, i32),
        state: &Arc<ClientState>,
    ) {
        use std::sync::atomic::Ordering::Relaxed;
        state.flags.fetch_or(client_flag::PRIMARY, Relaxed);
        self.with_upstream(generation, |upstream| {
            upstream.seat = Some(Connection {
                ends,
                client: Arc::clone(state),
                since_ms: now_ms(),
            });
        });
    }

    /// The primary as a client, while it is connected.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let state = self.state.lock();
        let upstream = state.upstream.as_ref()?;
        let connection = upstream.seat.clone()?;
        Some(Seat {
            id: FIRST_ID + upstream.generation,
            ends: connection.ends,
            state: connection.client,
            created_ms: connection.since_ms,
            last_io_ms: upstream.last_io_ms,
            cancel: upstream.cancel.clone(),
        })
    }
}
