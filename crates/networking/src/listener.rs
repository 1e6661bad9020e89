//! Listening sockets and the thread that accepts from them.

use crate::ConnInfo;

/// An accepted connection on its way to its worker.
pub(crate) struct NewConn {
    pub(crate) info: ConnInfo,
}
