//! Client-side caching: who is to be told that a key has changed (CLIENT TRACKING).
//!
//! In the usual mode the server remembers, per key, the clients that have read it; a change tells
//! each of them once and forgets them. In broadcast mode it remembers nothing but the prefixes that
//! clients named. Reads are noted and changes told under the lock of the key's shard, so that no
//! change falls between. Names of keys count, not databases, as in Redis. While nobody tracks,
//! commands pay for one test of a flag.

mod message;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;
use keyspace::DbKey;
use parking_lot::RwLock;
use smallvec::SmallVec;

use self::message::{Body, send};
use crate::ctx::Ctx;
use crate::pubsub::Own;
use crate::server::Server;
use crate::session::{ClientLink, ClientState, Session};

pub use session::TrackingSession;
pub(crate) use session::{Options, end_command, leave, remember, turn_off, turn_on};

/// A client that tracks, as those who change keys see it.
pub(crate) struct Tracker {
    pub(crate) id: u64,
    pub(crate) link: Arc<dyn ClientLink>,
    pub(crate) state: Arc<ClientState>,
    /// Broadcast mode.
    pub(crate) broadcast: bool,
    /// It is not told of its own changes.
    pub(crate) no_loop: bool,
    /// The client that is told in its place; 0 for none.
    pub(crate) redirect: u64,
}

/// The clients that have read a key.
type Readers = SmallVec<[u64; 2]>;

/// The clients that broadcast about a prefix.
type Prefixes = BTreeMap<Box<[u8]>, Vec<Arc<Tracker>>>;

/// See the module's text.
#[derive(Default)]
pub struct Tracking {
    clients: DashMap<u64, Arc<Tracker>>,
    client_count: AtomicUsize,
    table: DashMap<Box<[u8]>, Readers>,
    items: AtomicUsize,
    prefixes: RwLock<Prefixes>,
    prefix_count: AtomicUsize,
}

impl Tracking {
    /// Whether anybody tracks: all that the hot path asks.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.client_count.load(Relaxed) != 0
    }

    /// How many keys are remembered.
    pub fn key_count(&self) -> usize {
        self.table.len()
    }

    /// How many pairs of key and client are remembered.
    pub fn item_count(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// How many different prefixes are broadcast.
    pub fn prefix_count(&self) -> usize {
        self.prefix_count.load(Relaxed)
    }

    /// Remembers that a client has read a key. To be called with the key's shard locked.
    fn note_read(&self, key: &[u8], id: u64) {
        if let Some(mut readers) = self.table.get_mut(key) {
            if !readers.contains(&id) {
                readers.push(id);
                self.items.fetch_add(1, Relaxed);
            }
            return;
        }
        let mut readers = self.table.entry(key.into()).or_default();
        if !readers.contains(&id) {
            readers.push(id);
            self.items.fetch_add(1, Relaxed);
        }
    }

    /// Tells those who have read the key, and forgets them.
    fn invalidate(&self, server: &Server, key: &[u8], own: &mut Own<'_>) {
        let Some((_, mut readers)) = self.table.remove(key) else {
            return;
        };
        self.items.fetch_sub(readers.len(), Relaxed);
        readers.sort_unstable();
        for id in readers {
            let client = self.clients.get(&id).map(|client| Arc::clone(&client));
            let Some(client) = client.filter(|client| !client.broadcast) else {
                continue;
            };
            if !(client.no_loop && id == own.id) {
                send(server, &client, &Body::Keys(&[key]), own);
            }
        }
    }

    /// Tells everybody that all keys have changed.
    fn invalidate_all(&self, server: &Server, own: &mut Own<'_>) {
        self.table.clear();
        self.items.store(0, Relaxed);
        let mut clients: Vec<_> = self.clients.iter().map(|c| Arc::clone(&c)).collect();
        clients.sort_unstable_by_key(|client| client.id);
        for client in clients {
            send(server, &client, &Body::Everything, own);
        }
    }

    /// Tells those who broadcast about these keys, each with whether it changed by itself (its time
    /// was over) and not through this client.
    fn broadcast(&self, server: &Server, keys: &[(Box<[u8]>, bool)], own: &mut Own<'_>) {
        for (prefix, clients) in self.prefixes.read().iter() {
            let of_prefix = || keys.iter().filter(|(key, _)| key.starts_with(prefix));
            let all: BTreeSet<&[u8]> = of_prefix().map(|(key, _)| &**key).collect();
            if all.is_empty() {
                continue;
            }
            for client in clients {
                if client.no_loop && client.id == own.id {
                    let others = of_prefix().filter(|(_, by_itself)| *by_itself);
                    let others: BTreeSet<&[u8]> = others.map(|(key, _)| &**key).collect();
                    tell(server, client, &others, own);
                } else {
                    tell(server, client, &all, own);
                }
            }
        }
    }
}

