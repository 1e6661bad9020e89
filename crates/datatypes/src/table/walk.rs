//! Walking the table: scan by position, whole segments, samples, look-up by hash prefix.
//!
//! A position is a 64-bit hash of which the top 32 bits count ([`POSITION_BITS`]). Visits go in
//! hash order at the grain of home buckets: entries that were pushed past their home are visited
//! with it.

use super::bucket::SLOTS;
use super::segment::Record;
use super::{Item, Place, Table};

/// How many top bits of a position can be other than zero.
pub const POSITION_BITS: u32 = 32;

/// One segment, as the snapshot walker meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentId(u32);

impl<T: Item> Table<T> {
    /// Visits the items whose home bucket holds `position`; returns the next position, or `None`
    /// at the end. What is in the table from the first call to the last is visited at least once.
    pub fn scan<'a>(&'a self, position: u64, mut visit: impl FnMut(T::Ref<'a>)) -> Option<u64> {
        let index = self.index(position);
        let record = self.directory.get(index)?;
        let home = record.home(record.stored(position));
        self.visit_home(record, home, &mut visit);
        let start = self.segment_start(index);
        // The lowest 16 bits below the depth that belong to the next home bucket, rounded up to
        // the bits that are stored.
        let size = u64::from(record.size);
        let grain = 1u64 << (record.depth & 7);
        let next = ((home as u64 + 1) << 16)
            .div_ceil(size)
            .next_multiple_of(grain);
        let step = 48 - u32::from(record.depth);
        if next >= 1 << 16 {
            let width = if record.depth == 0 {
                return None;
            } else {
                1u64 << (step + 16)
            };
            return start.checked_add(width);
        }
        Some(start + (next << step))
    }

    pub(super) fn segment_start(&self, index: usize) -> u64 {
        let first = self.first(index) as u64;
        if self.depth == 0 {
            0
        } else {
            first << (64 - self.depth)
        }
    }

    fn visit_home<'a>(&'a self, record: &Record, home: usize, visit: &mut impl FnMut(T::Ref<'a>)) {
        let mut at = home;
        loop {
            let bucket = record.bucket(at);
            for slot in bucket.occupied() {
                let value = bucket.slot(slot);
                if record.home(value.stored()) == home {
                    // SAFETY: an occupied slot; the view borrows the table.
                    visit(unsafe { T::view(value.non_null()) });
                }
            }
            at = record.after(at);
            if !bucket.overflows() || at == home {
                return;
            }
        }
    }

    /// All items, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = T::Ref<'_>> {
        self.segments().flat_map(|(_, record)| {
            // SAFETY: occupied slots; the view borrows the table.
            record
                .entries()
                .map(|(_, slot)| unsafe { T::view(slot.non_null()) })
        })
    }

    /// Visits the items near `position`, bucket by bucket, until `visit` says false or
    /// `buckets_max` buckets have been looked at.
    pub fn sample<'a>(
        &'a self,
        position: u64,
        buckets_max: usize,
        mut visit: impl FnMut(T::Ref<'a>) -> bool,
    ) {
        if self.directory.is_empty() {
            return;
        }
        let mut index = self.index(position);
        let mut record = &self.directory[index];
        let mut at = record.home(record.stored(position));
        for _ in 0..buckets_max {
            let bucket = record.bucket(at);
            for slot in bucket.occupied() {
                // SAFETY: an occupied slot; the view borrows the table.
                if !visit(unsafe { T::view(bucket.slot(slot).non_null()) }) {
                    return;
                }
            }
            at += 1;
            if at == usize::from(record.size) {
                at = 0;
                index = self.first(index) + self.span(index);
                if index == self.directory.len() {
                    index = 0;
                }
                record = &self.directory[index];
            }
        }
    }

    /// A random item, uniform but for differences of load between segments (at most a quarter).
    /// `random` gives 64 random bits at each call.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<T::Ref<'_>> {
        if self.is_empty() {
            return None;
        }
        for _ in 0..64 {
            let record = &self.directory[self.index(random())];
            let choice = random();
            let bucket = record.bucket((((choice >> 32) * u64::from(record.size)) >> 32) as usize);
            let slot = (((choice & 0xffff_ffff) * SLOTS as u64) >> 32) as usize;
            if bucket.is_occupied(slot) {
                // SAFETY: an occupied slot; the view borrows the table.
                return Some(unsafe { T::view(bucket.slot(slot).non_null()) });
            }
        }
        let mut found = None;
        self.sample(random(), usize::MAX, |item| {
            found = Some(item);
            false
        });
        found
    }

    /// Places of the items whose hash has these top 32 bits.
    pub fn find_prefix<'a>(&'a self, prefix: u32, mut visit: impl FnMut(Place, T::Ref<'a>)) {
        let hash = u64::from(prefix) << 32;
        let index = self.index(hash);
        let Some(record) = self.directory.get(index) else {
            return;
        };
        let stored = record.stored(hash);
        let home = record.home(stored);
        let mut at = home;
        loop {
            let bucket = record.bucket(at);
            for slot in bucket.occupied() {
                if bucket.slot(slot).stored() == stored {
                    let place = Place::new(index, at, slot);
                    // SAFETY: an occupied slot; the view borrows the table.
                    visit(place, unsafe { T::view(bucket.slot(slot).non_null()) });
                }
            }
            at = record.after(at);
            if !bucket.overflows() || at == home {
                return;
            }
        }
    }

    /// The segment in which a hash belongs.
    #[inline]
    pub fn segment_of(&self, hash: u64) -> Option<SegmentId> {
        let index = self.index(hash);
        (index < self.directory.len()).then(|| SegmentId(self.first(index) as u32))
    }

    /// The epoch of a segment.
    #[inline]
    pub fn epoch(&self, segment: SegmentId) -> u32 {
        self.directory
            .get(segment.0 as usize)
            .map_or(0, |r| r.epoch)
    }

    /// Sets the epoch of a segment.
    pub fn set_epoch(&mut self, segment: SegmentId, epoch: u32) {
        if let Some(record) = self.directory.get_mut(segment.0 as usize) {
            record.epoch = epoch;
        }
    }

    /// The epoch that the first segment of an empty table will get.
    pub fn set_first_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
    }

    /// The items of a segment.
    pub fn segment_items(&self, segment: SegmentId) -> impl Iterator<Item = T::Ref<'_>> {
        self.directory
            .get(segment.0 as usize)
            .into_iter()
            .flat_map(|record| {
                // SAFETY: occupied slots; the view borrows the table.
                record
                    .entries()
                    .map(|(_, slot)| unsafe { T::view(slot.non_null()) })
            })
    }

    /// Where the segment after this one begins; `None` at the end.
    pub fn position_after(&self, segment: SegmentId) -> Option<u64> {
        let index = segment.0 as usize;
        let depth = self.directory.get(index)?.depth;
        if depth == 0 {
            return None;
        }
        self.segment_start(index)
            .checked_add(1 << (64 - u32::from(depth)))
    }
}
