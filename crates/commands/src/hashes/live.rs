//! Hashes as commands see them: without the fields whose time has come.
//!
//! [`Live`] is for reading: where no field is due, which is known at once, it is the hash itself.
//! [`Ctx::write_hash`] is for changing: it removes what is due first. A primary tells the log of
//! those removals with HDEL, before the command, so that replicas and the append-only file need no
//! clock of their own; until the HDEL arrives, a replica hides the fields from its clients.

use datatypes::Hash;
use datatypes::hash::FieldRef;
use keyspace::Write;
use resp::ReplyError;

use crate::ctx::Ctx;

/// A hash at a certain time.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    hash: &'a Hash,
    /// Fields that expire before then are not there; `None` where no field is due.
    now_ms: Option<i64>,
}

impl<'a> Live<'a> {
    /// The hash at that time.
    #[inline]
    pub(crate) fn at(hash: &'a Hash, now_ms: i64) -> Self {
        let due = hash.next_due().is_some_and(|due| due < now_ms);
        Self {
            hash,
            now_ms: due.then_some(now_ms),
        }
    }

    #[inline]
    fn has(self, field: &FieldRef<'_>) -> bool {
        match (self.now_ms, field.expire_at) {
            (Some(now_ms), Some(at_ms)) => at_ms >= now_ms,
            _ => true,
        }
    }

    /// The number of fields.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.hash.len()
            - self
                .now_ms
                .map_or(0, |now_ms| self.hash.due_len(now_ms - 1))
    }

    /// The field of that name.
    #[inline]
    pub(crate) fn field(self, name: &[u8]) -> Option<FieldRef<'a>> {
        self.hash.field(name).filter(|field| self.has(field))
    }

    /// Reads all fields.
    #[inline]
    pub(crate) fn for_each(self, mut f: impl FnMut(FieldRef<'a>)) {
        self.hash.for_each(|field| {
            if self.has(&field) {
                f(field);
            }
        });
    }

    /// Reads on from `cursor`; see [`Hash::scan`].
    pub(crate) fn scan(self, cursor: u64, count: usize, mut f: impl FnMut(FieldRef<'a>)) -> u64 {
        self.hash.scan(cursor, count, |field| {
            if self.has(&field) {
                f(field);
            }
        })
    }

    /// Calls `f` with a hash that has no other fields: for picking, which knows no time. Where
    /// fields are due it is a copy, which is rare, as they are removed when they are due.
    pub(crate) fn with(self, f: impl FnOnce(&Hash)) {
        let Some(now_ms) = self.now_ms else {
            return f(self.hash);
        };
        let mut living = self.hash.clone();
        living.expire_due(now_ms - 1, usize::MAX, |_| ());
        f(&living);
    }
}

impl Ctx<'_> {
    /// [`read`](Self::read) of a hash. Where all its fields are due, it is absent.
    ///
    /// # Errors
    /// WRONGTYPE.
    #[inline]
    pub(crate) fn read_hash(&self, key: &[u8]) -> Result<Option<Live<'_>>, ReplyError> {
        let hash = self.read_as::<Hash>(key)?;
        let live = hash.map(|hash| Live::at(hash, self.now_ms()));
        Ok(live.filter(|live| live.now_ms.is_none() || live.len() > 0))
    }

    /// [`write`](Self::write) of what should be a hash: fields that are due are removed first.
    #[inline]
    pub(crate) fn write_hash<'k>(&'k mut self, key: &'k [u8]) -> Write<'k> {
        let mut key = self.write(key);
        key.expire_fields(usize::MAX);
        key
    }
}
