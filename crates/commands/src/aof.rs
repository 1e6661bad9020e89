//! How far the append-only file is, and who waits for it.
//!
//! The writer's thread reports its progress here; nothing here touches files. Replies of a client
//! are held back (never its locks) until the log is on disk as far as it went when they were
//! written: with `appendfsync always`, because a reply promises that, and also what a client has
//! *read* of another must not be lost. With the other policies what a client changed must be in the
//! file, so that only a crash of the system can lose it, not one of the process; the client's own
//! worker writes it there ([`Gate::set_write`]), unless the file is being written just then.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use replication::Log;

use crate::session::{ClientLink, Session};

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// The offset is in the file.
    Written(u64),
    /// The offset is on disk.
    Durable(u64),
}

/// What is done when it is there.
enum Then {
    /// Replies held back may leave.
    Flush,
    /// The blocked client gets this reply, unless it was unblocked otherwise.
    Unblock(Arc<AtomicBool>, Bytes),
}

struct Waiter {
    until: Until,
    then: Then,
    link: Arc<dyn ClientLink>,
}

/// Writes what is in the log, unless that is being done already, and reports the progress.
pub type Write = Arc<dyn Fn() + Send + Sync>;

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
    write: RwLock<Option<Write>>,
    /// Length of `waiters`.
    waiting: AtomicUsize,
    waiters: Mutex<Vec<Waiter>>,
}

