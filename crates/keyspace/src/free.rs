//! Freeing what is large elsewhere: one background thread for the process.
//!
//! A worker that drops a value of many allocations, or a whole table, would stall every client
//! of that shard; it sends it here. Small values are dropped on the spot. The thread gives way to
//! the workers while it frees (`common::priority`): millions of allocations take a second.

use crate::entry::EntryBox;
use common::priority::{self, Background, Rank};
use datatypes::table::Table;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

/// Values of more allocations than this are freed in the background.
pub const EFFORT_MAX: usize = 64;
/// One of so many parts of a processor is for the thread, at least.
const PART: u64 = 10;

/// What is only there to be dropped.
#[allow(dead_code, reason = "it is there to be dropped")]
enum Garbage {
    Entry(EntryBox),
    Table(Box<Table<EntryBox>>),
}

static PENDING: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);
static SENDER: LazyLock<Option<Sender<(Garbage, usize)>>> = LazyLock::new(|| {
    let (sender, receiver) = channel::<(Garbage, usize)>();
    let spawned = std::thread::Builder::new()
        .name("lazyfree".into())
        .spawn(move || {
            let background = Background::new(Rank::Lower, PART);
            // Waiting for more takes a lock for a moment, and so is not done aside.
            while let Ok(first) = receiver.recv() {
                background.aside(|| {
                    std::iter::once(first)
                        .chain(receiver.try_iter())
                        .for_each(free);
                });
            }
        });
    spawned.is_ok().then_some(sender)
});

fn free((garbage, objects): (Garbage, usize)) {
    drop(garbage);
    PENDING.fetch_sub(objects, Relaxed);
    FREED.fetch_add(objects, Relaxed);
    priority::relax();
}

fn send(garbage: Garbage, objects: usize) {
    PENDING.fetch_add(objects, Relaxed);
    let refused = match &*SENDER {
        Some(sender) => sender.send((garbage, objects)).is_err(),
        None => true, // No thread: what was not sent has been dropped here.
    };
    if refused {
        PENDING.fetch_sub(objects, Relaxed);
        FREED.fetch_add(objects, Relaxed);
    }
}

/// Drops an entry here if that is cheap, else in the background.
#[inline]
pub fn entry(entry: EntryBox) {
    if entry.view().allocations() > EFFORT_MAX {
        send(Garbage::Entry(entry), 1);
    }
}

/// Drops a table: in the background, or here if `sync` asks for that or it is small.
pub fn table(table: Table<EntryBox>, sync: bool) {
    let len = table.len();
    if !sync && len > EFFORT_MAX {
        send(Garbage::Table(Box::new(table)), len);
    }
}

/// Objects waiting to be freed (`lazyfree_pending_objects`).
pub fn pending() -> usize {
    PENDING.load(Relaxed)
}

/// Objects freed in the background so far (`lazyfreed_objects`).
pub fn freed() -> usize {
    FREED.load(Relaxed)
}

/// Forgets how many were freed (CONFIG RESETSTAT).
pub fn reset_freed() {
    FREED.store(0, Relaxed);
}
