//! Which versions the server names: Redis's, whose behaviour it shows, and its own.
//!
//! Clients and tools decide by the former what they may use, so it appears wherever Redis shows its
//! version; the latter stands beside it.

/// The version of Redis whose behaviour the server shows.
pub const REDIS_VERSION: &str = "7.0.15";
/// The version of Corewire.
pub const COREWIRE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A number that tells one build from another, as Redis's build id does.
pub fn build_id() -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    COREWIRE_VERSION.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
