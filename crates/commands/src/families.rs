//! The list of command families. A new family adds one line here.

use crate::command::Command;
use crate::{bitmaps, connection, generic, strings, transactions};

/// Every command of the server, by family.
pub const FAMILIES: &[&[&Command]] = &[
    bitmaps::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    strings::COMMANDS,
    transactions::COMMANDS,
];
