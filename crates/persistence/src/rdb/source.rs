//! Where bytes come from: a slice that is there, or a stream of any length.
//!
//! Reading code is generic over [`Source`], so that for a slice a read is a bounds check and no
//! more. A stream keeps a window that grows only with what really came.

use super::Error;
use common::crc64::crc64;
use std::io::Read;

/// Gives bytes in order, each once.
pub trait Source {
    /// The next `len` bytes in one piece; good until the next read.
    ///
    /// # Errors
    /// [`Error::Truncated`] where there are fewer, [`Error::Io`] where reading fails.
    fn read(&mut self, len: usize) -> Result<&[u8], Error>;

    /// How many bytes were given so far.
    fn position(&self) -> u64;

    /// The next `N` bytes by value.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.read(N)?);
        Ok(array)
    }

    /// The next byte.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    fn byte(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }
}

/// Bytes in memory.
#[derive(Clone, Copy, Debug)]
pub struct SliceSource<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> SliceSource<'a> {
    /// Reads `bytes` from their beginning.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }
}

impl Source for SliceSource<'_> {
    #[inline]
    fn read(&mut self, len: usize) -> Result<&[u8], Error> {
        let piece = self.rest().get(..len).ok_or(Error::Truncated)?;
        self.at += len;
        Ok(piece)
    }

    #[inline]
    fn position(&self) -> u64 {
        self.at as u64
    }
}

/// Bytes asked of the stream at once, at least.
const WINDOW_BYTES: usize = 256 << 10;
/// The window grows by so much at most before more bytes have come.
const STEP_BYTES: usize = 4 << 20;

/// A stream, with a running checksum of what was given.
#[derive(Debug)]
pub struct ReadSource<R> {
    stream: R,
    window: Vec<u8>,
    /// What is in the window and not yet given.
    start: usize,
    end: usize,
    /// Bytes of the stream before the window.
    before: u64,
    /// CRC64 of everything before `summed` in the window.
    crc: u64,
    summed: usize,
    with_checksum: bool,
}

impl<R: Read> ReadSource<R> {
    /// Reads `stream` from where it stands. Without a checksum, [`checksum`](Self::checksum)
    /// answers 0.
    pub fn new(stream: R, with_checksum: bool) -> Self {
        Self {
            stream,
            window: Vec::new(),
            start: 0,
            end: 0,
            before: 0,
            crc: 0,
            summed: 0,
            with_checksum,
        }
    }

    /// CRC64 of all bytes given so far.
    pub fn checksum(&mut self) -> u64 {
        if self.with_checksum {
            self.crc = crc64(self.crc, &self.window[self.summed..self.start]);
        }
        self.summed = self.start;
        self.crc
    }

    /// The stream, and the bytes that were read from it but not given.
    pub fn into_parts(mut self) -> (R, Vec<u8>) {
        self.window.truncate(self.end);
        self.window.drain(..self.start);
        (self.stream, self.window)
    }

    /// Gets at least `len` bytes into the window.
    #[cold]
    fn fill(&mut self, len: usize) -> Result<(), Error> {
        self.checksum();
        self.window.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        self.end -= self.start;
        (self.start, self.summed) = (0, 0);
        while self.end < len {
            let size = len.min(self.end + STEP_BYTES).max(WINDOW_BYTES);
            if self.window.len() < size {
                self.window.resize(size, 0);
            }
            match self.stream.read(&mut self.window[self.end..]) {
                Ok(0) => return Err(Error::Truncated),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl<R: Read> Source for ReadSource<R> {
    #[inline]
    fn read(&mut self, len: usize) -> Result<&[u8], Error> {
        if self.end - self.start < len {
            self.fill(len)?;
        }
        let from = self.start;
        self.start += len;
        Ok(&self.window[from..self.start])
    }

    #[inline]
    fn position(&self) -> u64 {
        self.before + self.start as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte more with each read, and none at all in the end.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn a_stream_gives_what_a_slice_gives_and_sums_it() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let mut stream = ReadSource::new(Drip(&bytes, 0), true);
        let mut slice = SliceSource::new(&bytes);
        let mut len = 1;
        while let Ok(expected) = slice.read(len) {
            assert_eq!(stream.read(len).unwrap(), expected);
            assert_eq!(stream.position(), slice.position());
            let given = &bytes[..slice.position() as usize];
            assert_eq!(stream.checksum(), crc64(0, given));
            len = len * 5 / 3 + 1;
        }
        assert!(matches!(stream.read(len), Err(Error::Truncated)));
    }

    #[test]
    fn a_promised_length_takes_no_memory() {
        let mut stream = ReadSource::new(&b"short"[..], false);
        assert!(matches!(stream.read(usize::MAX / 2), Err(Error::Truncated)));
        assert!(stream.window.len() <= 5 + STEP_BYTES);
    }
}
