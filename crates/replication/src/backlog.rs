//! The backlog: the latest part of the replication stream, kept for replicas that come back.
//!
//! Offsets count bytes of the stream; the byte at offset `n` is the one that PSYNC calls `n + 1`.
//! What is kept is cut at the front once it is longer than the capacity, but never what a replica
//! still has to be sent: such a backlog outgrows its capacity, as in Redis, where replicas and the
//! backlog share their buffers. Large pieces are shared with the replicas' output.

use std::collections::VecDeque;

use bytes::Bytes;
use common::memory::{Leaving, good_size};

/// Pieces shorter than this are gathered.
const PIECE_BYTES: usize = 16 * 1024;

struct Piece {
    start: u64,
    bytes: Bytes,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// See the module's text.
pub struct Backlog {
    pieces: VecDeque<Piece>,
    /// What comes behind the pieces.
    tail: Vec<u8>,
    /// Offset of the end.
    end: u64,
    capacity: u64,
}

impl Backlog {
    /// An empty backlog that begins at an offset and keeps about `capacity` bytes.
    pub fn new(offset: u64, capacity: u64) -> Self {
        Self {
            pieces: VecDeque::new(),
            tail: Vec::new(),
            end: offset,
            capacity,
        }
    }

    /// Offset of the first byte that is kept, or of the next one if nothing is.
    pub fn start(&self) -> u64 {
        let tail = self.end - self.tail.len() as u64;
        self.pieces.front().map_or(tail, |piece| piece.start)
    }

    /// Offset behind the last byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes kept.
    pub fn len(&self) -> u64 {
        self.end - self.start()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `repl-backlog-size`.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Changes the capacity; takes effect with the next [`trim`](Self::trim).
    pub fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
    }

    /// Whether the stream can be continued from this offset on.
    pub fn reaches_back_to(&self, offset: u64) -> bool {
        (self.start()..=self.end).contains(&offset)
    }

    /// Appends what follows in the stream.
    pub fn push(&mut self, bytes: Bytes) {
        self.end += bytes.len() as u64;
        if bytes.len() < PIECE_BYTES {
            self.tail.extend_from_slice(&bytes);
            if self.tail.len() >= PIECE_BYTES {
                self.seal();
            }
            return;
        }
        let len = bytes.len() as u64;
        self.end -= len;
        self.seal();
        self.pieces.push_back(Piece {
            start: self.end,
            bytes,
        });
        self.end += len;
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            // Counted by its length: without room behind it.
            let bytes = Bytes::from(std::mem::take(&mut self.tail).into_boxed_slice());
            let start = self.end - bytes.len() as u64;
            self.pieces.push_back(Piece { start, bytes });
        }
    }

    /// Up to about `limit` bytes from an offset that is [kept](Self::reaches_back_to).
    pub fn read(&self, offset: u64, limit: usize) -> Option<Bytes> {
        let at = self.pieces.partition_point(|piece| piece.end() <= offset);
        let bytes = match self.pieces.get(at) {
            Some(piece) => piece
                .bytes
                .slice((offset.max(piece.start) - piece.start) as usize..),
            None => {
                let start = self.end - self.tail.len() as u64;
                let rest = &self.tail[(offset.max(start) - start) as usize..];
                if rest.is_empty() {
                    return None;
                }
                // A copy, not counted as part of the backlog.
                Bytes::from_owner(Leaving::new(rest.into()))
            }
        };
        let len = bytes.len().min(limit);
        (len > 0).then(|| bytes.slice(..len))
    }

    /// Drops from the front what exceeds the capacity, up to `needed`, the offset of the first byte
    /// that somebody must still be sent. Pieces in somebody's output are kept as well.
    pub fn trim(&mut self, needed: Option<u64>) {
        while let Some(piece) = self.pieces.front() {
            let (start, end) = (piece.start, piece.end());
            let is_enough = self.end - end >= self.capacity;
            if !is_enough && self.end - start > self.capacity + PIECE_BYTES as u64 {
                self.split_front(needed);
                return;
            }
            if !is_enough || needed.is_some_and(|needed| needed < end) || !piece.bytes.is_unique() {
                return;
            }
            self.pieces.pop_front();
        }
    }

    /// The front piece alone is larger than need be: keeps a part of it.
    fn split_front(&mut self, needed: Option<u64>) {
        let Some(piece) = self.pieces.front_mut() else {
            return;
        };
        let keep_from = (self.end - self.capacity).min(needed.unwrap_or(u64::MAX));
        if keep_from > piece.start && piece.bytes.is_unique() {
            let drop = (keep_from - piece.start) as usize;
            piece.bytes = Bytes::copy_from_slice(&piece.bytes[drop..]);
            piece.start = keep_from;
        }
    }

    /// Bytes of memory.
    pub fn memory(&self) -> u64 {
        let sizes = self.pieces.iter().map(|piece| good_size(piece.bytes.len()));
        (sizes.sum::<usize>() + self.tail.capacity() + self.pieces.capacity() * size_of::<Piece>())
            as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all_from(backlog: &Backlog, mut offset: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(bytes) = backlog.read(offset, 5000) {
            offset += bytes.len() as u64;
            out.extend_from_slice(&bytes);
        }
        out
    }

    #[test]
    fn what_a_replica_needs_is_kept_beyond_the_capacity() {
        let mut backlog = Backlog::new(100, 20_000);
        for _ in 0..10 {
            backlog.push(Bytes::from(vec![1; 20_000]));
            backlog.trim(Some(150));
        }
        assert!(backlog.reaches_back_to(150));
        backlog.trim(None);
        assert!(!backlog.reaches_back_to(150));
        assert_eq!(backlog.len(), 20_000);
    }

    #[test]
    fn what_is_still_in_an_output_is_kept() {
        let mut backlog = Backlog::new(0, 20_000);
        backlog.push(Bytes::from(vec![1; 20_000]));
        let output = backlog.read(0, 20_000);
        (0..5).for_each(|_| backlog.push(Bytes::from(vec![1; 20_000])));
        backlog.trim(None);
        assert_eq!(backlog.start(), 0);
        drop(output);
        backlog.trim(None);
        assert_eq!(backlog.len(), 20_000);
    }

    proptest! {
        #[test]
        fn the_end_of_the_stream_is_kept_and_read_back(
            sizes in prop::collection::vec(0usize..40_000, 1..40),
            capacity in 1u64..100_000,
        ) {
            let (mut stream, mut backlog) = (vec![0; 7], Backlog::new(7, capacity));
            for (i, size) in sizes.into_iter().enumerate() {
                let piece: Vec<u8> = (0..size).map(|n| (n + i) as u8).collect();
                stream.extend_from_slice(&piece);
                backlog.push(Bytes::from(piece));
                backlog.trim(None);
                prop_assert_eq!(backlog.end(), stream.len() as u64);
                let least = (stream.len() as u64 - 7).min(capacity);
                prop_assert!(backlog.len() >= least);
                prop_assert!(backlog.len() <= capacity + 2 * PIECE_BYTES as u64);
                let start = backlog.start();
                prop_assert_eq!(all_from(&backlog, start), &stream[start as usize..]);
                let middle = (start + backlog.end()) / 2;
                prop_assert_eq!(all_from(&backlog, middle), &stream[middle as usize..]);
            }
        }
    }
}
