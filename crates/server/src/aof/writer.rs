//! Writes the log into the current file.
//!
//! A worker writes what its clients changed at the end of its round, before their replies leave.
//! With `appendfsync always` it also syncs, as long as the disk is so fast that waking another
//! thread would cost about as much; otherwise a thread writes and syncs, for all clients that wait
//! by then, and the worker goes on. With `everysec` that thread looks after syncing. Either way the
//! gate is told how far the file is. When the disk fails, what was not written is kept, changes are
//! refused through the gate (MISCONF), and the thread tries again. Others leave requests; it serves
//! them between two writes.

use common::os::os_text;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use commands::Server;
use parking_lot::Mutex;
use persistence::aof::appender::{AppendError, Appender};
use persistence::disk::DiskFile;
use replication::log::Reader;

use replication::Log;

use super::bell::Bell;
use super::policy::{Fsync, Policy};

/// Between two syncs with `everysec`.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long a sync may take before it counts as delayed.
const SYNC_SLOW: Duration = Duration::from_secs(2);
/// Between two attempts while the disk fails.
const RETRY: Duration = Duration::from_millis(50);
/// Between two looks at a sync that something waits for.
const SHORT: Duration = Duration::from_millis(1);
/// Between two lines in the log about a disk that fails.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);
/// How often the thread looks after the file: for what no client waits for, and what is to be
/// synced. More often where all is to be on disk at once.
const REST: Duration = Duration::from_millis(100);
const REST_ALWAYS: Duration = Duration::from_millis(10);
/// With a slow disk, a sync waits up to this part of a sync's time, and no longer than this, for as
/// much as the last one let go: clients whose replies just left come back together, and would
/// otherwise share every second sync only.
const GATHER_PART: u64 = 2;
const GATHER_US_MAX: u64 = 2000;
/// Syncs that take less than this on average are left to workers: there, clients take longer to
/// come back than the disk takes (benches/results/aof.md).
const SYNC_FAST_US: u64 = 300;
/// What is not synced stays in memory; beyond this much, writing waits for the sync.
const UNSYNCED_BYTES_MAX: usize = 64 << 20;
/// Attempts to get everything on disk when the file is closed.
const CLOSE_ATTEMPTS: usize = 20;

/// Continues with another file; see [`Writer::switch`].
pub(super) struct Switch {
    /// The log's offset at which the other file begins.
    pub(super) at: u64,
    /// That file, empty.
    pub(super) file: Box<dyn DiskFile>,
    /// Called when all before is on disk; answers whether to go on with the other file.
    pub(super) ready: Box<dyn FnOnce() -> bool + Send>,
    /// Gets that answer.
    pub(super) done: Sender<bool>,
}

/// What others ask of the writer.
pub(super) enum Request {
    /// See [`Switch`].
    Switch(Switch),
    /// Answer when all that is in the log by now is in the file.
    Drain(Sender<()>),
    /// Write the log up to this offset, sync, and end; whether everything is on disk.
    Close(u64, Sender<bool>),
}

/// What the writer shares with others.
pub(super) struct Status {
    /// The log's offset that must not get into the current file: a cut was made there, and what
    /// follows belongs to the next one. Set with all shards locked; `u64::MAX`: none.
    pub(super) limit: AtomicU64,
    /// Bytes in the current file.
    pub(super) size: AtomicU64,
    /// Bytes of the log that are not in it yet.
    pub(super) pending: AtomicU64,
    /// Whether a sync is going on.
    pub(super) syncing: AtomicBool,
    /// How often a sync took so long that writing would not wait for it.
    pub(super) delayed: AtomicU64,
    /// How often the file was synced.
    pub(super) syncs: AtomicU64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            limit: AtomicU64::new(u64::MAX),
            size: AtomicU64::default(),
            pending: AtomicU64::default(),
            syncing: AtomicBool::default(),
            delayed: AtomicU64::default(),
            syncs: AtomicU64::default(),
        }
    }
}

