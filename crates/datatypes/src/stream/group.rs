//! Consumer groups: how far they have read, what is pending, and with whom.
//!
//! Every pending entry is in the group's list, which knows owner, time and count, and in its
//! owner's set of ids; both change together, here only.

use super::StreamId;
use std::collections::{BTreeMap, BTreeSet};

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Index of the owner in the group's consumers.
    owner: u32,
    /// When it was last delivered, Unix milliseconds.
    pub delivery_time_ms: i64,
    /// How often it was delivered.
    pub delivery_count: u64,
}

/// No owner yet: only while a file is read or an entry is claimed by force.
const NOBODY: u32 = u32::MAX;

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim, Unix milliseconds.
    pub seen_time_ms: i64,
    /// When it last got something; `None` if never.
    pub active_time_ms: Option<i64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries are pending with it.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The ids of its pending entries from `start` on.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> + '_ {
        self.pending.range(start..).copied()
    }
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    last_id: StreamId,
    /// `None` when deletions have made it unknown.
    entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    names: BTreeMap<Box<[u8]>, u32>,
    /// By index; removed ones leave a gap for the next.
    consumers: Vec<Option<Consumer>>,
}

impl Group {
    pub(super) fn new(last_id: StreamId, entries_read: Option<i64>) -> Group {
        Group {
            last_id,
            entries_read,
            pending: BTreeMap::new(),
            names: BTreeMap::new(),
            consumers: Vec::new(),
        }
    }

    /// The last entry that was delivered to anybody.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries were read, if known.
    #[must_use]
    pub fn entries_read(&self) -> Option<i64> {
        self.entries_read
    }

    /// XGROUP SETID, XCLAIM LASTID.
    pub fn set_position(&mut self, last_id: StreamId, entries_read: Option<i64>) {
        self.last_id = last_id;
        self.entries_read = entries_read;
    }

    /// A pending entry.
    #[must_use]
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// How many entries are pending.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The first and the last pending entry.
    #[must_use]
    pub fn pending_ends(&self) -> Option<(StreamId, StreamId)> {
        Some((
            *self.pending.first_key_value()?.0,
            *self.pending.last_key_value()?.0,
        ))
    }

    /// The pending entries from `start` to `end`, both included.
    pub fn pending_range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let end = end.max(start);
        self.pending
            .range(start..=end)
            .map(|(id, pending)| (*id, pending))
    }

    /// The pending entries of one consumer from `start` to `end`, both included.
    pub fn pending_range_of<'a>(
        &'a self,
        consumer: &'a Consumer,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = (StreamId, &'a Pending)> {
        let ids = consumer.pending.range(start..=end.max(start));
        ids.filter_map(|id| Some((*id, self.pending.get(id)?)))
    }

    /// Who has a pending entry.
    #[must_use]
    pub fn owner(&self, pending: &Pending) -> Option<&Consumer> {
        self.consumers.get(pending.owner as usize)?.as_ref()
    }

    /// All consumers, by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names
            .values()
            .filter_map(|index| self.consumers[*index as usize].as_ref())
    }

    /// How many consumers there are.
    #[must_use]
    pub fn consumers_len(&self) -> usize {
        self.names.len()
    }

    /// A consumer by name.
    #[must_use]
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers[*self.names.get(name)? as usize].as_ref()
    }

    /// A consumer by name, to change its times.
    pub fn consumer_mut(&mut self, name: &[u8]) -> Option<&mut Consumer> {
        self.consumers[*self.names.get(name)? as usize].as_mut()
    }

    /// Creates a consumer; `false` when there is one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> bool {
        if self.names.contains_key(name) {
            return false;
        }
        let gap = self.consumers.iter().position(Option::is_none);
        let index = gap.unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        self.consumers[index] = Some(Consumer {
            name: name.into(),
            seen_time_ms: now_ms,
            active_time_ms: None,
            pending: BTreeSet::new(),
        });
        self.names.insert(name.into(), index as u32);
        true
    }

    /// Notes that a consumer is there, and creates it if need be; answers whether it was created.
    pub fn see_consumer(&mut self, name: &[u8], now_ms: i64) -> bool {
        match self.consumer_mut(name) {
            Some(consumer) => {
                consumer.seen_time_ms = now_ms;
                false
            }
            None => self.create_consumer(name, now_ms),
        }
    }

    /// Removes a consumer and what is pending with it; answers how much that was.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let index = self.names.remove(name)?;
        let consumer = self.consumers[index as usize].take()?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Removes a pending entry; `false` when there was none.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else {
            return false;
        };
        if let Some(owner) = self.slot(pending.owner) {
            owner.pending.remove(&id);
        }
        true
    }

    /// Puts an entry on the list of a consumer, whoever had it, and sets time and count. Nothing
    /// happens when there is no such consumer.
    pub fn assign(
        &mut self,
        id: StreamId,
        consumer: &[u8],
        delivery_time_ms: i64,
        delivery_count: u64,
    ) {
        let Some(&owner) = self.names.get(consumer) else {
            return;
        };
        let new = Pending {
            owner,
            delivery_time_ms,
            delivery_count,
        };
        let old = self.pending.insert(id, new).map(|old| old.owner);
        if old == Some(owner) {
            return;
        }
        if let Some(old) = old.and_then(|old| self.slot(old)) {
            old.pending.remove(&id);
        }
        if let Some(consumer) = self.slot(owner) {
            consumer.pending.insert(id);
        }
    }

    /// Changes time and count of a pending entry.
    pub(super) fn redeliver(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivery_time_ms = now_ms;
            pending.delivery_count += 1;
        }
    }

    /// Adds a pending entry that nobody owns yet, from a file; `false` when it is there.
    pub fn restore_pending(
        &mut self,
        id: StreamId,
        delivery_time_ms: i64,
        delivery_count: u64,
    ) -> bool {
        let pending = Pending {
            owner: NOBODY,
            delivery_time_ms,
            delivery_count,
        };
        self.pending.insert(id, pending).is_none()
    }

    /// Gives a restored entry to a consumer; `false` when there is no such entry or it has an
    /// owner.
    pub fn restore_owner(&mut self, consumer: &[u8], id: StreamId) -> bool {
        match self.pending.get(&id) {
            Some(&pending) if pending.owner == NOBODY && self.names.contains_key(consumer) => {
                self.assign(
                    id,
                    consumer,
                    pending.delivery_time_ms,
                    pending.delivery_count,
                );
                true
            }
            _ => false,
        }
    }

    /// Whether every pending entry has an owner, as it must once a file is read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pending.values().all(|pending| pending.owner != NOBODY)
    }

    fn slot(&mut self, index: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(index as usize)?.as_mut()
    }

    pub(super) fn memory(&self) -> usize {
        // Both lists are B-trees, two thirds full.
        const PENDING: usize = (2 * size_of::<StreamId>() + size_of::<Pending>()) * 3 / 2;
        let names: usize = self.names.keys().map(|name| 2 * name.len() + 48).sum();
        let consumers = self.consumers.capacity() * size_of::<Consumer>();
        size_of::<Group>() + self.pending.len() * PENDING + names + consumers
    }

    pub(super) fn allocations(&self) -> usize {
        1 + self.pending.len() / 4 + self.names.len() * 3
    }
}
