//! The bytes of an entry: one allocation behind a thin pointer.
//!
//! ```text
//! 0  u32  meta (8 bits) | key length (8) | length of a string held in place (16)
//! 4  u16  access clock, low part; u8 high part: atomics, reads touch them
//! 7  u8   marks, atomic: see [`super::pin`]
//! 8  i64  expiry in Unix ms          if EXPIRY
//!    u64  integer, or pointer        if WORD
//!    u32  key length                 if WIDE (keys over 255 bytes)
//!    key, then the string in place
//! ```
//! The size is rounded up to the allocator's class, so that a value of about the same length
//! overwrites the old one in place.

use super::heap::HeapStr;
use crate::value::{EMBSTR_MAX, Kind, StrRef, StrValue, Value};
use datatypes::size_class;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering::Relaxed};

const KIND: u8 = 0b111;
pub(super) const EXPIRY: u8 = 8;
pub(super) const WORD: u8 = 16;
const WIDE: u8 = 32;
const ENC_SHIFT: u32 = 6;
pub(super) const INT: u8 = 0;
pub(super) const EMBSTR: u8 = 1;
pub(super) const RAW: u8 = 2;
pub(super) const HEAP: u8 = 3;
const HEADER: usize = 8;

/// Longest string held in its entry. Above, the pointer and the buffer's header weigh under 5%,
/// and an entry whose key is renamed or given an expiry would copy more than it saves.
pub(super) const IN_PLACE_MAX: usize = 1024;

/// A value in the form in which an entry holds it.
#[derive(Clone, Copy)]
pub(super) enum Repr<'a> {
    Int(i64),
    InPlace(u8, &'a [u8]),
    /// Kind, encoding (of a string: `HEAP`), and the value itself, which is one pointer.
    Word(Kind, u8, *mut u8),
}

/// The one pointer that a value consists of; the value is not dropped.
fn word_of<T>(value: T) -> *mut u8 {
    const { assert!(size_of::<T>() == 8 && align_of::<T>() == 8) };
    let value = std::mem::ManuallyDrop::new(value);
    // SAFETY: same size and alignment; the types passed are one pointer each.
    unsafe { (&raw const value).cast::<*mut u8>().read() }
}

impl<'a> Repr<'a> {
    /// Boxes what must be boxed; the caller then owns it through the pointer.
    #[inline]
    pub(super) fn new(value: &'a mut Value<'_>) -> Self {
        let Value::Str(string) = value else {
            return Self::collection(value);
        };
        match string {
            StrValue::Int(n) => Self::Int(*n),
            StrValue::Plain(b) if b.len() <= EMBSTR_MAX => Self::InPlace(EMBSTR, b),
            StrValue::Plain(b) | StrValue::Raw(b) if b.len() <= IN_PLACE_MAX => {
                Self::InPlace(RAW, b)
            }
            StrValue::Buffer(b, raw) => {
                if b.len() > IN_PLACE_MAX {
                    return Self::heap(HeapStr::Buffer(std::mem::take(b)));
                }
                let short = b.len() <= EMBSTR_MAX && !*raw;
                Self::InPlace(if short { EMBSTR } else { RAW }, b)
            }
            StrValue::Plain(b) | StrValue::Raw(b) => Self::heap(HeapStr::Buffer(b.to_vec())),
            StrValue::Shared(b) => Self::heap(HeapStr::Shared(std::mem::take(b))),
        }
    }

    fn heap(string: HeapStr) -> Self {
        Self::Word(Kind::String, HEAP, word_of(Box::new(string)))
    }

    fn collection(value: &mut Value<'_>) -> Self {
        match std::mem::replace(value, Value::int(0)) {
            Value::Str(_) => Self::Int(0), // Not reached: strings are seen to in `new`.
            Value::List(v) => Self::Word(Kind::List, 0, word_of(v)),
            Value::Set(v) => Self::Word(Kind::Set, 0, word_of(v)),
            Value::Zset(v) => Self::Word(Kind::Zset, 0, word_of(v)),
            Value::Hash(v) => Self::Word(Kind::Hash, 0, word_of(v)),
            Value::Stream(v) => Self::Word(Kind::Stream, 0, word_of(v)),
        }
    }

