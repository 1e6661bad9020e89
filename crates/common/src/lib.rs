//! Numbers, globs, checksums, clocks and seeded randomness that every crate uses.

pub mod address;
pub mod clock;
pub mod crc16;
pub mod crc64;
pub mod glob;
pub mod hash;
pub mod long_double;
pub mod lzf;
pub mod memory;
pub mod number;
pub mod os;
pub mod priority;
pub mod random;
pub mod sha1;
pub mod units;
pub mod words;
