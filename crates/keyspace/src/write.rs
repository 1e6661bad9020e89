//! The door for changes: a guard over one key that collects what must follow.
//!
//! [`Write`] looks its key up once; every change goes to the slot found. It ends in
//! [`Write::commit`], which records the change in [`Effects`], or in [`Write::unchanged`].
//! Dropping a changed guard without commit is a bug, and panics in debug builds.

use crate::db::Db;
use crate::effects::{DbKey, Effects, Event, EventClass, OnExpired};
use crate::entry::{Entry, EntryBox};
use crate::hash::KeyHash;
use crate::value::{EMBSTR_MAX, Kind, StrRef, StrValue, Value, ValueMut, ValueRef};
use crate::{DbId, clock, free};
use datatypes::table::Place;

/// The value is of another kind: `WRONGTYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongKind;

/// See the module's text.
#[must_use = "end in commit() or unchanged()"]
pub struct Write<'a> {
    db: &'a mut Db,
    effects: &'a mut Effects,
    key: &'a [u8],
    hash: KeyHash,
    place: Option<Place>,
    changed: bool,
}

impl<'a> Write<'a> {
    #[inline]
    pub(crate) fn open(
        db: &'a mut Db,
        hash: KeyHash,
        key: &'a [u8],
        effects: &'a mut Effects,
    ) -> Self {
        let found = db.table.locate(hash.0, key);
        let mut is_expired = false;
        if let Some((_, entry)) = found {
            is_expired = entry.is_expired(effects.now_ms);
            if !is_expired && !effects.no_touch {
                clock::touch_write(&entry, effects.now_ms);
            }
        }
        let place = found.map(|(place, _)| place);
        let mut write = Self {
            db,
            effects,
            key,
            hash,
            place,
            changed: false,
        };
        if is_expired {
            write.expire();
        }
        write
    }

    #[cold]
    fn expire(&mut self) {
        match self.effects.on_expired {
            OnExpired::Keep => {}
            OnExpired::Hide => self.place = None,
            OnExpired::Delete | OnExpired::DeleteOnWrite => {
                self.remove();
                self.changed = false;
                let db = self.db.id();
                self.effects.expired.push(DbKey {
                    db,
                    key: self.key.into(),
                });
                self.effects
                    .event(Event::new(EventClass::EXPIRED, "expired"), db, self.key);
                self.touched(true);
            }
        }
    }

    /// Removes up to `count_max` fields of a hash whose time has come, on a primary. A hash that
    /// has no other fields goes with them. Not a change to be committed.
    #[inline]
    pub fn expire_fields(&mut self, count_max: usize) {
        let due = self.entry().and_then(|entry| entry.fields_due());
        if due.is_some_and(|due| due < self.effects.now_ms) {
            self.remove_due_fields(count_max);
        }
    }

    #[cold]
    fn remove_due_fields(&mut self, count_max: usize) {
        let before_ms = self.effects.now_ms - 1;
        if self.effects.on_expired != OnExpired::Delete {
            return;
        }
        let Some(ValueMut::Hash(hash)) = self.value_mut() else {
            return;
        };
        let mut names = Vec::new();
        hash.expire_due(before_ms, count_max, |field| {
            names.push(field.name.to_vec().into_boxed_slice());
        });
        let is_empty = hash.is_empty();
        self.note(Event::new(EventClass::HASH, "hexpired"));
        if is_empty {
            self.remove();
            self.note(Event::generic("del"));
        } else {
            self.file_fields(None);
        }
        self.changed = false;
        let key = DbKey {
            db: self.db.id(),
            key: self.key.into(),
        };
        self.effects.expired_fields.push((key, names));
        self.touched(false);
    }

    /// After a hash's fields were given expiries: sees to it that they are removed in time.
    /// `before` is when the first field was due before the change.
    pub fn file_fields(&mut self, before: Option<i64>) {
        let due = self.entry().and_then(|entry| entry.fields_due());
        if let (Some(place), Some(due)) = (self.place, due)
            && before.is_none_or(|before| due < before)
        {
            self.db
                .file_fields(self.hash, place, due, self.effects.now_ms);
        }
    }

    /// The key.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Its hash.
    pub fn hash(&self) -> KeyHash {
        self.hash
    }

    /// The database.
    pub fn db_id(&self) -> DbId {
        self.db.id()
    }

    /// The frozen time of the command.
    pub fn now_ms(&self) -> i64 {
        self.effects.now_ms
    }

