//! Reads the commands of a file, one after the other, in bounded memory.
//!
//! The format is the protocol's array of bulk strings, with lines that begin with `#` between the
//! commands. What is not a command ends the reading: either the file's end is missing, which a
//! crash may cause and the caller may mend by cutting the file at [`Commands::offset`] of the last
//! whole command, or the file is not what it should be. An end of nothing but zeros is missing,
//! too: file systems leave that where they knew the new length and did not get the bytes to disk.

use std::io::{self, Read};
use std::ops::Range;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// The longest line: an annotation's.
const LINE_BYTES_MAX: usize = 1024;
/// The longest argument. Redis allows no more either.
const ARG_BYTES_MAX: i64 = i64::MAX / 2;

/// Why there is no further command.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file, or what it holds besides zeros, ends within a command.
    #[error("unexpected end of file")]
    Truncated,
    /// Something else than a command.
    #[error("bad file format")]
    Format,
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A command's arguments, in memory that is used again for the next.
#[derive(Debug, Default)]
pub struct CommandBuf {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl CommandBuf {
    /// The arguments.
    pub fn args(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[at]]
        })
    }

    fn clear(&mut self) {
        // One very large argument should not be kept in memory for good.
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The commands of a file.
pub struct Commands<R> {
    source: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were consumed.
    at: usize,
    /// Where in `buffer` the line or the end of an argument is that was looked at last.
    piece: Range<usize>,
    offset: u64,
}

impl<R: Read> Commands<R> {
    /// Reads from `source`, whose next byte is at `offset` of the file.
    pub fn new(source: R, offset: u64) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            at: 0,
            piece: 0..0,
            offset,
        }
    }

    /// How many bytes of the file were consumed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next command into `command`; false at the end of the file.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn next(&mut self, command: &mut CommandBuf) -> Result<bool, ReadError> {
        match self.read(command) {
            Err(ReadError::Format) if self.is_zero_from_here()? => Err(ReadError::Truncated),
            result => result,
        }
    }

    fn read(&mut self, command: &mut CommandBuf) -> Result<bool, ReadError> {
        command.clear();
        let count = loop {
            match self.line()? {
                None => return Ok(false),
                // What is appended would become a part of it.
                Some(line) if line.starts_with(b"#") && !line.ends_with(b"\n") => {
                    return Err(ReadError::Truncated);
                }
                Some(line) if line.starts_with(b"#") => {}
                Some(line) => break header(line, b'*')?,
            }
        };
        if count < 1 {
            return Err(ReadError::Format);
        }
        for _ in 0..count {
            let line = self.line()?.ok_or(ReadError::Truncated)?;
            let len = header(line, b'$')?;
            if !(0..=ARG_BYTES_MAX).contains(&len) {
                return Err(ReadError::Format);
            }
            self.take(len as u64, &mut command.bytes)?;
            command.ends.push(command.bytes.len());
            self.end_of_argument()?;
        }
        Ok(true)
    }

    /// Whether from somewhere in the last piece on there is nothing but zeros.
    fn is_zero_from_here(&mut self) -> io::Result<bool> {
        let piece = &self.buffer[self.piece.clone()];
        let Some(zeros) = piece.iter().position(|&b| b == 0) else {
            return Ok(false);
        };
        self.at = self.piece.start + zeros;
        loop {
            if self.buffer[self.at..].iter().any(|&b| b != 0) {
                return Ok(false);
            }
            self.at = self.buffer.len();
            if !self.fill()? {
                return Ok(true);
            }
        }
    }

    /// The next line; `None` at the end of the file. A last line may lack its end.
    fn line(&mut self) -> Result<Option<&[u8]>, ReadError> {
        let mut searched = 0;
        let len = loop {
            let rest = &self.buffer[self.at..];
            if let Some(at) = rest[searched..].iter().position(|&b| b == b'\n') {
                break searched + at + 1;
            }
            searched = rest.len();
            self.piece = self.at..self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return Err(ReadError::Format);
            }
            if !self.fill()? {
                break searched;
            }
        };
        if len == 0 {
            return Ok(None);
        }
        self.piece = self.at..self.at + len;
        self.at += len;
        self.offset += len as u64;
        Ok(Some(&self.buffer[self.piece.clone()]))
    }

    /// Takes what ends an argument.
    fn end_of_argument(&mut self) -> Result<(), ReadError> {
        while self.buffer.len() < self.at + 2 {
            if !self.fill()? {
                return Err(ReadError::Truncated);
            }
        }
        self.piece = self.at..self.at + 2;
        if !self.buffer[self.at..].starts_with(b"\r\n") {
            return Err(ReadError::Format);
        }
        self.at += 2;
        self.offset += 2;
        Ok(())
    }

    /// Takes `len` bytes.
    fn take(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let mut left = len;
        while left > 0 {
            let rest = &self.buffer[self.at..];
            if rest.is_empty() {
                if !self.fill()? {
                    return Err(ReadError::Truncated);
                }
                continue;
            }
            let n = (rest.len() as u64).min(left) as usize;
            out.extend_from_slice(&rest[..n]);
            self.at += n;
            self.offset += n as u64;
            left -= n as u64;
        }
        Ok(())
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK_BYTES, 0);
        let result = loop {
            match self.source.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer
            .truncate(before + result.as_ref().copied().unwrap_or(0));
        Ok(result? > 0)
    }
}

