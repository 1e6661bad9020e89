//! Sets: one file per group of commands that share their ways.

mod algebra;
mod count;
mod member;
mod moves;
mod random;
mod scan;
mod store;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering::Relaxed;

use datatypes::set::SetLimits;
use keyspace::{Event, EventClass};

use crate::command::Command;
use crate::server::Server;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &algebra::SDIFF,
    &algebra::SINTER,
    &algebra::SUNION,
    &count::SDIFFCARD,
    &count::SINTERCARD,
    &count::SUNIONCARD,
    &member::SADD,
    &member::SCARD,
    &member::SISMEMBER,
    &member::SMEMBERS,
    &member::SMISMEMBER,
    &member::SREM,
    &moves::SMOVE,
    &random::SPOP,
    &random::SRANDMEMBER,
    &scan::SSCAN,
    &store::SDIFFSTORE,
    &store::SINTERSTORE,
    &store::SUNIONSTORE,
];

/// The directives that shape sets, as they are now.
#[inline]
pub(crate) fn limits(server: &Server) -> SetLimits {
    let settings = &server.settings;
    SetLimits {
        intset_entries: settings.set_max_intset_entries.load(Relaxed) as usize,
        listpack_entries: settings.set_max_listpack_entries.load(Relaxed) as usize,
        listpack_value: settings.set_max_listpack_value.load(Relaxed) as usize,
    }
}

const fn event(name: &'static str) -> Event {
    Event::new(EventClass::SET, name)
}
