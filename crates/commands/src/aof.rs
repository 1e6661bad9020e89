//! How far the append-only file is, and who waits for it.
//!
//! Whoever writes the file reports its progress here; nothing here touches files. Replies of a
//! client are held back (never its locks) until the log is on disk as far as it went when they were
//! written: with `appendfsync always`, because a reply promises that, and also what a client has
//! *read* of another must not be lost. With the other policies what a client changed must be in the
//! file, so that only a crash of the system can lose it, not one of the process.
//!
//! A worker writes at the end of a round, once for all its clients ([`Gate::settle`]), unless the
//! file is being written just then: whoever does that lets the worker know. [`Gate::generation`]
//! changes with whatever [`Gate::may_reply`] looks at, so that clients are asked about again only
//! then.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};

use parking_lot::{Mutex, RwLock};
use replication::Log;

use crate::session::Session;

/// What the replies of a client wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// The offset is in the file.
    Written(u64),
    /// The offset is on disk.
    Durable(u64),
}

/// Gets what is in the log into the file, or sees to it that another does, who then calls
/// [`Gate::progress`] or [`Gate::wake_workers`].
pub type Write = Arc<dyn Fn() + Send + Sync>;
/// Makes a worker ask again about replies held back.
pub type WakeWorker = Arc<dyn Fn(usize) + Send + Sync>;

/// Looks at those who wait in WAITAOF.
pub type OnProgress = Arc<dyn Fn() + Send + Sync>;

/// See the module's text.
#[derive(Default)]
pub struct Gate {
    /// Whether changes go to the file; set while it is being switched on, too.
    enabled: AtomicBool,
    /// `appendfsync always`.
    always: AtomicBool,
    written: AtomicU64,
    durable: AtomicU64,
    /// Error number of the last write or sync; 0 while all is well.
    error: AtomicI32,
    /// Counts changes of the above.
    generation: AtomicU64,
    write: RwLock<Option<Write>>,
    wake_worker: RwLock<Option<WakeWorker>>,
    /// Workers that are to be woken, and their number.
    workers: Mutex<Vec<usize>>,
    workers_waiting: AtomicUsize,
    on_progress: RwLock<Option<OnProgress>>,
    /// How many clients wait in WAITAOF.
    waiting: AtomicUsize,
    /// How often all data was replaced by what is not in the file, and the number of that which
    /// its base has.
    data: AtomicU64,
    base: AtomicU64,
}

