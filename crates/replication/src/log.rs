//! One ordered stream of commands in Redis's replication format.
//!
//! Writers append while they hold the locks of the shards that they changed, so that the order of
//! the log is the order of the commits. The stream is kept in reference-counted blocks; a reader
//! holds a position, and blocks that every reader has passed are dropped. While nobody reads, the
//! log is not wanted and nothing is encoded ([`Log::is_wanted`] costs one relaxed load).
//!
//! A transaction is appended as one unit, MULTI … EXEC, so that no reader sees a part of it.

use std::cell::RefCell;
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
    /// How often waiting was ended from outside.
    nudges: u64,
}

/// The stream and its readers.
pub struct Log {
    readers: AtomicUsize,
    replicas: AtomicUsize,
    /// Offset of the end of the stream.
    end: AtomicU64,
    state: Mutex<State>,
    /// Readers that wait; changed under `state`, so that whoever has appended and sees none may
    /// leave them alone.
    sleepers: AtomicUsize,
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
            sleepers: AtomicUsize::new(0),
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

    /// Appends one command; returns the offset of the new end. Wakes nobody: see [`Log::wake`].
    pub fn append<'a>(
        &self,
        database: u16,
        command: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
    ) -> u64 {
        with_scratch(|text| {
            encode(text, command);
            let mut state = self.state.lock();
            self.select(&mut state, database);
            self.push(&mut state, text)
        })
    }

    /// Appends commands, each with its database, as a unit: several are wrapped in MULTI and EXEC.
    /// Returns the offset of the new end. Wakes nobody: see [`Log::wake`].
    pub fn append_unit(&self, commands: &[(u16, Vec<Vec<u8>>)]) -> u64 {
        let Some((database, first)) = commands.first() else {
            return self.end();
        };
        if let [_] = commands {
            return self.append(*database, first.iter().map(|arg| &**arg));
        }
        with_scratch(|text| {
            encode(text, [&b"MULTI"[..]]);
            let mut selected = *database;
            for (database, command) in commands {
                if std::mem::replace(&mut selected, *database) != *database {
                    encode_select(text, *database);
                }
                encode(text, command.iter().map(|arg| &**arg));
            }
            encode(text, [&b"EXEC"[..]]);
            let mut state = self.state.lock();
            // The first SELECT stands before MULTI, as Redis writes it.
            self.select(&mut state, *database);
            state.database = i64::from(selected);
            self.push(&mut state, text)
        })
    }

    /// Wakes readers that wait, if there are any and there is something for them. To be called when
    /// no shard is locked, after whatever may have been appended.
    #[inline]
    pub fn wake(&self) {
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            self.nudge();
        }
    }

    /// Ends every [`Reader::wait`], whether there is anything to read or not.
    #[cold]
    pub fn nudge(&self) {
        let mut state = self.state.lock();
        state.nudges += 1;
        self.grown.notify_all();
    }

    fn select(&self, state: &mut State, database: u16) {
        if state.database != i64::from(database) {
            state.database = i64::from(database);
            let mut text = Vec::with_capacity(32);
            encode_select(&mut text, database);
            self.push(state, &text);
        }
    }

    fn push(&self, state: &mut State, text: &[u8]) -> u64 {
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
        let end = end + text.len() as u64;
        self.end.store(end, Ordering::Release);
        end
    }

    /// Begins a new part of the stream, which can be read without the one before: the next command
    /// selects its database. Returns the offset. The caller must hold every shard's lock.
    pub fn begin_part(&self) -> u64 {
        self.state.lock().database = -1;
        self.end()
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
            nudges: state.nudges,
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
    nudges: u64,
}

impl Reader {
    /// Offset of the next byte to be read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Copies what has been appended since to `out`; returns the number of bytes.
    pub fn read(&mut self, out: &mut Vec<u8>) -> usize {
        self.read_to(out, u64::MAX)
    }

    /// [`read`](Self::read) up to an offset of the stream.
    pub fn read_to(&mut self, out: &mut Vec<u8>, limit: u64) -> usize {
        let mut state = self.log.state.lock();
        let before = out.len();
        for block in &state.blocks {
            let end = (block.start + block.bytes.len() as u64).min(limit);
            if end > self.position {
                let from = self.position.saturating_sub(block.start) as usize;
                out.extend_from_slice(&block.bytes[from..(end - block.start) as usize]);
                self.position = end;
            }
        }
        if let Some(entry) = state.positions.iter_mut().find(|(id, _)| *id == self.id) {
            entry.1 = self.position;
        }
        Log::trim(&mut state);
        out.len() - before
    }

    /// Waits until there is something to read, until [`Log::nudge`], or for `timeout`.
    pub fn wait(&mut self, timeout: std::time::Duration) {
        let log = Arc::clone(&self.log);
        let mut state = log.state.lock();
        if log.end() == self.position && state.nudges == self.nudges {
            log.sleepers.fetch_add(1, Ordering::Relaxed);
            log.grown.wait_for(&mut state, timeout);
            log.sleepers.fetch_sub(1, Ordering::Relaxed);
        }
        self.nudges = state.nudges;
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

/// Runs `f` with an empty buffer that this thread keeps.
fn with_scratch<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with_borrow_mut(|text| {
        text.clear();
        let result = f(text);
        if text.capacity() > BLOCK_BYTES {
            *text = Vec::new();
        }
        result
    })
}

fn encode_select(out: &mut Vec<u8>, database: u16) {
    encode(out, [&b"SELECT"[..], database.to_string().as_bytes()]);
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
        log.append(0, [&b"SET"[..], b"a", b"1"]);
        drop(reader);
        assert!(!log.is_wanted());
        assert!(log.state.lock().blocks.is_empty());
    }

    #[test]
    fn a_reader_gets_the_database_then_the_commands_in_order() {
        let log = Arc::new(Log::new());
        let mut reader = log.read_from_end();
        log.append(3, [&b"DEL"[..], b"a"]);
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
            log.append(0, [&b"SET"[..], b"k", &value]);
        }
        fast.read(&mut Vec::new());
        assert!(log.state.lock().blocks.len() > 5);
        slow.read(&mut Vec::new());
        assert!(log.state.lock().blocks.is_empty());
        assert_eq!(fast.position(), slow.position());
    }

    #[test]
    fn a_part_selects_its_database_and_is_read_by_itself() {
        let log = Arc::new(Log::new());
        let mut reader = log.read_from_end();
        log.append(0, [&b"DEL"[..], b"a"]);
        let part = log.begin_part();
        let end = log.append(0, [&b"DEL"[..], b"b"]);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        assert_eq!(reader.read_to(&mut first, part) as u64, part);
        assert_eq!(reader.read(&mut second) as u64, end - part);
        let select = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
        assert!(first.starts_with(select) && second.starts_with(select));
    }

    #[test]
    fn a_waiting_reader_is_woken_by_what_is_appended() {
        let log = Arc::new(Log::new());
        let mut reader = log.read_from_end();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let (mut out, mut rounds) = (Vec::new(), 0);
                while out.len() < 1000 * 22 {
                    reader.wait(std::time::Duration::from_secs(20));
                    reader.read(&mut out);
                    rounds += 1;
                }
                rounds
            });
            for _ in 0..1001 {
                log.append(0, [&b"DEL"[..], b"abc"]);
                log.wake();
            }
            assert!(waiting.join().unwrap() <= 1001);
        });
    }
}
