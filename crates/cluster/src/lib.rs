//! Hash slots, nodes and the state machines of the cluster bus.
//!
//! What exists today is the slot arithmetic; a server with `cluster-enabled yes` refuses to
//! start until the bus exists. Nothing here does I/O.

pub use common::crc16::key_slot;

/// Number of hash slots, fixed by the Redis Cluster specification.
pub const SLOTS: u16 = 16_384;
