//! The bytes of a file that begin something else than a value: the opcodes.

/// A library of functions, as its code.
pub const FUNCTION_2: u8 = 245;
/// The same, as release candidates of Redis 7.0 wrote it.
pub const FUNCTION_PRE_GA: u8 = 246;
/// Data of a module that belongs to no key.
pub const MODULE_AUX: u8 = 247;
/// Seconds since the last access of the key that follows.
pub const IDLE: u8 = 248;
/// Access counter of the key that follows.
pub const FREQUENCY: u8 = 249;
/// A field about the file: name and value.
pub const AUX: u8 = 250;
/// How large the selected database is: a hint.
pub const RESIZE_DB: u8 = 251;
/// Expiry of the key that follows, in ms.
pub const EXPIRE_MS: u8 = 252;
/// Expiry of the key that follows, in seconds.
pub const EXPIRE_S: u8 = 253;
/// The database of what follows.
pub const SELECT_DB: u8 = 254;
/// The end; a checksum follows since version 5.
pub const EOF: u8 = 255;
/// The keys of a cluster's slot follow: slot, keys, volatile keys (Redis 8, Valkey 8): a hint.
pub const SLOT_INFO: u8 = 244;
/// What modules keep beside the key that follows (Redis 8.6). In files of Valkey: slots whose
/// import was going on.
pub const KEY_META: u8 = 243;
