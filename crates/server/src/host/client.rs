//! A client of the network as the commands see it.
//!
//! Everything is read from gauges that the client's worker keeps; nothing is asked of the worker.

use std::sync::Arc;

use commands::host::{ClientBuffers, ClientView};
use commands::session::{ClientLink, ClientState};
use networking::Client;

use crate::service::{Link, Shared};

/// See the module's text.
pub(super) struct View<'a>(pub(super) &'a Arc<Client<Shared>>);

impl ClientView for View<'_> {
    fn id(&self) -> u64 {
        self.0.id()
    }

    fn addr(&self) -> String {
        self.0.info().peer_text()
    }

    fn laddr(&self) -> String {
        self.0.info().local_text()
    }

    fn fd(&self) -> i32 {
        self.0.info().fd
    }

    fn age_s(&self) -> u64 {
        seconds_since(self.0.info().created_ms)
    }

    fn idle_s(&self) -> u64 {
        seconds_since(self.0.active_ms())
    }

    fn buffers(&self) -> ClientBuffers {
        let (client, now_ms) = (self.0, common::clock::now_ms());
        ClientBuffers {
            qbuf: client.query_len() as u64,
            qbuf_free: client.query_free(now_ms) as u64,
            argv_mem: client.args_len() as u64,
            rbs: client.reply_size(now_ms) as u64,
            rbp: client.reply_peak(now_ms) as u64,
            obl: client.out_small() as u64,
            oll: client.out_chunks() as u64,
            omem: client.out_memory() as u64,
            tot_mem: super::client_bytes(client),
            total_in: client.input_bytes(),
            total_out: client.output_bytes(),
            commands: client.commands(),
            wants_write: client.events() == "rw",
        }
    }

    fn state(&self) -> &ClientState {
        self.0.shared()
    }

    fn link(&self) -> Arc<dyn ClientLink> {
        Arc::new(Link(Arc::clone(self.0)))
    }
}

fn seconds_since(ms: i64) -> u64 {
    ((common::clock::now_ms() - ms) / 1000).max(0) as u64
}
