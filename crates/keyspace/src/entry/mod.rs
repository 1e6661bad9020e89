//! Entries: key, value, expiry and access clock in one allocation (see [`layout`]).
//!
//! [`EntryBox`] owns an entry, [`Entry`] views it, [`EntryMut`] changes its value in place. The
//! key never changes while the entry is in a table. The only unsafe code of the crate is here.
#![allow(
    unsafe_code,
    reason = "the entry's layout is its point; Miri runs these tests"
)]

mod heap;
mod layout;
mod pin;
#[cfg(test)]
mod tests;

use crate::free;
use crate::hash::KeyHash;
use crate::value::{EMBSTR_MAX, Kind, StrRef, Value, ValueMut, ValueRef};
use datatypes::table::Item;
use datatypes::{Hash, List, Set, Stream, Zset};
use heap::HeapStr;
use layout::{EXPIRY, HEAP, IN_PLACE_MAX, RAW, Raw, Repr};
pub use pin::{
    Pin, Pins, count_holder, held_bytes, held_bytes_total, is_over_held_budget,
    is_snapshot_awaited, pins_are_there, set_held_budget, wait_for_budget, wait_for_pins,
};
pub(crate) use pin::{count_cut, pin_all};
use std::marker::PhantomData;
use std::ptr::NonNull;

const CLOCK_MASK: u32 = 0x00ff_ffff;
/// A string longer than this is not copied under a lock if waiting helps.
const DEAR_BYTES: usize = 256 * 1024;
/// Bytes that a table spends on an entry.
const SLOT: usize = 8;

/// An entry, borrowed.
#[derive(Clone, Copy)]
pub struct Entry<'a>(Raw, PhantomData<&'a EntryBox>);

// SAFETY: an `Entry` is a shared reference; what it reads is plain data and an atomic.
unsafe impl Send for Entry<'_> {}
// SAFETY: as above.
unsafe impl Sync for Entry<'_> {}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key().escape_ascii().to_string())
            .field("value", &self.value())
            .field("expire_at", &self.expire_at())
            .finish()
    }
}

