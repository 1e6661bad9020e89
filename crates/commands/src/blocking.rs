//! Clients that wait in a command for something to happen.
//!
//! No command blocks yet; the ways in ([`crate::Ctx`]'s `blocked`) and out (this module) are here
//! so that CLIENT UNBLOCK answers truthfully.

use crate::server::Server;

/// Ends a client's blocking command, as if its time had run out or with an error. Returns whether
/// the client was blocked.
pub(crate) fn unblock(_: &Server, _: u64, _: bool) -> bool {
    false
}
