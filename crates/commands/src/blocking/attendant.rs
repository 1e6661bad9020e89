//! What is left to do because a shard was busy: keys to be served, waits to be taken out or ended.
//!
//! Workers never wait for a lock; the attendant's thread does it for them. It tries each chore, and
//! sleeps until a shard that it found busy is free or a new chore comes, so that one long command
//! holds up no chore that has nothing to do with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use keyspace::{ShardSet, Waiter, Waker};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::Wait;
use super::end;
use super::serve::{Rest, serve_keys};
use crate::call;
use crate::origin::Origin;
use crate::server::Server;
use crate::session::Session;

/// How long the thread sleeps at most before it looks whether it is to end.
const SLEEP_MS_MAX: u64 = 100;
/// So often the keys of a wait of which the time is over are served: what is there for it then came
/// just now.
const SERVED_MAX: u32 = 8;

enum Chore {
    Serve(Rest),
    Forget(Arc<Wait>),
    /// Its time is over: serve its keys, and end it if there was nothing for it. The number says
    /// how often they have been served.
    End(Arc<Wait>, Rest, u32),
}

#[derive(Default)]
struct State {
    chores: Vec<Chore>,
    /// Something has happened since the thread last looked.
    is_called: bool,
}

/// The list of chores, and how many clients wait for what.
#[derive(Default)]
pub struct Attendant {
    state: Mutex<State>,
    called: Condvar,
    group_reads: AtomicUsize,
    /// Clients that wait for several keys.
    wide: AtomicUsize,
    /// Held while those are served, behind the locks of the ready keys; no lock is waited for
    /// under it.
    serving: Mutex<()>,
}

impl Attendant {
    pub(super) fn began(&self, wait: &Wait) {
        if wait.is_group_read() {
            self.group_reads.fetch_add(1, Ordering::Relaxed);
        }
        if wait.keys.len() > 1 {
            self.wide.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn ended(&self, wait: &Wait) {
        if wait.is_group_read() {
            self.group_reads.fetch_sub(1, Ordering::Relaxed);
        }
        if wait.keys.len() > 1 {
            self.wide.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Keeps others from serving where some of those who wait do so for several keys: two who push
    /// to different keys would both take from the same queue of people, and neither would have
    /// served them as a whole before the other.
    pub(super) fn serve_alone(&self) -> Option<MutexGuard<'_, ()>> {
        (self.wide.load(Ordering::Acquire) > 0).then(|| self.serving.lock())
    }

    /// How many clients wait in XREADGROUP: they alone care for keys that are gone. Counted before
    /// the lock of their keys is released, and so exact enough for who holds it.
    pub(super) fn group_reads(&self) -> usize {
        self.group_reads.load(Ordering::Relaxed)
    }

    pub(super) fn add_keys(&self, rest: Rest) {
        self.add(Chore::Serve(rest));
    }

    pub(super) fn add_wait(&self, wait: Arc<Wait>) {
        self.add(Chore::Forget(wait));
    }

    /// The time of a wait is over, but it may be about to be served.
    pub(super) fn add_overdue(&self, server: &Server, wait: Arc<Wait>) {
        let rest = wait.rest(server);
        self.add(Chore::End(wait, rest, 0));
    }

    fn add(&self, chore: Chore) {
        self.state.lock().chores.push(chore);
        self.wake();
    }

    /// How many chores there are.
    pub fn chores(&self) -> usize {
        self.state.lock().chores.len()
    }
}

impl Waker for Attendant {
    fn wake(&self) {
        self.state.lock().is_called = true;
        self.called.notify_one();
    }
}

/// Does the attendant's work until `stop` is set. For a thread of its own.
pub fn attend(server: &Server, stop: &AtomicBool) {
    let attendant = &server.blocking;
    while !stop.load(Ordering::Relaxed) {
        let chores = {
            let mut state = attendant.state.lock();
            if !state.is_called {
                let sleep = Duration::from_millis(SLEEP_MS_MAX);
                attendant.called.wait_for(&mut state, sleep);
            }
            state.is_called = false;
            std::mem::take(&mut state.chores)
        };
        let left: Vec<_> = chores.into_iter().filter_map(|c| work(server, c)).collect();
        attendant.state.lock().chores.extend(left);
    }
}

/// Serves keys, or returns what is left of them when a shard is busy.
fn serve_rest(server: &Server, rest: Rest, park: &dyn Fn() -> Arc<dyn Waker>) -> Option<Rest> {
    let Ok(locked) = server.keyspace.try_lock_or_park(&rest.shards, park) else {
        return Some(rest);
    };
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    let ctx = call::internal_ctx(server, &mut session, locked);
    let left = serve_keys(ctx, rest.keys);
    if left.is_some() {
        // Nobody was asked to wake us for the shard that is needed now.
        server.blocking.wake();
    }
    left
}

/// Does a chore, or returns what is left of it when a shard is busy: then the attendant is woken
/// once it is free.
fn work(server: &Server, chore: Chore) -> Option<Chore> {
    let park = || Arc::clone(&server.blocking) as Arc<dyn Waker>;
    match chore {
        Chore::Serve(rest) => serve_rest(server, rest, &park).map(Chore::Serve),
        Chore::End(wait, ..) if wait.is_claimed() => None,
        Chore::End(wait, rest, times) => match serve_rest(server, rest, &park) {
            Some(rest) => Some(Chore::End(wait, rest, times)),
            None if end::is_over(server, &wait, times < SERVED_MAX) => None,
            None => {
                server.blocking.wake();
                let rest = wait.rest(server);
                Some(Chore::End(wait, rest, times + 1))
            }
        },
        Chore::Forget(wait) => {
            let is_free = |key: &[u8]| {
                let shard = server.keyspace.shard_of(server.keyspace.hash(key));
                let set = ShardSet::one(shard);
                let Ok(mut locked) = server.keyspace.try_lock_or_park(&set, &park) else {
                    return false;
                };
                if let Some(db) = locked.db_mut(shard, wait.db) {
                    db.remove_waiter(key, wait.id());
                }
                true
            };
            let is_done = wait.keys.iter().all(|key| is_free(key));
            (!is_done).then_some(Chore::Forget(wait))
        }
    }
}
