//! SLOWLOG: the latest commands that took longer than a limit.
//!
//! Arguments are shortened when recorded, as in Redis: at most 32 of them and 128 bytes each,
//! unless configured otherwise, so that the log's memory is bounded.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use resp::Args;

/// How much of a command an entry keeps.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Arguments; the last one tells how many more there were.
    pub args: usize,
    /// Bytes of each.
    pub bytes: usize,
}

/// One slow command.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Number, never reused.
    pub id: u64,
    /// Unix time in seconds.
    pub time_s: i64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// Its arguments, shortened.
    pub args: Vec<Vec<u8>>,
    /// Who sent it.
    pub address: String,
    /// The client's name.
    pub name: String,
}

/// The log.
#[derive(Debug, Default)]
pub struct SlowLog {
    next_id: AtomicU64,
    entries: Mutex<VecDeque<SlowEntry>>,
}

impl SlowLog {
    /// Records a command, newest first, and keeps at most `max_len` entries.
    pub fn push(&self, args: Vec<Vec<u8>>, duration_us: u64, client: (&str, &str), max_len: u64) {
        let entry = SlowEntry {
            id: self.next_id.fetch_add(1, Relaxed),
            time_s: common::clock::now_ms() / 1000,
            duration_us,
            args,
            address: client.0.to_owned(),
            name: client.1.to_owned(),
        };
        let mut entries = self.entries.lock();
        entries.push_front(entry);
        entries.truncate(usize::try_from(max_len).unwrap_or(usize::MAX));
    }

    /// The newest `count` entries.
    pub fn newest(&self, count: usize) -> Vec<SlowEntry> {
        self.entries.lock().iter().take(count).cloned().collect()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all entries.
    pub fn reset(&self) {
        self.entries.lock().clear();
    }
}

/// Copies arguments for the log, shortened as Redis shortens them.
pub fn shorten(args: Args<'_>, room: Room) -> Vec<Vec<u8>> {
    let count = args.len();
    let shown = if count > room.args {
        room.args - 1
    } else {
        count
    };
    let shown_args = args.iter().take(shown);
    let mut copy: Vec<Vec<u8>> = shown_args.map(|arg| shorten_one(arg, room.bytes)).collect();
    if shown < count {
        copy.push(format!("... ({} more arguments)", count - shown).into_bytes());
    }
    copy
}

fn shorten_one(arg: &[u8], bytes: usize) -> Vec<u8> {
    if arg.len() <= bytes {
        return arg.to_vec();
    }
    let mut short = arg[..bytes].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", arg.len() - bytes).as_bytes());
    short
}