impl<'a> Entry<'a> {
    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        // SAFETY: the entry lives during 'a.
        unsafe { self.0.key() }
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self) -> Kind {
        // SAFETY: as `key`.
        unsafe { self.0.kind() }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'a> {
        // SAFETY: as `key`; the kind says what the pointer leads to.
        unsafe {
            match self.0.kind() {
                Kind::String => ValueRef::Str(self.0.str_value()),
                Kind::List => ValueRef::List(&*self.0.held::<List>()),
                Kind::Set => ValueRef::Set(&*self.0.held::<Set>()),
                Kind::Zset => ValueRef::Zset(&*self.0.held::<Zset>()),
                Kind::Hash => ValueRef::Hash(&*self.0.held::<Hash>()),
                Kind::Stream => ValueRef::Stream(&*self.0.held::<Stream>()),
            }
        }
    }

    /// The value, if it is a string.
    #[inline]
    pub fn str_value(&self) -> Option<StrRef<'a>> {
        // SAFETY: as `key`.
        (self.kind() == Kind::String).then(|| unsafe { self.0.str_value() })
    }

    /// What OBJECT ENCODING answers, in the names of Redis 7.0.
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            ValueRef::Str(StrRef::Int(_)) => "int",
            ValueRef::Str(StrRef::Embstr(_)) => "embstr",
            ValueRef::Str(StrRef::Raw(_)) => "raw",
            ValueRef::List(v) => v.encoding_7_0(),
            ValueRef::Set(v) => v.encoding_name(),
            ValueRef::Zset(v) => v.encoding_name(),
            ValueRef::Hash(v) => v.encoding_name(),
            ValueRef::Stream(v) => v.encoding_name(),
        }
    }

    /// When the key expires, in Unix ms.
    #[inline]
    pub fn expire_at(&self) -> Option<i64> {
        // SAFETY: as `key`.
        unsafe { self.0.expiry() }
    }

    /// Whether the key's time has come: Redis deletes a key when now is past its expiry.
    #[inline]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expire_at().is_some_and(|at| now_ms > at)
    }

    /// When the first field of a hash expires, in Unix ms.
    #[inline]
    pub fn fields_due(&self) -> Option<i64> {
        if self.kind() != Kind::Hash {
            return None;
        }
        match self.value() {
            ValueRef::Hash(hash) => hash.next_due(),
            _ => None,
        }
    }

    /// When something of the entry expires first: the key or a field.
    #[inline]
    pub(crate) fn first_due(&self) -> Option<i64> {
        match (self.expire_at(), self.fields_due()) {
            (Some(key), Some(field)) => Some(key.min(field)),
            (key, field) => key.or(field),
        }
    }

    /// The access clock: 24 bits, LRU seconds or LFU minutes and counter.
    #[inline]
    pub fn clock(&self) -> u32 {
        // SAFETY: as `key`.
        unsafe { self.0.clock() }
    }

    /// Sets the access clock; writes only when it changes.
    #[inline]
    pub fn set_clock(&self, clock: u32) {
        // SAFETY: as `key`; the field is atomic.
        unsafe { self.0.set_clock(clock & CLOCK_MASK) }
    }

    /// Notes an access by a read, as the eviction policy wants it.
    #[inline]
    pub fn touch(&self, now_ms: i64) {
        crate::clock::touch_read(self, now_ms);
    }

    /// The hash of the key.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.key())
    }

    /// How many allocations dropping this entry frees, roughly.
    pub fn allocations(&self) -> usize {
        match self.value() {
            ValueRef::Str(_) => 1,
            ValueRef::List(v) => 1 + v.allocations(),
            ValueRef::Set(v) => 1 + v.allocations(),
            ValueRef::Zset(v) => 1 + v.allocations(),
            ValueRef::Hash(v) => 1 + v.allocations(),
            ValueRef::Stream(v) => 1 + v.allocations(),
        }
    }

    /// Bytes of the entry's own allocation; a value behind a pointer is not counted.
    pub fn own_size(&self) -> usize {
        // SAFETY: as `key`.
        datatypes::size_class(unsafe { self.0.size() })
    }

    /// Whether copying the value takes so long that one rather waits until it is not pinned.
    pub(crate) fn is_dear(&self) -> bool {
        self.allocations() > free::EFFORT_MAX || self.heap_size() > DEAR_BYTES
    }

    /// All bytes of the key and its value, the table's slot included (MEMORY USAGE). Of a
    /// collection, what its container says of itself: it looks at `samples` members (0: all).
    pub fn memory(&self, samples: usize) -> usize {
        let behind = match self.value() {
            ValueRef::Str(_) => self.heap_size(),
            ValueRef::List(v) => v.memory(samples),
            ValueRef::Set(v) => v.memory(samples),
            ValueRef::Zset(v) => v.memory(),
            ValueRef::Hash(v) => v.memory(samples),
            ValueRef::Stream(v) => v.memory(),
        };
        SLOT + self.own_size() + behind
    }

    /// Bytes by which a string can grow where it is.
    pub fn spare_bytes(&self) -> usize {
        // SAFETY: as `heap_size`.
        unsafe {
            if self.0.kind() != Kind::String || self.0.encoding() != HEAP {
                return 0;
            }
            let heap = &*self.0.held::<Box<HeapStr>>();
            heap.capacity() - heap.as_slice().len()
        }
    }

    /// Bytes of a string that does not live in its entry.
    fn heap_size(&self) -> usize {
        // SAFETY: as `key`; the encoding says that the word is the box of a `HeapStr`.
        unsafe {
            if self.0.kind() != Kind::String || self.0.encoding() != HEAP {
                return 0;
            }
            let heap = &*self.0.held::<Box<HeapStr>>();
            size_of::<HeapStr>() + datatypes::size_class(heap.capacity())
        }
    }
}

/// An entry, to be changed in place.
pub struct EntryMut<'a>(Raw, PhantomData<&'a mut EntryBox>);

