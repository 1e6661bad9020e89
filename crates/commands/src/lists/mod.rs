//! Lists: one file per group of commands that share their ways.
//!
//! A file per kind of operation; the limits of nodes and encodings are read from the settings for
//! each command.

mod block;
mod edit;
mod moves;
mod pop;
mod push;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use moves::{Move, move_one};
pub(crate) use pop::{pop_one_with_key, pop_with_key};

use std::sync::atomic::Ordering::Relaxed;

use datatypes::list::{End, ListLimits};
use keyspace::{Event, EventClass};
use resp::{ReplyError, errors};

use crate::command::Command;
use crate::server::Server;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &block::BLMOVE,
    &block::BLMPOP,
    &block::BLPOP,
    &block::BRPOP,
    &block::BRPOPLPUSH,
    &edit::LINSERT,
    &edit::LREM,
    &edit::LSET,
    &edit::LTRIM,
    &moves::LMOVE,
    &moves::RPOPLPUSH,
    &pop::LMPOP,
    &pop::LPOP,
    &pop::RPOP,
    &push::LPUSH,
    &push::LPUSHX,
    &push::RPUSH,
    &push::RPUSHX,
    &read::LINDEX,
    &read::LLEN,
    &read::LPOS,
    &read::LRANGE,
];

/// DEBUG QUICKLIST-PACKED-THRESHOLD from which on the containers' own rule applies.
const PACKED_THRESHOLD_BYTES_MAX: u64 = 1 << 30;

/// The directives that shape lists, as they are now.
#[inline]
pub(crate) fn limits(server: &Server) -> ListLimits {
    let threshold = server.debug.packed_threshold_bytes.load(Relaxed);
    let settings = &server.settings;
    ListLimits {
        fill: settings.list_max_listpack_size.load(Relaxed) as i32,
        compress_depth: settings.list_compress_depth.load(Relaxed) as u32,
        packed_threshold: if threshold < PACKED_THRESHOLD_BYTES_MAX {
            threshold as usize
        } else {
            0
        },
    }
}

const fn event(name: &'static str) -> Event {
    Event::new(EventClass::LIST, name)
}

/// The event of elements pushed there.
fn pushed(end: End) -> Event {
    event(if end == End::Head { "lpush" } else { "rpush" })
}

/// The event of elements popped there.
fn popped(end: End) -> Event {
    event(if end == End::Head { "lpop" } else { "rpop" })
}

/// LEFT or RIGHT.
///
/// # Errors
/// Neither.
pub(crate) fn parse_end(word: &[u8]) -> Result<End, ReplyError> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(End::Head)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(End::Tail)
    } else {
        Err(errors::SYNTAX)
    }
}
