//! When keys expire: a hierarchical timing wheel of 6-byte records per shard and database.
//!
//! A record is a 32-bit hash prefix and 16 bits of time within its slot; it leads to no entry,
//! the entry itself has the exact time. Invariant: a volatile key has at least one record that
//! fires at its expiry or before. Records of keys that were deleted or persisted are dropped when
//! they are met; a key whose expiry was put off is filed anew then. So a longer expiry costs
//! nothing at first, and a new generation is begun only when stale records outnumber live ones
//! (see `db/volatile.rs`).
//!
//! Levels have slots of 1 ms (256 of them), 256 ms, 16 s, 17 min, 19 h and 50 days (64 each).

/// Records in a chunk: 128 bytes.
const CHUNK: usize = 20;
/// Chunks in a page of the arena: 1 KB, a size class that the segments of large tables do not use,
/// so that neither keeps the memory that the other has left.
const PAGE: usize = 8;
/// Pages that have fewer chunks: each as many as there were before it.
const SMALL_PAGES: usize = PAGE.ilog2() as usize + 1;
const NONE: u32 = u32::MAX;
/// log2 of each level's slot, in ms.
const SHIFT: [u32; 6] = [0, 8, 14, 20, 26, 32];
const END_SHIFT: u32 = 38;
const LEVELS: usize = SHIFT.len();

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Record([u16; 3]);

impl Record {
    fn new(prefix: u32, fraction: u16) -> Self {
        Self([(prefix >> 16) as u16, prefix as u16, fraction])
    }

    fn prefix(self) -> u32 {
        u32::from(self.0[0]) << 16 | u32::from(self.0[1])
    }
}

struct Chunk {
    next: u32,
    len: u32,
    records: [Record; CHUNK],
}

/// The first chunk of each slot that has records: those of a level one after the other, in the
/// order of their slots, so that the many shards of a small keyspace stay small.
#[derive(Default)]
struct Heads {
    chunks: [Vec<u32>; LEVELS],
    /// Which slots have records: four words for level 0, one for each other.
    occupied: [u64; 9],
}

impl Heads {
    /// The word of `occupied` that has a slot, and the slot's bit in it.
    fn bit(level: usize, slot: usize) -> (usize, u64) {
        let word = if level == 0 { slot >> 6 } else { 3 + level };
        (word, 1 << (slot & 63))
    }

    /// Where the slot's chunk is, or is to be put; and whether it is there.
    fn find(&self, level: usize, slot: usize) -> (usize, bool) {
        let (word, bit) = Self::bit(level, slot);
        let first = if level == 0 { 0 } else { word };
        let before: u32 = self.occupied[first..word]
            .iter()
            .map(|word| word.count_ones())
            .sum();
        let own = self.occupied[word];
        let at = before + (own & (bit - 1)).count_ones();
        (at as usize, own & bit != 0)
    }

    fn get(&self, level: usize, slot: usize) -> u32 {
        match self.find(level, slot) {
            (at, true) => self.chunks[level][at],
            (_, false) => NONE,
        }
    }

    /// `NONE`: the slot has no records any more.
    fn set(&mut self, level: usize, slot: usize, chunk: u32) {
        let (word, bit) = Self::bit(level, slot);
        let (at, is_there) = self.find(level, slot);
        let chunks = &mut self.chunks[level];
        match (is_there, chunk) {
            (false, NONE) => {}
            (false, _) => {
                chunks.insert(at, chunk);
                self.occupied[word] |= bit;
            }
            (true, NONE) => {
                chunks.remove(at);
                self.occupied[word] &= !bit;
                if chunks.is_empty() {
                    *chunks = Vec::new();
                }
            }
            (true, _) => chunks[at] = chunk,
        }
    }

    fn memory(&self) -> usize {
        let capacities = self.chunks.iter().map(Vec::capacity);
        capacities.sum::<usize>() * size_of::<u32>()
    }
}

/// See the module's text.
pub(crate) struct ExpiryIndex {
    /// Of 1, 1, 2 and 4 chunks, then of [`PAGE`] each.
    pages: Vec<Box<[Chunk]>>,
    free: u32,
    heads: Heads,
    /// All slots before this time have been emptied.
    current: i64,
    records: usize,
}

/// Where a slot is, and when it begins.
#[derive(Clone, Copy)]
struct Due {
    level: usize,
    slot: usize,
    start: i64,
}

