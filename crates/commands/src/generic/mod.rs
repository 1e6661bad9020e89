//! Keys of any type: existence, expiry, names, iteration, OBJECT.

pub(crate) mod copy;
mod del;
pub(crate) mod dump;

pub(crate) mod expire;
pub mod migrate;
mod object;
mod rename;
pub(crate) mod scan;
mod sort;
#[cfg(test)]
mod tests;
mod ttl;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &copy::COPY,
    &del::DEL,
    &dump::DUMP,
    &del::EXISTS,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &ttl::EXPIRETIME,
    &scan::KEYS,
    &migrate::MIGRATE,
    &copy::MOVE,
    &object::OBJECT,
    &ttl::PERSIST,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &ttl::PEXPIRETIME,
    &ttl::PTTL,
    &scan::RANDOMKEY,
    &rename::RENAME,
    &rename::RENAMENX,
    &dump::RESTORE,
    &dump::RESTORE_ASKING,
    &scan::SCAN,
    &sort::SORT,
    &sort::SORT_RO,
    &del::TOUCH,
    &ttl::TTL,
    &del::TYPE,
    &del::UNLINK,
];
