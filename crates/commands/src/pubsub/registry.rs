//! All subscriptions of the process, and publishing to them.
//!
//! Publishers read, subscribers change. A publisher posts while it holds the entry that it found
//! its receivers in: when an unsubscription has returned, whatever was published before is in the
//! mail already, and nothing follows. Messages of one publisher reach a receiver in their order.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use common::address::ClientAddress;
use dashmap::DashMap;
use parking_lot::RwLock;
use resp::{Proto, ReplyWriter};

use super::patterns::Patterns;
use super::receivers::{Courier, Own, Receivers};

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    ShardChannel,
}

/// See the module's text.
#[derive(Default)]
pub struct PubSub {
    channels: DashMap<Arc<[u8]>, Receivers>,
    shard_channels: DashMap<Arc<[u8]>, Receivers>,
    patterns: RwLock<Patterns>,
    /// How many patterns there are: spares publishers the lock.
    pattern_count: AtomicUsize,
    /// How many subscriptions there are, patterns included.
    subscriptions: AtomicUsize,
    courier: OnceLock<Arc<dyn Courier>>,
}

impl PubSub {
    /// Connects the network. Only the first call counts.
    pub fn set_courier(&self, courier: Arc<dyn Courier>) {
        let _ = self.courier.set(courier);
    }

    pub(crate) fn courier(&self) -> Option<&dyn Courier> {
        self.courier.get().map(|courier| &**courier)
    }

    /// How many channels have subscribers.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// How many shard channels have subscribers.
    pub fn shard_channel_count(&self) -> usize {
        self.shard_channels.len()
    }

    /// How many different patterns have subscribers.
    pub fn pattern_count(&self) -> usize {
        self.pattern_count.load(Relaxed)
    }

    /// Whether anybody could receive what is published.
    pub(crate) fn has_subscribers(&self) -> bool {
        self.subscriptions.load(Relaxed) > 0
    }

    /// The channels of a kind; patterns are none.
    fn map(&self, kind: Kind) -> &DashMap<Arc<[u8]>, Receivers> {
        match kind {
            Kind::ShardChannel => &self.shard_channels,
            Kind::Channel | Kind::Pattern => &self.channels,
        }
    }

    /// Adds a subscription that is not there yet.
    pub(crate) fn add(&self, kind: Kind, name: &Arc<[u8]>, client: ClientAddress, proto: Proto) {
        self.subscriptions.fetch_add(1, Relaxed);
        if kind == Kind::Pattern {
            let mut patterns = self.patterns.write();
            patterns.add(name, client, proto);
            self.pattern_count.store(patterns.len(), Relaxed);
            return;
        }
        let mut receivers = self.map(kind).entry(Arc::clone(name)).or_default();
        receivers.add(client, proto);
    }

    /// Removes a subscription that is there.
    pub(crate) fn remove(&self, kind: Kind, name: &[u8], client: ClientAddress, proto: Proto) {
        self.subscriptions.fetch_sub(1, Relaxed);
        if kind == Kind::Pattern {
            let mut patterns = self.patterns.write();
            patterns.remove(name, client, proto);
            self.pattern_count.store(patterns.len(), Relaxed);
            return;
        }
        self.map(kind).remove_if_mut(name, |_, receivers| {
            receivers.remove(client, proto);
            receivers.is_empty()
        });
    }

    /// Sends a message to all who subscribed to the channel, by name or by pattern; answers how
    /// many received it.
    pub(crate) fn publish(&self, channel: &[u8], message: &[u8], own: &mut Own<'_>) -> usize {
        let mut count = 0;
        if let Some(receivers) = self.channels.get(channel) {
            let words: [&[u8]; 3] = [b"message", channel, message];
            count += receivers.send(self.courier(), own, |proto| encode(proto, &words));
        }
        if self.pattern_count() > 0 {
            self.patterns
                .read()
                .for_each_match(channel, |pattern, receivers| {
                    let words: [&[u8]; 4] = [b"pmessage", pattern, channel, message];
                    count += receivers.send(self.courier(), own, |proto| encode(proto, &words));
                });
        }
        count
    }

    /// [`publish`](Self::publish) to a shard channel.
    pub(crate) fn publish_to_shard(
        &self,
        channel: &[u8],
        message: &[u8],
        own: &mut Own<'_>,
    ) -> usize {
        let Some(receivers) = self.shard_channels.get(channel) else {
            return 0;
        };
        let words: [&[u8]; 3] = [b"smessage", channel, message];
        receivers.send(self.courier(), own, |proto| encode(proto, &words))
    }

    /// How many clients subscribed to a channel by name.
    pub(crate) fn subscriber_count(&self, kind: Kind, channel: &[u8]) -> usize {
        let receivers = self.map(kind).get(channel);
        receivers.map_or(0, |receivers| receivers.len())
    }

    /// Calls `f` for each channel with subscribers.
    pub(crate) fn for_each_channel(&self, kind: Kind, mut f: impl FnMut(&[u8])) {
        self.map(kind).iter().for_each(|entry| f(entry.key()));
    }
}

/// A message of strings: an array, or in RESP3 a push.
pub(crate) fn encode(proto: Proto, words: &[&[u8]]) -> Bytes {
    let size = words.iter().map(|word| word.len() + 16).sum::<usize>() + 8;
    let mut bytes = Vec::with_capacity(size);
    let mut out = ReplyWriter::new(&mut bytes, proto);
    out.push(words.len());
    words.iter().for_each(|word| out.bulk(word));
    Bytes::from(bytes)
}
