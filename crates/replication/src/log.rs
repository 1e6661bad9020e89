//! One ordered stream of commands in Redis's replication format.
//!
//! Writers append while they hold the locks of the shards that they changed, so that the order of
//! the log is the order of the commits. The stream is kept in blocks; a reader holds a position,
//! and blocks that every reader has passed are dropped. While nobody reads, the log is not wanted
//! and nothing is encoded ([`Log::is_wanted`] costs one relaxed load).
//!
//! Most of the stream is for the append-only file and for replicas alike; some of it is for one of
//! them only ([`Audience`]): pings for replicas, local writes on a replica for its own file. What
//! replicas get has an offset of its own, Redis's `master_repl_offset`, which counts nothing else
//! and stands still while there is no backlog.
//!
//! A transaction is appended as one unit, MULTI … EXEC, so that no reader sees a part of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use resp::write_command;

/// Bytes at which a block is closed and the next one begun.
const BLOCK_BYTES: usize = 64 * 1024;
/// No database: the next command must SELECT.
const NONE: i64 = -1;

/// Whom a part of the stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The append-only file and replicas.
    All,
    /// The append-only file only.
    File,
    /// Replicas only.
    Replicas,
}

impl Audience {
    fn of(file: bool, replicas: bool) -> Option<Self> {
        match (file, replicas) {
            (true, true) => Some(Self::All),
            (true, false) => Some(Self::File),
            (false, true) => Some(Self::Replicas),
            (false, false) => None,
        }
    }

    fn file(self) -> bool {
        self != Self::Replicas
    }

    fn replicas(self) -> bool {
        self != Self::File
    }

    fn reaches(self, reader: Self) -> bool {
        self == Self::All || self == reader
    }
}

struct Block {
    /// Offset of the first byte in the stream.
    start: u64,
    audience: Audience,
    bytes: Vec<u8>,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

struct Position {
    id: u64,
    /// [`Audience::File`] or [`Audience::Replicas`].
    kind: Audience,
    at: u64,
}

struct State {
    /// Closed blocks, then the open one at the back.
    blocks: VecDeque<Block>,
    /// Database that the last command for the file selected.
    file_db: i64,
    /// The same for replicas.
    replica_db: i64,
    positions: Vec<Position>,
    next_reader: u64,
    /// How often waiting was ended from outside.
    nudges: u64,
}

impl State {
    fn has(&self, kind: Audience) -> bool {
        self.positions.iter().any(|position| position.kind == kind)
    }

    /// The part of an audience that is there.
    fn present(&self, audience: Audience) -> Option<Audience> {
        let file = audience.file() && self.has(Audience::File);
        let replicas = audience.replicas() && self.has(Audience::Replicas);
        Audience::of(file, replicas)
    }

    /// Notes that the stream for these readers now stands in that database.
    fn selected(&mut self, audience: Audience, database: i64) {
        if audience.file() {
            self.file_db = database;
        }
        if audience.replicas() {
            self.replica_db = database;
        }
    }

    /// Those of the audience who have to be told to SELECT.
    fn misplaced(&self, audience: Audience, database: u16) -> Option<Audience> {
        let database = i64::from(database);
        let file = audience.file() && self.file_db != database;
        let replicas = audience.replicas() && self.replica_db != database;
        Audience::of(file, replicas)
    }

