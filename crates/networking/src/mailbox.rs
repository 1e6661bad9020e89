//! What other threads send a worker: a queue swapped out whole, and a wake-up only if it sleeps.
//!
//! `asleep` lives under the queue's lock, so a wake-up cannot be lost: a worker goes to sleep only
//! after it saw the queue empty under the lock, and whoever pushes first after that finds the flag,
//! clears it and wakes the worker, once, however many follow.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use mio::Waker;
use parking_lot::{Mutex, MutexGuard};

use crate::acceptor::NewConn;
use crate::{ClientAddress, Message};

/// Copies of payloads that may wait for one worker before [`Post::is_congested`]: some tens of
/// milliseconds of its time.
const DELIVERIES_MAX: usize = 1 << 17;

/// One thing for a worker to do.
pub(crate) enum Mail {
    /// Adopt a connection.
    Connection(Box<NewConn>),
    /// Something for one client.
    One(ClientAddress, Message),
    /// The same payload for many clients.
    Many(Arc<[ClientAddress]>, Bytes),
    /// What replies are held back for may have happened.
    Settle,
    /// A [`crate::executors::Job`] that is done.
    Returned(ClientAddress, Box<dyn Any + Send>),
    /// Flush what can be flushed and end.
    Stop,
}

#[derive(Default)]
struct Queue {
    mail: Vec<Mail>,
    asleep: bool,
}

thread_local! {
    /// Whether this thread wakes workers later.
    static HELD: Cell<bool> = const { Cell::new(false) };
    /// The mailboxes whose workers it is to wake then.
    static LATER: RefCell<Vec<Arc<Mailbox>>> = const { RefCell::new(Vec::new()) };
    /// Whether there are any.
    static ANY_LATER: Cell<bool> = const { Cell::new(false) };
}

/// What this thread posts while this lives wakes nobody before it ends: no system call, that is,
/// where a lock is held. The order of what is posted is that of the posting. Somebody else's mail
/// wakes the receiver meanwhile.
#[must_use]
pub struct HeldWakes(());

/// See [`HeldWakes`]; not to be nested.
pub fn hold_wakes() -> HeldWakes {
    HELD.set(true);
    HeldWakes(())
}

impl Drop for HeldWakes {
    fn drop(&mut self) {
        HELD.set(false);
        flush_wakes();
    }
}

/// Wakes those whose waking was held up.
#[inline]
pub fn flush_wakes() {
    if ANY_LATER.get() {
        wake_all();
    }
}

#[cold]
fn wake_all() {
    ANY_LATER.set(false);
    LATER.with_borrow_mut(|later| {
        for mailbox in later.drain(..) {
            mailbox.wake(mailbox.queue.lock());
        }
    });
}

#[cold]
fn wake_later(mailbox: &Arc<Mailbox>) {
    ANY_LATER.set(true);
    LATER.with_borrow_mut(|later| {
        if !later.iter().any(|other| Arc::ptr_eq(other, mailbox)) {
            later.push(Arc::clone(mailbox));
        }
    });
}

/// A worker's mailbox.
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    /// Payloads on their way to receivers here: how many copies are still to be handed over.
    deliveries: AtomicUsize,
    /// Whether there may be mail; a hint that costs no lock. Set under the lock.
    pending: AtomicBool,
    waker: Waker,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            queue: Mutex::default(),
            deliveries: AtomicUsize::new(0),
            pending: AtomicBool::new(false),
            waker,
        }
    }

    /// Puts mail in; wakes the worker if it sleeps, or sees to it that this thread does so later
    /// ([`hold_wakes`]).
    pub(crate) fn push(self: &Arc<Self>, mail: Mail) {
        let mut queue = self.queue.lock();
        queue.mail.push(mail);
        self.pending.store(true, Ordering::Release);
        if !queue.asleep {
            return;
        }
        if HELD.get() {
            drop(queue);
            wake_later(self);
        } else {
            self.wake(queue);
        }
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let asleep = std::mem::take(&mut queue.asleep);
        drop(queue);
        // A failing waker means that the poll loop is gone, and the mail with it.
        if asleep && let Err(error) = self.waker.wake() {
            tracing::warn!("Waking a network thread: {error}");
        }
    }

    /// So many copies of payloads were handed over.
    pub(crate) fn delivered(&self, count: usize) {
        self.deliveries.fetch_sub(count, Ordering::Relaxed);
    }

    /// Whether a [`Mailbox::take`] would find something. May miss what is just being pushed.
    pub(crate) fn has_mail(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Swaps the mail out into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<Mail>) {
        debug_assert!(into.is_empty());
        let mut queue = self.queue.lock();
        queue.asleep = false;
        self.pending.store(false, Ordering::Relaxed);
        std::mem::swap(&mut queue.mail, into);
    }

    /// Called before the worker waits. `false`: there is mail, do not wait.
    pub(crate) fn fall_asleep(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.asleep = queue.mail.is_empty();
        queue.asleep
    }

    /// Called after the wait, whatever ended it.
    pub(crate) fn wake_up(&self) {
        self.queue.lock().asleep = false;
    }
}

