//! Pins: what keeps an entry alive and unchanged without a lock.
//!
//! The byte of marks holds the number of pins, whether the entry's owner has left it to them,
//! whether somebody waits for their end, and a mark of the expiry index. Pins are added under the
//! shard's lock only, and released by anyone. Whoever wants to change an entry looks under that
//! lock whether it is pinned, and if so waits, or changes a copy; whoever drops a pinned entry
//! leaves it to its pins, and the last one frees it.
//!
//! A snapshot has [`Pins`], very many for a short time each; a long command has a [`Pin`] on each
//! key that it reads, and takes none on an entry that somebody waits to change: one reader after
//! the other would keep a writer waiting for ever.

use super::layout::Raw;
use super::{Entry, EntryBox};
use crate::free;
use crate::lock::Waker;
use crate::value::ValueRef;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
    fence,
};

const EXPIRY_MARK: u8 = 1;
/// The owner has dropped it.
const LEFT: u8 = 2;
/// Somebody waits until it is not pinned; set only while it is.
const AWAITED: u8 = 4;
const PIN: u8 = 8;
const PINS_MAX: u8 = 30;
/// Pins of long commands, at most, so that snapshots find room.
const READERS_MAX: u8 = 16;

/// Bytes of entries that live only because they are pinned.
static HELD: AtomicUsize = AtomicUsize::new(0);
/// The same of all that ever did.
static HELD_TOTAL: AtomicUsize = AtomicUsize::new(0);

/// Bytes, roughly, of entries that were changed or deleted and live on because they are pinned:
/// what a snapshot costs in memory at this moment.
pub fn held_bytes() -> usize {
    HELD.load(Relaxed)
}

/// The same, summed over all entries since the start, those that are gone included.
pub fn held_bytes_total() -> usize {
    HELD_TOTAL.load(Relaxed)
}

/// How many bytes may be held before writers wait rather than have more held.
static BUDGET: AtomicUsize = AtomicUsize::new(usize::MAX);
static IS_BUDGET_AWAITED: AtomicBool = AtomicBool::new(false);
static BUDGET_WAITERS: Mutex<Vec<Arc<dyn Waker>>> = Mutex::new(Vec::new());

/// Sets how much memory a snapshot may cost: beyond it, whoever would change or remove a pinned
/// entry should rather wait ([`wait_for_budget`]).
pub fn set_held_budget(bytes: usize) {
    BUDGET.store(bytes, SeqCst);
    wake_for_budget();
}

/// Whether more is held than may be.
#[inline]
pub fn is_over_held_budget() -> bool {
    HELD.load(SeqCst) > BUDGET.load(Relaxed)
}

/// Registers a waker that is called once, when enough of what is held has been freed; look again
/// at [`is_over_held_budget`] after this.
pub fn wait_for_budget(waker: Arc<dyn Waker>) {
    BUDGET_WAITERS.lock().push(waker);
    IS_BUDGET_AWAITED.store(true, SeqCst);
}

/// Wakes those who wait if an eighth of the budget is free: not for each entry anew.
fn wake_for_budget() {
    let budget = BUDGET.load(Relaxed);
    if IS_BUDGET_AWAITED.load(SeqCst) && HELD.load(SeqCst) <= budget - budget / 8 {
        IS_BUDGET_AWAITED.store(false, SeqCst);
        let waiters = std::mem::take(&mut *BUDGET_WAITERS.lock());
        waiters.iter().for_each(|waker| waker.wake());
    }
}

/// Pins, of all keyspaces; a cut that goes on counts as one.
static PINS: AtomicUsize = AtomicUsize::new(0);
static HAS_WAITERS: AtomicBool = AtomicBool::new(false);
static WAITERS: Mutex<Vec<Arc<dyn Waker>>> = Mutex::new(Vec::new());

/// Whether any entry may be pinned, or be so as soon as it is changed. Right for the entries of a
/// shard whose lock is held.
#[inline]
pub fn pins_are_there() -> bool {
    PINS.load(Relaxed) != 0
}

/// Counts a cut that begins or ends.
pub(crate) fn count_cut(begins: bool) {
    if begins {
        PINS.fetch_add(1, Relaxed);
    } else {
        unpinned(1);
    }
}

/// That many pins are gone.
fn unpinned(count: usize) {
    // Who registered and then did not have to wait is not to be left behind.
    if PINS.fetch_sub(count, Relaxed) == count && HAS_WAITERS.load(SeqCst) {
        wake_waiters();
    }
}

