//! XTRIM, and XADD with a limit: whole nodes where possible, single entries where an exact result
//! is asked for.
//!
//! Where references decide (DELREF, ACKED), entries are looked at one by one in any case.

use super::walk::NodeWalk;
use super::{References, Stream, StreamId, node};
use crate::listpack::Pos;

/// What must remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// That many of the last entries (MAXLEN).
    Last(u64),
    /// The entries from that id on (MINID).
    From(StreamId),
}

/// How to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What must remain.
    pub keep: Keep,
    /// Whether more may remain, so that only whole nodes are dropped (`~`).
    pub approximate: bool,
    /// Most entries to delete; 0 is no limit.
    pub limit: u64,
    /// What becomes of references.
    pub references: References,
}

/// What trimming did with a node.
enum Step {
    /// Looked at all of it.
    Next(u64),
    /// Came to what must remain.
    Stop(u64),
}

impl Stream {
    /// Deletes entries from the start; answers how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut deleted = 0;
        let mut from = StreamId::MIN;
        while let Some((&id, pack)) = self.body.nodes.range(from..).next() {
            let entries = node::counts(pack.view()).0;
            let enough = matches!(trim.keep, Keep::Last(max) if self.body.counters.length <= max);
            if enough || (trim.limit > 0 && deleted + entries > trim.limit) {
                break;
            }
            let whole = match trim.keep {
                Keep::Last(max) => {
                    self.body.counters.length - entries.min(self.body.counters.length) >= max
                }
                Keep::From(min) => last_id_of(id, pack.view()) < min,
            };
            if trim.approximate && !whole {
                break;
            }
            if whole && trim.references == References::Keep {
                self.body.nodes.remove(&id);
                self.body.counters.length -= entries.min(self.body.counters.length);
                deleted += entries;
                continue;
            }
            match self.trim_node(id, trim) {
                Step::Next(count) => deleted += count,
                Step::Stop(count) => {
                    deleted += count;
                    break;
                }
            }
            match id.next() {
                Some(next) => from = next,
                None => break,
            }
        }
        if deleted > 0 {
            self.find_first_id();
        }
        deleted
    }

    /// Deletes entries of one node from its start.
    fn trim_node(&mut self, id: StreamId, trim: &Trim) -> Step {
        let (marked, stopped) = self.find_trimmed(id, trim);
        let count = marked.len() as u64;
        for &(entry, _) in marked
            .iter()
            .filter(|_| trim.references == References::Delete)
        {
            self.remove_references(entry);
        }
        self.body.counters.length -= count.min(self.body.counters.length);
        if let Some(pack) = self.body.nodes.get_mut(&id) {
            for &(_, at) in &marked {
                node::mark_deleted(pack, at);
            }
            node::count_deleted(pack, count);
            // Redis keeps an emptied node only when trimming exactly, without regard to references.
            if trim.references != References::Keep && node::counts(pack.view()).0 == 0 {
                self.body.nodes.remove(&id);
            }
        }
        if stopped {
            Step::Stop(count)
        } else {
            Step::Next(count)
        }
    }

    /// The entries of a node that must go, and whether one that must stay came behind them.
    fn find_trimmed(&self, id: StreamId, trim: &Trim) -> (Vec<(StreamId, Pos)>, bool) {
        let mut marked = Vec::new();
        let Some(pack) = self.body.nodes.get(&id) else {
            return (marked, true);
        };
        let mut walk = NodeWalk::new(id, pack.view(), false);
        while let Some(entry) = walk.next_entry() {
            let stop = match trim.keep {
                Keep::Last(max) => self.body.counters.length - marked.len() as u64 <= max,
                Keep::From(min) => entry.id >= min,
            };
            if stop {
                return (marked, true);
            }
            let held = trim.references == References::Acked && self.is_referenced(entry.id);
            if !entry.deleted && !held {
                marked.push((entry.id, entry.at));
            }
        }
        // Redis goes on to the next node only where references may keep entries of this one.
        (marked, trim.references == References::Keep)
    }
}

/// The id of the last entry of a node, deleted or not.
fn last_id_of(id: StreamId, pack: crate::listpack::ListpackRef<'_>) -> StreamId {
    NodeWalk::new(id, pack, true)
        .next_entry()
        .map_or(id, |entry| entry.id)
}
