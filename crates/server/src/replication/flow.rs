//! A snapshot's way to one replica: only so much of it is given to the connection as it can send
//! soon, so that memory stays bounded however large the snapshot is.
//! A replica that takes nothing for `repl-timeout` is stuck and dropped; others go on.

use std::time::Duration;

use bytes::Bytes;
use commands::replication::SyncTarget;
use common::clock::now_ms;

/// Bytes on their way to one replica.
const WINDOW_BYTES: u64 = 512 * 1024;
/// How often somebody who waits for room looks.
pub(super) const POLL: Duration = Duration::from_micros(500);

/// See the file's text.
pub(super) struct Flow {
    pub(super) target: SyncTarget,
    /// What its connection had sent when this began.
    base: u64,
    pushed: u64,
    sent: u64,
    /// When it last sent anything, or had nothing to send, Unix ms.
    moved_ms: i64,
}

impl Flow {
    pub(super) fn new(target: SyncTarget) -> Self {
        let base = target.link.sent_bytes();
        Self {
            target,
            base,
            pushed: 0,
            sent: 0,
            moved_ms: now_ms(),
        }
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.pushed += bytes.len() as u64;
        self.target.link.push(bytes);
    }

    /// Whether the connection can do with more.
    pub(super) fn has_room(&mut self) -> bool {
        let sent = self.target.link.sent_bytes().saturating_sub(self.base);
        if sent != self.sent || sent >= self.pushed {
            self.sent = sent;
            self.moved_ms = now_ms();
        }
        self.pushed.saturating_sub(sent) < WINDOW_BYTES
    }

    /// Whether the connection is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.target.link.is_closing()
    }

    /// Whether it has not sent anything for so long although it should.
    pub(super) fn is_stuck(&self, timeout_ms: i64) -> bool {
        now_ms() - self.moved_ms > timeout_ms
    }
}