    fn meta(self) -> u8 {
        match self {
            Self::Int(_) => WORD,
            Self::InPlace(enc, _) => enc << ENC_SHIFT,
            Self::Word(kind, enc, _) => kind as u8 | WORD | enc << ENC_SHIFT,
        }
    }

    fn in_place(self) -> &'a [u8] {
        if let Self::InPlace(_, b) = self {
            b
        } else {
            &[]
        }
    }
}

/// A pointer to an entry's bytes. Copyable: who may use it is decided by the types around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw(pub(super) NonNull<u8>);

fn layout_of(size: usize) -> Layout {
    Layout::from_size_align(size_class(size), 8).expect("keys are below 4 GB")
}

/// The functions that read are sound on a live entry that nobody changes meanwhile; those that
/// write, if nobody else uses it. The callers in this module tree see to that.
#[allow(
    clippy::missing_safety_doc,
    reason = "one contract for all, stated above"
)]
impl Raw {
    #[inline]
    unsafe fn head(self) -> u32 {
        // SAFETY: every entry begins with an aligned u32.
        unsafe { self.0.cast::<u32>().read() }
    }

    #[inline]
    pub(super) unsafe fn meta(self) -> u8 {
        // SAFETY: as `head`.
        unsafe { self.head() as u8 }
    }

