//! Many items at once: room for items that are known beforehand, and an end without each item's.

use super::segment::{BUCKETS_MAX, DEPTH_MAX, Record, SIZES, count_max, size_for};
use super::{Item, Table};

/// Items that a segment gets on average, at most: chance gives hardly one more than it takes.
const AVERAGE_MAX: usize = count_max(BUCKETS_MAX) as usize * 3 / 4;

impl<T: Item> Table<T> {
    /// Makes an empty table so large that adding items of these hashes moves nothing.
    pub fn reserve(&mut self, hashes: impl ExactSizeIterator<Item = u64>) {
        let mut depth = 0;
        while depth < DEPTH_MAX && hashes.len() >> depth > AVERAGE_MAX {
            depth += 1;
        }
        if !self.is_empty() || depth == 0 {
            return;
        }
        let mut counts = vec![0u16; 1 << depth];
        for hash in hashes {
            let count = &mut counts[(hash >> (64 - u32::from(depth))) as usize];
            *count = count.saturating_add(1);
        }
        self.clear();
        let size = |count: u16| size_for(count.min(count_max(BUCKETS_MAX))).max(SIZES[5]);
        let segments = counts.into_iter();
        self.directory = segments
            .map(|count| Record::allocate(size(count), depth, self.epoch))
            .collect();
        self.depth = depth;
        self.deepest = 1 << depth;
        self.note_moved(0, self.directory.len());
    }

    /// Empties the table without dropping items: they belong to somebody else from here on.
    pub(crate) fn forget_items(&mut self) {
        self.len = 0;
        self.release_all();
    }
}