    fn trim(&mut self) {
        let oldest = self.positions.iter().map(|position| position.at).min();
        while let Some(block) = self.blocks.front() {
            if oldest.is_some_and(|oldest| block.end() > oldest) {
                return;
            }
            self.blocks.pop_front();
        }
    }
}

/// The stream and its readers.
pub struct Log {
    readers: AtomicUsize,
    replica_readers: AtomicUsize,
    /// Offset of the end of the stream.
    end: AtomicU64,
    /// Replication offset of the end of the stream.
    replicated: AtomicU64,
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
            replica_readers: AtomicUsize::new(0),
            end: AtomicU64::new(0),
            replicated: AtomicU64::new(0),
            state: Mutex::new(State {
                blocks: VecDeque::new(),
                file_db: NONE,
                replica_db: NONE,
                positions: Vec::new(),
                next_reader: 0,
                nudges: 0,
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
        self.replica_readers.load(Ordering::Relaxed) > 0
    }

    /// Offset of the end of the stream in bytes.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Replication offset of the end of the stream: `master_repl_offset`.
    pub fn replicated(&self) -> u64 {
        self.replicated.load(Ordering::Acquire)
    }

    /// Goes on at another replication offset: another history begins.
    pub fn set_replicated(&self, offset: u64) {
        let mut state = self.state.lock();
        self.replicated.store(offset, Ordering::Release);
        state.replica_db = NONE;
    }

    /// Makes the next command for replicas SELECT, because one of them knows no database yet.
    pub fn select_again(&self) {
        self.state.lock().replica_db = NONE;
    }

    /// Bytes that the kept part of the stream takes.
    pub fn memory(&self) -> u64 {
        let state = self.state.lock();
        let bytes = state.blocks.iter().map(|block| block.bytes.capacity());
        bytes.sum::<usize>() as u64
    }

    /// Appends one command for everybody; returns the offset of the new end. Wakes nobody: see
    /// [`Log::wake`].
    pub fn append<'a>(
        &self,
        database: u16,
        command: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
    ) -> u64 {
        self.append_for(Audience::All, database, command)
    }

    /// [`append`](Self::append) for some of the readers.
    pub fn append_for<'a>(
        &self,
        audience: Audience,
        database: u16,
        command: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
    ) -> u64 {
        with_scratch(|text| {
            write_command(text, command);
            self.append_text(audience, (database, database), text)
        })
    }

    /// Appends commands, each with its database, as a unit: several are wrapped in MULTI and EXEC.
    /// Returns the offset of the new end. Wakes nobody: see [`Log::wake`].
    pub fn append_unit(&self, commands: &[(u16, Vec<Vec<u8>>)]) -> u64 {
        self.append_unit_for(Audience::All, commands)
    }

    /// [`append_unit`](Self::append_unit) for some of the readers.
    pub fn append_unit_for(&self, audience: Audience, commands: &[(u16, Vec<Vec<u8>>)]) -> u64 {
        let Some((database, first)) = commands.first() else {
            return self.end();
        };
        if let [_] = commands {
            return self.append_for(audience, *database, first.iter().map(|arg| &**arg));
        }
        with_scratch(|text| {
            write_command(text, [&b"MULTI"[..]]);
            let (begins, mut selected) = (*database, *database);
            for (database, command) in commands {
                if std::mem::replace(&mut selected, *database) != *database {
                    encode_select(text, *database);
                }
                write_command(text, command.iter().map(|arg| &**arg));
            }
            write_command(text, [&b"EXEC"[..]]);
            // The first SELECT stands before MULTI, as Redis writes it.
            self.append_text(audience, (begins, selected), text)
        })
    }

    /// Appends a piece that begins and ends in these databases, behind a SELECT for those who need
    /// one.
    fn append_text(&self, audience: Audience, (begins, ends): (u16, u16), text: &[u8]) -> u64 {
        let mut state = self.state.lock();
        let Some(audience) = state.present(audience) else {
            return self.end();
        };
        if let Some(misplaced) = state.misplaced(audience, begins) {
            self.select(&mut state, misplaced, begins);
        }
        state.selected(audience, i64::from(ends));
        self.push(&mut state, audience, text)
    }

