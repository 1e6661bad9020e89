//! Strings: one file per group of commands that share their ways.

mod counter;
mod delex;
mod digest;
mod get;
mod increx;
mod lcs;
mod many;
pub(crate) mod options;
mod range;
mod set;
#[cfg(test)]
mod tests;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &counter::DECR,
    &counter::DECRBY,
    &counter::INCR,
    &counter::INCRBY,
    &counter::INCRBYFLOAT,
    &delex::DELEX,
    &digest::DIGEST,
    &get::GET,
    &get::GETDEL,
    &get::GETEX,
    &get::GETRANGE,
    &get::MGET,
    &get::STRLEN,
    &get::SUBSTR,
    &increx::INCREX,
    &lcs::LCS,
    &many::MSET,
    &many::MSETEX,
    &many::MSETNX,
    &range::APPEND,
    &range::SETRANGE,
    &set::GETSET,
    &set::PSETEX,
    &set::SET,
    &set::SETEX,
    &set::SETNX,
];