/// Counts someone who begins or ends to hold entries by other means than pins, so that
/// [`pins_are_there`] says that it may be.
pub fn count_holder(begins: bool) {
    count_cut(begins);
}

/// Registers a waker that is called once, when next an entry that was found to be held
/// ([`crate::Db::is_held`]) is no longer pinned; look again whether it still is after this.
pub fn wait_for_pins(waker: Arc<dyn Waker>) {
    WAITERS.lock().push(waker);
    HAS_WAITERS.store(true, SeqCst);
    fence(SeqCst);
}

/// Whether anybody waits for pins to be let go of.
#[inline]
pub fn is_snapshot_awaited() -> bool {
    HAS_WAITERS.load(Relaxed) || IS_BUDGET_AWAITED.load(Relaxed)
}

#[cold]
fn wake_waiters() {
    HAS_WAITERS.store(false, SeqCst);
    let waiters = std::mem::take(&mut *WAITERS.lock());
    waiters.iter().for_each(|waker| waker.wake());
}

/// Pinned entries: readable without a lock.
///
/// A cut may hold a great many, so each takes four bytes where that is possible: its distance from
/// the lowest of them. One after the other is given out and let go of.
pub struct Pins {
    distances: Distances,
    base: usize,
    /// How many were let go of.
    done: usize,
}

/// How far entries are from the lowest: in steps of eight bytes, which is their alignment.
enum Distances {
    Near(Box<[u32]>),
    Far(Box<[usize]>),
}

const STEP: usize = 8;

// SAFETY: a pinned entry is not changed (but for atomics), and may be freed on any thread.
unsafe impl Send for Pins {}
// SAFETY: as above.
unsafe impl Sync for Pins {}

impl Pins {
    fn new(entries: &[usize]) -> Self {
        let base = entries.iter().copied().min().unwrap_or(0);
        let near = |at: &usize| u32::try_from((at - base) / STEP);
        let distances = match entries.iter().map(near).collect() {
            Ok(near) => Distances::Near(near),
            Err(_) => Distances::Far(entries.iter().map(|at| (at - base) / STEP).collect()),
        };
        PINS.fetch_add(entries.len(), Relaxed);
        Self {
            distances,
            base,
            done: 0,
        }
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        let all = match &self.distances {
            Distances::Near(distances) => distances.len(),
            Distances::Far(distances) => distances.len(),
        };
        all - self.done
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for each entry until it fails. Each is let go of after its visit, the others
    /// when this is dropped.
    ///
    /// # Errors
    /// What `visit` failed with.
    pub fn visit<E>(mut self, mut visit: impl FnMut(Entry<'_>) -> Result<(), E>) -> Result<(), E> {
        while !self.is_empty() {
            let result = visit(Entry(self.next(), PhantomData));
            self.release();
            result?;
        }
        Ok(())
    }

    fn next(&self) -> Raw {
        let distance = match &self.distances {
            Distances::Near(distances) => distances[self.done] as usize,
            Distances::Far(distances) => distances[self.done],
        };
        let at = std::ptr::with_exposed_provenance_mut(self.base + distance * STEP);
        Raw(NonNull::new(at).expect("entries are not at 0"))
    }

    /// Lets go of the next entry.
    fn release(&mut self) {
        let entry = self.next();
        self.done += 1;
        // SAFETY: the pin has kept the entry alive.
        if let Some((entry, size)) = unsafe { release(entry) } {
            drop(entry);
            HELD.fetch_sub(size, SeqCst);
            wake_for_budget();
        }
    }
}

/// Lets go of a pin; if it was the last of an entry that its owner gave up, that is the caller's
/// now, with the bytes that are no longer held once it is freed.
///
/// # Safety
/// The pin is one that was taken, and is let go of once.
unsafe fn release(entry: Raw) -> Option<(EntryBox, usize)> {
    // SAFETY: the pin has kept the entry alive.
    let marks = unsafe { entry.marks() };
    let without = |old: u8| match old - PIN {
        rest if rest < PIN => rest & !AWAITED,
        rest => rest,
    };
    // SeqCst: either the waiter sees that the pin is gone, or this sees the waiter.
    let old = marks.fetch_update(SeqCst, Relaxed, |old| Some(without(old)));
    let old = old.unwrap_or_else(|old| old);
    let was_last = old < 2 * PIN;
    let given_up = (was_last && old & LEFT != 0).then(|| {
        marks.store(0, Relaxed);
        // Its owner gave it up, and this was the last pin: nobody else knows it.
        let entry = EntryBox(entry);
        let size = entry.view().held_size();
        (entry, size)
    });
    if was_last && old & AWAITED != 0 {
        wake_waiters();
    }
    given_up
}

/// One pinned entry, readable without a lock while this lives: what a long command reads.
pub struct Pin(Raw);

// SAFETY: as `Pins`.
unsafe impl Send for Pin {}
// SAFETY: as `Pins`.
unsafe impl Sync for Pin {}

impl Pin {
    /// Pins an entry, whose shard must be locked; `None` if it must not be: somebody waits to
    /// change it, or there are too many pins.
    pub(crate) fn new(entry: Entry<'_>) -> Option<Self> {
        // SAFETY: the entry is alive; the byte is atomic.
        let marks = unsafe { entry.0.marks() }.load(SeqCst);
        if marks & AWAITED != 0 || marks >= READERS_MAX * PIN {
            return None;
        }
        entry.pin();
        PINS.fetch_add(1, Relaxed);
        Some(Self(entry.0))
    }

    /// What is pinned.
    #[inline]
    pub fn entry(&self) -> Entry<'_> {
        Entry(self.0, PhantomData)
    }

    /// Whether this is the very entry, and so unchanged since it was pinned.
    pub fn is(&self, entry: Entry<'_>) -> bool {
        self.0.0 == entry.0.0
    }
}

impl Drop for Pin {
    /// What was given up meanwhile is freed in the background if that takes long.
    fn drop(&mut self) {
        // SAFETY: it is this pin's end.
        if let Some((entry, size)) = unsafe { release(self.0) } {
            free::entry(entry);
            HELD.fetch_sub(size, SeqCst);
            wake_for_budget();
        }
        unpinned(1);
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let all = self.done + self.len();
        while !self.is_empty() {
            self.release();
        }
        // Not before: `pins_are_there` may say yes for too long, but not for too short a time.
        if all > 0 {
            unpinned(all);
        }
    }
}

impl Entry<'_> {
    /// See [`pin_all`].
    #[inline]
    fn pin(&self) -> usize {
        // SAFETY: the entry is alive; the byte is atomic.
        let marks = unsafe { self.0.marks() };
        let old = marks.load(Relaxed);
        assert!(old < PINS_MAX * PIN, "at most one pin of each cut");
        if old < PIN {
            // Nobody else writes the marks of an entry that is not pinned.
            marks.store(old + PIN, Relaxed);
        } else {
            marks.fetch_add(PIN, Relaxed);
        }
        self.0.0.as_ptr().expose_provenance()
    }

