//! The server itself: what it is, how it is, and what administrators do with it.
//!
//! A file for each command or family of subcommands. What they show or change belongs to the server
//! around the command layer and is reached through `Host`.

mod aof;
mod command;
mod config;
mod debug;
mod flush;
mod hotkeys;
mod info;
mod keysizes;
mod keyspace;
mod latency;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod save;
mod shutdown;
mod slowlog;
mod time;

use resp::{ReplyError, errors};

use crate::command::Command;
use crate::ctx::Ctx;
use crate::host::Host;

pub use debug::Switches;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &aof::BGREWRITEAOF,
    &command::COMMAND,
    &config::CONFIG,
    &debug::DEBUG,
    &flush::FLUSHALL,
    &flush::FLUSHDB,
    &flush::SWAPDB,
    &hotkeys::HOTKEYS,
    &info::INFO,
    &keyspace::DBSIZE,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &module::MODULE,
    &monitor::MONITOR,
    &save::BGSAVE,
    &save::SAVE,
    &shutdown::SHUTDOWN,
    &slowlog::SLOWLOG,
    &time::LASTSAVE,
    &time::TIME,
];

/// The server around the command layer.
///
/// # Errors
/// Where there is none, which only happens in tests.
fn host<'a>(ctx: &Ctx<'a>) -> Result<&'a dyn Host, ReplyError> {
    let server = ctx.server;
    server.host().map(|host| &**host).ok_or(errors::NO_HOST)
}

#[cfg(test)]
mod tests;
