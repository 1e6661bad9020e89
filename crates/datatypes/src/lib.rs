//! The containers behind values: table, listpack, intset, sorted set, stream. Knows no keys, RESP or locks.

pub mod intset;
pub mod listpack;
mod thin;
mod word;

pub use thin::size_class;