impl ExpiryIndex {
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            pages: Vec::new(),
            free: NONE,
            heads: Heads::default(),
            current: now_ms.max(0),
            records: 0,
        }
    }

    /// Records held, stale ones included.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.heads.memory() + self.chunks() * size_of::<Chunk>()
    }

    fn chunks(&self) -> usize {
        match self.pages.len() {
            0 => 0,
            pages if pages <= SMALL_PAGES => 1 << (pages - 1),
            pages => (pages - SMALL_PAGES + 1) * PAGE,
        }
    }

    /// Page of a chunk, and the chunk's place in it.
    fn place(id: usize) -> (usize, usize) {
        match id.checked_ilog2() {
            None => (0, 0),
            Some(log) if id < PAGE => (log as usize + 1, id - (1 << log)),
            Some(_) => (SMALL_PAGES + id / PAGE - 1, id % PAGE),
        }
    }

    /// Files a key that expires at `at_ms`.
    pub(crate) fn add(&mut self, prefix: u32, at_ms: i64) {
        // What lies beyond the last level fires at its end, and is filed anew.
        let end = (self.current | ((1 << END_SHIFT) - 1)).max(self.current);
        let at = at_ms.clamp(self.current, end);
        let differing = (at ^ self.current) as u64;
        let level = (1..6)
            .rev()
            .find(|&l| differing >> SHIFT[l] != 0)
            .unwrap_or(0);
        let shift = SHIFT[level];
        let slot = if level == 0 {
            at as usize & 255
        } else {
            (at >> shift) as usize & 63
        };
        let within = at & ((1 << shift) - 1);
        let fraction = (within >> shift.saturating_sub(16)) as u16;
        self.push(level, slot, Record::new(prefix, fraction));
    }

    fn chunk(&mut self, id: u32) -> &mut Chunk {
        let (page, at) = Self::place(id as usize);
        &mut self.pages[page][at]
    }

    fn push(&mut self, level: usize, slot: usize, record: Record) {
        let head = self.heads.get(level, slot);
        self.records += 1;
        if head != NONE {
            let chunk = self.chunk(head);
            if (chunk.len as usize) < CHUNK {
                chunk.records[chunk.len as usize] = record;
                chunk.len += 1;
                return;
            }
        }
        let id = self.allocate();
        let chunk = self.chunk(id);
        chunk.next = head;
        chunk.len = 1;
        chunk.records[0] = record;
        self.heads.set(level, slot, id);
    }

    fn allocate(&mut self) -> u32 {
        if self.free == NONE {
            let base = self.chunks() as u32;
            let count = base.clamp(1, PAGE as u32);
            let page = (1..=count).map(|i| Chunk {
                next: if i < count { base + i } else { NONE },
                len: 0,
                records: [Record::default(); CHUNK],
            });
            self.pages.push(page.collect());
            self.free = base;
        }
        let id = self.free;
        self.free = self.chunk(id).next;
        id
    }

    /// Takes the first chunk of a slot.
    fn pop_chunk(&mut self, level: usize, slot: usize) -> ([Record; CHUNK], usize) {
        let id = self.heads.get(level, slot);
        if id == NONE {
            return ([Record::default(); CHUNK], 0);
        }
        let free = self.free;
        let chunk = self.chunk(id);
        let taken = (chunk.records, chunk.len as usize);
        let next = std::mem::replace(&mut chunk.next, free);
        chunk.len = 0;
        self.free = id;
        self.heads.set(level, slot, next);
        self.records -= taken.1;
        taken
    }

    /// The first slot with records.
    fn first(&self) -> Option<Due> {
        // A slot in which the current time lies has begun, and been emptied in part only.
        let begun =
            |level: usize| self.heads.occupied[3 + level] >> (self.current >> SHIFT[level] & 63);
        if let Some(level) = (1..6).find(|&level| begun(level) & 1 != 0) {
            return Some(self.due(level, (self.current >> SHIFT[level]) as usize & 63));
        }
        for word in 0..4 {
            if self.heads.occupied[word] != 0 {
                let slot = word * 64 + self.heads.occupied[word].trailing_zeros() as usize;
                return Some(self.due(0, slot));
            }
        }
        let level = (1..6).find(|&level| self.heads.occupied[3 + level] != 0)?;
        Some(self.due(
            level,
            self.heads.occupied[3 + level].trailing_zeros() as usize,
        ))
    }

    fn due(&self, level: usize, slot: usize) -> Due {
        let above = if level == 5 {
            END_SHIFT
        } else {
            SHIFT[level + 1]
        };
        let start = self.current >> above << above | (slot as i64) << SHIFT[level];
        Due { level, slot, start }
    }

    /// When there may be something to do next: never later than the first expiry.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.first().map(|due| due.start.max(self.current))
    }

    /// Takes the next records whose time is not after `now_ms`; those of them that are to fire
    /// later than that are filed anew, the others appended to `prefixes`. Returns whether there
    /// was anything to take.
    pub(crate) fn fire(&mut self, now_ms: i64, prefixes: &mut Vec<u32>) -> bool {
        let Some(due) = self.first().filter(|due| due.start <= now_ms) else {
            self.current = self.current.max(now_ms);
            return false;
        };
        self.current = self.current.max(due.start);
        let (records, len) = self.pop_chunk(due.level, due.slot);
        for record in &records[..len] {
            let at = due.start + (i64::from(record.0[2]) << SHIFT[due.level].saturating_sub(16));
            if at > now_ms {
                self.add(record.prefix(), at);
            } else {
                prefixes.push(record.prefix());
            }
        }
        if self.records == 0 {
            self.pages = Vec::new();
            self.heads = Heads::default();
            self.free = NONE;
        }
        true
    }

    /// Takes some records out, whatever their time; nothing when there is none left.
    pub(crate) fn drain(&mut self, prefixes: &mut Vec<u32>) {
        if let Some(due) = self.first() {
            let (records, len) = self.pop_chunk(due.level, due.slot);
            prefixes.extend(records[..len].iter().map(|r| r.prefix()));
        }
    }

    /// Visits random records' prefixes, for sampling volatile keys.
    pub(crate) fn sample(&self, random: u64, mut visit: impl FnMut(u32) -> bool) {
        let chunks = self.chunks();
        for i in 0..chunks.min(64) {
            let id = (random as usize).wrapping_add(i) % chunks;
            let (page, at) = Self::place(id);
            let chunk = &self.pages[page][at];
            for record in &chunk.records[..chunk.len as usize] {
                if !visit(record.prefix()) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
