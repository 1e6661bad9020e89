//! The containers behind values: table, listpack, intset, sorted set, stream, HyperLogLog, geo.
//! They know no keys, RESP or locks; thresholds and times are arguments.

pub mod geo;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
#[cfg(test)]
mod oracle;
mod thin;
mod word;

pub use list::List;
pub use thin::size_class;
