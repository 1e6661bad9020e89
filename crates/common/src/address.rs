//! Where a client's connection lives, for whoever posts to it.
//!
//! The network layer makes these; the command layer keeps them in its registries without knowing
//! sockets. An address stays valid, and harmless, when the client is gone.

/// A client's place among the workers' connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress {
    /// The client's id. Never reused, so that a message cannot reach the next owner of the slot.
    pub id: u64,
    /// The index of its worker.
    pub worker: u32,
    /// Its slot there.
    pub slot: u32,
}

impl ClientAddress {
    /// The client's id.
    #[must_use]
    pub fn id(self) -> u64 {
        self.id
    }

    /// The index of its worker.
    #[must_use]
    pub fn worker(self) -> usize {
        self.worker as usize
    }
}