impl<'a> EntryMut<'a> {
    /// Views it.
    pub fn view(&self) -> Entry<'_> {
        Entry(self.0, PhantomData)
    }

    /// The value, to be changed.
    pub fn value(self) -> ValueMut<'a> {
        // SAFETY: exclusive during 'a; the kind says what the pointer leads to.
        unsafe {
            match self.0.kind() {
                Kind::String => ValueMut::Str(self.0.str_value()),
                Kind::List => ValueMut::List(&mut *self.0.held::<List>()),
                Kind::Set => ValueMut::Set(&mut *self.0.held::<Set>()),
                Kind::Zset => ValueMut::Zset(&mut *self.0.held::<Zset>()),
                Kind::Hash => ValueMut::Hash(&mut *self.0.held::<Hash>()),
                Kind::Stream => ValueMut::Stream(&mut *self.0.held::<Stream>()),
            }
        }
    }

    /// The growable buffer of a `raw` string that has one.
    pub(crate) fn heap_buffer(self) -> Option<&'a mut Vec<u8>> {
        // SAFETY: exclusive during 'a; the encoding says that the pointer leads to a `HeapStr`.
        unsafe {
            (self.0.kind() == Kind::String && self.0.encoding() == HEAP)
                .then(|| (*self.0.held::<Box<HeapStr>>()).buffer())
        }
    }

    /// The bytes in place of a `raw` string that has them there.
    pub(crate) fn raw_in_place(self) -> Option<&'a mut [u8]> {
        // SAFETY: exclusive during 'a; the encoding says that the bytes are in place.
        unsafe {
            (self.0.kind() == Kind::String && self.0.encoding() == RAW).then(|| {
                let (start, len) = self.0.in_place();
                std::slice::from_raw_parts_mut(start.as_ptr(), len)
            })
        }
    }

    /// Writes over the value if the new one has the same form and size class and nothing has to
    /// be freed; otherwise gives the value back.
    #[inline]
    pub(crate) fn overwrite<'v>(&mut self, mut value: Value<'v>) -> Result<(), Value<'v>> {
        match &value {
            Value::Str(s) if !matches!(s, crate::value::StrValue::Shared(_)) => {}
            _ => return Err(value),
        }
        if let Value::Str(crate::value::StrValue::Buffer(b, _)) = &value
            && b.len() > IN_PLACE_MAX
        {
            return Err(value);
        }
        if let Value::Str(crate::value::StrValue::Plain(b) | crate::value::StrValue::Raw(b)) =
            &value
            && b.len() > IN_PLACE_MAX
        {
            return Err(value);
        }
        // SAFETY: exclusive during 'a.
        if unsafe { self.0.overwrite(Repr::new(&mut value)) } {
            Ok(())
        } else {
            Err(value)
        }
    }

    /// Writes a short string over one of the same size class, where neither has an expiry;
    /// whether it did.
    #[inline]
    pub(crate) fn overwrite_short(&mut self, text: &[u8]) -> bool {
        debug_assert!(text.len() <= EMBSTR_MAX);
        // SAFETY: exclusive during 'a.
        unsafe { self.0.overwrite_short(text) }
    }

    /// Changes the expiry, if the entry has room for one.
    pub(crate) fn set_expiry(&mut self, at_ms: i64) -> bool {
        // SAFETY: exclusive during 'a; the flag is looked at first.
        unsafe {
            let has = self.0.meta() & EXPIRY != 0;
            if has {
                self.0.set_expiry(at_ms);
            }
            has
        }
    }
}

/// An owned entry.
pub struct EntryBox(Raw);

// SAFETY: it owns its allocation and value, which are all `Send`.
unsafe impl Send for EntryBox {}
// SAFETY: shared access reads plain data and an atomic.
unsafe impl Sync for EntryBox {}

impl std::fmt::Debug for EntryBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl EntryBox {
    /// A new entry.
    #[inline]
    pub fn new(key: &[u8], mut value: Value<'_>, expire_at: Option<i64>, clock: u32) -> Self {
        Self(Raw::build(
            key,
            Repr::new(&mut value),
            expire_at,
            clock & CLOCK_MASK,
        ))
    }