    /// How many pins it has (DEBUG, tests).
    pub fn pin_count(&self) -> usize {
        // SAFETY: as `pin`.
        usize::from(unsafe { self.0.marks() }.load(Acquire) / PIN)
    }

    /// Whether it is pinned: then it must not change.
    #[inline]
    pub fn is_pinned(&self) -> bool {
        // SAFETY: as `pin`. Acquire: what the pins read happened before.
        unsafe { self.0.marks() }.load(Acquire) >= PIN
    }

    /// Whether it is pinned, after noting that somebody waits for the end of that.
    pub(crate) fn await_pins(&self) -> bool {
        // SAFETY: as `pin`.
        let marks = unsafe { self.0.marks() };
        // Not of one that is not pinned any more: nobody would take the mark away.
        let mark = |old: u8| (old >= PIN).then_some(old | AWAITED);
        marks.fetch_update(SeqCst, SeqCst, mark).is_ok()
    }

    /// Which generation of the expiry index has a record of this key.
    pub(crate) fn expiry_mark(&self) -> bool {
        // SAFETY: as `pin`.
        unsafe { self.0.marks() }.load(Relaxed) & EXPIRY_MARK != 0
    }

    /// Sets that mark. Its shard must be locked.
    pub(crate) fn set_expiry_mark(&self, mark: bool) {
        // SAFETY: as `pin`.
        let marks = unsafe { self.0.marks() };
        let old = marks.load(Relaxed);
        if (old & EXPIRY_MARK != 0) == mark {
            return;
        }
        if old < PIN {
            // Nobody else writes the marks of an entry that is not pinned.
            marks.store(old ^ EXPIRY_MARK, Relaxed);
        } else {
            marks.fetch_xor(EXPIRY_MARK, Relaxed);
        }
    }

    /// What [`held_bytes`] counts for this entry: cheap, and the same at both ends.
    fn held_size(&self) -> usize {
        match self.value() {
            // Its nodes would have to be added up.
            ValueRef::Stream(_) => self.own_size(),
            _ => self.memory(1),
        }
    }
}