impl Gate {
    /// Whether the append-only file is on.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Switched on or off; nobody has to wait for a file that is not written.
    pub fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, SeqCst);
        self.changed();
    }

    /// Whether replies wait for the disk.
    pub fn set_always(&self, always: bool) {
        self.always.store(always, SeqCst);
        self.changed();
    }

    /// How workers get written what their clients changed; `None` while there is no file.
    pub fn set_write(&self, write: Option<Write>) {
        *self.write.write() = write;
    }

    /// How workers are reached.
    pub fn set_wake_worker(&self, wake: WakeWorker) {
        *self.wake_worker.write() = Some(wake);
    }

    /// The log's offsets up to which it is in the file and on disk.
    pub fn progress(&self, written: u64, durable: u64) {
        if self.written.load(Relaxed) == written && self.durable.load(Relaxed) == durable {
            return;
        }
        self.written.store(written, Release);
        self.durable.store(durable, Release);
        self.changed();
    }

    /// Log offset up to which it is on disk.
    pub fn durable(&self) -> u64 {
        self.durable.load(Acquire)
    }

    /// Why the file cannot be written or synced, as an error number; 0: it can.
    #[inline]
    pub fn error(&self) -> i32 {
        self.error.load(Relaxed)
    }

    /// Sets [`error`](Self::error). While there is one, only those wait whose own changes are not
    /// on disk: the others must hear that nothing can be changed.
    pub fn set_error(&self, code: i32) {
        if self.error.swap(code, SeqCst) != code {
            self.changed();
        }
    }

    /// Changes whenever [`may_reply`](Self::may_reply) may have another answer.
    pub fn generation(&self) -> u64 {
        self.generation.load(SeqCst)
    }

    /// Whether the replies of `session` may leave. `is_new`: it has written some since it was last
    /// asked about.
    #[inline]
    pub fn may_reply(&self, session: &mut Session, log: &Log, is_new: bool) -> bool {
        !self.is_enabled() || self.may_reply_now(session, log, is_new)
    }

    fn may_reply_now(&self, session: &mut Session, log: &Log, is_new: bool) -> bool {
        let always = self.always.load(Relaxed);
        if is_new {
            let served = session.state.served_offset.load(Relaxed);
            session.log_offset = session.log_offset.max(served);
            session.reply_offset = if always {
                log.end()
            } else {
                session.log_offset
            };
        }
        self.is_met(match always {
            true if self.error() != 0 => Until::Durable(session.log_offset),
            true => Until::Durable(session.reply_offset),
            false => Until::Written(session.reply_offset),
        })
    }

    /// Gets what is in the log to where the replies of a worker's clients can leave, now or later;
    /// returns the [`generation`](Self::generation). If that is another than the worker knows, it
    /// asks about its clients again, and calls this again for those who still wait. If not, it is
    /// woken when it changes.
    pub fn settle(&self, worker: usize) -> u64 {
        let before = self.generation();
        self.write();
        let after = self.generation();
        if before != after {
            return after;
        }
        {
            let mut workers = self.workers.lock();
            if !workers.contains(&worker) {
                workers.push(worker);
            }
            self.workers_waiting.store(workers.len(), SeqCst);
        }
        // Pairs with the fence of `wake_workers`: whoever is writing sees the worker when done, or
        // is done and leaves the writing to this call.
        fence(SeqCst);
        self.write();
        self.generation()
    }

    fn write(&self) {
        if let Some(write) = &*self.write.read() {
            write();
        }
    }

    /// Wakes the workers that wait, because the file is not being written any more.
    pub fn wake_workers(&self) {
        fence(SeqCst);
        if self.workers_waiting.load(Relaxed) == 0 {
            return;
        }
        let workers = {
            let mut workers = self.workers.lock();
            self.workers_waiting.store(0, SeqCst);
            std::mem::take(&mut *workers)
        };
        if let Some(wake) = &*self.wake_worker.read() {
            workers.into_iter().for_each(|worker| wake(worker));
        }
    }

    /// What is told of every change while somebody waits in WAITAOF.
    pub fn set_on_progress(&self, on_progress: OnProgress) {
        *self.on_progress.write() = Some(on_progress);
    }

    /// So many clients wait in WAITAOF; what they wait for must be looked at after this.
    pub(crate) fn set_waiting(&self, count: usize) {
        self.waiting.store(count, Relaxed);
        fence(SeqCst);
    }

    /// The data was replaced as a whole, past the log, or the file has only begun: it is of no use
    /// before it is rewritten.
    pub fn replaced(&self) {
        self.data.fetch_add(1, SeqCst);
    }

    /// Number of the present data. Constant while all shards are locked.
    pub fn data(&self) -> u64 {
        self.data.load(SeqCst)
    }

    /// The file has a base with the data of that number.
    pub fn has_base(&self, data: u64) {
        self.base.store(data, SeqCst);
        self.changed();
    }

    /// Whether the file has the present data.
    pub fn is_whole(&self) -> bool {
        self.base.load(SeqCst) == self.data()
    }

    /// Whether all up to the log's offset would be there after a restart.
    pub fn is_safe(&self, offset: u64) -> bool {
        self.is_enabled() && self.durable() >= offset && self.is_whole()
    }

    fn is_met(&self, until: Until) -> bool {
        match until {
            _ if !self.is_enabled() => true,
            Until::Written(offset) => self.written.load(Acquire) >= offset,
            Until::Durable(offset) => self.durable() >= offset,
        }
    }

    /// Something that somebody may wait for has changed.
    fn changed(&self) {
        self.generation.fetch_add(1, SeqCst);
        // Pairs with the fence of those who begin to wait: either they see the change, or they are
        // seen here.
        fence(SeqCst);
        if self.waiting.load(Relaxed) > 0
            && let Some(on_progress) = &*self.on_progress.read()
        {
            on_progress();
        }
        self.wake_workers();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn fixture() -> (Gate, Arc<Log>, Session, replication::log::Reader) {
        let (gate, log) = (Gate::default(), Arc::new(Log::new()));
        let session = Session::detached(Origin::Client, 0);
        gate.set_enabled(true);
        let reader = log.read_from_end();
        (gate, log, session, reader)
    }

    #[test]
    fn replies_wait_for_the_disk_only_where_they_must() {
        let (gate, log, mut session, _reader) = fixture();
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        session.log_offset = end;
        gate.set_always(true);
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, end - 1);
        assert!(!gate.may_reply(&mut session, &log, false));
        gate.progress(end, end);
        // What others append meanwhile does not matter to replies written before.
        log.append(0, [&b"DEL"[..], b"a"]);
        assert!(gate.may_reply(&mut session, &log, false));
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.set_enabled(false);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn while_the_disk_fails_only_those_wait_whose_changes_are_not_on_it() {
        let (gate, log, mut session, _reader) = fixture();
        gate.set_always(true);
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        assert!(!gate.may_reply(&mut session, &log, true));
        let before = gate.generation();
        gate.set_error(28);
        assert_ne!(gate.generation(), before);
        assert!(gate.may_reply(&mut session, &log, false));
        session.log_offset = end;
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, end);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn what_a_client_was_served_is_its_own_change() {
        let (gate, log, mut session, _reader) = fixture();
        let end = log.append(0, [&b"LPOP"[..], b"a"]);
        session.state.served_offset.store(end, Relaxed);
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, 0);
        assert!(gate.may_reply(&mut session, &log, false));
        gate.set_always(true);
        gate.set_error(28);
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, end);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn what_clients_changed_is_written_once_at_the_end_of_a_round() {
        let (gate, log, mut session, _reader) = fixture();
        let gate = Arc::new(gate);
        log.append(0, [&b"DEL"[..], b"a"]);
        // Another's change does not matter.
        assert!(gate.may_reply(&mut session, &log, true));
        session.log_offset = log.end();
        assert!(!gate.may_reply(&mut session, &log, true));
        let (weak, end) = (Arc::downgrade(&gate), log.end());
        gate.set_write(Some(Arc::new(move || {
            weak.upgrade().unwrap().progress(end, 0);
        })));
        let before = gate.generation();
        assert_ne!(gate.settle(0), before);
        assert!(gate.may_reply(&mut session, &log, false));
        assert!(gate.workers.lock().is_empty());
    }

    #[test]
    fn a_worker_that_could_not_write_is_woken_once() {
        let (gate, log, mut session, _reader) = fixture();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&woken);
        gate.set_wake_worker(Arc::new(move |worker| list.lock().push(worker)));
        session.log_offset = log.append(0, [&b"DEL"[..], b"a"]);
        assert!(!gate.may_reply(&mut session, &log, true));
        let known = gate.generation();
        assert_eq!((gate.settle(3), gate.settle(3)), (known, known));
        gate.progress(0, 0);
        assert!(woken.lock().is_empty());
        gate.progress(log.end(), 0);
        gate.wake_workers();
        assert_eq!(*woken.lock(), [3]);
        assert_ne!(gate.generation(), known);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn those_who_wait_for_the_disk_hear_of_every_step() {
        let (gate, log, _, _reader) = fixture();
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        gate.set_on_progress(Arc::new(move || {
            count.fetch_add(1, SeqCst);
        }));
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        gate.progress(end, 0);
        gate.set_waiting(1);
        assert!(heard.load(SeqCst) == 0 && !gate.is_safe(end));
        gate.progress(end, end);
        assert!(heard.load(SeqCst) == 1 && gate.is_safe(end));
    }

    #[test]
    fn nothing_is_safe_while_the_base_is_of_other_data() {
        let (gate, ..) = fixture();
        assert!(gate.is_safe(0));
        let old = gate.data();
        gate.replaced();
        gate.has_base(old);
        assert!(!gate.is_safe(0));
        gate.has_base(gate.data());
        assert!(gate.is_safe(0));
    }
}
