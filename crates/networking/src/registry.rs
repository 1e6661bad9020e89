//! The clients that are connected, by id, for all threads to read.
//!
//! Workers insert a client before its first command and remove it when its connection closes.
//! Whoever holds an `Arc` beyond that finds a client whose messages go nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::Client;

/// All connected clients.
pub struct Registry<T> {
    clients: DashMap<u64, Arc<Client<T>>>,
    /// Connections accepted and not closed, those not yet adopted by their worker included.
    open: AtomicUsize,
}

impl<T> Registry<T> {
    pub(crate) fn new() -> Self {
        Self {
            clients: DashMap::new(),
            open: AtomicUsize::new(0),
        }
    }

    /// The client with this id, unless it is being closed.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<Client<T>>> {
        let client = self.clients.get(&id)?;
        (!client.is_closing()).then(|| Arc::clone(&client))
    }

    /// How many clients there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All clients that are not being closed, in order of id (of age), as they are at about this
    /// moment.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Client<T>>> {
        let mut all: Vec<_> = self
            .clients
            .iter()
            .filter(|client| !client.is_closing())
            .map(|entry| Arc::clone(&entry))
            .collect();
        all.sort_unstable_by_key(|client| client.id());
        all
    }

    /// Calls `f` for each client that is not being closed, in no order. `f` must not touch the
    /// registry.
    pub fn for_each(&self, mut f: impl FnMut(&Arc<Client<T>>)) {
        for entry in self.clients.iter().filter(|client| !client.is_closing()) {
            f(&entry);
        }
    }

    pub(crate) fn insert(&self, client: Arc<Client<T>>) {
        self.clients.insert(client.id(), client);
    }

    pub(crate) fn remove(&self, id: u64) {
        self.clients.remove(&id);
        self.release();
    }

    /// Takes a place for a connection unless `max` are taken.
    pub(crate) fn reserve(&self, max: usize) -> bool {
        let take = |open| (open < max).then_some(open + 1);
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// Gives back the place of a connection that never became a client.
    pub(crate) fn release(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
