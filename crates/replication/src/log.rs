//! One ordered stream of commands in Redis's replication format.
//!
//! Writers append while they hold the locks of the shards that they changed, so that the order of
//! the log is the order of the commits. The stream is kept in reference-counted blocks; a reader
//! holds a position, and blocks that every reader has passed are dropped. While nobody reads, the
//! log is not wanted and nothing is encoded ([`Log::is_wanted`] costs one relaxed load).
//!
//! A transaction is appended as one unit, MULTI … EXEC, so that no reader sees a part of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// Bytes at which a block is closed and the next one begun.
const BLOCK_BYTES: usize = 64 * 1024;

struct Block {
    /// Offset of the first byte in the stream.
    start: u64,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct State {
    /// Closed blocks, then the open one at the back.
    blocks: VecDeque<Arc<Block>>,
    /// Database that the last command in the stream selected; -1 when the next must SELECT.
    database: i64,
    /// Positions of the readers.
    positions: Vec<(u64, u64)>,
    next_reader: u64,
}

/// The stream and its readers.
pub struct Log {
    readers: AtomicUsize,
    replicas: AtomicUsize,
    /// Offset of the end of the stream.
    end: AtomicU64,
    state: Mutex<State>,
    grown: Condvar,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            readers: AtomicUsize::new(0),
            replicas: AtomicUsize::new(0),
            end: AtomicU64::new(0),
            state: Mutex::new(State {
                database: -1,
                ..State::default()
            }),
            grown: Condvar::new(),
        }
    }
}

impl Log {
    /// An empty stream that nobody reads.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether anybody reads. Appending otherwise is wasted work.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    /// Whether replicas, or a backlog for them, are among the readers: what is for them only
    /// (PUBLISH) is left out otherwise.
    #[inline]
    pub fn is_replicated(&self) -> bool {
        self.replicas.load(Ordering::Relaxed) > 0
    }

    /// A replica, or the backlog, begins to read.
    pub fn replica_came(&self) {
        self.replicas.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended.
    pub fn replica_went(&self) {
        self.replicas.fetch_sub(1, Ordering::Relaxed);
    }

    /// Offset of the end of the stream in bytes.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Bytes that the kept part of the stream takes.
    pub fn memory(&self) -> u64 {
        let state = self.state.lock();
        state
            .blocks
            .iter()
            .map(|block| block.bytes.capacity() as u64)
            .sum()
    }

    /// Appends one command.
    pub fn append(&self, database: u16, command: &[&[u8]]) {
        let mut text = Vec::with_capacity(64);
        let mut state = self.state.lock();
        select(&mut state, &mut text, database);
        encode(&mut text, command.iter().copied());
        self.push(&mut state, &text);
        drop(state);
        self.grown.notify_all();
    }

    /// Appends commands, each with its database, as a unit: several are wrapped in MULTI and EXEC.
    pub fn append_unit(&self, commands: &[(u16, Vec<Vec<u8>>)]) {
        let Some((database, _)) = commands.first() else {
            return;
        };
        let mut text = Vec::with_capacity(64 * commands.len());
        let mut state = self.state.lock();
        let several = commands.len() > 1;
        // The first SELECT stands before MULTI, as Redis writes it.
        select(&mut state, &mut text, *database);
        if several {
            encode(&mut text, [&b"MULTI"[..]]);
        }
        for (database, command) in commands {
            select(&mut state, &mut text, *database);
            encode(&mut text, command.iter().map(|arg| &**arg));
        }
        if several {
            encode(&mut text, [&b"EXEC"[..]]);
        }
        self.push(&mut state, &text);
        drop(state);
        self.grown.notify_all();
    }

    fn push(&self, state: &mut State, text: &[u8]) {
        let end = self.end.load(Ordering::Relaxed);
        let open = state.blocks.back_mut().and_then(Arc::get_mut);
        match open.filter(|block| block.bytes.len() + text.len() <= BLOCK_BYTES) {
            Some(block) => block.bytes.extend_from_slice(text),
            None => {
                let mut bytes = Vec::with_capacity(BLOCK_BYTES.max(text.len()));
                bytes.extend_from_slice(text);
                state
                    .blocks
                    .push_back(Arc::new(Block { start: end, bytes }));
            }
        }
        self.end.store(end + text.len() as u64, Ordering::Release);
    }

    /// Starts to read at the end of the stream. The caller must hold every shard's lock if what
    /// it reads is to continue a snapshot.
    pub fn read_from_end(self: &Arc<Self>) -> Reader {
        let mut state = self.state.lock();
        let id = state.next_reader;
        state.next_reader += 1;
        let position = self.end.load(Ordering::Relaxed);
        state.positions.push((id, position));
        // A new reader knows no database.
        state.database = -1;
        self.readers.fetch_add(1, Ordering::Relaxed);
        Reader {
            log: Arc::clone(self),
            id,
            position,
        }
    }

    fn trim(state: &mut State) {
        let oldest = state.positions.iter().map(|(_, position)| *position).min();
        while let Some(block) = state.blocks.front() {
            let end = block.start + block.bytes.len() as u64;
            if oldest.is_some_and(|oldest| end > oldest) {
                return;
            }
            state.blocks.pop_front();
        }
    }
}

/// Reads the stream from where it was opened.
pub struct Reader {
    log: Arc<Log>,
    id: u64,
    position: u64,
}

impl Reader {
    /// Offset of the next byte to be read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves what has been appended since into `out`; returns the number of bytes.
    pub fn read(&mut self, out: &mut Vec<u8>) -> usize {
        let mut state = self.log.state.lock();
        let before = out.len();
        for block in &state.blocks {
            let end = block.start + block.bytes.len() as u64;
            if end > self.position {
                let from = self.position.saturating_sub(block.start) as usize;
                out.extend_from_slice(&block.bytes[from..]);
                self.position = end;
            }
        }
        if let Some(entry) = state.positions.iter_mut().find(|(id, _)| *id == self.id) {
            entry.1 = self.position;
        }
        Log::trim(&mut state);
        out.len() - before
    }