/// Posts to any client of any worker. Cheap to clone.
#[derive(Clone)]
pub struct Post {
    workers: Arc<[Arc<Mailbox>]>,
}

impl Post {
    pub(crate) fn new(workers: Vec<Arc<Mailbox>>) -> Self {
        Self {
            workers: workers.into(),
        }
    }

    /// Whether some worker has so many payloads to hand over that those who post more should wait.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        let of = |worker: &Arc<Mailbox>| worker.deliveries.load(Ordering::Relaxed);
        self.workers
            .iter()
            .any(|worker| of(worker) > DELIVERIES_MAX)
    }

    /// How many workers there are; addresses name them 0 to this.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Posts to one client. Dropped if it is gone.
    pub fn one(&self, to: ClientAddress, message: Message) {
        if let Some(worker) = self.workers.get(to.worker as usize) {
            worker.push(Mail::One(to, message));
        }
    }

    /// Makes a worker ask again about replies that are held back; see [`Service::settle`].
    ///
    /// [`Service::settle`]: crate::Service::settle
    pub fn settle(&self, worker: usize) {
        if let Some(worker) = self.workers.get(worker) {
            worker.push(Mail::Settle);
        }
    }

    /// Posts one shared payload to many clients of one worker, as [`Message::Push`] does to one.
    pub fn many(&self, worker: usize, to: Arc<[ClientAddress]>, payload: Bytes) {
        debug_assert!(to.iter().all(|to| to.worker as usize == worker));
        if let Some(worker) = self.workers.get(worker) {
            worker.deliveries.fetch_add(to.len(), Ordering::Relaxed);
            worker.push(Mail::Many(to, payload));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll, Token};
    use std::time::Duration;

    #[test]
    fn a_wake_up_that_is_held_comes_in_the_end() {
        let mut poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let mailbox = Arc::new(Mailbox::new(waker));
        let mut events = Events::with_capacity(4);
        let mut is_woken = |poll: &mut Poll| {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        assert!(mailbox.fall_asleep());
        let held = hold_wakes();
        mailbox.push(Mail::Stop);
        mailbox.push(Mail::Stop);
        assert!(!is_woken(&mut poll));
        let other = Arc::clone(&mailbox);
        std::thread::spawn(move || other.push(Mail::Stop))
            .join()
            .unwrap();
        assert!(is_woken(&mut poll), "by somebody else");
        mailbox.take(&mut Vec::new());
        assert!(mailbox.fall_asleep());
        mailbox.push(Mail::Stop);
        drop(held);
        assert!(is_woken(&mut poll));
    }

    #[test]
    fn no_wake_up_is_lost_between_many_senders_and_a_sleeper() {
        let mut poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let mailbox = Arc::new(Mailbox::new(waker));
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let mailbox = Arc::clone(&mailbox);
                std::thread::spawn(move || (0..10_000).for_each(|_| mailbox.push(Mail::Stop)))
            })
            .collect();
        let (mut got, mut mail, mut events) = (0, Vec::new(), Events::with_capacity(4));
        while got < 40_000 {
            if mailbox.fall_asleep() {
                poll.poll(&mut events, Some(Duration::from_secs(20)))
                    .unwrap();
                assert!(!events.is_empty(), "slept through a push");
                mailbox.wake_up();
            }
            mailbox.take(&mut mail);
            got += mail.drain(..).count();
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    }
}
