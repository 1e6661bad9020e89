//! The list of command families. A new family adds one line here.

use crate::command::Command;
use crate::{admin, bitmaps, connection, generic, hashes, lists, strings, transactions};

/// Every command of the server, by family.
pub const FAMILIES: &[&[&Command]] = &[
    admin::COMMANDS,
    bitmaps::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    hashes::COMMANDS,
    lists::COMMANDS,
    strings::COMMANDS,
    transactions::COMMANDS,
];
