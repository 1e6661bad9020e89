//! Strings as arrays of bits. Bit 0 is the highest of the first byte; bits past the end are zero.

mod bit;
mod count;
mod field;
mod op;
#[cfg(test)]
mod tests;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &count::BITCOUNT,
    &field::BITFIELD,
    &field::BITFIELD_RO,
    &op::BITOP,
    &count::BITPOS,
    &bit::GETBIT,
    &bit::SETBIT,
];