    fn select(&self, state: &mut State, audience: Audience, database: u16) {
        let mut text = Vec::with_capacity(32);
        encode_select(&mut text, database);
        self.push(state, audience, &text);
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

    /// Begins a new part of the stream for the file, which can be read without the one before: the
    /// next command selects its database. Returns the offset. The caller must hold every shard's
    /// lock.
    pub fn begin_part(&self) -> u64 {
        self.state.lock().file_db = NONE;
        self.end()
    }

    /// Appends a command for replicas that concerns no database (PING, REPLCONF). Wakes nobody.
    pub fn append_to_replicas(&self, command: &[&[u8]]) {
        with_scratch(|text| {
            write_command(text, command.iter().copied());
            self.append_raw(text, None);
        });
    }

    /// Appends a piece of our primary's stream as it came, for replicas. What changed something is
    /// for the file too: `file` tells the databases in which the piece begins and ends. Wakes
    /// nobody.
    pub fn append_raw(&self, text: &[u8], file: Option<(u16, u16)>) {
        let mut state = self.state.lock();
        let wanted = if file.is_some() {
            Audience::All
        } else {
            Audience::Replicas
        };
        let Some(audience) = state.present(wanted) else {
            return;
        };
        if let (true, Some((begins, ends))) = (audience.file(), file) {
            if state.file_db != i64::from(begins) {
                self.select(&mut state, Audience::File, begins);
            }
            state.file_db = i64::from(ends);
        }
        self.push(&mut state, audience, text);
    }

    fn push(&self, state: &mut State, audience: Audience, text: &[u8]) -> u64 {
        let end = self.end.load(Ordering::Relaxed);
        let open = state.blocks.back_mut();
        let same = open.as_ref().is_none_or(|block| block.audience == audience);
        match open.filter(|block| same && block.bytes.len() + text.len() <= BLOCK_BYTES) {
            Some(block) => block.bytes.extend_from_slice(text),
            None => {
                // A change of audience is mostly a short remark: its block starts small.
                let least = if same { BLOCK_BYTES } else { 0 };
                let mut bytes = Vec::with_capacity(least.max(text.len()));
                bytes.extend_from_slice(text);
                state.blocks.push_back(Block {
                    start: end,
                    audience,
                    bytes,
                });
            }
        }
        let end = end + text.len() as u64;
        self.end.store(end, Ordering::Release);
        if audience.replicas() {
            let before = self.replicated.load(Ordering::Relaxed);
            self.replicated
                .store(before + text.len() as u64, Ordering::Release);
        }
        end
    }

    /// Starts to read what is for the append-only file, at the end of the stream. The caller must
    /// hold every shard's lock if what it reads is to continue a snapshot.
    pub fn read_from_end(self: &Arc<Self>) -> Reader {
        self.reader(Audience::File)
    }

    /// Starts to read what is for replicas, at the end of the stream.
    pub fn read_for_replicas(self: &Arc<Self>) -> Reader {
        self.replica_readers.fetch_add(1, Ordering::Relaxed);
        self.reader(Audience::Replicas)
    }

    fn reader(self: &Arc<Self>, kind: Audience) -> Reader {
        let mut state = self.state.lock();
        let id = state.next_reader;
        state.next_reader += 1;
        let at = self.end.load(Ordering::Relaxed);
        state.positions.push(Position { id, kind, at });
        // A new reader knows no database.
        state.selected(kind, NONE);
        self.readers.fetch_add(1, Ordering::Relaxed);
        Reader {
            log: Arc::clone(self),
            kind,
            id,
            position: at,
            nudges: state.nudges,
        }
    }
}

/// Reads the stream from where it was opened, without what is for others.
pub struct Reader {
    log: Arc<Log>,
    kind: Audience,
    id: u64,
    position: u64,
    nudges: u64,
}

impl Reader {
    /// Offset in the stream of the next byte to be read.
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
        let done = state
            .blocks
            .partition_point(|block| block.end() <= self.position);
        for block in state.blocks.range(done..) {
            let end = block.end().min(limit);
            if end <= self.position {
                break;
            }
            if block.audience.reaches(self.kind) {
                let from = self.position.saturating_sub(block.start) as usize;
                out.extend_from_slice(&block.bytes[from..(end - block.start) as usize]);
            }
            self.position = end;
        }
        if let Some(entry) = state.positions.iter_mut().find(|entry| entry.id == self.id) {
            entry.at = self.position;
        }
        state.trim();
        out.len() - before
    }

