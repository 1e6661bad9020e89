//! The containers behind values: table, listpack, intset, sorted set, stream, HyperLogLog, geo.
//! They know no keys, RESP or locks; thresholds and times are arguments.

pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_dump;
mod scan;
pub mod set;
pub mod stream;
pub mod table;
#[cfg(test)]
mod testing;
mod thin;
mod word;
pub mod zset;

pub use hash::Hash;
pub use list::List;
pub use set::Set;
pub use stream::Stream;
pub use thin::size_class;
pub use zset::Zset;
