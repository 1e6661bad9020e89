//! The list of command families. A new family adds one line here.

use crate::command::Command;

/// Every command of the server, by family.
pub const FAMILIES: &[&[&Command]] = &[
    crate::admin::COMMANDS,
    crate::bitmaps::COMMANDS,
    crate::connection::COMMANDS,
    crate::generic::COMMANDS,
    crate::geo::COMMANDS,
    crate::hashes::COMMANDS,
    crate::hyperloglog::COMMANDS,
    crate::lists::COMMANDS,
    crate::replication::COMMANDS,
    crate::pubsub::COMMANDS,
    crate::sets::COMMANDS,
    crate::streams::COMMANDS,
    crate::strings::COMMANDS,
    crate::transactions::COMMANDS,
    crate::zsets::COMMANDS,
];
