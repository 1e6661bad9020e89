//! What one client is subscribed to.
//!
//! The session's own list, which answers counts and empties the registry when the client goes; the
//! registry has the other direction. Both change together, here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use common::address::ClientAddress;
use resp::Proto;

use super::registry::{Kind, PubSub};
use crate::server::Server;
use crate::session::{Session, client_flag};

/// The subscriptions of a client; a client without any has none of these.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Arc<[u8]>>,
    patterns: BTreeSet<Arc<[u8]>>,
    shard_channels: BTreeSet<Arc<[u8]>>,
    /// Bytes that all of these hold.
    memory: usize,
}

/// What a subscription costs beside its name: the sets' and the registry's shares.
const SUBSCRIPTION_BYTES: usize = 96;

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Arc<[u8]>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }

    fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty()
    }

    fn each(&self, mut f: impl FnMut(Kind, &Arc<[u8]>)) {
        self.channels.iter().for_each(|name| f(Kind::Channel, name));
        self.patterns.iter().for_each(|name| f(Kind::Pattern, name));
        let mut shard = |name| f(Kind::ShardChannel, name);
        self.shard_channels.iter().for_each(&mut shard);
    }
}

/// Where to send this client's messages; one without a connection (tests) has a place of its own.
pub(crate) fn address(session: &Session) -> ClientAddress {
    session.link.address().unwrap_or(ClientAddress {
        id: session.id,
        worker: u32::MAX,
        slot: 0,
    })
}

/// The number that the replies about a kind show.
pub(super) fn count(session: &Session, kind: Kind) -> usize {
    let Some(all) = &session.subscriptions else {
        return 0;
    };
    match kind {
        Kind::Channel | Kind::Pattern => all.channels.len() + all.patterns.len(),
        Kind::ShardChannel => all.shard_channels.len(),
    }
}

/// Everything of a kind.
pub(super) fn names(session: &Session, kind: Kind) -> Vec<Arc<[u8]>> {
    let Some(all) = &session.subscriptions else {
        return Vec::new();
    };
    let of_kind = match kind {
        Kind::Channel => &all.channels,
        Kind::Pattern => &all.patterns,
        Kind::ShardChannel => &all.shard_channels,
    };
    of_kind.iter().cloned().collect()
}

/// Subscribes, if the client is not subscribed already.
pub(super) fn add(server: &Server, session: &mut Session, kind: Kind, name: &[u8]) {
    let (address, proto) = (address(session), session.proto);
    let all = session.subscriptions.get_or_insert_default();
    if all.of(kind).contains(name) {
        return;
    }
    let name: Arc<[u8]> = name.into();
    all.memory += name.len() + SUBSCRIPTION_BYTES;
    server.pubsub.add(kind, &name, address, proto);
    all.of(kind).insert(name);
    note(session);
}

/// Ends a subscription; whether there was one.
pub(super) fn remove(server: &Server, session: &mut Session, kind: Kind, name: &[u8]) -> bool {
    let (address, proto) = (address(session), session.proto);
    let Some(all) = &mut session.subscriptions else {
        return false;
    };
    if !all.of(kind).remove(name) {
        return false;
    }
    all.memory -= name.len() + SUBSCRIPTION_BYTES;
    server.pubsub.remove(kind, name, address, proto);
    if all.is_empty() {
        session.subscriptions = None;
    }
    note(session);
    true
}

/// Ends all subscriptions, silently: the client is gone or starts afresh.
pub(crate) fn leave(pubsub: &PubSub, session: &mut Session) {
    let (address, proto) = (address(session), session.proto);
    if let Some(all) = session.subscriptions.take() {
        all.each(|kind, name| pubsub.remove(kind, name, address, proto));
        note(session);
    }
}

/// To be called before the client's protocol changes: its messages are to come in the new one.
pub(crate) fn change_proto(pubsub: &PubSub, session: &Session, proto: Proto) {
    let address = address(session);
    if let Some(all) = session
        .subscriptions
        .as_ref()
        .filter(|_| proto != session.proto)
    {
        all.each(|kind, name| {
            pubsub.remove(kind, name, address, session.proto);
            pubsub.add(kind, name, address, proto);
        });
    }
}

/// Tells others of the counts.
fn note(session: &Session) {
    let none = Subscriptions::default();
    let all = session.subscriptions.as_deref().unwrap_or(&none);
    let state = &session.state;
    let stores = [
        (&state.subscriptions, all.channels.len()),
        (&state.pattern_subscriptions, all.patterns.len()),
        (&state.shard_subscriptions, all.shard_channels.len()),
    ];
    for (counter, count) in stores {
        counter.store(count as u32, Relaxed);
    }
    state.subscription_mem.store(all.memory as u64, Relaxed);
    session.set_flag(client_flag::PUBSUB, session.subscriptions.is_some());
}