    /// Waits until there is something to read, or for `timeout`.
    pub fn wait(&self, timeout: std::time::Duration) {
        let mut state = self.log.state.lock();
        if self.log.end.load(Ordering::Relaxed) == self.position {
            self.log.grown.wait_for(&mut state, timeout);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.log.readers.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.log.state.lock();
        state.positions.retain(|(id, _)| *id != self.id);
        Log::trim(&mut state);
    }
}

fn select(state: &mut State, out: &mut Vec<u8>, database: u16) {
    if state.database != i64::from(database) {
        state.database = i64::from(database);
        encode(out, [&b"SELECT"[..], database.to_string().as_bytes()]);
    }
}

fn encode<'a>(
    out: &mut Vec<u8>,
    command: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
) {
    let command = command.into_iter();
    header(out, b'*', command.len());
    for arg in command {
        header(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

fn header(out: &mut Vec<u8>, kind: u8, n: usize) {
    out.push(kind);
    common::number::write_i64(out, n as i64);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wanted_or_kept_without_readers() {
        let log = Arc::new(Log::new());
        assert!(!log.is_wanted());
        let reader = log.read_from_end();
        assert!(log.is_wanted());
        log.append(0, &[b"SET", b"a", b"1"]);
        drop(reader);
        assert!(!log.is_wanted());
        assert!(log.state.lock().blocks.is_empty());
    }

    #[test]
    fn a_reader_gets_the_database_then_the_commands_in_order() {
        let log = Arc::new(Log::new());
        let mut reader = log.read_from_end();
        log.append(3, &[b"DEL", b"a"]);
        let del = |key: &str| (3, vec![b"DEL".to_vec(), key.into()]);
        log.append_unit(&[del("b"), del("c")]);
        let mut out = Vec::new();
        assert_eq!(reader.read(&mut out) as u64, log.end());
        let text = String::from_utf8(out).unwrap();
        let words: Vec<_> = text
            .split("\r\n")
            .filter(|w| !w.starts_with(['*', '$']) && !w.is_empty())
            .collect();
        assert_eq!(
            words,
            [
                "SELECT", "3", "DEL", "a", "MULTI", "DEL", "b", "DEL", "c", "EXEC"
            ]
        );
        assert_eq!(reader.read(&mut Vec::new()), 0);
    }

    #[test]
    fn blocks_are_dropped_once_every_reader_has_passed() {
        let log = Arc::new(Log::new());
        let (mut fast, mut slow) = (log.read_from_end(), log.read_from_end());
        let value = vec![b'x'; 40_000];
        for _ in 0..10 {
            log.append(0, &[b"SET", b"k", &value]);
        }
        fast.read(&mut Vec::new());
        assert!(log.state.lock().blocks.len() > 5);
        slow.read(&mut Vec::new());
        assert!(log.state.lock().blocks.is_empty());
        assert_eq!(fast.position(), slow.position());
    }
}