/// The running thread.
pub(super) struct WriterHandle {
    policy: Arc<Policy>,
    requests: Arc<Mutex<Vec<Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterHandle {
    /// Starts to append what `reader` yields to `file`, which has `size` bytes.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(
        server: &Arc<Server>,
        (policy, status): (Arc<Policy>, Arc<Status>),
        reader: Reader,
        file: Box<dyn DiskFile>,
        size: u64,
    ) -> io::Result<Self> {
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let appender = Appender::new(file, size, reader.position());
        let (to_sync, jobs) = channel::<Box<dyn DiskFile>>();
        let (results, synced) = channel();
        let of_sync = Arc::clone(&policy);
        let sync = move || {
            while let Ok(file) = jobs.recv() {
                if results.send(file.sync()).is_err() {
                    return;
                }
                of_sync.bell.ring();
            }
        };
        spawn("aof-fsync", sync)?;
        let writer = Writer {
            server: Arc::clone(server),
            policy: Arc::clone(&policy),
            status,
            requests: Arc::clone(&requests),
            reader: Some(reader),
            appender,
            to_sync,
            synced,
            last_sync: Instant::now(),
            sync_us: 0,
            expected: 0,
            sync_is_slow: false,
            failing: false,
            complained: None,
            last_time_s: 0,
            switch: None,
            drains: Vec::new(),
            close: None,
        };
        let writer = Arc::new(Mutex::new(writer));
        let (of_thread, of_policy) = (Arc::clone(&writer), Arc::clone(&policy));
        let of_server = Arc::clone(server);
        let thread = spawn("aof-writer", move || {
            run(&of_thread, &of_server, &of_policy.bell);
        })?;
        server
            .aof
            .set_write(Some(worker_part(server, &policy, writer)));
        Ok(Self {
            policy,
            requests,
            thread: Some(thread),
        })
    }

    pub(super) fn ask(&self, request: Request) {
        self.requests.lock().push(request);
        self.policy.bell.ring();
    }

    /// What is returned gets a message when all that is in the log by now is in the file.
    pub(super) fn drain(&self) -> Receiver<()> {
        let (done, waiting) = channel();
        self.ask(Request::Drain(done));
        waiting
    }