/// The number behind `kind`.
fn header(line: &[u8], kind: u8) -> Result<i64, ReadError> {
    match line.trim_ascii_end().split_first() {
        Some((first, [])) if *first == kind => Err(ReadError::Truncated),
        Some((first, digits)) if *first == kind => {
            common::number::parse_i64(digits).ok_or(ReadError::Format)
        }
        _ => Err(ReadError::Format),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Command = Vec<Vec<u8>>;

    fn read(text: &[u8], chunk: usize) -> (Vec<Command>, u64, Result<(), ReadError>) {
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let len = out.len().min(self.1);
                self.0.read(&mut out[..len])
            }
        }
        let mut commands = Commands::new(Slow(text, chunk), 0);
        let (mut buf, mut all, mut whole) = (CommandBuf::default(), Vec::new(), 0);
        loop {
            match commands.next(&mut buf) {
                Ok(true) => all.push(buf.args().map(<[u8]>::to_vec).collect()),
                Ok(false) => return (all, commands.offset(), Ok(())),
                Err(error) => return (all, whole, Err(error)),
            }
            whole = commands.offset();
        }
    }

    fn encode(commands: &[Command]) -> Vec<u8> {
        let mut out = Vec::new();
        for command in commands {
            out.extend(format!("*{}\r\n", command.len()).bytes());
            for arg in command {
                out.extend(format!("${}\r\n", arg.len()).bytes());
                out.extend([arg, &b"\r\n"[..]].concat());
            }
        }
        out
    }

    #[test]
    fn annotations_are_skipped() {
        let text = b"#TS:1\r\n*1\r\n$1\r\na\r\n#TS:2\r\n#x\r\n";
        let (commands, offset, end) = read(text, 3);
        assert_eq!(commands, [[b"a".to_vec()]]);
        assert_eq!(offset, text.len() as u64);
        end.unwrap();
    }

    #[test]
    fn an_annotation_without_its_end_is_cut_off() {
        let (commands, offset, end) = read(b"*1\r\n$1\r\na\r\n#TS:17", 3);
        assert_eq!((commands.len(), offset), (1, 11));
        assert!(matches!(end, Err(ReadError::Truncated)), "{end:?}");
    }

    #[test]
    fn many_zeros_are_a_missing_end() {
        let text = [&b"*1\r\n$1\r\na\r\n*1\r\n$1"[..], &[0; 100_000]].concat();
        let (commands, offset, end) = read(&text, 50_000);
        assert_eq!((commands.len(), offset), (1, 11));
        assert!(matches!(end, Err(ReadError::Truncated)), "{end:?}");
    }

    #[test]
    fn what_is_no_command_is_an_error_of_format() {
        for text in [
            "!!!",
            "*0\r\n",
            "*-1\r\n",
            "*x\r\n",
            "*1\r\n+a\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n$1\r\naXX",
            // Zeros that do not reach to the end, or begin behind the fault.
            "*1\r\n$1\r\na\0\0\0\n",
            "\0\0\0*1\r\n",
            "!!!\n\0\0\0",
        ] {
            let (_, _, end) = read(text.as_bytes(), 10);
            assert!(matches!(end, Err(ReadError::Format)), "{text}: {end:?}");
        }
        let long = "*".repeat(2000);
        assert!(matches!(
            read(long.as_bytes(), 100).2,
            Err(ReadError::Format)
        ));
    }

    proptest! {
        #[test]
        fn every_cut_leaves_the_commands_before_it(
            commands in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..4), 1..5),
            cut in any::<prop::sample::Index>(),
            chunk in 1..20usize,
            zeros in 1..60usize,
        ) {
            let text = encode(&commands);
            let cut = cut.index(text.len());
            let mut ends = vec![0];
            ends.extend((1..=commands.len()).map(|n| encode(&commands[..n]).len()));
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (got, offset, end) = read(&text[..cut], chunk);
            prop_assert_eq!(&got[..], &commands[..whole]);
            prop_assert_eq!(offset, ends[whole] as u64);
            prop_assert_eq!(end.is_ok(), ends[whole] == cut);
            if let Err(error) = end {
                prop_assert!(matches!(error, ReadError::Truncated), "{error}");
            }
            // The same with zeros up to some length.
            let zeros = [&text[..cut], &[0; 60][..zeros]].concat();
            let (got, offset, end) = read(&zeros, chunk);
            prop_assert_eq!(&got[..], &commands[..whole]);
            prop_assert_eq!(offset, ends[whole] as u64);
            prop_assert!(matches!(end, Err(ReadError::Truncated)), "{end:?}");
        }

        #[test]
        fn no_input_is_a_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&text, 7);
        }
    }
}
