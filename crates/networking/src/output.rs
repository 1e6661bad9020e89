//! What is to be sent to a client: a tail that replies are written to, and a chain before it.
//!
//! Most replies live in the tail only, a buffer lent by the worker's pool and given back as soon
//! as it is sent, so an idle connection owns none. What the socket did not take, and payloads
//! shared with other clients, wait in the chain; nothing in it is ever moved.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;
use common::memory::good_size;

use crate::executors::FREE_BYTES_MIN;
use crate::transport::Transport;

/// Shared payloads from this size on are chained instead of copied.
const SHARE_MIN: usize = 4 * 1024;
/// A tail of this size goes into the chain.
pub(crate) const SEAL_BYTES: usize = 256 * 1024;
/// Slices per `writev`.
const SLICES_MAX: usize = 64;
/// Sent in a row, before other connections have their turn.
const SHARE_BYTES: usize = 256 * 1024;

/// The unsent output of one connection.
#[derive(Default)]
pub(crate) struct Output {
    /// Replies are appended here.
    pub(crate) tail: Vec<u8>,
    chain: VecDeque<Bytes>,
    /// For each chunk of the chain, the memory that it takes of its own; 0: it is shared.
    owned: VecDeque<usize>,
    /// Their sum.
    owned_sum: usize,
    /// Large chunks that are sent, to be freed elsewhere.
    spent: Vec<Bytes>,
    /// Bytes of the chain's first chunk that are sent already.
    head: usize,
    /// Unsent bytes in the chain.
    chained: usize,
}

/// How far a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything is with the socket.
    All,
    /// The socket is full.
    Part,
    /// There is more, and others should have their turn.
    Share,
}

impl Output {
    /// Unsent bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.chained + self.tail.len()
    }

    /// Bytes of memory that nobody shares.
    #[inline]
    pub(crate) fn owned(&self) -> usize {
        self.owned_sum + self.tail.capacity()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the tail ready to be written to.
    #[inline]
    pub(crate) fn open(&mut self, pool: &mut BufferPool) {
        if self.tail.capacity() == 0 {
            self.tail = pool.take();
        }
    }

    /// Appends a payload that others may share.
    pub(crate) fn push(&mut self, payload: Bytes, pool: &mut BufferPool) {
        if payload.len() >= SHARE_MIN {
            self.seal();
            self.chained += payload.len();
            self.chain.push_back(payload);
            self.owned.push_back(0);
            return;
        }
        self.open(pool);
        self.tail.extend_from_slice(&payload);
        if self.tail.len() >= SEAL_BYTES {
            self.seal();
        }
    }

    /// Moves the tail into the chain.
    pub(crate) fn seal(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            // What waits here is counted by its length: let it take not much more than that.
            if tail.capacity() > tail.len() + tail.len() / 4 {
                tail.shrink_to_fit();
            }
            self.chained += tail.len();
            let owned = good_size(tail.capacity());
            self.owned_sum += owned;
            self.owned.push_back(owned);
            self.chain.push_back(Bytes::from(tail));
        }
    }

    /// Takes what has been sent and is too large to be freed here.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Vec<Bytes>> {
        (!self.spent.is_empty()).then(|| std::mem::take(&mut self.spent))
    }

    /// Sends as much as the socket takes, up to a share.
    pub(crate) fn send(&mut self, to: &mut Transport) -> io::Result<(usize, Sent)> {
        let mut total = 0;
        while !self.is_empty() {
            if total >= SHARE_BYTES {
                return Ok((total, Sent::Share));
            }
            let asked = self.len();
            let (n, wanted) = match self.send_some(to, SHARE_BYTES - total) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.seal();
                    return Ok((total, Sent::Part));
                }
                Err(error) => return Err(error),
            };
            total += n;
            debug_assert_eq!(self.len(), asked - n);
            if n < wanted && to.short_is_final() {
                return Ok((total, Sent::Part));
            }
        }
        Ok((total, Sent::All))
    }

    /// One system call. Answers with what was sent of what was offered.
    fn send_some(&mut self, to: &mut Transport, max: usize) -> io::Result<(usize, usize)> {
        if self.chain.is_empty() {
            let wanted = self.tail.len().min(max);
            let n = to.write(&self.tail[..wanted])?;
            if n == self.tail.len() {
                self.tail.clear();
            } else {
                self.seal();
                self.advance(n);
            }
            return Ok((n, wanted));
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let (mut count, mut wanted) = (0, 0);
        let tail = (!self.tail.is_empty()).then_some(self.tail.as_slice());
        let chunks = self.chain.iter().map(|chunk| &chunk[..]).chain(tail);
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            let chunk = if count == 0 {
                &chunk[self.head..]
            } else {
                chunk
            };
            let chunk = &chunk[..chunk.len().min(max - wanted)];
            *slice = IoSlice::new(chunk);
            count += 1;
            wanted += chunk.len();
            if wanted == max {
                break;
            }
        }
        let n = to.write_vectored(&slices[..count])?;
        if n > self.chained {
            self.seal();
        }
        self.advance(n);
        Ok((n, wanted))
    }

    /// Forgets the first `n` bytes of the chain.
    fn advance(&mut self, mut n: usize) {
        self.chained -= n;
        while let Some(first) = self.chain.front() {
            let rest = first.len() - self.head;
            if n < rest {
                self.head += n;
                return;
            }
            n -= rest;
            self.head = 0;
            let sent = self.chain.pop_front();
            self.owned_sum -= self.owned.pop_front().unwrap_or_default();
            self.spent
                .extend(sent.filter(|chunk| chunk.len() >= FREE_BYTES_MIN));
        }
        self.chain = VecDeque::new();
        self.owned = VecDeque::new();
    }

    /// Gives an empty tail back.
    #[inline]
    pub(crate) fn close(&mut self, pool: &mut BufferPool) {
        if self.tail.is_empty() && self.tail.capacity() > 0 {
            pool.give(std::mem::take(&mut self.tail));
        }
    }
}

/// A worker's spare output buffers.
#[derive(Default)]
pub(crate) struct BufferPool {
    free: Vec<Vec<u8>>,
    /// What they take together.
    bytes: usize,
}

impl BufferPool {
    /// What a fresh buffer holds.
    const FRESH_BYTES: usize = 16 * 1024;
    /// More bytes are not kept: this is memory that belongs to no client, and none of the data.
    const KEPT_BYTES_MAX: usize = 2 * SEAL_BYTES;
    /// Nor more buffers.
    const KEPT_MAX: usize = 16;

    #[inline]
    fn take(&mut self) -> Vec<u8> {
        match self.free.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(Self::FRESH_BYTES),
        }
    }

    #[inline]
    fn give(&mut self, buffer: Vec<u8>) {
        debug_assert!(buffer.is_empty());
        let bytes = self.bytes + buffer.capacity();
        if bytes <= Self::KEPT_BYTES_MAX && self.free.len() < Self::KEPT_MAX {
            self.bytes = bytes;
            self.free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests;
