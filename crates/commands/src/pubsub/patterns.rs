//! The patterns that clients subscribed to, found by what a channel begins with.
//!
//! A pattern is filed under its literal prefix. A publisher looks up one prefix of its channel for
//! each length of prefix in use, so that patterns which cannot match cost it nothing, however many
//! there are; only those without any literal beginning are all tried.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use common::address::ClientAddress;
use common::glob;
use resp::Proto;

use super::receivers::Receivers;

/// Patterns and who subscribed to them.
type Filed = BTreeMap<Arc<[u8]>, Receivers>;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    by_prefix: HashMap<Box<[u8]>, Filed>,
    /// How many prefixes of each length there are.
    lengths: BTreeMap<usize, usize>,
    count: usize,
}

impl Patterns {
    /// How many different patterns there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn add(&mut self, pattern: &Arc<[u8]>, address: ClientAddress, proto: Proto) {
        let prefix = glob::literal_prefix(pattern);
        if !self.by_prefix.contains_key(prefix) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        let filed = self.by_prefix.entry(prefix.into()).or_default();
        let receivers = filed.entry(Arc::clone(pattern)).or_default();
        self.count += usize::from(receivers.is_empty());
        receivers.add(address, proto);
    }

    pub(crate) fn remove(&mut self, pattern: &[u8], address: ClientAddress, proto: Proto) {
        let prefix = glob::literal_prefix(pattern);
        let Some(filed) = self.by_prefix.get_mut(prefix) else {
            return;
        };
        let Some(receivers) = filed.get_mut(pattern) else {
            return;
        };
        receivers.remove(address, proto);
        if receivers.is_empty() {
            filed.remove(pattern);
            self.count -= 1;
        }
        if filed.is_empty() {
            self.by_prefix.remove(prefix);
            if let Some(count) = self.lengths.get_mut(&prefix.len()) {
                *count -= 1;
            }
            self.lengths.retain(|_, count| *count > 0);
        }
    }

    /// Calls `found` for each pattern that matches the channel.
    pub(crate) fn for_each_match(&self, channel: &[u8], mut found: impl FnMut(&[u8], &Receivers)) {
        for &len in self.lengths.range(..=channel.len()).map(|(len, _)| len) {
            let Some(filed) = self.by_prefix.get(&channel[..len]) else {
                continue;
            };
            for (pattern, receivers) in filed {
                if glob::matches(pattern, channel, false) {
                    found(pattern, receivers);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLIENT: ClientAddress = ClientAddress {
        id: 1,
        worker: 0,
        slot: 0,
    };

    fn matching(patterns: &Patterns, channel: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        patterns.for_each_match(channel, |pattern, _| found.push(pattern.to_vec()));
        found.sort();
        found
    }

    proptest! {
        #[test]
        fn the_index_finds_what_matches_and_nothing_else(
            all in prop::collection::btree_set("[ab*?\\[]{0,4}", 0..12),
            gone in prop::collection::vec(any::<bool>(), 12),
            channel in "[ab]{0,4}",
        ) {
            let mut patterns = Patterns::default();
            for pattern in &all {
                patterns.add(&Arc::from(pattern.as_bytes()), CLIENT, Proto::Resp2);
            }
            let left: Vec<_> = all.iter().zip(&gone).filter(|(_, gone)| !**gone).collect();
            for (pattern, _) in all.iter().zip(&gone).filter(|(_, gone)| **gone) {
                patterns.remove(pattern.as_bytes(), CLIENT, Proto::Resp2);
            }
            prop_assert_eq!(patterns.len(), left.len());
            let channel = channel.as_bytes();
            let expected: Vec<_> = left
                .iter()
                .map(|(pattern, _)| pattern.as_bytes().to_vec())
                .filter(|pattern| glob::matches(pattern, channel, false))
                .collect();
            prop_assert_eq!(matching(&patterns, channel), expected);
        }
    }
}
