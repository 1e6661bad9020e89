//! Who watches keys (WATCH) and who waits for them (blocking commands), per shard and database.
//!
//! Watchers are flags that a commit sets under the shard's lock. Waiters are kept in order of
//! arrival; this module only keeps them, the dispatcher serves them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};

/// One pointer, null while nobody is interested in any key.
type ByKey<V> = Option<Box<HashMap<Box<[u8]>, V>>>;

/// A client that watches a key.
#[derive(Clone, Debug)]
pub struct Watcher {
    /// Set when the key changes: the client's EXEC then fails.
    pub dirty: Arc<AtomicBool>,
    /// The key's time had already come when WATCH was called: its deletion is no change.
    pub expired: bool,
}

/// The watchers of one shard's part of a database.
#[derive(Debug, Default)]
pub(crate) struct Watchers(ByKey<Vec<Watcher>>);

impl Watchers {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn add(&mut self, key: &[u8], watcher: Watcher) {
        let of_key = self
            .0
            .get_or_insert_default()
            .entry(key.into())
            .or_default();
        if !of_key.iter().any(|w| Arc::ptr_eq(&w.dirty, &watcher.dirty)) {
            of_key.push(watcher);
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8], dirty: &Arc<AtomicBool>) {
        let Some(map) = &mut self.0 else { return };
        if let Some(of_key) = map.get_mut(key) {
            of_key.retain(|w| !Arc::ptr_eq(&w.dirty, dirty));
            if of_key.is_empty() {
                map.remove(key);
            }
        }
        if map.is_empty() {
            self.0 = None;
        }
    }

    /// Whether the watcher with this flag began when the key's time had come already.
    pub(crate) fn was_expired(&self, key: &[u8], dirty: &Arc<AtomicBool>) -> bool {
        let of_key = self.0.as_ref().and_then(|map| map.get(key));
        of_key
            .into_iter()
            .flatten()
            .any(|w| w.expired && Arc::ptr_eq(&w.dirty, dirty))
    }

    /// The key has changed; `exists` says whether it is there now.
    #[cold]
    pub(crate) fn touch(&mut self, key: &[u8], exists: bool) {
        let Some(of_key) = self.0.as_mut().and_then(|map| map.get_mut(key)) else {
            return;
        };
        for watcher in of_key {
            if watcher.expired && !exists {
                watcher.expired = false;
            } else {
                watcher.dirty.store(true, Release);
            }
        }
    }

    /// Every key for which `changes` says yes has changed.
    pub(crate) fn touch_all(&mut self, mut changes: impl FnMut(&[u8], &mut Watcher) -> bool) {
        for (key, of_key) in self.0.iter_mut().flat_map(|map| map.iter_mut()) {
            for watcher in of_key {
                if changes(key, watcher) {
                    watcher.dirty.store(true, Release);
                }
            }
        }
    }
}

/// A client that waits for a key; what it wants is the dispatcher's business.
pub trait Waiter: Send + Sync + std::fmt::Debug {
    /// Identifies the waiter; never reused.
    fn id(&self) -> u64;
    /// For the dispatcher to get its own type back.
    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
}

/// The waiters of one shard's part of a database.
#[derive(Debug, Default)]
pub(crate) struct Waiters(ByKey<VecDeque<Arc<dyn Waiter>>>);

impl Waiters {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn add(&mut self, key: &[u8], waiter: Arc<dyn Waiter>) {
        self.0
            .get_or_insert_default()
            .entry(key.into())
            .or_default()
            .push_back(waiter);
    }

    pub(crate) fn remove(&mut self, key: &[u8], id: u64) {
        let Some(map) = &mut self.0 else { return };
        if let Some(queue) = map.get_mut(key) {
            // Those at the front are served, and found, first.
            if let Some(at) = queue.iter().position(|w| w.id() == id) {
                queue.remove(at);
            }
            if queue.is_empty() {
                map.remove(key);
            }
        }
        if map.is_empty() {
            self.0 = None;
        }
    }

    fn queue(&self, key: &[u8]) -> Option<&VecDeque<Arc<dyn Waiter>>> {
        self.0.as_ref()?.get(key)
    }

    pub(crate) fn are_for(&self, key: &[u8]) -> bool {
        self.queue(key).is_some()
    }

    pub(crate) fn get(&self, key: &[u8], at: usize) -> Option<&Arc<dyn Waiter>> {
        self.queue(key)?.get(at)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|map| map.keys().map(|k| &**k))
    }
}