    #[inline]
    unsafe fn clock_parts<'a>(self) -> (&'a AtomicU16, &'a AtomicU8) {
        // SAFETY: these bytes are only ever used as these atomics once the entry is built.
        unsafe {
            (
                self.0.add(4).cast::<AtomicU16>().as_ref(),
                self.0.add(6).cast::<AtomicU8>().as_ref(),
            )
        }
    }

    /// The access clock: 24 bits.
    #[inline]
    pub(super) unsafe fn clock(self) -> u32 {
        // SAFETY: as `clock_parts`.
        let (low, high) = unsafe { self.clock_parts() };
        u32::from(low.load(Relaxed)) | u32::from(high.load(Relaxed)) << 16
    }

    /// Sets the access clock; writes only what changes.
    #[inline]
    pub(super) unsafe fn set_clock(self, clock: u32) {
        // SAFETY: as `clock_parts`.
        let (low, high) = unsafe { self.clock_parts() };
        if low.load(Relaxed) != clock as u16 {
            low.store(clock as u16, Relaxed);
        }
        if high.load(Relaxed) != (clock >> 16) as u8 {
            high.store((clock >> 16) as u8, Relaxed);
        }
    }

    /// The marks: see [`super::pin`].
    #[inline]
    pub(super) unsafe fn marks<'a>(self) -> &'a AtomicU8 {
        // SAFETY: this byte is only ever used as an atomic once the entry is built.
        unsafe { self.0.add(7).cast::<AtomicU8>().as_ref() }
    }

    #[inline]
    pub(super) unsafe fn encoding(self) -> u8 {
        // SAFETY: as `head`.
        unsafe { self.meta() >> ENC_SHIFT }
    }

    #[inline]
    pub(super) unsafe fn kind(self) -> Kind {
        // SAFETY: as `head`.
        match unsafe { self.meta() } & KIND {
            0 => Kind::String,
            1 => Kind::List,
            2 => Kind::Set,
            3 => Kind::Zset,
            4 => Kind::Hash,
            _ => Kind::Stream,
        }
    }

    #[inline]
    fn word_offset(meta: u8) -> usize {
        HEADER + usize::from(meta & EXPIRY)
    }

    #[inline]
    fn key_offset(meta: u8) -> usize {
        Self::word_offset(meta) + usize::from((meta & WORD) >> 1) + usize::from((meta & WIDE) >> 3)
    }

    #[inline]
    pub(super) unsafe fn key<'a>(self) -> &'a [u8] {
        // SAFETY: the header says where the key is and how long.
        unsafe {
            let head = self.head();
            let meta = head as u8;
            let key = self.0.add(Self::key_offset(meta));
            let len = if meta & WIDE == 0 {
                (head >> 8 & 0xff) as usize
            } else {
                key.sub(4).cast::<u32>().read() as usize
            };
            std::slice::from_raw_parts(key.as_ptr(), len)
        }
    }

    /// Where the string in place is, and its length (0 when the value is elsewhere).
    #[inline]
    pub(super) unsafe fn in_place(self) -> (NonNull<u8>, usize) {
        // SAFETY: the string begins behind the key.
        unsafe {
            let key = self.key();
            let start = self.0.add(Self::key_offset(self.meta()) + key.len());
            (start, (self.head() >> 16) as usize)
        }
    }

    #[inline]
    unsafe fn word<T>(self) -> *mut T {
        // SAFETY: the header says where the word is.
        unsafe { self.0.add(Self::word_offset(self.meta())).as_ptr().cast() }
    }

    #[inline]
    pub(super) unsafe fn int(self) -> i64 {
        // SAFETY: the caller has seen encoding INT.
        unsafe { self.word::<i64>().read() }
    }

    pub(super) unsafe fn set_int(self, n: i64) {
        // SAFETY: the caller has seen encoding INT.
        unsafe { self.word::<i64>().write(n) }
    }

    /// The value that the word is: a collection, or the box of a long string.
    #[inline]
    pub(super) unsafe fn held<T>(self) -> *mut T {
        // SAFETY: the caller has seen that the word is a `T`.
        unsafe { self.word::<T>() }
    }

    #[inline]
    pub(super) unsafe fn str_value<'a>(self) -> StrRef<'a> {
        // SAFETY: the caller has seen a string; the encoding says where it is.
        unsafe {
            match self.encoding() {
                INT => StrRef::Int(self.int()),
                HEAP => StrRef::Raw((*self.held::<Box<HeapStr>>()).as_slice()),
                encoding => {
                    let (start, len) = self.in_place();
                    let bytes = std::slice::from_raw_parts(start.as_ptr(), len);
                    if encoding == EMBSTR {
                        StrRef::Embstr(bytes)
                    } else {
                        StrRef::Raw(bytes)
                    }
                }
            }
        }
    }

    #[inline]
    pub(super) unsafe fn expiry(self) -> Option<i64> {
        // SAFETY: the flag says whether the field is there.
        unsafe { (self.meta() & EXPIRY != 0).then(|| self.0.add(HEADER).cast::<i64>().read()) }
    }

    pub(super) unsafe fn set_expiry(self, at_ms: i64) {
        // SAFETY: the caller has seen EXPIRY.
        unsafe { self.0.add(HEADER).cast::<i64>().write(at_ms) }
    }

    /// The value in the form for another entry; ownership of a box goes with it.
    #[inline]
    pub(super) unsafe fn repr<'a>(self) -> Repr<'a> {
        // SAFETY: as the readers above.
        unsafe {
            let (kind, encoding) = (self.kind(), self.encoding());
            if kind != Kind::String || encoding == HEAP {
                return Repr::Word(kind, encoding, self.held::<*mut u8>().read());
            }
            if encoding == INT {
                return Repr::Int(self.int());
            }
            let (start, len) = self.in_place();
            Repr::InPlace(encoding, std::slice::from_raw_parts(start.as_ptr(), len))
        }
    }

    fn size_for(key: usize, repr: Repr<'_>, expiry: bool) -> usize {
        let meta = repr.meta() | if expiry { EXPIRY } else { 0 } | if key > 255 { WIDE } else { 0 };
        Self::key_offset(meta) + key + repr.in_place().len()
    }

    /// Size of the allocation, before rounding.
    #[inline]
    pub(super) unsafe fn size(self) -> usize {
        // SAFETY: as the readers above.
        unsafe {
            let (start, len) = self.in_place();
            start.offset_from(self.0) as usize + len
        }
    }

    /// Writes over the value where the new one has the same form and rounded size.
    #[inline]
    pub(super) unsafe fn overwrite(self, repr: Repr<'_>) -> bool {
        // SAFETY: exclusive by the contract; sizes are compared first.
        unsafe {
            match (repr, self.kind(), self.encoding()) {
                (Repr::Int(n), Kind::String, INT) => {
                    self.set_int(n);
                    true
                }
                (Repr::InPlace(encoding, new), Kind::String, EMBSTR | RAW) => {
                    let (start, old) = self.in_place();
                    let fixed = start.offset_from(self.0) as usize;
                    if size_class(fixed + old) != size_class(fixed + new.len()) {
                        return false;
                    }
                    start
                        .as_ptr()
                        .copy_from_nonoverlapping(new.as_ptr(), new.len());
                    let kept = self.head() & 0xff3f;
                    let head = kept | u32::from(encoding) << ENC_SHIFT | (new.len() as u32) << 16;
                    self.0.cast::<u32>().write(head);
                    true
                }
                _ => false,
            }
        }
    }

    /// [`Self::overwrite`] of a short string without expiry by another.
    #[inline]
    pub(super) unsafe fn overwrite_short(self, new: &[u8]) -> bool {
        // SAFETY: exclusive by the contract; what is there and sizes are looked at first.
        unsafe {
            let head = self.head();
            let plain = head as u8 & (KIND | EXPIRY | WORD | WIDE) == 0;
            let fixed = HEADER + (head >> 8 & 0xff) as usize;
            let old = (head >> 16) as usize;
            if !plain || size_class(fixed + old) != size_class(fixed + new.len()) {
                return false;
            }
            let value = self.0.add(fixed).as_ptr();
            value.copy_from_nonoverlapping(new.as_ptr(), new.len());
            let kept = head & 0xff3f;
            let head = kept | u32::from(EMBSTR) << ENC_SHIFT | (new.len() as u32) << 16;
            self.0.cast::<u32>().write(head);
            true
        }
    }

    /// A new entry, without marks.
    #[inline]
    pub(super) fn build(key: &[u8], repr: Repr<'_>, expiry: Option<i64>, clock: u32) -> Self {
        let wide = key.len() > 255;
        let meta =
            repr.meta() | if expiry.is_some() { EXPIRY } else { 0 } | if wide { WIDE } else { 0 };
        let bytes = repr.in_place();
        let layout = layout_of(Self::size_for(key.len(), repr, expiry.is_some()));
        let klen = if wide { 0 } else { key.len() as u32 };
        let head = u32::from(meta) | klen << 8 | (bytes.len() as u32) << 16;
        // SAFETY: the layout is not empty and has room for each part written, as `size_for`
        // computed it; offsets of words are multiples of 8, of the wide length of 4.
        unsafe {
            let Some(p) = NonNull::new(alloc(layout)) else {
                handle_alloc_error(layout)
            };
            p.cast::<u32>().write(head);
            let clock = [clock as u8, (clock >> 8) as u8, (clock >> 16) as u8, 0];
            p.add(4)
                .cast::<u16>()
                .write(u16::from_le_bytes([clock[0], clock[1]]));
            p.add(6).cast::<[u8; 2]>().write([clock[2], clock[3]]);
            if let Some(at) = expiry {
                p.add(HEADER).cast::<i64>().write(at);
            }
            let word = p.add(Self::word_offset(meta));
            match repr {
                Repr::Int(n) => word.cast::<i64>().write(n),
                Repr::Word(_, _, held) => word.cast::<*mut u8>().write(held),
                Repr::InPlace(..) => {}
            }
            let start = p.add(Self::key_offset(meta));
            if wide {
                start.sub(4).cast::<u32>().write(key.len() as u32);
            }
            start
                .as_ptr()
                .copy_from_nonoverlapping(key.as_ptr(), key.len());
            let value = start.add(key.len()).as_ptr();
            value.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Self(p)
        }
    }

    /// Frees the entry's allocation, not what its pointer leads to.
    #[inline]
    pub(super) unsafe fn release(self) {
        // SAFETY: allocated in `build` with this size; nobody uses it after.
        unsafe { dealloc(self.0.as_ptr(), layout_of(self.size())) }
    }
}