    /// Passes over what has been appended since.
    pub fn skip(&mut self) {
        let mut state = self.log.state.lock();
        self.position = self.log.end.load(Ordering::Relaxed);
        if let Some(entry) = state.positions.iter_mut().find(|entry| entry.id == self.id) {
            entry.at = self.position;
        }
        state.trim();
    }

    /// Waits until there is something to read, until [`Log::nudge`], or for `timeout`.
    pub fn wait(&mut self, timeout: Duration) {
        self.log
            .wait_beyond(self.position, &mut self.nudges, timeout);
    }
}

impl Log {
    /// Waits until the stream is longer than `position`, until [`Log::nudge`], or for `timeout`.
    /// `nudges` is the number of nudges known already; a nudge since then counts.
    pub fn wait_beyond(&self, position: u64, nudges: &mut u64, timeout: Duration) {
        let mut state = self.state.lock();
        if self.end() == position && state.nudges == *nudges {
            self.sleepers.fetch_add(1, Ordering::Relaxed);
            self.grown.wait_for(&mut state, timeout);
            self.sleepers.fetch_sub(1, Ordering::Relaxed);
        }
        *nudges = state.nudges;
    }
}

impl Log {
    /// Waits for a nudge only: who appends does not have to wake anybody.
    pub fn rest(&self, nudges: &mut u64, timeout: Duration) {
        let mut state = self.state.lock();
        if state.nudges == *nudges {
            self.grown.wait_for(&mut state, timeout);
        }
        *nudges = state.nudges;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.log.readers.fetch_sub(1, Ordering::Relaxed);
        if self.kind == Audience::Replicas {
            self.log.replica_readers.fetch_sub(1, Ordering::Relaxed);
        }
        let mut state = self.log.state.lock();
        state.positions.retain(|entry| entry.id != self.id);
        state.trim();
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
    write_command(out, [&b"SELECT"[..], database.to_string().as_bytes()]);
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
                    reader.wait(Duration::from_secs(20));
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

    fn words(text: &[u8]) -> Vec<String> {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let is_word = |w: &&str| !w.starts_with(['*', '$']) && !w.is_empty();
        text.split("\r\n")
            .filter(is_word)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn each_audience_gets_its_part_in_its_database() {
        let log = Arc::new(Log::new());
        let (mut file, mut replicas) = (log.read_from_end(), log.read_for_replicas());
        log.append(0, [&b"DEL"[..], b"a"]);
        log.append_for(Audience::File, 2, [&b"DEL"[..], b"local"]);
        log.append_to_replicas(&[b"PING"]);
        log.append(0, [&b"DEL"[..], b"b"]);
        log.append_raw(b"*2\r\n$3\r\nDEL\r\n$1\r\nc\r\n", Some((1, 1)));
        let (mut to_file, mut to_replicas) = (Vec::new(), Vec::new());
        file.read(&mut to_file);
        replicas.read(&mut to_replicas);
        assert_eq!(
            words(&to_file).join(" "),
            "SELECT 0 DEL a SELECT 2 DEL local SELECT 0 DEL b SELECT 1 DEL c"
        );
        assert_eq!(
            words(&to_replicas).join(" "),
            "SELECT 0 DEL a PING DEL b DEL c"
        );
        assert_eq!(log.replicated(), to_replicas.len() as u64);
        assert!(log.state.lock().blocks.is_empty());
    }

    #[test]
    fn the_replication_offset_stands_still_without_a_backlog() {
        let log = Arc::new(Log::new());
        let _file = log.read_from_end();
        log.append(0, [&b"DEL"[..], b"a"]);
        log.append_to_replicas(&[b"PING"]);
        assert!(log.end() > 0);
        assert_eq!(log.replicated(), 0);
        assert!(!log.is_replicated());
    }
}