fn tell(server: &Server, client: &Tracker, keys: &BTreeSet<&[u8]>, own: &mut Own<'_>) {
    if !keys.is_empty() {
        let keys: SmallVec<[&[u8]; 4]> = keys.iter().copied().collect();
        send(server, client, &Body::Keys(&keys), own);
    }
}

/// Gives the session's queue of messages to itself out for a while.
fn with_own<R>(ctx: &mut Ctx<'_>, f: impl FnOnce(&mut Ctx<'_>, &mut Own<'_>) -> R) -> R {
    let mut pushes = std::mem::take(&mut ctx.session.pushes);
    let mut own = Own {
        id: ctx.session.id,
        out: &mut pushes,
    };
    let result = f(ctx, &mut own);
    ctx.session.pushes = pushes;
    result
}

/// Tells of the keys that the command changed. To be called with their shards locked.
#[inline]
pub(crate) fn drain(ctx: &mut Ctx<'_>) {
    if ctx.effects.tracks {
        tell_of_changes(ctx);
    }
}

#[cold]
fn tell_of_changes(ctx: &mut Ctx<'_>) {
    let changed = std::mem::take(&mut ctx.effects.touched);
    let lapsed = std::mem::take(&mut ctx.effects.lapsed);
    let server = ctx.server;
    with_own(ctx, |_, own| {
        for DbKey { key, .. } in changed.iter().chain(&lapsed) {
            server.tracking.invalidate(server, key, own);
        }
    });
    if server.tracking.prefix_count() > 0 {
        let changed = changed.into_iter().map(|changed| (changed.key, false));
        let lapsed = lapsed.into_iter().map(|lapsed| (lapsed.key, true));
        ctx.seldom().broadcast.extend(changed.chain(lapsed));
        end_unit(ctx);
    }
}

/// Broadcasts what has changed, unless more of the same transaction is to come.
#[inline]
pub(crate) fn end_unit(ctx: &mut Ctx<'_>) {
    if ctx.in_exec {
        return;
    }
    if let Some(seldom) = ctx.seldom_if_any()
        && !seldom.broadcast.is_empty()
    {
        let keys = std::mem::take(&mut seldom.broadcast);
        let server = ctx.server;
        with_own(ctx, |_, own| server.tracking.broadcast(server, &keys, own));
    }
}

/// Every key of a database is gone at once.
pub(crate) fn flushed(ctx: &mut Ctx<'_>) {
    let server = ctx.server;
    if server.tracking.is_on() {
        with_own(ctx, |_, own| server.tracking.invalidate_all(server, own));
    }
}

/// Keeps the table below `tracking-table-max-keys`: clients are told that keys have changed which
/// are only forgotten. Called now and then.
pub fn cycle(server: &Server) {
    let mut nobody = Vec::new();
    let mut own = Own {
        id: 0,
        out: &mut nobody,
    };
    shrink(server, &mut own);
}

/// [`cycle`] before a command of a client that tracks.
#[cold]
pub(crate) fn limit(server: &Server, session: &mut Session) {
    let mut own = Own {
        id: session.id,
        out: &mut session.pushes,
    };
    shrink(server, &mut own);
}

fn shrink(server: &Server, own: &mut Own<'_>) {
    let tracking = &server.tracking;
    let limit = server.settings.tracking_table_max_keys.load(Relaxed) as usize;
    if limit == 0 || tracking.item_count() <= limit {
        return;
    }
    for _ in limit..tracking.key_count() {
        let Some(key) = tracking
            .table
            .iter()
            .next()
            .map(|entry| entry.key().clone())
        else {
            return;
        };
        tracking.invalidate(server, &key, own);
    }
}
