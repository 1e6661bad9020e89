//! Reading through a group: new entries, history, and claiming what others left behind.
//!
//! Each of these visits entries while it changes the group, so that a handler can write the reply
//! and collect what it must propagate in the same pass.

use super::walk::Entries;
use super::{Group, Stream, StreamId};

/// An entry as it was delivered to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The entry.
    pub id: StreamId,
    /// How many fields it has; 0 when it was deleted meanwhile.
    pub fields: usize,
    /// What is now its time of delivery, Unix milliseconds.
    pub delivery_time_ms: i64,
    /// What is now its count of deliveries.
    pub delivery_count: u64,
}

/// How XCLAIM and XAUTOCLAIM take entries over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimOptions {
    /// Entries that were delivered more recently are left alone.
    pub min_idle_ms: i64,
    /// The command's time, Unix milliseconds.
    pub now_ms: i64,
    /// The time of delivery to set.
    pub delivery_time_ms: i64,
    /// The count of deliveries to set, instead of one more (RETRYCOUNT).
    pub retry_count: Option<u64>,
    /// Also takes entries that are not pending (FORCE).
    pub force: bool,
    /// Leaves the count of deliveries alone (JUSTID).
    pub just_id: bool,
}

/// What became of an entry that was to be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is not pending, or not idle for long enough.
    Left,
    /// It is with the new consumer now.
    Taken(Delivery),
    /// It was deleted from the stream, and is not pending any more.
    Gone {
        /// Who had it.
        owner: Vec<u8>,
        /// As it was.
        delivery: Delivery,
    },
}

/// What XAUTOCLAIM did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Where to go on; `0-0` at the end.
    pub next: StreamId,
    /// Whether the consumer had to be created.
    pub created_consumer: bool,
}

