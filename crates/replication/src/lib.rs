//! The command log, the backlog and the PSYNC state machines.
//!
//! Today this is the [`log`]: the ordered stream of changes that `commands` appends to while the
//! shards are locked. The AOF and the replicas will be its readers.

pub mod log;

pub use log::{Log, Reader};
