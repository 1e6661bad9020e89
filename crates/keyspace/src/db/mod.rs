//! One shard's part of one database: table, expiry index, watchers, waiters, counters.
//!
//! Everything here happens under the shard's lock. Commands change data through
//! [`Db::write`] only; the functions here that insert and remove are its tools.

mod volatile;

pub use volatile::DueKey;

use crate::effects::Effects;
use crate::entry::{Entry, EntryBox, Pin};
use crate::hash::KeyHash;
use crate::snapshot::{CutEntries, CutState};
use crate::value::Value;
use crate::watch::{Waiter, Waiters, Watcher, Watchers};
use crate::write::Write;
use crate::{DbId, clock, entry, free};
use datatypes::table::{Place, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use volatile::Volatile;

/// See the module's text.
pub struct Db {
    pub(crate) table: Table<EntryBox>,
    pub(crate) volatile: Volatile,
    pub(crate) cut: Option<Box<CutState>>,
    pub(crate) watchers: Watchers,
    pub(crate) waiters: Waiters,
    /// A field was given an expiry since the database was last empty.
    has_field_expiry: bool,
    id: DbId,
}

impl Db {
    pub(crate) fn new(id: DbId, next_due: &Arc<AtomicI64>) -> Self {
        Self {
            table: Table::new(),
            volatile: Volatile::new(Arc::clone(next_due)),
            cut: None,
            watchers: Watchers::default(),
            waiters: Waiters::default(),
            has_field_expiry: false,
            id,
        }
    }

    /// The database's number.
    #[inline]
    pub fn id(&self) -> DbId {
        self.id
    }

    /// Keys, expired ones that are still there included.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Keys with an expiry.
    pub fn volatile_len(&self) -> usize {
        self.volatile.len()
    }

    /// Whether there may be hashes of which fields expire: there were some since the last flush.
    pub fn has_field_expiry(&self) -> bool {
        self.has_field_expiry
    }

    /// Sum of the remaining times of all volatile keys, in ms (negative when overdue).
    pub fn ttl_sum(&self, now_ms: i64) -> i128 {
        self.volatile.ttl_sum(now_ms)
    }

    /// Bytes of table and expiry index.
    pub fn overhead(&self) -> usize {
        self.table.memory() + self.volatile.memory()
    }

    /// Finds a key, expired or not; touches nothing.
    #[inline]
    pub fn get(&self, hash: KeyHash, key: &[u8]) -> Option<Entry<'_>> {
        self.table.find_item(hash.0, key)
    }

    /// The door for changes: looks the key up once, and deletes it if its time has come.
    #[inline]
    pub fn write<'a>(
        &'a mut self,
        hash: KeyHash,
        key: &'a [u8],
        effects: &'a mut Effects,
    ) -> Write<'a> {
        Write::open(self, hash, key, effects)
    }

    /// Calls `visit` for the keys from a hash position on; returns the next position, or `None`
    /// at the end. See [`crate::Keyspace::scan_cursor`] for cursors.
    pub fn scan<'a>(&'a self, position: u64, visit: impl FnMut(Entry<'a>)) -> Option<u64> {
        self.table.scan(position, visit)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.table.iter()
    }

    /// A random key, uniform enough.
    pub fn random(&self, rng: &mut impl rand::RngCore) -> Option<Entry<'_>> {
        self.table.random(|| rng.next_u64())
    }

    /// Adds a watcher of a key.
    pub fn watch(&mut self, key: &[u8], watcher: Watcher) {
        self.watchers.add(key, watcher);
    }

    /// Whether the key's time had come already when the watcher with this flag was added.
    pub fn watched_expired(&self, key: &[u8], dirty: &Arc<AtomicBool>) -> bool {
        self.watchers.was_expired(key, dirty)
    }

    /// Removes the watcher with this flag.
    pub fn unwatch(&mut self, key: &[u8], dirty: &Arc<AtomicBool>) {
        self.watchers.remove(key, dirty);
    }

    /// Flags the watchers of every key that exists here or in `other` (FLUSHDB, SWAPDB). A key
    /// whose time has come counts as absent, before and after.
    pub(crate) fn touch_all_watchers(&mut self, other: Option<&Table<EntryBox>>) {
        let table = &self.table;
        let now_ms = common::clock::now_ms();
        // Whether the key is there, and if so whether its time has come.
        let has = |table: &Table<EntryBox>, key: &[u8]| {
            let entry = table.get(table.find(KeyHash::of(key).0, key)?)?;
            Some(entry.expire_at().is_some_and(|at| at <= now_ms))
        };
        self.watchers.touch_all(|key, watcher| {
            let (here, there) = (has(table, key), other.and_then(|t| has(t, key)));
            match (here, there) {
                (None, None) => false,
                (_, None) if watcher.expired => {
                    watcher.expired = false;
                    false
                }
                (_, Some(true)) if watcher.expired => false,
                (None, Some(true)) => {
                    watcher.expired = true;
                    false
                }
                _ => true,
            }
        });
    }

    /// Adds a waiter for a key, behind those already there.
    pub fn add_waiter(&mut self, key: &[u8], waiter: Arc<dyn Waiter>) {
        self.waiters.add(key, waiter);
    }

    /// Removes the waiter with this id.
    pub fn remove_waiter(&mut self, key: &[u8], id: u64) {
        self.waiters.remove(key, id);
    }

    /// The waiter for a key that stands at this place in the order of arrival.
    pub fn waiter(&self, key: &[u8], at: usize) -> Option<&Arc<dyn Waiter>> {
        self.waiters.get(key, at)
    }

    /// Keys for which someone waits.
    pub fn waited_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.waiters.keys()
    }

    /// Must be called before the entries of this hash's segment change.
    #[inline]
    pub(crate) fn before_change(&mut self, hash: KeyHash) {
        if let Some(cut) = &self.cut {
            cut.save_segment(&mut self.table, hash.0);
        }
    }

    /// Must be called before the value or the expiry of the entry at `place` is changed in
    /// place: a pinned entry stays as it is, and a copy takes its place.
    #[inline]
    pub(crate) fn unshare(&mut self, place: Place) {
        if entry::pins_are_there() && self.table.get(place).is_some_and(|e| e.is_pinned()) {
            self.table.replace_with(place, |pinned| pinned.copied());
        }
    }

    /// Whether the key's value is large and pinned, so that whoever wants to change it should
    /// rather wait (see [`crate::wait_for_pins`]) than have it copied. If so it is noted that
    /// somebody waits.
    pub fn is_held(&mut self, hash: KeyHash, key: &[u8]) -> bool {
        self.pinned(hash, key)
            .is_some_and(|entry| entry.is_dear() && entry.await_pins())
    }

    /// Pins an entry of this database for a long command; `None` if somebody waits to change it, or
    /// too many read it: the command is to wait as they do ([`Self::is_awaited`]).
    pub fn pin(&self, entry: Entry<'_>) -> Option<Pin> {
        Pin::new(entry)
    }

    /// Whether an entry of this database is pinned, after noting that somebody waits for the end of
    /// that (see [`crate::wait_for_pins`]).
    pub fn is_awaited(&self, entry: Entry<'_>) -> bool {
        entry.await_pins()
    }

    /// Puts the removal of a hash's due fields off until `until_ms`, if the hash is held (see
    /// [`Self::is_held`]); whether it is.
    pub fn postpone_fields(
        &mut self,
        (hash, key): (KeyHash, &[u8]),
        until_ms: i64,
        now_ms: i64,
    ) -> bool {
        let is_hash = |entry: Entry<'_>| entry.fields_due().is_some();
        if !entry::pins_are_there()
            || !self.get(hash, key).is_some_and(is_hash)
            || !self.is_held(hash, key)
        {
            return false;
        }
        if let Some(place) = self.table.find(hash.0, key) {
            self.file_fields(hash, place, until_ms, now_ms);
        }
        true
    }

    /// Whether the key's entry is pinned, or would be by a change: then that change makes a
    /// snapshot cost more memory.
    pub fn is_pinned(&mut self, hash: KeyHash, key: &[u8]) -> bool {
        self.pinned(hash, key).is_some()
    }

    fn pinned(&mut self, hash: KeyHash, key: &[u8]) -> Option<Entry<'_>> {
        // What is about to be changed belongs to the cut, if that has not come by yet.
        self.before_change(hash);
        self.get(hash, key).filter(Entry::is_pinned)
    }

    #[inline]
    pub(crate) fn insert(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        value: Value<'_>,
        expire_at: Option<i64>,
        now_ms: i64,
    ) -> Place {
        let entry = EntryBox::new(key, value, expire_at, clock::initial(now_ms));
        self.insert_entry(hash, entry, now_ms)
    }

    #[inline]
    pub(crate) fn insert_entry(&mut self, hash: KeyHash, entry: EntryBox, now_ms: i64) -> Place {
        if let Some(at) = entry.view().expire_at() {
            self.sweep_expiry(now_ms);
            self.volatile.add(hash, entry.view(), None, at, now_ms);
        }
        let fields_due = entry.view().fields_due();
        let place = self.table.insert_new(hash.0, entry);
        if let Some(at) = fields_due {
            self.file_fields(hash, place, at, now_ms);
        }
        place
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<EntryBox> {
        let entry = self.table.remove(place)?;
        if let Some(at) = entry.view().expire_at() {
            self.volatile.remove(at);
        }
        Some(entry)
    }

    /// Gives up what is kept of keys that are gone, if all are. For eviction, which wants the
    /// memory; otherwise the next volatile key finds it in place.
    pub fn release_if_empty(&mut self) {
        if self.table.is_empty() {
            self.volatile.clear();
        }
    }

    /// [`Self::replace`] in the case that is most common by far: a short string over another, no
    /// expiry. Whether that was the case.
    #[inline]
    pub(crate) fn replace_short(&mut self, place: Place, text: &[u8]) -> bool {
        let is_pinned = |entry: Entry<'_>| entry.is_pinned();
        if entry::pins_are_there() && self.table.get(place).is_some_and(is_pinned) {
            return false;
        }
        let entry = self.table.get_mut(place);
        entry.is_some_and(|mut entry| entry.overwrite_short(text))
    }

    /// Exchanges value and expiry of the entry at `place`.
    #[inline]
    pub(crate) fn replace(
        &mut self,
        hash: KeyHash,
        place: Place,
        value: Value<'_>,
        expire_at: Option<i64>,
        now_ms: i64,
    ) {
        let Some(entry) = self.table.get(place) else {
            return;
        };
        let (old, is_pinned) = (entry.expire_at(), entry.is_pinned());
        let is_hash = matches!(value, Value::Hash(_));
        let mut rest = Some(value);
        if old.is_some() == expire_at.is_some()
            && !is_pinned
            && let Some(mut entry) = self.table.get_mut(place)
        {
            rest = rest.and_then(|value| entry.overwrite(value).err());
            if let (Some(at), None) = (expire_at, &rest) {
                entry.set_expiry(at);
            }
        }
        if let Some(value) = rest {
            self.table.replace_with(place, |old| {
                let clock = old.view().clock();
                let new = EntryBox::new(old.view().key(), value, expire_at, clock);
                new.view().set_expiry_mark(old.view().expiry_mark());
                free::entry(old);
                new
            });
        }
        self.expiry_changed(hash, place, old, expire_at, now_ms);
        if is_hash && let Some(at) = self.table.get(place).and_then(|entry| entry.fields_due()) {
            self.file_fields(hash, place, at, now_ms);
        }
    }

    /// Changes the expiry of the entry at `place`.
    pub(crate) fn set_expiry(
        &mut self,
        hash: KeyHash,
        place: Place,
        expire_at: Option<i64>,
        now_ms: i64,
    ) {
        let Some(mut entry) = self.table.get_mut(place) else {
            return;
        };
        let old = entry.view().expire_at();
        let in_place = expire_at.is_some_and(|at| entry.set_expiry(at));
        if !in_place && old != expire_at {
            self.table
                .replace_with(place, |entry| entry.rebuilt(None, expire_at));
        }
        self.expiry_changed(hash, place, old, expire_at, now_ms);
    }

    #[inline]
    fn expiry_changed(
        &mut self,
        hash: KeyHash,
        place: Place,
        old: Option<i64>,
        new: Option<i64>,
        now_ms: i64,
    ) {
        match (old, new) {
            (None, None) => {}
            (Some(at), None) => self.volatile.remove(at),
            (old, Some(at)) => {
                if let Some(entry) = self.table.get(place) {
                    self.volatile.add(hash, entry, old, at, now_ms);
                }
            }
        }
        if new.is_some() {
            self.sweep_expiry(now_ms);
        }
    }

    /// Empties the database; returns how many keys went. The table is freed in the background
    /// unless `sync`.
    pub(crate) fn flush(&mut self, sync: bool) -> usize {
        self.touch_all_watchers(None);
        let len = self.table.len();
        let table = std::mem::take(&mut self.table);
        self.volatile.clear();
        self.has_field_expiry = false;
        if let Some(cut) = self.cut.take() {
            self.table.set_first_epoch(cut.epoch);
            if cut.next.is_some() {
                cut.sink.save(CutEntries::flushed(table, cut.epoch, cut.db));
                return len;
            }
        }
        free::table(table, sync);
        len
    }

    /// Puts the data of a database of another keyspace in the place of its own; watchers and
    /// waiters stay.
    pub(crate) fn take_over(&mut self, other: &mut Self) {
        self.touch_all_watchers(Some(&other.table));
        self.flush(false);
        std::mem::swap(&mut self.table, &mut other.table);
        std::mem::swap(&mut self.has_field_expiry, &mut other.has_field_expiry);
        self.volatile.exchange(&mut other.volatile);
    }

    /// Exchanges the data of two databases; watchers and waiters stay.
    pub(crate) fn swap_data(&mut self, other: &mut Self) {
        self.touch_all_watchers(Some(&other.table));
        other.touch_all_watchers(Some(&self.table));
        std::mem::swap(&mut self.table, &mut other.table);
        self.table.note_all_moved();
        other.table.note_all_moved();
        std::mem::swap(&mut self.volatile, &mut other.volatile);
        std::mem::swap(&mut self.has_field_expiry, &mut other.has_field_expiry);
        std::mem::swap(&mut self.cut, &mut other.cut);
    }
}
