//! The containers behind values: table, listpack, intset, sorted set, stream. Knows no keys, RESP
//! or locks.

pub mod listpack;
mod thin;

pub use thin::size_class;
