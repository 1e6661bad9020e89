//! The type bytes of values, and the RDB versions that brought them.
//!
//! The numbers are Redis's. Valkey shares them up to RDB 11 and went its own way from RDB 80 on.

/// A string.
pub const STRING: u8 = 0;
/// A list as so many strings.
pub const LIST: u8 = 1;
/// A set as so many strings.
pub const SET: u8 = 2;
/// A sorted set as strings and scores, the scores as text.
pub const ZSET: u8 = 3;
/// A hash as so many pairs of strings.
pub const HASH: u8 = 4;
/// A sorted set as strings and scores, the scores in binary (RDB 8).
pub const ZSET_2: u8 = 5;
/// A module's value, before the format was settled.
pub const MODULE_PRE_GA: u8 = 6;
/// A module's value.
pub const MODULE_2: u8 = 7;
/// A small hash as a zipmap (up to Redis 2.4).
pub const HASH_ZIPMAP: u8 = 9;
/// A list as one ziplist.
pub const LIST_ZIPLIST: u8 = 10;
/// A set of integers.
pub const SET_INTSET: u8 = 11;
/// A small sorted set as a ziplist.
pub const ZSET_ZIPLIST: u8 = 12;
/// A small hash as a ziplist.
pub const HASH_ZIPLIST: u8 = 13;
/// A list as ziplists (RDB 7).
pub const LIST_QUICKLIST: u8 = 14;
/// A stream (RDB 9).
pub const STREAM_LISTPACKS: u8 = 15;
/// A small hash as a listpack (RDB 10, as the next three).
pub const HASH_LISTPACK: u8 = 16;
/// A small sorted set as a listpack.
pub const ZSET_LISTPACK: u8 = 17;
/// A list as listpacks and large elements.
pub const LIST_QUICKLIST_2: u8 = 18;
/// A stream with its first id, its greatest deleted id and counts.
pub const STREAM_LISTPACKS_2: u8 = 19;
/// A small set as a listpack (RDB 11, as the next one).
pub const SET_LISTPACK: u8 = 20;
/// A stream whose consumers have two times.
pub const STREAM_LISTPACKS_3: u8 = 21;
/// A hash whose fields may expire, as Redis 7.4's release candidates wrote it. In files of Valkey
/// (from [`VALKEY_VERSION_MIN`] on) this number is Valkey's own form of the same.
pub const HASH_METADATA_PRE_GA: u8 = 22;
/// A small hash whose fields may expire, from the same candidates.
pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
/// A hash whose fields may expire (RDB 12, as the next one).
pub const HASH_METADATA: u8 = 24;
/// A small hash whose fields may expire, as a listpack.
pub const HASH_LISTPACK_EX: u8 = 25;
/// A stream that knows the ids of idempotent producers (RDB 13).
pub const STREAM_LISTPACKS_4: u8 = 26;
/// A stream whose groups have entries that were given back (RDB 14).
pub const STREAM_LISTPACKS_5: u8 = 27;

/// What Redis 7.0 writes, and we do where the values allow it.
pub const VERSION: u16 = 10;
/// The first version with expiring fields.
pub const VERSION_FIELD_EXPIRY: u16 = 12;
/// The newest of Redis that is read: that of Redis 8.10, whose arrays and templates of hashes are
/// refused.
pub const VERSION_MAX: u16 = 15;
/// Valkey counts from here since it left Redis's numbers.
pub const VALKEY_VERSION_MIN: u16 = 80;
/// The newest of Valkey that is read.
pub const VALKEY_VERSION_MAX: u16 = 80;

/// Whether data of that version can be read.
#[must_use]
pub fn is_known_version(version: u16) -> bool {
    (1..=VERSION_MAX).contains(&version)
        || (VALKEY_VERSION_MIN..=VALKEY_VERSION_MAX).contains(&version)
}

/// Whether a byte is the type of a value (and not an opcode of a file).
#[must_use]
pub fn is_value(type_byte: u8) -> bool {
    type_byte <= STREAM_LISTPACKS_5 && type_byte != 8
}
