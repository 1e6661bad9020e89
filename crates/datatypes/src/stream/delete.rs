//! XDEL, XDELEX, XACKDEL: deletion of single entries, with a choice of what becomes of references.
//!
//! An entry is marked in its node; the node goes with its last live entry. First id and greatest
//! deleted id are kept right here.

use super::{References, Stream, StreamId, node};

/// What became of an entry that was to be deleted; XDELEX answers 1, -1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Done,
    /// There is none of that id.
    Missing,
    /// It stays, since a group has not read or not acknowledged it ([`References::Acked`]).
    Referenced,
}

impl Stream {
    /// Deletes an entry.
    pub fn delete(&mut self, id: StreamId, references: References) -> Deleted {
        match references {
            References::Keep => {}
            References::Delete => {
                self.remove_references(id);
            }
            References::Acked if self.is_referenced(id) => return Deleted::Referenced,
            References::Acked => {}
        }
        if !self.delete_entry(id) {
            return Deleted::Missing;
        }
        self.body.counters.max_deleted_id = self.body.counters.max_deleted_id.max(id);
        if id == self.body.counters.first_id {
            self.find_first_id();
        }
        Deleted::Done
    }

    fn delete_entry(&mut self, id: StreamId) -> bool {
        let Some(entry) = self.range(id, id, false).next_entry() else {
            return false;
        };
        let Some((&key, pack)) = self.body.nodes.range_mut(..=id).next_back() else {
            return false;
        };
        if node::counts(pack.view()).0 <= 1 {
            self.body.nodes.remove(&key);
        } else {
            node::mark_deleted(pack, entry.at);
            node::count_deleted(pack, 1);
        }
        self.body.counters.length = self.body.counters.length.saturating_sub(1);
        true
    }

    /// Whether a group has yet to read or to acknowledge an entry.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.body
            .groups
            .values()
            .any(|group| group.last_id() < id || group.pending(id).is_some())
    }

    /// Removes an entry from all pending lists; answers whether it was in one.
    pub fn remove_references(&mut self, id: StreamId) -> bool {
        let mut any = false;
        for group in self.body.groups.values_mut() {
            any |= group.acknowledge(id);
        }
        any
    }
}