/// Pins entries. Their shard must be locked.
pub(crate) fn pin_all<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Pins {
    let entries: SmallVec<[usize; 512]> = entries.map(|entry| entry.pin()).collect();
    Pins::new(&entries)
}

/// The owner of a pinned entry gives it up; false if the last pin was released meanwhile, and the
/// entry is the owner's still.
#[cold]
pub(super) fn leave(entry: Entry<'_>) -> bool {
    let size = entry.held_size();
    HELD.fetch_add(size, SeqCst);
    // SAFETY: the owner's reference is alive.
    let left = unsafe { entry.0.marks() }.fetch_or(LEFT, AcqRel) >= PIN;
    if !left {
        HELD.fetch_sub(size, SeqCst);
        wake_for_budget();
    } else {
        HELD_TOTAL.fetch_add(size, Relaxed);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{StrValue, Value};
    use std::sync::atomic::AtomicU32;

    /// Strings in the entry and behind it, an integer, a set.
    fn entries() -> Vec<EntryBox> {
        let set = {
            let limits = datatypes::set::SetLimits::default();
            let mut set = datatypes::Set::with_hint(b"member", 1, &limits);
            assert!((0..40u8).all(|i| set.add(&[b'm', i], &limits)));
            set
        };
        vec![
            EntryBox::new(b"short", Value::plain(b"in place"), None, 1),
            EntryBox::new(b"long", Value::plain(&[b'x'; 5000]), Some(77), 2),
            EntryBox::new(b"int", Value::Str(StrValue::Int(42)), None, 3),
            EntryBox::new(b"set", Value::Set(set), None, 4),
        ]
    }

    fn pinned(entries: &[EntryBox]) -> Pins {
        pin_all(entries.iter().map(EntryBox::view))
    }

    /// Reads all of what was pinned.
    fn text(entry: Entry<'_>) -> String {
        let value = match entry.value() {
            ValueRef::Str(text) => text.to_vec().escape_ascii().to_string(),
            ValueRef::Set(set) => {
                let mut len = 0;
                set.for_each(|member| len += format!("{member:?}").len());
                format!("{len} bytes in {} members", set.len())
            }
            other => format!("{other:?}"),
        };
        format!("{}={value}", entry.key().escape_ascii())
    }

    fn texts(pins: Pins) -> Vec<String> {
        let mut texts = Vec::new();
        let visited: Result<(), ()> = pins.visit(|entry| {
            texts.push(text(entry));
            Ok(())
        });
        assert!(visited.is_ok());
        texts
    }

    #[derive(Default)]
    struct Counting(AtomicU32);

    impl Waker for Counting {
        fn wake(&self) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// The tests here look at counters of the process.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn entries_live_until_owner_and_pins_have_let_go() {
        let _alone = ALONE.lock();
        let expected: Vec<_> = entries().iter().map(|entry| text(entry.view())).collect();
        for far in [false, true] {
            for owner_first in [false, true] {
                let boxes = entries();
                let mut pins = pinned(&boxes);
                if let (true, Distances::Near(near)) = (far, &pins.distances) {
                    let far = near.iter().map(|&distance| distance as usize);
                    pins.distances = Distances::Far(far.collect());
                }
                assert!(boxes.iter().all(|entry| entry.view().is_pinned()));
                assert!(pins_are_there());
                if owner_first {
                    drop(boxes);
                    assert!(held_bytes() > 5000);
                    assert_eq!(texts(pins), expected);
                } else {
                    assert_eq!(texts(pins), expected);
                    assert!(!boxes.iter().any(|entry| entry.view().is_pinned()));
                }
                assert_eq!(held_bytes(), 0);
            }
        }
    }

    #[test]
    fn what_is_not_visited_is_let_go_of_too() {
        let _alone = ALONE.lock();
        let boxes = entries();
        let pins = pinned(&boxes);
        let mut visits = 0;
        let result = pins.visit(|_| {
            visits += 1;
            if visits == 2 { Err("stop") } else { Ok(()) }
        });
        assert_eq!((result, visits), (Err("stop"), 2));
        assert!(!boxes.iter().any(|entry| entry.view().is_pinned()));
        drop(pinned(&boxes));
        assert!(!boxes.iter().any(|entry| entry.view().is_pinned()));
    }

    #[test]
    fn a_copy_of_a_pinned_entry_is_its_own() {
        let _alone = ALONE.lock();
        for old in entries() {
            old.view().set_expiry_mark(true);
            let before = text(old.view());
            let pins = pinned(std::slice::from_ref(&old));
            let copy = old.copied();
            assert!(!copy.view().is_pinned() && copy.view().expiry_mark());
            drop(old);
            let renamed = copy.rebuilt(None, Some(9));
            assert_eq!(renamed.view().expire_at(), Some(9));
            assert_eq!(text(renamed.view()), before);
            assert_eq!(texts(pins), [before]);
        }
    }

    /// Owner and pins let go at the same time, on two threads: the entry is freed once.
    #[test]
    fn the_last_to_let_go_frees() {
        let _alone = ALONE.lock();
        for _ in 0..if cfg!(miri) { 10 } else { 2000 } {
            let boxes = entries();
            let (first, second) = (pinned(&boxes), pinned(&boxes));
            std::thread::scope(|scope| {
                scope.spawn(move || drop(boxes));
                scope.spawn(move || assert_eq!(texts(first).len(), 4));
                assert_eq!(texts(second).len(), 4);
            });
            assert_eq!(held_bytes(), 0);
        }
    }

    #[test]
    fn who_waits_for_a_pin_is_woken_once() {
        let _alone = ALONE.lock();
        let boxes = entries();
        let pins = pinned(&boxes);
        let waker = Arc::new(Counting::default());
        assert!(!is_snapshot_awaited());
        wait_for_pins(waker.clone());
        assert!(is_snapshot_awaited());
        assert!(boxes[3].view().await_pins());
        drop(pins);
        assert!(!boxes[3].view().await_pins());
        assert!(!is_snapshot_awaited());
        assert_eq!(waker.0.load(SeqCst), 1);
        drop(pinned(&boxes));
        assert_eq!(waker.0.load(SeqCst), 1);
    }

    #[test]
    fn a_reader_does_not_pin_what_somebody_waits_to_change() {
        let _alone = ALONE.lock();
        let boxes = entries();
        let entry = boxes[3].view();
        let first = Pin::new(entry).unwrap();
        let second = Pin::new(entry).unwrap();
        assert!(first.is(entry) && !first.is(boxes[0].view()));
        assert!(entry.await_pins());
        let waker = Arc::new(Counting::default());
        wait_for_pins(waker.clone());
        drop(first);
        assert!(Pin::new(entry).is_none());
        assert_eq!(waker.0.load(SeqCst), 0);
        // A snapshot may.
        drop((second, pinned(&boxes)));
        assert_eq!(waker.0.load(SeqCst), 1);
        assert!(Pin::new(entry).is_some());
        assert!(!entry.is_pinned() && !entry.await_pins());
    }

    #[test]
    fn what_a_reader_pins_lives_on_without_its_owner() {
        let _alone = ALONE.lock();
        let boxes = entries();
        let expected: Vec<_> = boxes.iter().map(|entry| text(entry.view())).collect();
        let pins: Vec<_> = boxes.iter().map(|entry| Pin::new(entry.view())).collect();
        let others = pinned(&boxes);
        drop(boxes);
        assert!(held_bytes() > 5000);
        assert_eq!(texts(others), expected);
        let read: Vec<_> = pins.iter().flatten().map(|pin| text(pin.entry())).collect();
        assert_eq!(read, expected);
        drop(pins);
        assert_eq!(held_bytes(), 0);
    }

    #[test]
    fn readers_leave_room_for_snapshots() {
        let _alone = ALONE.lock();
        let boxes = entries();
        let pins: Vec<_> = std::iter::from_fn(|| Pin::new(boxes[0].view())).collect();
        assert_eq!(pins.len(), usize::from(READERS_MAX));
        drop((pinned(&boxes), pinned(&boxes)));
        drop(pins);
        assert!(!boxes[0].view().is_pinned());
    }

    #[test]
    fn who_waits_for_the_budget_is_woken_when_there_is_room() {
        let _alone = ALONE.lock();
        let boxes: Vec<_> = (0..10u8)
            .map(|i| EntryBox::new(&[i], Value::plain(&[i; 5000]), None, 0))
            .collect();
        let pins = pinned(&boxes);
        set_held_budget(40_000);
        assert!(!is_over_held_budget());
        drop(boxes);
        assert!(is_over_held_budget());
        let waker = Arc::new(Counting::default());
        wait_for_budget(waker.clone());
        let mut visits = 0;
        let result: Result<(), ()> = pins.visit(|_| {
            // Seven of the ten are an eighth less than the budget.
            assert_eq!(waker.0.load(SeqCst), u32::from(visits > 3));
            visits += 1;
            Ok(())
        });
        assert!(result.is_ok() && !is_over_held_budget());
        assert_eq!(waker.0.load(SeqCst), 1);
        set_held_budget(usize::MAX);
    }
}