    /// Views it.
    #[inline]
    pub fn view(&self) -> Entry<'_> {
        Entry(self.0, PhantomData)
    }

    /// Views it exclusively.
    pub fn view_mut(&mut self) -> EntryMut<'_> {
        EntryMut(self.0, PhantomData)
    }

    /// The same value and clock under another key or expiry.
    #[must_use]
    pub fn rebuilt(self, key: Option<&[u8]>, expire_at: Option<i64>) -> Self {
        let mark = self.view().expiry_mark();
        let entry = if self.view().is_pinned() {
            // The pins read the value where it is.
            self.copied()
        } else {
            self
        };
        // SAFETY: nobody else uses the entry. The value's ownership moves to the new entry; the
        // old allocation alone is freed, and `entry` is forgotten.
        let new = unsafe {
            let key = key.unwrap_or_else(|| entry.0.key());
            let new = Raw::build(key, entry.0.repr(), expire_at, entry.0.clock());
            entry.0.release();
            std::mem::forget(entry);
            Self(new)
        };
        new.view().set_expiry_mark(mark);
        new
    }

    /// A copy of all of it, not pinned.
    pub(crate) fn copied(&self) -> Self {
        let old = self.view();
        let new = Self::new(
            old.key(),
            old.value().to_owned(),
            old.expire_at(),
            old.clock(),
        );
        new.view().set_expiry_mark(old.expiry_mark());
        new
    }
}

impl Drop for EntryBox {
    #[inline]
    fn drop(&mut self) {
        if self.view().is_pinned() && pin::leave(self.view()) {
            return;
        }
        // SAFETY: owned; the kind and encoding say what the pointer leads to.
        unsafe {
            match (self.0.kind(), self.0.encoding()) {
                (Kind::String, HEAP) => self.0.held::<Box<HeapStr>>().drop_in_place(),
                (Kind::String, _) => {}
                (Kind::List, _) => self.0.held::<List>().drop_in_place(),
                (Kind::Set, _) => self.0.held::<Set>().drop_in_place(),
                (Kind::Zset, _) => self.0.held::<Zset>().drop_in_place(),
                (Kind::Hash, _) => self.0.held::<Hash>().drop_in_place(),
                (Kind::Stream, _) => self.0.held::<Stream>().drop_in_place(),
            }
            self.0.release();
        }
    }
}

// SAFETY: the pointer is the entry's own allocation (user space is below 2^48), the hash is that
// of the key alone under the process's hash key.
unsafe impl Item for EntryBox {
    type Ref<'a> = Entry<'a>;
    type Mut<'a> = EntryMut<'a>;

    // Header, a key of 16 bytes, a string of 32: nearly always on two cache lines.
    const BYTES_READ: usize = 56;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        let ptr = self.0.0;
        std::mem::forget(self);
        ptr
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        Self(Raw(ptr))
    }

    #[inline]
    unsafe fn view<'a>(ptr: NonNull<u8>) -> Entry<'a> {
        Entry(Raw(ptr), PhantomData)
    }

    #[inline]
    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> EntryMut<'a> {
        let entry = EntryMut(Raw(ptr), PhantomData);
        debug_assert!(!entry.view().is_pinned(), "pinned entries stay as they are");
        entry
    }

    #[inline]
    fn matches(item: Entry<'_>, key: &[u8]) -> bool {
        let own = item.key();
        let ends = |bytes: &[u8]| {
            let word = |chunk: &[u8; 8]| u64::from_ne_bytes(*chunk);
            Some((word(bytes.first_chunk()?), word(bytes.last_chunk()?)))
        };
        // Keys of 8 to 16 bytes are their two ends: compared without a call.
        match (ends(own), ends(key)) {
            (Some(ours), Some(theirs)) if own.len() == key.len() && key.len() <= 16 => {
                ours == theirs
            }
            _ => own == key,
        }
    }

    #[inline]
    fn hash(item: Entry<'_>) -> u64 {
        KeyHash::of(item.key()).0
    }
}
