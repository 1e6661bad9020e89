//! How far a group is behind: counted where deletions allow it, else unknown.
//!
//! The rules are Redis 7.0's, its guesses included.

use super::{Counters, Group, Stream, StreamId};

impl Counters {
    /// Whether an entry at or above `start` may have been deleted.
    pub(super) fn has_deleted_from(&self, start: StreamId) -> bool {
        if self.length == 0 || self.max_deleted_id.is_zero() || self.first_id > self.max_deleted_id
        {
            return false;
        }
        start <= self.max_deleted_id
    }

    /// How many entries were ever added up to that id; `None` where deletions make that unknown.
    #[must_use]
    pub fn entries_until(&self, id: StreamId) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let added = self.entries_added as i64;
        if self.length == 0 && id <= self.last_id {
            return Some(added);
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(added);
        }
        let whole = self.max_deleted_id.is_zero() || self.max_deleted_id < self.first_id;
        let before = added - self.length as i64;
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if whole => Some(before),
            std::cmp::Ordering::Equal if whole => Some(before + 1),
            _ => None,
        }
    }
}

impl Stream {
    /// How many entries a group has yet to read (XINFO GROUPS).
    #[must_use]
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let counters = &self.body.counters;
        if counters.entries_added == 0 {
            return Some(0);
        }
        let read = match group.entries_read() {
            Some(read) if !counters.has_deleted_from(group.last_id()) => read,
            _ => counters.entries_until(group.last_id())?,
        };
        Some(counters.entries_added as i64 - read)
    }
}
