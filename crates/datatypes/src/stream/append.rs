//! XADD: the id of a new entry, and its place in the last node or a new one.
//!
//! Ids only grow: an id that is not above the last one is refused, whether the client gave it or
//! the clock, and nothing is changed then.

use super::node::{self, NodeLimits, SIZE_MAX};
use super::{NewId, Stream, StreamId};

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Its id is not above the last one, or there is no id left.
    IdTooSmall,
    /// Its fields and values take more than 1 GiB.
    TooLarge,
}

impl Stream {
    /// Adds an entry and answers its id. `pairs` are fields and values in turn.
    ///
    /// # Errors
    /// [`AppendError`]; nothing is changed then.
    pub fn append(
        &mut self,
        id: NewId,
        pairs: &[&[u8]],
        limits: NodeLimits,
    ) -> Result<StreamId, AppendError> {
        let id = self.resolve(id).ok_or(AppendError::IdTooSmall)?;
        let bytes = pairs.iter().map(|text| text.len()).sum();
        if bytes > SIZE_MAX {
            return Err(AppendError::TooLarge);
        }
        match self.body.nodes.last_entry() {
            Some(mut last) if !node::is_full(last.get(), bytes, limits) => {
                let offset = id.offset_from(*last.key());
                node::append(last.get_mut(), offset, pairs);
            }
            _ => {
                self.body.nodes.insert(id, node::create(pairs));
            }
        }
        self.body.counters.length += 1;
        self.body.counters.entries_added += 1;
        self.body.counters.last_id = id;
        if self.body.counters.length == 1 {
            self.body.counters.first_id = id;
        }
        Ok(id)
    }

    /// The id that a new entry would get; `None` when it is not above the last one.
    fn resolve(&self, id: NewId) -> Option<StreamId> {
        let last = self.body.counters.last_id;
        let id = match id {
            NewId::Auto(ms) if ms > last.ms => StreamId::new(ms, 0),
            NewId::Auto(_) => last.next()?,
            NewId::AutoSeq(ms) if ms == last.ms => StreamId::new(ms, last.seq.checked_add(1)?),
            NewId::AutoSeq(ms) => StreamId::new(ms, 0),
            NewId::Exact(id) => id,
        };
        (id > last).then_some(id)
    }
}