    /// Whether the key is there (and not expired).
    #[inline]
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }

    /// The entry.
    #[inline]
    pub fn entry(&self) -> Option<Entry<'_>> {
        self.db.table.get(self.place?)
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Option<ValueRef<'_>> {
        self.entry().map(|e| e.value())
    }

    /// The type of the value.
    pub fn kind(&self) -> Option<Kind> {
        self.entry().map(|e| e.kind())
    }

    /// The value as a string.
    ///
    /// # Errors
    /// The value is of another kind.
    #[inline]
    pub fn str_value(&self) -> Result<Option<StrRef<'_>>, WrongKind> {
        self.entry()
            .map(|e| e.str_value().ok_or(WrongKind))
            .transpose()
    }

    /// When the key expires.
    pub fn expire_at(&self) -> Option<i64> {
        self.entry()?.expire_at()
    }

    /// Must precede every insertion, removal and exchange of the whole entry.
    #[inline]
    fn begin(&mut self) {
        self.changed = true;
        self.db.before_change(self.hash);
    }

    /// Must precede every change in place.
    #[inline]
    fn begin_in_place(&mut self) {
        self.begin();
        if let Some(place) = self.place {
            self.db.unshare(place);
        }
    }

    /// The value, to be changed in place. This counts as a change: commit it.
    pub fn value_mut(&mut self) -> Option<ValueMut<'_>> {
        self.place?;
        self.begin_in_place();
        Some(self.db.table.get_mut(self.place?)?.value())
    }

    /// Sets value and expiry, whatever was there before.
    #[inline]
    pub fn set_with_expiry(&mut self, value: Value<'_>, expire_at: Option<i64>) {
        if self.effects.wants.intersects(EventClass::REPLACED) {
            self.note_overwritten(value.kind());
        }
        self.update(value, expire_at);
    }

    #[cold]
    fn note_overwritten(&mut self, new: Kind) {
        if let Some(old) = self.kind() {
            self.effects.overwritten(self.db.id(), self.key, old, new);
        }
    }

    /// Sets value and expiry, where the new value comes from the old one: the key counts as
    /// changed, not as overwritten.
    #[inline]
    pub fn update(&mut self, value: Value<'_>, expire_at: Option<i64>) {
        self.begin();
        if let (Some(place), None) = (self.place, expire_at)
            && let Value::Str(StrValue::Plain(text)) = value
            && text.len() <= EMBSTR_MAX
            && self.db.replace_short(place, text)
        {
            return;
        }
        let now_ms = self.effects.now_ms;
        match self.place {
            Some(place) => self.db.replace(self.hash, place, value, expire_at, now_ms),
            None => {
                self.place = Some(
                    self.db
                        .insert(self.hash, self.key, value, expire_at, now_ms),
                );
                self.created();
            }
        }
    }

    #[inline]
    fn created(&mut self) {
        self.effects
            .event(Event::new(EventClass::NEW, "new"), self.db.id(), self.key);
    }

    /// Sets the value; the key loses its expiry.
    #[inline]
    pub fn set(&mut self, value: Value<'_>) {
        self.set_with_expiry(value, None);
    }

    /// Sets the value as [`Self::update`] does; the key keeps its expiry.
    #[inline]
    pub fn update_value(&mut self, value: Value<'_>) {
        self.update(value, self.expire_at());
    }

    /// Sets or removes the expiry; whether the key is there.
    pub fn set_expiry(&mut self, expire_at: Option<i64>) -> bool {
        let Some(place) = self.place else {
            return false;
        };
        self.begin_in_place();
        self.db
            .set_expiry(self.hash, place, expire_at, self.effects.now_ms);
        true
    }

    /// Makes the string `raw` and at least `len_min` bytes long (padded with zeros), and gives
    /// its bytes to be changed. Creates the key if it is not there. The length stays.
    ///
    /// # Errors
    /// The value is of another kind; nothing has changed.
    pub fn raw_mut(&mut self, len_min: usize) -> Result<&mut [u8], WrongKind> {
        let old_len = self.str_value()?.map(StrRef::len);
        self.begin_in_place();
        let in_place = self
            .place
            .filter(|_| old_len.is_some_and(|old| old >= len_min));
        if !in_place.is_some_and(|place| self.is_raw(place)) {
            self.resize_raw(old_len, len_min);
        }
        let Some(place) = self.place else {
            return Ok(&mut []);
        };
        if self
            .db
            .table
            .get_mut(place)
            .is_some_and(|e| e.heap_buffer().is_some())
        {
            let buffer = self.db.table.get_mut(place).and_then(|e| e.heap_buffer());
            return Ok(buffer.map_or(&mut [], |b| &mut b[..]));
        }
        Ok(self
            .db
            .table
            .get_mut(place)
            .and_then(|e| e.raw_in_place())
            .unwrap_or(&mut []))
    }

    fn is_raw(&self, place: Place) -> bool {
        matches!(
            self.db.table.get(place).map(|e| e.value()),
            Some(ValueRef::Str(StrRef::Raw(_)))
        )
    }

    /// Stores the string as `raw`, padded to `len_min`.
    fn resize_raw(&mut self, old_len: Option<usize>, len_min: usize) {
        let len = old_len.unwrap_or(0).max(len_min);
        if let Some(place) = self.place
            && let Some(buffer) = self.db.table.get_mut(place).and_then(|e| e.heap_buffer())
        {
            buffer.resize(len, 0);
            return;
        }
        let mut bytes = self
            .str_value()
            .ok()
            .flatten()
            .map_or_else(Vec::new, StrRef::to_vec);
        bytes.resize(len, 0);
        self.update_value(Value::Str(StrValue::Buffer(bytes, true)));
    }

    /// Appends to the string; returns its new length. A key that is not there is created, as
    /// SET would.
    ///
    /// # Errors
    /// The value is of another kind; nothing has changed.
    pub fn append(&mut self, more: &[u8]) -> Result<usize, WrongKind> {
        let Some(old) = self.str_value()? else {
            self.set(Value::detect(more));
            return Ok(more.len());
        };
        let len = old.len() + more.len();
        self.begin_in_place();
        if let Some(place) = self.place
            && let Some(buffer) = self.db.table.get_mut(place).and_then(|e| e.heap_buffer())
        {
            buffer.extend_from_slice(more);
            return Ok(len);
        }
        let mut bytes = Vec::new();
        if let Some(old) = self.str_value()? {
            bytes.reserve(len);
            bytes.extend_from_slice(old.as_bytes(&mut None));
        }
        bytes.extend_from_slice(more);
        self.update_value(Value::Str(StrValue::Buffer(bytes, true)));
        Ok(len)
    }

    /// Removes the key; whether it was there. A large value is freed in the background.
    pub fn remove(&mut self) -> bool {
        self.take().map(free::entry).is_some()
    }

    /// Takes the entry out: to be put elsewhere with [`Write::put`].
    pub fn take(&mut self) -> Option<EntryBox> {
        let place = self.place?;
        self.begin();
        self.place = None;
        self.db.remove(place)
    }

    /// Puts an entry here, in place of the one that is: value, expiry and clock as they are, the
    /// key exchanged if it differs.
    pub fn put(&mut self, entry: EntryBox) {
        self.begin();
        if let Some(old) = self.place.take().and_then(|place| self.db.remove(place)) {
            free::entry(old);
        }
        let expire_at = entry.view().expire_at();
        let same = entry.view().key() == self.key;
        let entry = if same {
            entry
        } else {
            entry.rebuilt(Some(self.key), expire_at)
        };
        self.place = Some(self.db.insert_entry(self.hash, entry, self.effects.now_ms));
        self.created();
    }

    /// Sets the access clock (RESTORE, RDB).
    pub fn set_clock(&mut self, clock: u32) {
        if let Some(entry) = self.entry() {
            entry.set_clock(clock);
        }
    }

    /// Notes an event that precedes the one of the commit (SET with EX: `set`, then `expire`).
    pub fn note(&mut self, event: Event) {
        self.effects.event(event, self.db.id(), self.key);
    }

    /// Ends the guard: one change, with this event.
    #[inline]
    pub fn commit(self, event: Event) {
        self.commit_n(event, 1);
    }

    /// Ends the guard: `changes` changes, with one event.
    #[inline]
    pub fn commit_n(mut self, event: Event, changes: u64) {
        self.effects.event(event, self.db.id(), self.key);
        self.finish(changes);
    }

    /// Ends the guard: the value was opened for change, but is what it was.
    pub fn commit_nothing(mut self) {
        self.changed = false;
    }

    /// Ends the guard: one change, without an event.
    pub fn commit_silent(mut self) {
        self.finish(1);
    }

    /// Ends the guard: the entry was taken, to be put elsewhere, and that will be the change.
    pub fn commit_moved(mut self) {
        self.finish(0);
    }

    #[inline]
    fn finish(&mut self, changes: u64) {
        self.changed = false;
        self.effects.dirty += changes;
        self.touched(false);
    }

    /// The key has changed; `lapsed`: because its time was over.
    #[inline]
    fn touched(&mut self, lapsed: bool) {
        if !self.db.watchers.is_empty() {
            self.db.watchers.touch(self.key, self.place.is_some());
        }
        if !self.db.waiters.is_empty() && self.db.waiters.are_for(self.key) {
            self.effects.ready.push(DbKey {
                db: self.db.id(),
                key: self.key.into(),
            });
        }
        if self.effects.tracks {
            self.track(lapsed);
        }
    }

    #[cold]
    fn track(&mut self, lapsed: bool) {
        let (db, key) = (self.db.id(), self.key.into());
        let list = if lapsed {
            &mut self.effects.lapsed
        } else {
            &mut self.effects.touched
        };
        list.push(DbKey { db, key });
    }

    /// Ends the guard: nothing was changed.
    #[inline]
    pub fn unchanged(self) {}
}

impl Drop for Write<'_> {
    #[inline]
    fn drop(&mut self) {
        debug_assert!(
            !self.changed || std::thread::panicking(),
            "a change was not committed"
        );
    }
}