impl Stream {
    /// Delivers up to `count` (0: all) entries that the group has not read, to a consumer that
    /// exists. With `no_ack` they do not become pending. Answers how many; `None` when there is no
    /// such group.
    pub fn read_new(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        count: usize,
        no_ack: bool,
        now_ms: i64,
        mut visit: impl FnMut(&Delivery, &mut Entries<'_>),
    ) -> Option<usize> {
        let group = self.body.groups.get_mut(group)?;
        let Some(start) = group.last_id().next() else {
            return Some(0);
        };
        let mut entries = Entries::new(&self.body.nodes, start, StreamId::MAX, false);
        let mut delivered = 0;
        while let Some(entry) = entries.next_entry() {
            let id = entry.id;
            let read = match group.entries_read() {
                Some(read) if !self.body.counters.has_deleted_from(id) => Some(read + 1),
                _ => self.body.counters.entries_until(id),
            };
            group.set_position(id, read);
            if !no_ack {
                group.assign(id, consumer, now_ms, 1);
            }
            let delivery = Delivery {
                id,
                fields: entry.fields,
                delivery_time_ms: now_ms,
                delivery_count: 1,
            };
            visit(&delivery, &mut entries);
            delivered += 1;
            if delivered == count {
                break;
            }
        }
        if delivered > 0 {
            note_active(group, consumer, now_ms);
        }
        Some(delivered)
    }

    /// Delivers up to `count` (0: all) entries again that are pending with a consumer, from `start`
    /// on. A deleted one is visited without entries. Answers how many; `None` when there is no such
    /// group.
    pub fn read_history(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        start: StreamId,
        count: usize,
        now_ms: i64,
        mut visit: impl FnMut(&Delivery, Option<&mut Entries<'_>>),
    ) -> Option<usize> {
        let group = self.body.groups.get_mut(group)?;
        let limit = if count == 0 { usize::MAX } else { count };
        let ids: Vec<_> = match group.consumer(consumer) {
            Some(consumer) => consumer.pending_from(start).take(limit).collect(),
            None => Vec::new(),
        };
        for &id in &ids {
            let mut entries = Entries::new(&self.body.nodes, id, id, false);
            let found = entries.next_entry();
            if found.is_some() {
                group.redeliver(id, now_ms);
            }
            let fields = found.map_or(0, |entry| entry.fields);
            let delivery = delivery_of(group, id, fields);
            visit(&delivery, found.map(|_| &mut entries));
        }
        Some(ids.len())
    }

    /// Takes an entry over for a consumer, which is created when it first gets something; the
    /// second answer says whether it was. `None` when there is no such group.
    pub fn claim(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        id: StreamId,
        options: &ClaimOptions,
    ) -> Option<(Claim, bool)> {
        let group = self.body.groups.get_mut(group)?;
        let found = Entries::new(&self.body.nodes, id, id, false).next_entry();
        let Some(entry) = found else {
            return Some((forget(group, id), false));
        };
        Some(take(group, consumer, id, entry.fields, options))
    }

    /// Takes up to `count` idle entries over, looking at ten times as many from `start` on. Entries
    /// that were deleted count too. `visit` gets each, with its fields where it is taken; `None`
    /// when there is no such group.
    pub fn auto_claim(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        start: StreamId,
        count: usize,
        options: &ClaimOptions,
        mut visit: impl FnMut(&Claim, Option<&mut Entries<'_>>),
    ) -> Option<Claimed> {
        let group = self.body.groups.get_mut(group)?;
        let (mut left, mut result) = (count, Claimed::default());
        let mut next = Some(start);
        for _ in 0..count.saturating_mul(10) {
            let Some(id) = next.and_then(|next| first_pending(group, next)) else {
                break;
            };
            if left == 0 {
                break;
            }
            next = id.next();
            let mut entries = Entries::new(&self.body.nodes, id, id, false);
            let (claim, created) = match entries.next_entry() {
                Some(entry) => take(group, consumer, id, entry.fields, options),
                None => (forget(group, id), false),
            };
            result.created_consumer |= created;
            match &claim {
                Claim::Left => continue,
                Claim::Taken(_) => visit(&claim, Some(&mut entries)),
                Claim::Gone { .. } => visit(&claim, None),
            }
            left -= 1;
        }
        result.next = next
            .and_then(|next| first_pending(group, next))
            .unwrap_or(StreamId::MIN);
        Some(result)
    }
}

fn first_pending(group: &Group, from: StreamId) -> Option<StreamId> {
    group
        .pending_range(from, StreamId::MAX)
        .next()
        .map(|(id, _)| id)
}

fn delivery_of(group: &Group, id: StreamId, fields: usize) -> Delivery {
    let (delivery_time_ms, delivery_count) = group
        .pending(id)
        .map_or((0, 0), |p| (p.delivery_time_ms, p.delivery_count));
    Delivery {
        id,
        fields,
        delivery_time_ms,
        delivery_count,
    }
}

fn note_active(group: &mut Group, consumer: &[u8], now_ms: i64) {
    if let Some(consumer) = group.consumer_mut(consumer) {
        consumer.active_time_ms = Some(now_ms);
    }
}

/// An entry that is not in the stream is not pending any more.
fn forget(group: &mut Group, id: StreamId) -> Claim {
    let Some(pending) = group.pending(id) else {
        return Claim::Left;
    };
    let owner = group
        .owner(pending)
        .map_or_else(Vec::new, |owner| owner.name().to_vec());
    let delivery = delivery_of(group, id, 0);
    group.acknowledge(id);
    Claim::Gone { owner, delivery }
}

fn take(
    group: &mut Group,
    consumer: &[u8],
    id: StreamId,
    fields: usize,
    options: &ClaimOptions,
) -> (Claim, bool) {
    let count = match group.pending(id) {
        Some(pending) => {
            let idle_ms = options.now_ms - pending.delivery_time_ms;
            if options.min_idle_ms > 0 && idle_ms < options.min_idle_ms {
                return (Claim::Left, false);
            }
            pending.delivery_count
        }
        // As in Redis, an entry that FORCE makes pending was delivered once already.
        None if options.force => 1,
        None => return (Claim::Left, false),
    };
    let count = options
        .retry_count
        .unwrap_or(count + u64::from(!options.just_id));
    let created = group.see_consumer(consumer, options.now_ms);
    group.assign(id, consumer, options.delivery_time_ms, count);
    note_active(group, consumer, options.now_ms);
    (Claim::Taken(delivery_of(group, id, fields)), created)
}
