//! Who receives what is published to one channel or pattern.
//!
//! Receivers are kept by worker and protocol, because that is how a message travels: it is encoded
//! once per protocol, and one post per worker carries it to all receivers there. The list that a
//! post carries is shared too, and made again only after somebody came or went.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use common::address::ClientAddress;
use resp::Proto;

/// The way to many clients of one worker.
pub trait Courier: Send + Sync {
    /// Appends a payload to the output of these clients, all of this worker. Posts of one thread
    /// arrive in order.
    fn deliver(&self, worker: usize, to: Arc<[ClientAddress]>, payload: Bytes);
    /// Whether some worker has so much to deliver that publishers should wait.
    fn is_congested(&self) -> bool {
        false
    }
}

/// The publishing client's own share of a message: it goes into its output, not through the mail.
pub(crate) struct Own<'a> {
    pub(crate) id: u64,
    pub(crate) out: &'a mut Vec<u8>,
}

#[derive(Debug)]
struct Group {
    worker: u32,
    proto: Proto,
    /// In order of id.
    members: Vec<ClientAddress>,
    shared: OnceLock<Arc<[ClientAddress]>>,
}

impl Group {
    fn position(&self, id: u64) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |member| member.id)
    }

    /// The members but for `own`, and whether that is one of them.
    fn addressees(&self, own: u64) -> (Arc<[ClientAddress]>, bool) {
        if own != 0 && self.position(own).is_ok() {
            let others = self.members.iter().filter(|member| member.id != own);
            return (others.copied().collect(), true);
        }
        let shared = self.shared.get_or_init(|| self.members.as_slice().into());
        (Arc::clone(shared), false)
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Receivers(Vec<Group>);

impl Receivers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|group| group.members.len()).sum()
    }

    pub(crate) fn add(&mut self, address: ClientAddress, proto: Proto) {
        let of = |group: &&mut Group| group.worker == address.worker && group.proto == proto;
        let Some(group) = self.0.iter_mut().find(of) else {
            self.0.push(Group {
                worker: address.worker,
                proto,
                members: vec![address],
                shared: OnceLock::new(),
            });
            return;
        };
        if let Err(at) = group.position(address.id) {
            group.members.insert(at, address);
            group.shared.take();
        }
    }

    pub(crate) fn remove(&mut self, address: ClientAddress, proto: Proto) {
        for group in &mut self.0 {
            if group.worker != address.worker || group.proto != proto {
                continue;
            }
            if let Ok(at) = group.position(address.id) {
                group.members.remove(at);
                group.shared.take();
            }
        }
        self.0.retain(|group| !group.members.is_empty());
    }

    /// Sends all of them a message, which `encode` makes for a protocol; answers how many they are.
    pub(crate) fn send(
        &self,
        courier: Option<&dyn Courier>,
        own: &mut Own<'_>,
        encode: impl Fn(Proto) -> Bytes,
    ) -> usize {
        let mut payloads: [Option<Bytes>; 2] = [None, None];
        for group in &self.0 {
            let payload = payloads[usize::from(group.proto == Proto::Resp3)]
                .get_or_insert_with(|| encode(group.proto));
            let (others, own_too) = group.addressees(own.id);
            if own_too {
                own.out.extend_from_slice(payload);
            }
            if let Some(courier) = courier.filter(|_| !others.is_empty()) {
                courier.deliver(group.worker as usize, others, payload.clone());
            }
        }
        self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(id: u64) -> ClientAddress {
        ClientAddress {
            id,
            worker: (id % 2) as u32,
            slot: id as u32,
        }
    }

    #[test]
    fn a_list_is_shared_until_somebody_comes_or_goes() {
        let mut receivers = Receivers::default();
        (1..=5).for_each(|id| receivers.add(address(id), Proto::Resp2));
        receivers.add(address(3), Proto::Resp2);
        assert_eq!(receivers.len(), 5);
        let list = |receivers: &Receivers| receivers.0[0].addressees(0).0;
        let first = list(&receivers);
        assert!(Arc::ptr_eq(&first, &list(&receivers)));
        assert_eq!(first.iter().map(|a| a.id).collect::<Vec<_>>(), [1, 3, 5]);
        receivers.remove(address(3), Proto::Resp3);
        assert_eq!(receivers.len(), 5, "of the other protocol");
        receivers.remove(address(3), Proto::Resp2);
        assert_eq!(list(&receivers).len(), 2);
        for id in [1, 2, 4, 5] {
            receivers.remove(address(id), Proto::Resp2);
        }
        assert!(receivers.is_empty());
    }

    #[test]
    fn the_publisher_gets_its_own_message_directly() {
        let mut receivers = Receivers::default();
        receivers.add(address(1), Proto::Resp2);
        receivers.add(address(2), Proto::Resp3);
        let mut out = Vec::new();
        let mut own = Own {
            id: 2,
            out: &mut out,
        };
        let encode = |proto: Proto| Bytes::from(vec![proto.version()]);
        assert_eq!(receivers.send(None, &mut own, encode), 2);
        assert_eq!(out, [3]);
    }
}
