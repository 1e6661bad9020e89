//! `maxmemory-clients`: what all connections hold together, and closing the largest of them when
//! that is too much.
//!
//! While there is a limit, each connection brings its share of the sum up to date at the end of its
//! turn, and before it executes a large request. Whoever finds the sum above the limit counts all
//! clients afresh and closes the largest, until the rest is below it. Protected clients count, but
//! stay. Without a limit nothing is counted.

use std::sync::atomic::{AtomicI64, AtomicIsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::network::Shared;
use crate::{Client, Eviction, NetStats, Service};

/// Where closing all that may be closed was not enough, the next attempt is so much later.
const PAUSE_MS: i64 = 100;

/// The sum, and who works on it.
#[derive(Debug, Default)]
pub(crate) struct ClientMemory {
    total: AtomicIsize,
    evicting: Mutex<()>,
    not_before_ms: AtomicI64,
}

impl ClientMemory {
    /// Brings a client's share up to date.
    fn account<T>(&self, client: &Client<T>, bytes: usize) {
        let before = client.gauges.accounted.swap(bytes, Relaxed);
        let change = bytes as isize - before as isize;
        if change != 0 {
            self.total.fetch_add(change, Relaxed);
        }
    }

    /// The client is gone.
    pub(crate) fn forget<T>(&self, client: &Client<T>) {
        self.account(client, 0);
    }
}

/// What a client counts.
fn bytes_of<S: Service>(service: &S, client: &Client<S::Shared>) -> usize {
    if client.is_closing() || service.eviction(client.shared()) == Eviction::Exempt {
        return 0;
    }
    client.memory() + service.held_bytes(client.shared())
}

/// Counts a client at the end of its turn, and evicts if that is called for.
#[cold]
pub(crate) fn check<S: Service>(
    service: &S,
    shared: &Shared<S::Shared>,
    client: &Client<S::Shared>,
    stats: &NetStats,
) {
    let limit = shared.settings.client_memory_limit.load(Relaxed) as isize;
    let changed = shared.settings.client_memory_changed.swap(false, Relaxed);
    if limit == 0 {
        return;
    }
    shared.memory.account(client, bytes_of(service, client));
    if shared.memory.total.load(Relaxed) > limit || changed {
        evict(service, shared, limit, stats, changed);
    }
}

fn evict<S: Service>(
    service: &S,
    shared: &Shared<S::Shared>,
    limit: isize,
    stats: &NetStats,
    changed: bool,
) {
    let memory = &shared.memory;
    let now_ms = common::clock::now_ms();
    if !changed && now_ms < memory.not_before_ms.load(Relaxed) {
        return;
    }
    let _evicting = memory.evicting.lock();
    let mut clients = shared.registry.all();
    for client in &clients {
        memory.account(client, bytes_of(service, client));
    }
    clients.retain(|client| service.eviction(client.shared()) == Eviction::Allowed);
    let share = |client: &Client<S::Shared>| client.gauges.accounted.load(Relaxed);
    clients.sort_by_key(|client| std::cmp::Reverse(share(client)));
    for client in clients {
        if memory.total.load(Relaxed) <= limit {
            return;
        }
        tracing::info!("Evicting client: {}", client.summary());
        NetStats::add(&stats.evicted, 1);
        client.evict(share(&client));
        memory.forget(&client);
    }
    if memory.total.load(Relaxed) > limit {
        tracing::warn!("Over client maxmemory after evicting all evictable clients");
        memory.not_before_ms.store(now_ms + PAUSE_MS, Relaxed);
    }
}
