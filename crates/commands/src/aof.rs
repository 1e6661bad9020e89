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

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use replication::Log;

use crate::session::{ClientLink, Session};

/// What the replies of a client wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// The offset is in the file.
    Written(u64),
    /// The offset is on disk.
    Durable(u64),
}

/// A blocked client (WAITAOF).
struct Waiter {
    /// Offset that is to be on disk.
    durable: u64,
    /// Whether it was unblocked otherwise.
    claimed: Arc<AtomicBool>,
    reply: Bytes,
    link: Arc<dyn ClientLink>,
}

/// Gets what is in the log into the file, or sees to it that another does, who then calls
/// [`Gate::progress`] or [`Gate::wake_workers`].
pub type Write = Arc<dyn Fn() + Send + Sync>;
/// Makes a worker ask again about replies held back.
pub type WakeWorker = Arc<dyn Fn(usize) + Send + Sync>;

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
    waiters: Mutex<Vec<Waiter>>,
    /// Length of `waiters`.
    waiting: AtomicUsize,
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

    /// Unblocks the client with `reply` when the log is on disk up to `offset`, unless `claimed`
    /// is set by then. False if it is there already.
    pub(crate) fn unblock_when_durable(
        &self,
        offset: u64,
        (claimed, reply): (Arc<AtomicBool>, Bytes),
        link: &Arc<dyn ClientLink>,
    ) -> bool {
        let mut waiters = self.waiters.lock();
        self.waiting.store(waiters.len() + 1, Relaxed);
        fence(SeqCst);
        if self.is_met(Until::Durable(offset)) {
            self.waiting.store(waiters.len(), Relaxed);
            return false;
        }
        waiters.push(Waiter {
            durable: offset,
            claimed,
            reply,
            link: Arc::clone(link),
        });
        true
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
        if self.waiting.load(Relaxed) > 0 {
            self.release();
        }
        self.wake_workers();
    }

    /// Unblocks those who have what they waited for.
    fn release(&self) {
        let mut waiters = self.waiters.lock();
        let is_free = |waiter: &mut Waiter| self.is_met(Until::Durable(waiter.durable));
        let free: Vec<Waiter> = waiters.extract_if(.., is_free).collect();
        self.waiting.store(waiters.len(), Relaxed);
        drop(waiters);
        for waiter in free {
            if !waiter.claimed.swap(true, SeqCst) {
                waiter.link.unblock(waiter.reply);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[derive(Default)]
    struct Link(Mutex<Vec<Bytes>>);

    impl ClientLink for Link {
        fn resume(&self) {}
        fn unblock(&self, reply: Bytes) {
            self.0.lock().push(reply);
        }
        fn push(&self, _: Bytes) {}
        fn kill(&self, _: bool) {}
        fn wake_at(&self, _: i64) {}
    }

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
    fn a_blocked_client_is_unblocked_once() {
        let (gate, log, mut session, _reader) = fixture();
        let link = Arc::new(Link::default());
        session.link = Arc::clone(&link) as Arc<dyn ClientLink>;
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        let claimed = Arc::new(AtomicBool::new(false));
        let reply = Bytes::from_static(b":1\r\n");
        let then = |claimed| (claimed, reply.clone());
        assert!(gate.unblock_when_durable(end, then(Arc::clone(&claimed)), &session.link));
        assert!(gate.unblock_when_durable(end, then(claimed), &session.link));
        gate.progress(end, end);
        assert_eq!(link.0.lock().as_slice(), std::slice::from_ref(&reply));
        let late = Arc::new(AtomicBool::new(false));
        assert!(!gate.unblock_when_durable(end, then(late), &session.link));
    }
}
