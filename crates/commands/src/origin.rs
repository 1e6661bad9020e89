//! Who sends a command. What differs by origin is data here, never another code path.

/// Where a command comes from, and what that means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's connection.
    Client,
    /// The append-only file, while it is loaded.
    AofLoad,
    /// The link to our primary.
    Primary,
    /// A script or function, on behalf of a client.
    Script,
    /// The server itself: expiry, eviction.
    Internal,
}

impl Origin {
    /// Whether refusals that protect the server from clients apply: authentication, memory, disk
    /// errors, read-only replica. What was accepted once, here or by the primary, must be applied.
    pub const fn is_checked(self) -> bool {
        matches!(self, Self::Client | Self::Script)
    }

    /// Whether effects go to the log. A loader must not write what it reads; what our primary sends
    /// is passed on as it came.
    pub const fn is_propagated(self) -> bool {
        !matches!(self, Self::AofLoad | Self::Primary)
    }

    /// Whether a key past its time counts as gone. For commands of the primary and of the log it
    /// is there until its deletion arrives.
    pub const fn expires_keys(self) -> bool {
        !matches!(self, Self::AofLoad | Self::Primary)
    }
}
