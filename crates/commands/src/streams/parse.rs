//! What several stream commands parse alike: ids, ends of intervals, counts, lists of ids.
//!
//! IDs may leave out their sequence, which then means its least or greatest value by the side of
//! the range. A `(` excludes the bound.

use datatypes::stream::{References, StreamId};
use resp::{Args, ReplyError, errors};
use smallvec::SmallVec;

/// Some ids of a command.
pub(super) type Ids = SmallVec<[StreamId; 8]>;

/// Reads an id; a missing sequence number is 0.
pub(super) fn id(text: &[u8]) -> Result<StreamId, ReplyError> {
    StreamId::parse(text, 0).ok_or(errors::stream::INVALID_ID)
}

/// Reads ids, all or none.
pub(super) fn ids(words: Args<'_>) -> Result<Ids, ReplyError> {
    words.iter().map(id).collect()
}

/// Reads an integer.
pub(super) fn integer(text: &[u8]) -> Result<i64, ReplyError> {
    common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)
}

/// Reads an end of an interval: `-`, `+`, an id, or `(` and an id; also says whether it was `(`.
fn bound(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool), ReplyError> {
    let parsed = match text {
        [b'(', id @ ..] if !id.is_empty() => (StreamId::parse(id, missing_seq), true),
        _ => (StreamId::parse_bound(text, missing_seq), false),
    };
    match parsed {
        (Some(id), excluded) => Ok((id, excluded)),
        (None, _) => Err(errors::stream::INVALID_ID),
    }
}

/// Reads the lower end of an interval.
pub(super) fn start(text: &[u8]) -> Result<StreamId, ReplyError> {
    match bound(text, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(errors::stream::INVALID_START),
    }
}

/// Reads the upper end of an interval.
pub(super) fn end(text: &[u8]) -> Result<StreamId, ReplyError> {
    match bound(text, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.prev().ok_or(errors::stream::INVALID_END),
    }
}

/// Reads KEEPREF, DELREF or ACKED.
pub(super) fn references(word: &[u8]) -> Option<References> {
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    if is(b"KEEPREF") {
        Some(References::Keep)
    } else if is(b"DELREF") {
        Some(References::Delete)
    } else if is(b"ACKED") {
        Some(References::Acked)
    } else {
        None
    }
}
