//! A replica that follows this server: who it is, what it can do, how far it is.
//!
//! What REPLCONF told before PSYNC is kept with the session (`Peer`) and moves into the record of
//! the replica when it becomes one.

use std::sync::Arc;

use crate::session::ClientLink;

/// What a connection has told of itself with REPLCONF before it asks for synchronisation.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// `listening-port`.
    pub(super) port: i64,
    /// `ip-address`.
    pub(super) ip: Option<String>,
    /// `capa eof`: a snapshot may come without its length.
    pub(super) takes_marks: bool,
    /// `capa psync2`: it wants to know the history's id when it continues.
    pub(super) wants_id: bool,
    /// `rdb-only`: the snapshot is all that it wants.
    pub(super) snapshot_only: bool,
    /// `rdb-filter-only`: the snapshot without data.
    pub(super) without_data: bool,
    /// `rdb-filter-only` without `functions`.
    pub(super) without_functions: bool,
    /// Since when it waits for us to take over, Unix ms; 0: it does not.
    pub(super) takeover_ms: i64,
    /// It has become a replica.
    pub(crate) is_replica: bool,
}

impl Peer {
    /// Whether it wants a part of the snapshot only.
    pub(super) fn is_filtered(&self) -> bool {
        self.without_data || self.without_functions
    }
}

/// Where a replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for a snapshot to begin.
    Waiting,
    /// Its snapshot is being written.
    Preparing,
    /// Its snapshot is sent as it is written.
    Streaming,
    /// It is sent a snapshot that has been written.
    Sending,
    /// It has had all that it needs to be fed; if it must, it has yet to say that it is ready.
    Online {
        /// Nothing is sent before it speaks.
        awaits_ack: bool,
    },
}

impl Stage {
    /// As INFO calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting | Self::Preparing | Self::Streaming => "wait_bgsave",
            Self::Sending => "send_bulk",
            Self::Online { .. } => "online",
        }
    }

    pub(super) fn is_online(self) -> bool {
        matches!(self, Self::Online { .. })
    }
}

/// See the file's text.
pub(super) struct Replica {
    /// The client.
    pub(super) id: u64,
    pub(super) link: Arc<dyn ClientLink>,
    /// Peer address, without the port.
    pub(super) address: String,
    pub(super) peer: Peer,
    pub(super) stage: Stage,
    /// It came with SYNC: it acknowledges nothing.
    pub(super) is_old: bool,
    /// Offset of the next byte to be sent.
    pub(super) cursor: u64,
    /// What it has acknowledged.
    pub(super) ack_offset: i64,
    /// What it has told to be on its disk; none without an append-only file.
    pub(super) disk_offset: Option<i64>,
    /// When it did so, Unix ms.
    pub(super) ack_ms: i64,
    /// When it asked for synchronisation, Unix ms.
    pub(super) since_ms: i64,
}

impl Replica {
    /// Its address for others.
    pub(super) fn ip(&self) -> &str {
        self.peer.ip.as_deref().unwrap_or(&self.address)
    }

    /// Its name in log lines.
    pub(super) fn name(&self) -> String {
        name(&self.address, &self.peer, self.id)
    }

    /// Whether the stream is for it at all.
    pub(super) fn is_fed(&self) -> bool {
        !self.peer.snapshot_only && self.stage != Stage::Waiting
    }
}

/// The name of a replica in log lines.
pub(super) fn name(address: &str, peer: &Peer, id: u64) -> String {
    let ip = peer.ip.as_deref().unwrap_or(address);
    match (ip, peer.port) {
        ("", _) => format!("client id #{id}"),
        (ip, 0) => format!("{ip}:<unknown-replica-port>"),
        (ip, port) => format!("{ip}:{port}"),
    }
}

/// An address without its port.
pub(super) fn without_port(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_matches(['[', ']']).to_owned()
}
