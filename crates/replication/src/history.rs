//! Which history of changes a server has, and whether a replica's is the same: the replication ids
//! and the decision about PSYNC.
//!
//! A history has an id. A replica that is promoted, or learns that its primary has been, goes on
//! under a new id but remembers the one before and how far it went, so that others who followed it
//! can continue with what they miss. Offsets here are Redis's on the wire: `n` asks for byte `n`,
//! counted from 1. Nothing in this file does I/O.

use crate::backlog::Backlog;

/// Digits of an id.
pub const ID_LEN: usize = 40;

/// The ids of a server's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// `master_replid`.
    pub id: String,
    /// `master_replid2`: the id before; zeros if there was none.
    pub second_id: String,
    /// `second_repl_offset`: requests with the second id are good up to here; -1 if there is none.
    pub second_offset: i64,
}

impl History {
    /// A history that begins here.
    pub fn new(id: String) -> Self {
        Self {
            id,
            second_id: "0".repeat(ID_LEN),
            second_offset: -1,
        }
    }

    /// Goes on under another id, after `offset` bytes.
    pub fn continue_as(&mut self, id: String, offset: u64) {
        self.second_id = std::mem::replace(&mut self.id, id);
        self.second_offset = offset as i64 + 1;
    }

    /// Begins anew under an id: what was before is forgotten.
    pub fn restart_as(&mut self, id: String) {
        *self = Self::new(id);
    }
}

/// What is to be answered to PSYNC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Continue with the byte at this offset, counted from 0.
    Continue(u64),
    /// A full synchronisation, for a reason.
    Full(Refusal),
}

/// Why a replica cannot continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It asked for a full synchronisation.
    Asked,
    /// It follows another history.
    OtherHistory,
    /// It follows our former history, beyond the point where ours left it.
    Diverged,
    /// The bytes are not kept any more, or not there yet.
    NotKept,
}

/// Decides about `PSYNC id offset`.
pub fn decide(history: &History, backlog: Option<&Backlog>, id: &[u8], offset: i64) -> Answer {
    let is_ours = id.eq_ignore_ascii_case(history.id.as_bytes());
    let is_second = id.eq_ignore_ascii_case(history.second_id.as_bytes());
    if !is_ours && (!is_second || offset > history.second_offset) {
        return Answer::Full(match id.first() {
            Some(b'?') => Refusal::Asked,
            _ if is_second => Refusal::Diverged,
            _ => Refusal::OtherHistory,
        });
    }
    let from = u64::try_from(offset).ok().and_then(|n| n.checked_sub(1));
    match (from, backlog) {
        (Some(from), Some(backlog)) if backlog.reaches_back_to(from) => Answer::Continue(from),
        _ => Answer::Full(Refusal::NotKept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog() -> Backlog {
        let mut backlog = Backlog::new(100, 1000);
        backlog.push(bytes::Bytes::from_static(b"0123456789"));
        backlog
    }

    #[test]
    fn only_kept_bytes_of_the_same_history_are_continued() {
        let history = History::new("a".repeat(ID_LEN));
        let asked = |id: &str, offset| decide(&history, Some(&backlog()), id.as_bytes(), offset);
        let own = "A".repeat(ID_LEN);
        assert_eq!(asked(&own, 101), Answer::Continue(100));
        assert_eq!(asked(&own, 111), Answer::Continue(110));
        for offset in [100, 112, 0, -1, i64::MIN, i64::MAX] {
            assert_eq!(
                asked(&own, offset),
                Answer::Full(Refusal::NotKept),
                "{offset}"
            );
        }
        assert_eq!(asked("?", -1), Answer::Full(Refusal::Asked));
        assert_eq!(asked("bbb", 101), Answer::Full(Refusal::OtherHistory));
    }

    #[test]
    fn after_a_promotion_the_former_id_is_good_up_to_it() {
        let mut history = History::new("a".repeat(ID_LEN));
        history.continue_as("b".repeat(ID_LEN), 105);
        let asked = |offset| {
            let id = "a".repeat(ID_LEN);
            decide(&history, Some(&backlog()), id.as_bytes(), offset)
        };
        assert_eq!(asked(106), Answer::Continue(105));
        assert_eq!(asked(107), Answer::Full(Refusal::Diverged));
        assert_eq!(history.second_offset, 106);
    }
}
