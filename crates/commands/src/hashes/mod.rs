//! Hashes: one file per group of commands that share their ways.
//!
//! Fields may have expiries. A field whose time has come is absent to every command; the first
//! command that opens the hash for change removes what is due, and readers pass over it: see
//! [`live`].

mod counter;
mod expire;
#[cfg(test)]
mod expiry_tests;
mod fields;
mod getex;
mod live;
mod random;
mod read;
mod scan;
mod setex;
#[cfg(test)]
mod tests;
mod ttl;
mod write;

use std::sync::atomic::Ordering::Relaxed;

use datatypes::hash::HashLimits;
use keyspace::{Event, EventClass};

use crate::command::Command;
use crate::server::Server;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &counter::HINCRBY,
    &counter::HINCRBYFLOAT,
    &expire::HEXPIRE,
    &expire::HEXPIREAT,
    &expire::HPEXPIRE,
    &expire::HPEXPIREAT,
    &getex::HGETDEL,
    &getex::HGETEX,
    &random::HRANDFIELD,
    &read::HEXISTS,
    &read::HGET,
    &read::HGETALL,
    &read::HKEYS,
    &read::HLEN,
    &read::HMGET,
    &read::HSTRLEN,
    &read::HVALS,
    &scan::HSCAN,
    &setex::HSETEX,
    &ttl::HEXPIRETIME,
    &ttl::HPERSIST,
    &ttl::HPEXPIRETIME,
    &ttl::HPTTL,
    &ttl::HTTL,
    &write::HDEL,
    &write::HMSET,
    &write::HSET,
    &write::HSETNX,
];

/// The directives that shape hashes, as they are now.
#[inline]
pub(crate) fn limits(server: &Server) -> HashLimits {
    let settings = &server.settings;
    HashLimits {
        entries: settings.hash_max_listpack_entries.load(Relaxed) as usize,
        value: settings.hash_max_listpack_value.load(Relaxed) as usize,
    }
}

const fn event(name: &'static str) -> Event {
    Event::new(EventClass::HASH, name)
}
