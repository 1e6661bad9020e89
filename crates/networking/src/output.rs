//! What is to be sent to a client: a tail that replies are written to, and a chain before it.
//!
//! Most replies live in the tail only, a buffer lent by the worker's pool and given back as soon
//! as it is sent, so an idle connection owns none. What the socket did not take, and payloads
//! shared with other clients, wait in the chain; nothing in it is ever moved.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;
use common::memory::good_size;

use crate::client::BUFFER_BYTES;
use crate::executors::FREE_BYTES_MIN;
use crate::transport::Transport;

/// Shared payloads from this size on are chained instead of copied.
const SHARE_MIN: usize = 4 * 1024;
/// A tail of this size goes into the chain.
pub(crate) const SEAL_BYTES: usize = 256 * 1024;
/// Slices per `writev`.
const SLICES_MAX: usize = 64;
/// What a chunk takes in the chain.
const CHUNK_BYTES: usize = size_of::<Bytes>() + size_of::<usize>();
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
    /// The memory of all chunks, those that are shared with their lengths.
    held_sum: usize,
    /// Large chunks that are sent, to be freed elsewhere, each with the memory of its own.
    spent: Vec<(Bytes, usize)>,
    /// Bytes of the chain's first chunk that are sent already.
    head: usize,
    /// Unsent bytes in the chain.
    chained: usize,
}

/// Chunks that nobody needs any longer. Until they are freed, by whoever drops this, the memory
/// that was theirs alone counts as leaving.
pub(crate) struct Spent(Vec<(Bytes, usize)>);

impl Spent {
    fn new(chunks: Vec<(Bytes, usize)>) -> Self {
        common::memory::is_leaving(chunks.iter().map(|(_, owned)| owned).sum());
        Self(chunks)
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        for (chunk, owned) in self.0.drain(..) {
            drop(chunk);
            common::memory::has_left(owned);
        }
    }
}

/// Unsent output in the terms of CLIENT LIST, which are those of Redis's fixed reply buffer and of
/// the list of replies behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// `obl`: bytes in the fixed buffer.
    pub(crate) fixed: usize,
    /// `oll`: the length of the list.
    pub(crate) chunks: usize,
    /// `omem`: the memory that the list takes.
    pub(crate) memory: usize,
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
        self.owned_sum + self.tail_size()
    }

    /// Bytes of memory, what others share included, and what is sent of a chunk that is not yet
    /// sent whole.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.chain_size() + self.tail_size()
    }

    fn chain_size(&self) -> usize {
        self.held_sum + self.chain.len() * CHUNK_BYTES
    }

    /// What CLIENT LIST says of it. What would fit Redis's fixed buffer is that; beyond, the
    /// buffer's share has gone first if the socket `is_full`, and the rest is the list: the chain,
    /// and the tail as its last chunk.
    pub(crate) fn backlog(&self, is_full: bool) -> Backlog {
        let len = self.len();
        if len <= BUFFER_BYTES && self.held_sum <= BUFFER_BYTES {
            return Backlog {
                fixed: len,
                ..Backlog::default()
            };
        }
        let fixed = match self.chain.is_empty() && !is_full {
            true => len.min(BUFFER_BYTES),
            false => 0,
        };
        Backlog {
            fixed,
            chunks: self.chain.len() + usize::from(self.tail.len() > fixed),
            memory: self.chain_size() + self.tail.len() - fixed,
        }
    }

    fn tail_size(&self) -> usize {
        match self.tail.capacity() {
            0 => 0,
            capacity => good_size(capacity),
        }
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
            self.chain(payload, 0);
            return;
        }
        self.append(&payload, pool);
    }

    /// Appends a reply that was written elsewhere.
    pub(crate) fn push_own(&mut self, reply: Vec<u8>, pool: &mut BufferPool) {
        if reply.len() < SHARE_MIN {
            self.append(&reply, pool);
        } else {
            self.seal();
            self.tail = reply;
            self.seal();
        }
    }

    fn append(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        self.open(pool);
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= SEAL_BYTES {
            self.seal();
        }
    }

    fn chain(&mut self, chunk: Bytes, owned: usize) {
        self.chained += chunk.len();
        self.held_sum += held(&chunk, owned);
        self.chain.push_back(chunk);
        self.owned.push_back(owned);
        self.owned_sum += owned;
    }

    /// Moves the tail into the chain.
    pub(crate) fn seal(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            // What waits here is counted by its length: let it take not much more than that.
            if tail.capacity() > tail.len() + tail.len() / 4 {
                tail.shrink_to_fit();
            }
            let owned = good_size(tail.capacity());
            self.chain(Bytes::from(tail), owned);
        }
    }

    /// Takes what has been sent and is too large to be freed here.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Spent> {
        (!self.spent.is_empty()).then(|| Spent::new(std::mem::take(&mut self.spent)))
    }

    /// Takes everything, sent or not: the client is gone.
    pub(crate) fn give_up(self) -> Spent {
        let tail = self.tail_size();
        let chunks = self.chain.into_iter().zip(self.owned).chain(self.spent);
        Spent::new(chunks.chain([(Bytes::from(self.tail), tail)]).collect())
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
            let owned = self.owned.pop_front().unwrap_or_default();
            self.owned_sum -= owned;
            if let Some(sent) = self.chain.pop_front() {
                self.held_sum -= held(&sent, owned);
                if sent.len() >= FREE_BYTES_MIN {
                    self.spent.push((sent, owned));
                }
            }
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

/// The memory that a chunk takes, with what it takes of its own.
fn held(chunk: &Bytes, owned: usize) -> usize {
    if owned == 0 { chunk.len() } else { owned }
}

/// A worker's spare output buffers: it needs one at a time, as long as sockets
/// take what is sent.
///
/// Those that have grown count as leaving memory: no data has to make room for them.
/// It begins full, so that what is in use does not grow by what is kept here.
pub(crate) struct BufferPool {
    free: Vec<Vec<u8>>,
}

impl Default for BufferPool {
    fn default() -> Self {
        let fresh = || Vec::with_capacity(Self::FRESH_BYTES);
        let free = std::iter::repeat_with(fresh).take(Self::KEPT_MAX);
        Self {
            free: free.collect(),
        }
    }
}

impl BufferPool {
    /// What a fresh buffer holds.
    const FRESH_BYTES: usize = 16 * 1024;
    /// Larger buffers are not kept.
    const KEPT_BYTES_MAX: usize = SEAL_BYTES;
    /// Nor more of them.
    const KEPT_MAX: usize = 4;

    #[inline]
    fn take(&mut self) -> Vec<u8> {
        match self.free.pop() {
            Some(buffer) => {
                if buffer.capacity() > Self::FRESH_BYTES {
                    common::memory::has_left(good_size(buffer.capacity()));
                }
                buffer
            }
            None => Vec::with_capacity(Self::FRESH_BYTES),
        }
    }

    #[inline]
    fn give(&mut self, buffer: Vec<u8>) {
        debug_assert!(buffer.is_empty());
        let bytes = buffer.capacity();
        if bytes <= Self::KEPT_BYTES_MAX && self.free.len() < Self::KEPT_MAX {
            if bytes > Self::FRESH_BYTES {
                common::memory::is_leaving(good_size(bytes));
            }
            self.free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests;
