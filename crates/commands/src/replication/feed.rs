//! Feeding: from the log to the backlog, and from there to the replicas that are online.
//!
//! One thread does this whenever the log has grown. Replicas share the bytes; how much of them may
//! wait for one replica is for the output limits of its connection to say.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::replicas::{Replica, Stage};
use super::state::{Kept, Replication, State};

/// Bytes given to a replica at once.
const PIECE_BYTES: usize = 1 << 20;

impl Replication {
    /// Hands over what the log has for replicas. Returns the position in the log up to which that
    /// is done.
    pub fn feed(&self) -> u64 {
        let mut state = self.state.lock();
        self.feed_locked(&mut state);
        match &state.kept {
            Some(kept) => kept.reader.position(),
            None => self.log.end(),
        }
    }

    pub(super) fn feed_locked(&self, state: &mut State) {
        let State { kept, replicas, .. } = state;
        let Some(Kept { reader, backlog }) = kept else {
            return;
        };
        let mut bytes = Vec::new();
        if reader.read(&mut bytes) > 0 {
            backlog.push(Bytes::from(bytes.into_boxed_slice()));
        }
        let mut sent = 0;
        for replica in replicas.iter_mut() {
            if replica.stage == (Stage::Online { awaits_ack: false }) && replica.is_fed() {
                while let Some(bytes) = backlog.read(replica.cursor, PIECE_BYTES) {
                    replica.cursor += bytes.len() as u64;
                    sent += bytes.len() as u64;
                    replica.link.push(bytes);
                }
            } else if replica.is_fed() {
                // What it will be sent after its snapshot waits here, not in its output.
                let waiting = backlog.end().saturating_sub(replica.cursor);
                replica.link.limit_output(waiting as usize);
            }
        }
        if sent > 0 {
            self.sent_bytes.fetch_add(sent, Relaxed);
        }
        let fed = replicas.iter().filter(|replica| replica.is_fed());
        backlog.trim(fed.map(|replica: &Replica| replica.cursor).min());
    }
}
