//! The keys that are on their way to another server.
//!
//! While a key moves it may still be read here, but commands that would change it wait until it is
//! gone, or has come back because the target refused it. Which keys move is only looked at while
//! any do: then the keyspace is told that entries may be held, as by a snapshot, which is what the
//! hot path asks.

use std::collections::HashMap;
use std::sync::Arc;

use keyspace::{DbId, DbKey, Waker};
use parking_lot::Mutex;

#[derive(Default)]
struct State {
    /// Each key with the client that moves it.
    keys: HashMap<DbKey, u64>,
    waiting: Vec<Arc<dyn Waker>>,
}

/// See the module's text.
#[derive(Default)]
pub(crate) struct Moving {
    state: Mutex<State>,
}

impl Moving {
    /// Notes that a client begins to move these keys. Called with their shards locked.
    pub(super) fn begin(&self, client: u64, db: DbId, keys: &[Box<[u8]>]) {
        keyspace::count_holder(true);
        let mut state = self.state.lock();
        for key in keys {
            let key = key.clone();
            state.keys.insert(DbKey { db, key }, client);
        }
    }

    /// Notes that they are where they belong, and wakes those who waited.
    pub(super) fn end(&self, db: DbId, keys: &[Box<[u8]>]) {
        let mut state = self.state.lock();
        for key in keys {
            let key = key.clone();
            state.keys.remove(&DbKey { db, key });
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        keyspace::count_holder(false);
        waiting.iter().for_each(|waker| waker.wake());
    }

    /// Whether another client moves that key.
    pub(crate) fn is_moving(&self, client: u64, db: DbId, key: &[u8]) -> bool {
        let state = self.state.lock();
        if state.keys.is_empty() {
            return false;
        }
        let key = DbKey {
            db,
            key: key.into(),
        };
        state.keys.get(&key).is_some_and(|mover| *mover != client)
    }

    /// Whether other clients move any keys.
    pub(crate) fn are_any(&self, client: u64) -> bool {
        self.state
            .lock()
            .keys
            .values()
            .any(|mover| *mover != client)
    }

    /// Registers a waker that is called once, when next some keys have arrived; look again whether
    /// the key still moves after this.
    pub(crate) fn wait(&self, waker: Arc<dyn Waker>) {
        self.state.lock().waiting.push(waker);
    }
}