impl Gate {
    /// Whether the append-only file is on.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Switched on or off; nobody has to wait for a file that is not written.
    pub fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, SeqCst);
        self.release(true);
    }

    /// Whether replies wait for the disk.
    pub fn set_always(&self, always: bool) {
        self.always.store(always, SeqCst);
        self.release(true);
    }

    /// How workers write what their clients changed; `None` while there is no file.
    pub fn set_write(&self, write: Option<Write>) {
        *self.write.write() = write;
    }

    /// The log's offsets up to which it is in the file and on disk.
    pub fn progress(&self, written: u64, durable: u64) {
        self.written.store(written, Release);
        self.durable.store(durable, Release);
        // Pairs with the fence of `wait`: either it sees the progress, or it is seen here.
        std::sync::atomic::fence(SeqCst);
        if self.waiting.load(Relaxed) > 0 {
            self.release(false);
        }
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
            self.release(true);
        }
    }

    /// Whether the replies of `session` may leave. `is_new`: it has written some since it was last
    /// asked about. Where they may not, its link's `flush` is called when it is worth asking again.
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
        let until = match always {
            true if self.error() != 0 => Until::Durable(session.log_offset),
            true => Until::Durable(session.reply_offset),
            false => Until::Written(session.reply_offset),
        };
        if self.is_met(until) {
            return true;
        }
        if always {
            log.wake();
        } else if let Some(write) = &*self.write.read() {
            write();
        }
        !self.wait(until, Then::Flush, &session.link)
    }

    /// Unblocks the client with `reply` when the log is on disk up to `offset`, unless `claimed`
    /// is set by then. False if it is there already.
    pub(crate) fn unblock_when_durable(
        &self,
        offset: u64,
        (claimed, reply): (Arc<AtomicBool>, Bytes),
        link: &Arc<dyn ClientLink>,
    ) -> bool {
        self.wait(Until::Durable(offset), Then::Unblock(claimed, reply), link)
    }

    fn is_met(&self, until: Until) -> bool {
        match until {
            _ if !self.is_enabled() => true,
            Until::Written(offset) => self.written.load(Acquire) >= offset,
            Until::Durable(offset) => self.durable() >= offset,
        }
    }

    /// Remembers the client, unless it need not wait (any more).
    fn wait(&self, until: Until, then: Then, link: &Arc<dyn ClientLink>) -> bool {
        let mut waiters = self.waiters.lock();
        self.waiting.store(waiters.len() + 1, Relaxed);
        std::sync::atomic::fence(SeqCst);
        if self.is_met(until) {
            self.waiting.store(waiters.len(), Relaxed);
            return false;
        }
        let link = Arc::clone(link);
        waiters.push(Waiter { until, then, link });
        true
    }

    /// Lets those go who have what they waited for. With `ask_again`, what replies have to wait for
    /// may have changed.
    fn release(&self, ask_again: bool) {
        let mut waiters = self.waiters.lock();
        let is_free = |waiter: &mut Waiter| {
            self.is_met(waiter.until) || ask_again && matches!(waiter.then, Then::Flush)
        };
        let free: Vec<Waiter> = waiters.extract_if(.., is_free).collect();
        self.waiting.store(waiters.len(), Relaxed);
        drop(waiters);
        for waiter in free {
            match waiter.then {
                Then::Flush => waiter.link.flush(),
                Then::Unblock(claimed, reply) => {
                    if !claimed.swap(true, SeqCst) {
                        waiter.link.unblock(reply);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[derive(Default)]
    struct Link {
        flushed: AtomicUsize,
        replies: Mutex<Vec<Bytes>>,
    }

    impl ClientLink for Link {
        fn resume(&self) {}
        fn unblock(&self, reply: Bytes) {
            self.replies.lock().push(reply);
        }
        fn flush(&self) {
            self.flushed.fetch_add(1, Relaxed);
        }
        fn push(&self, _: Bytes) {}
        fn kill(&self, _: bool) {}
        fn wake_at(&self, _: i64) {}
    }

    fn fixture() -> (Gate, Arc<Log>, Session, Arc<Link>, replication::log::Reader) {
        let (gate, log, link) = (
            Gate::default(),
            Arc::new(Log::new()),
            Arc::new(Link::default()),
        );
        let mut session = Session::detached(Origin::Client, 0);
        session.link = Arc::clone(&link) as Arc<dyn ClientLink>;
        gate.set_enabled(true);
        let reader = log.read_from_end();
        (gate, log, session, link, reader)
    }

    #[test]
    fn replies_wait_for_the_disk_only_where_they_must() {
        let (gate, log, mut session, link, _reader) = fixture();
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        session.log_offset = end;
        gate.set_always(true);
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, end - 1);
        assert_eq!(link.flushed.load(Relaxed), 0);
        gate.progress(end, end);
        assert_eq!(link.flushed.load(Relaxed), 1);
        // What others append meanwhile does not matter to replies written before.
        log.append(0, [&b"DEL"[..], b"a"]);
        assert!(gate.may_reply(&mut session, &log, false));
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.set_enabled(false);
        assert_eq!(link.flushed.load(Relaxed), 2);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn while_the_disk_fails_only_those_wait_whose_changes_are_not_on_it() {
        let (gate, log, mut session, link, _reader) = fixture();
        gate.set_always(true);
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.set_error(28);
        assert_eq!(link.flushed.load(Relaxed), 1);
        assert!(gate.may_reply(&mut session, &log, false));
        session.log_offset = end;
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, end);
        assert_eq!(link.flushed.load(Relaxed), 2);
        assert!(gate.may_reply(&mut session, &log, false));
    }

    #[test]
    fn what_a_client_changed_is_written_before_its_reply() {
        let (gate, log, mut session, link, _reader) = fixture();
        let gate = Arc::new(gate);
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        // Another's change does not matter.
        assert!(gate.may_reply(&mut session, &log, true));
        session.log_offset = end;
        assert!(!gate.may_reply(&mut session, &log, true));
        gate.progress(end, 0);
        assert_eq!(link.flushed.load(Relaxed), 1);
        assert!(gate.may_reply(&mut session, &log, false));
        session.log_offset = log.append(0, [&b"DEL"[..], b"a"]);
        let (weak, end) = (Arc::downgrade(&gate), log.end());
        gate.set_write(Some(Arc::new(move || {
            weak.upgrade().unwrap().progress(end, 0);
        })));
        assert!(gate.may_reply(&mut session, &log, true));
    }

    #[test]
    fn a_blocked_client_is_unblocked_once() {
        let (gate, log, session, link, _reader) = fixture();
        let end = log.append(0, [&b"DEL"[..], b"a"]);
        let claimed = Arc::new(AtomicBool::new(false));
        let reply = Bytes::from_static(b":1\r\n");
        let then = |claimed| (claimed, reply.clone());
        assert!(gate.unblock_when_durable(end, then(Arc::clone(&claimed)), &session.link));
        assert!(gate.unblock_when_durable(end, then(claimed), &session.link));
        gate.progress(end, end);
        assert_eq!(link.replies.lock().as_slice(), std::slice::from_ref(&reply));
        let late = Arc::new(AtomicBool::new(false));
        assert!(!gate.unblock_when_durable(end, then(late), &session.link));
    }
}
