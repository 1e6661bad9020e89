//! The connection itself: authentication, protocol, database, CLIENT.

mod auth;
pub(crate) mod client;
mod hello;
mod ping;
mod select;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &auth::AUTH,
    &client::CLIENT,
    &hello::HELLO,
    &ping::ECHO,
    &ping::PING,
    &select::QUIT,
    &select::RESET,
    &select::SELECT,
];
