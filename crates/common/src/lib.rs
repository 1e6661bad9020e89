//! Numbers, globs, checksums, clocks and seeded randomness that every crate uses.

pub mod lzf;
