//! The way of a file's bytes out: gathered in a buffer of a fixed size, summed, written.
//!
//! However large a value is, it passes through in pieces. A failed write is remembered and told
//! when asked ([`Output::check`]); what comes behind it is dropped, so that whoever encodes a value
//! needs no way out of the middle of it.

use super::primitive::Out;
use crate::pace;
use common::crc64::crc64;
use std::io::{self, Write};

/// The buffer is written out before it has more bytes than this.
const BUFFER_BYTES: usize = 128 << 10;

/// See the module's text.
pub struct Output<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    /// Of what was written, where it is computed.
    crc: Option<u64>,
    bytes: u64,
    failed: Option<io::Error>,
}

impl<'a> Output<'a> {
    /// Writes to `out`.
    pub fn new(out: &'a mut dyn Write, with_checksum: bool) -> Self {
        Self {
            out,
            // It grows with what there is: a small snapshot must not push anybody over maxmemory.
            buffer: Vec::new(),
            crc: with_checksum.then_some(0),
            bytes: 0,
            failed: None,
        }
    }

    /// Whether all went well so far.
    ///
    /// # Errors
    /// The writer's, once.
    #[inline]
    pub fn check(&mut self) -> io::Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(_) => Err(self
                .failed
                .take()
                .unwrap_or_else(|| io::ErrorKind::Other.into())),
        }
    }

    #[cold]
    fn write_out(&mut self) {
        // A large value comes through here many times, and nowhere else.
        pace::give_way();
        let buffer = std::mem::take(&mut self.buffer);
        self.write_through(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
    }

    fn write_through(&mut self, bytes: &[u8]) {
        if self.failed.is_some() || bytes.is_empty() {
            return;
        }
        if let Some(crc) = &mut self.crc {
            *crc = crc64(*crc, bytes);
        }
        match self.out.write_all(bytes) {
            Ok(()) => self.bytes += bytes.len() as u64,
            Err(error) => self.failed = Some(error),
        }
    }

    /// Writes out what is buffered, then the checksum of everything; returns how many bytes that
    /// were in all.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<u64> {
        self.write_out();
        let crc = self.crc.take().unwrap_or(0);
        self.write_through(&crc.to_le_bytes());
        self.check()?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}

impl Out for Output<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() <= BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.put_beyond(bytes);
        }
    }
}

impl Output<'_> {
    #[cold]
    fn put_beyond(&mut self, bytes: &[u8]) {
        self.write_out();
        // What is long goes out as it is, in steps, so that failures and calls to end are seen.
        let mut pieces = bytes.chunks(BUFFER_BYTES);
        let last = pieces.next_back().unwrap_or_default();
        pieces.for_each(|piece| self.write_through(piece));
        self.buffer.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and notes the longest piece.
    struct Limited {
        room: usize,
        longest: usize,
        taken: Vec<u8>,
    }

    impl Write for Limited {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= bytes.len();
            self.longest = self.longest.max(bytes.len());
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn limited(room: usize) -> Limited {
        Limited {
            room,
            longest: 0,
            taken: Vec::new(),
        }
    }

    #[test]
    fn bytes_of_any_length_come_out_in_order_and_in_pieces() {
        let mut file = limited(usize::MAX);
        let mut output = Output::new(&mut file, true);
        let mut all = Vec::new();
        for len in [
            0,
            1,
            7,
            BUFFER_BYTES,
            BUFFER_BYTES - 1,
            3,
            10 * BUFFER_BYTES + 5,
            2,
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 + len) as u8).collect();
            all.extend_from_slice(&bytes);
            output.put(&bytes);
            assert!(output.buffer.capacity() <= 2 * BUFFER_BYTES);
        }
        let crc = crc64(0, &all);
        all.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(output.finish().unwrap(), all.len() as u64);
        assert!(file.taken == all);
        assert!(file.longest <= BUFFER_BYTES);
    }

    #[test]
    fn a_failure_is_told_and_nothing_is_written_behind_it() {
        let mut file = limited(BUFFER_BYTES);
        let mut output = Output::new(&mut file, false);
        output.put(&vec![1; BUFFER_BYTES * 3]);
        output.put(&vec![2; BUFFER_BYTES]);
        assert!(output.check().is_err());
        assert_eq!(file.taken.len(), BUFFER_BYTES);
    }
}