    /// Gets the log up to an offset on disk and ends the thread; whether that worked.
    pub(super) fn close(mut self, end: u64) -> bool {
        let (done, waiting) = channel();
        self.ask(Request::Close(end, done));
        let worked = waiting.recv().unwrap_or(false);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
        worked
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// What workers do at the end of their rounds.
fn worker_part(
    server: &Arc<Server>,
    policy: &Arc<Policy>,
    writer: Arc<Mutex<Writer>>,
) -> commands::aof::Write {
    let (server, policy) = (Arc::downgrade(server), Arc::clone(policy));
    Arc::new(move || {
        // Whoever has it lets the worker know when done.
        let Some(mut writer) = writer.try_lock() else {
            return;
        };
        let done = writer.write_now();
        drop(writer);
        let Some(server) = server.upgrade() else {
            return;
        };
        if done {
            // Another worker may have come meanwhile.
            server.aof.wake_workers();
        } else {
            policy.bell.ring_at(server.log.end());
        }
    })
}

/// What the thread does next.
enum Next {
    /// Sleep.
    Sleep(Duration),
    /// Wait for the bell.
    Rest(Duration),
    /// End.
    End,
}

/// The thread.
fn run(writer: &Mutex<Writer>, server: &Server, bell: &Bell) {
    let (gate, log) = (&server.aof, &server.log);
    loop {
        let gathering = writer.lock().gathering();
        if let Some((until, at)) = gathering {
            gather(log, bell, until, at);
        }
        let next = writer.lock().step();
        // Those who could not write meanwhile.
        gate.wake_workers();
        match next {
            Next::Sleep(time) => std::thread::sleep(time),
            Next::Rest(timeout) => bell.wait(timeout),
            Next::End => return,
        }
    }
}

/// Waits until the log reaches `until`, or for the moment `at`.
fn gather(log: &Log, bell: &Bell, until: u64, at: Instant) {
    bell.ignore_below(until);
    while log.end() < until {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        bell.wait(left);
    }
    bell.ignore_below(0);
}

struct Writer {
    server: Arc<Server>,
    policy: Arc<Policy>,
    status: Arc<Status>,
    requests: Arc<Mutex<Vec<Request>>>,
    /// There until it is closed.
    reader: Option<Reader>,
    appender: Appender,
    to_sync: Sender<Box<dyn DiskFile>>,
    synced: Receiver<io::Result<()>>,
    /// When the last sync began.
    last_sync: Instant,
    /// How long syncs have taken lately.
    sync_us: u64,
    /// Where the log ends when all are back whose replies the last sync let go.
    expected: u64,
    /// The sync that is going on was counted as delayed.
    sync_is_slow: bool,
    /// The last write or sync went wrong.
    failing: bool,
    complained: Option<Instant>,
    /// Unix time of the last annotation.
    last_time_s: i64,
    switch: Option<Switch>,
    drains: Vec<(u64, Sender<()>)>,
    close: Option<(u64, Sender<bool>, usize)>,
}

impl Writer {
    /// The thread's work.
    fn step(&mut self) -> Next {
        self.take_requests();
        self.end_sync();
        self.read();
        self.write();
        if self.failing {
            self.recover();
        } else {
            self.sync();
        }
        self.report();
        self.serve_drains();
        self.serve_switch();
        if let Some(done) = self.has_closed() {
            self.server.aof.set_write(None);
            self.reader = None;
            // Nobody may be listening any more.
            let _ = done.send(!self.failing);
            return Next::End;
        }
        self.next()
    }

    /// Whether it is worth waiting for more before the next sync: up to which offset, and how long.
    fn gathering(&self) -> Option<(u64, Instant)> {
        let is_slow = self.policy.fsync() == Fsync::Always && self.sync_us > SYNC_FAST_US;
        let is_idle = self.server.log.end() <= self.appender.added();
        if !is_slow || is_idle || self.failing || self.close.is_some() || self.switch.is_some() {
            return None;
        }
        let us = (self.sync_us / GATHER_PART).min(GATHER_US_MAX);
        Some((self.expected, Instant::now() + Duration::from_micros(us)))
    }

    /// A worker's part; whether nothing is left for the thread to do.
    fn write_now(&mut self) -> bool {
        let syncs = self.policy.fsync() == Fsync::Always;
        if self.failing || self.switch.is_some() || syncs && self.sync_us > SYNC_FAST_US {
            return false;
        }
        let end = self.server.log.end();
        self.read();
        self.write();
        if syncs && !self.failing {
            self.sync();
        }
        self.report();
        let reached = match syncs {
            true => self.appender.durable(),
            false => self.appender.written(),
        };
        reached >= end
    }

    fn take_requests(&mut self) {
        for request in std::mem::take(&mut *self.requests.lock()) {
            match request {
                Request::Switch(switch) => self.switch = Some(switch),
                Request::Drain(done) => self.drains.push((self.server.log.end(), done)),
                Request::Close(end, done) => {
                    if self.switch.is_none() {
                        // Whoever made a cut there has given up.
                        self.status.limit.store(end, Release);
                    }
                    self.close = Some((end, done, 0));
                }
            }
        }
    }

    /// Takes what is new in the log, unless the disk is behind.
    fn read(&mut self) {
        if self.failing || self.appender.unsynced() > UNSYNCED_BYTES_MAX {
            return;
        }
        // In this order: whoever sees something behind the limit sees the limit.
        let end = self.server.log.end();
        let last = self.close.as_ref().map_or(end, |close| close.0);
        let limit = self.status.limit.load(Acquire).min(end).min(last);
        let Some(reader) = &mut self.reader else {
            return;
        };
        if reader.position() >= limit {
            return;
        }
        let now_s = common::clock::now_ms() / 1000;
        let annotate = self.policy.timestamps() && now_s > self.last_time_s;
        self.appender.add(|tail| {
            if annotate {
                tail.extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
            }
            reader.read_to(tail, limit);
            reader.position()
        });
        if annotate {
            self.last_time_s = now_s;
        }
    }

    /// Writes what was read.
    fn write(&mut self) {
        if self.appender.unwritten() == 0 {
            return;
        }
        let sleep_us = self.server.debug.aof_flush_sleep_us.load(Relaxed);
        if sleep_us > 0 {
            std::thread::sleep(Duration::from_micros(sleep_us));
        }
        let start = Instant::now();
        let result = self.appender.write();
        let event = match (self.appender.is_syncing(), self.server.jobs.running()) {
            (true, _) => "aof-write-pending-fsync",
            (_, Some(_)) => "aof-write-active-child",
            _ => "aof-write-alone",
        };
        self.note_latency(event, start);
        self.note_latency("aof-write", start);
        match result {
            Ok(()) => {}
            Err(AppendError::Write(error)) => {
                let text = format!("Error writing to the AOF file: {}", os_text(&error));
                self.fail(&error, &text);
            }
            Err(AppendError::Short {
                written,
                wanted,
                cut,
                error,
            }) => {
                let mut text = format!(
                    "Short write while writing to the AOF file: (nwritten={written}, \
                     expected={wanted})"
                );
                if let Err(error) = cut {
                    text += &format!(
                        ". Could not remove short write from the append-only file.  Redis may \
                         refuse to load the AOF the next time it starts.  ftruncate: {}",
                        os_text(&error)
                    );
                }
                self.fail(&error, &text);
            }
        }
    }

    /// The disk fails: nothing may be changed until it works again.
    fn fail(&mut self, error: &io::Error, text: &str) {
        let now = Instant::now();
        if self
            .complained
            .is_none_or(|last| now - last > COMPLAIN_EVERY)
        {
            self.complained = Some(now);
            tracing::error!("{text}");
        }
        self.failing = true;
        // What is no system error is a disk that takes nothing.
        self.server
            .aof
            .set_error(error.raw_os_error().unwrap_or(libc::ENOSPC));
    }

    /// After a failure: whether all is well again, which only a sync can tell.
    fn recover(&mut self) {
        if self.appender.unwritten() > 0 || self.appender.is_syncing() {
            return;
        }
        if self.policy.fsync() != Fsync::No && !self.sync_now() {
            return;
        }
        self.failing = false;
        self.complained = None;
        self.server.aof.set_error(0);
        tracing::error!("AOF write error looks solved, Redis can write again.");
    }

    /// Syncs, if the policy wants it now.
    fn sync(&mut self) {
        if self.appender.unsynced() == 0 {
            return;
        }
        let fsync = self.policy.fsync();
        let rests = self.policy.rests_while_rewriting(&self.server);
        let full = self.appender.unsynced() > UNSYNCED_BYTES_MAX / 2;
        if fsync == Fsync::No || rests && (fsync == Fsync::Always || full) {
            self.appender.assume_durable();
            return;
        }
        if rests {
            return;
        }
        if fsync == Fsync::Always || self.close.is_some() || self.switch_is_due() {
            // Of two at once only one hears of an error, and the other would call all well.
            if !self.appender.is_syncing() {
                self.sync_now();
            }
            return;
        }
        if self.last_sync.elapsed() >= SYNC_EVERY || full {
            self.begin_sync();
        }
        if self.appender.is_syncing() && !self.sync_is_slow && self.last_sync.elapsed() > SYNC_SLOW
        {
            self.sync_is_slow = true;
            self.status.delayed.fetch_add(1, Relaxed);
            tracing::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF \
                 buffer without waiting for fsync to complete, this may slow down Redis."
            );
        }
    }

    fn sync_now(&mut self) -> bool {
        let start = Instant::now();
        let batch = self.appender.unsynced() as u64;
        let result = self.appender.sync();
        self.last_sync = start;
        let us = start.elapsed().as_micros() as u64;
        self.sync_us = (self.sync_us * 7 + us) / 8;
        self.expected = self.server.log.end() + batch;
        self.status.syncs.fetch_add(1, Relaxed);
        self.note_latency("aof-fsync-always", start);
        self.note_sync(&result)
    }

    fn note_sync(&mut self, result: &io::Result<()>) -> bool {
        if let Err(error) = result {
            let text = format!("Fail to fsync the AOF file: {}", os_text(error));
            self.fail(error, &text);
        }
        result.is_ok()
    }

    fn begin_sync(&mut self) {
        let begun = self.appender.begin_sync();
        match begun {
            Ok(None) => {}
            Ok(Some(file)) => {
                self.last_sync = Instant::now();
                self.sync_is_slow = false;
                self.status.syncs.fetch_add(1, Relaxed);
                if self.to_sync.send(file).is_err() {
                    self.appender.end_sync(&Err(io::ErrorKind::Other.into()));
                }
            }
            Err(error) => {
                self.note_sync(&Err(error));
            }
        }
    }

    /// Takes the result of a sync that went on elsewhere.
    fn end_sync(&mut self) {
        while let Ok(result) = self.synced.try_recv() {
            self.appender.end_sync(&result);
            self.note_sync(&result);
        }
    }

    fn note_latency(&self, event: &'static str, start: Instant) {
        let us = start.elapsed().as_micros() as u64;
        self.server.note_latency(event, us);
    }

    fn report(&self) {
        let (written, durable) = (self.appender.written(), self.appender.durable());
        self.status.size.store(self.appender.size(), Relaxed);
        let pending = self.server.log.end().saturating_sub(written);
        self.status.pending.store(pending, Relaxed);
        self.status
            .syncing
            .store(self.appender.is_syncing(), Relaxed);
        self.server.aof.progress(written, durable);
    }

    fn serve_drains(&mut self) {
        let written = self.appender.written();
        for (_, done) in self.drains.extract_if(.., |drain| drain.0 <= written) {
            // Who asked may have gone.
            let _ = done.send(());
        }
    }

    /// Whether all that belongs before the switch is in the file.
    fn switch_is_due(&self) -> bool {
        self.switch
            .as_ref()
            .is_some_and(|switch| self.appender.written() >= switch.at)
    }

    /// Goes on with another file when all before it is on disk: a crash must not leave a later part
    /// of the log without an earlier one.
    fn serve_switch(&mut self) {
        let is_ready = self.switch_is_due() && self.appender.unsynced() == 0 && !self.failing;
        let Some(switch) = self
            .switch
            .take_if(|_| is_ready && !self.appender.is_syncing())
        else {
            return;
        };
        // Again, because what was assumed to be on disk need not be.
        if !self.sync_now() {
            self.switch = Some(switch);
            return;
        }
        let go = (switch.ready)();
        self.status.limit.store(u64::MAX, Release);
        if go {
            self.appender = Appender::new(switch.file, 0, switch.at);
            self.last_time_s = 0;
            self.report();
        }
        // Who asked may have given up.
        let _ = switch.done.send(go);
    }

    /// Whether it was asked to end and has nothing left to do, or cannot do it.
    fn has_closed(&mut self) -> Option<Sender<bool>> {
        let (end, _, attempts) = self.close.as_mut()?;
        *attempts += 1;
        let is_hopeless = self.failing && *attempts > CLOSE_ATTEMPTS;
        let is_over = self.appender.durable() >= *end && !self.appender.is_syncing();
        if is_hopeless || is_over && self.sync_now() {
            return self.close.take().map(|(_, done, _)| done);
        }
        None
    }

    fn next(&self) -> Next {
        let full = self.appender.unsynced() > UNSYNCED_BYTES_MAX && self.appender.is_syncing();
        if self.failing || full {
            return Next::Sleep(RETRY);
        }
        if self.close.is_some() || self.switch.is_some() {
            return Next::Sleep(SHORT);
        }
        Next::Rest(match self.policy.fsync() {
            Fsync::Always => REST_ALWAYS,
            _ => REST,
        })
    }
}
