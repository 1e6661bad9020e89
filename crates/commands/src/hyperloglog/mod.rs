//! HyperLogLogs: strings of Redis's own format, counting distinct elements.
//!
//! What a key holds comes from clients (SET, RESTORE) and is checked before it is used. A dense
//! one is changed in place, a sparse one, which is small, is written anew.

mod count;
mod debug;
mod merge;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering::Relaxed;

use datatypes::hyperloglog::HllError;
use keyspace::{Event, StrRef, StrValue, Value, Write};
use resp::{ReplyError, errors};

use crate::command::Command;
use crate::server::Server;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &count::PFADD,
    &count::PFCOUNT,
    &debug::PFDEBUG,
    &debug::PFSELFTEST,
    &merge::PFMERGE,
];

/// The event of every change.
const ADDED: Event = Event::string("pfadd");

/// `hll-sparse-max-bytes`.
fn sparse_bytes_max(server: &Server) -> usize {
    server.settings.hll_sparse_max_bytes.load(Relaxed) as usize
}

fn error(error: HllError) -> ReplyError {
    match error {
        HllError::NotHyperLogLog => errors::string::HLL_WRONGTYPE,
        HllError::Corrupted => errors::string::HLL_INVALIDOBJ,
    }
}

/// The bytes of a string; an integer is never a HyperLogLog.
fn bytes(text: StrRef<'_>) -> Result<&[u8], ReplyError> {
    match text {
        StrRef::Int(_) => Err(errors::string::HLL_WRONGTYPE),
        StrRef::Embstr(bytes) | StrRef::Raw(bytes) => Ok(bytes),
    }
}

/// Stores a HyperLogLog; the key keeps its expiry.
fn store(key: &mut Write<'_>, hll: Vec<u8>) {
    key.update_value(Value::Str(StrValue::Buffer(hll, true)));
}
