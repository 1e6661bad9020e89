//! The framing of a snapshot on a replication link: `$<length>` or `$EOF:<40 bytes>` before it, and
//! in the second case those bytes behind it.
//!
//! Whoever sends the second form waits for an acknowledgement before it sends the stream, so that
//! nothing follows the mark. No I/O here.

/// Bytes of the mark.
pub const MARK_LEN: usize = 40;

/// How the end of a snapshot is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// These bytes are its end.
    Mark([u8; MARK_LEN]),
}

impl Framing {
    /// Understands the line before a snapshot, without its end; `None` if it is something else.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"$")?;
        if let Some(mark) = rest.strip_prefix(b"EOF:") {
            let mark = mark.get(..MARK_LEN)?.try_into().ok()?;
            return Some(Self::Mark(mark));
        }
        let length = common::number::parse_i64(rest)?;
        u64::try_from(length).ok().map(Self::Length)
    }

    /// The line before a snapshot.
    pub fn line(&self) -> Vec<u8> {
        match self {
            Self::Length(length) => format!("${length}\r\n").into_bytes(),
            Self::Mark(mark) => [b"$EOF:", &mark[..], b"\r\n"].concat(),
        }
    }
}

/// Takes a snapshot apart from what is around it.
pub struct Unframer {
    framing: Framing,
    /// Bytes of the snapshot given out.
    taken: u64,
    /// With a mark: bytes that may belong to it.
    held: Vec<u8>,
    done: bool,
}

impl Unframer {
    /// Begins behind the line.
    pub fn new(framing: Framing) -> Self {
        let done = framing == Framing::Length(0);
        Self {
            framing,
            taken: 0,
            held: Vec::new(),
            done,
        }
    }

    /// Whether the snapshot is complete.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes of the snapshot so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes bytes from the link and appends those of the snapshot to `out`; returns how many of
    /// `input` belong to it and its frame.
    pub fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        if self.done {
            return 0;
        }
        match &self.framing {
            Framing::Length(length) => {
                let n = (length - self.taken).min(input.len() as u64) as usize;
                out.extend_from_slice(&input[..n]);
                self.taken += n as u64;
                self.done = self.taken == *length;
                n
            }
            Framing::Mark(mark) => {
                self.held.extend_from_slice(input);
                // Nothing follows the mark, so that it can only be at the very end.
                if self.held.ends_with(mark) {
                    self.held.truncate(self.held.len() - MARK_LEN);
                    self.taken += self.held.len() as u64;
                    out.append(&mut self.held);
                    self.done = true;
                } else {
                    let sure = self.held.len().saturating_sub(MARK_LEN);
                    self.taken += sure as u64;
                    out.extend(self.held.drain(..sure));
                }
                input.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_understood_and_written_alike() {
        let mark = Framing::Mark(*b"0123456789012345678901234567890123456789");
        for framing in [Framing::Length(0), Framing::Length(12345), mark] {
            let line = framing.line();
            let line = line.strip_suffix(b"\r\n").unwrap();
            assert_eq!(Framing::parse(line), Some(framing));
        }
        for wrong in ["", "$", "$-1", "$x", "+OK", "$EOF:short", "-ERR no"] {
            assert_eq!(Framing::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_snapshot_arrives_whole_in_any_pieces(
            body in prop::collection::vec(0u8..3, 0..300),
            cuts in prop::collection::vec(1usize..50, 1..40),
            marked: bool,
        ) {
            let mark = [1; MARK_LEN];
            let (framing, trailer, rest) = if marked {
                (Framing::Mark(mark), mark.to_vec(), Vec::new())
            } else {
                (Framing::Length(body.len() as u64), Vec::new(), b"*1\r\n".to_vec())
            };
            // A body that ends like the mark would be cut early, by chance as small as 2^-320.
            prop_assume!(!marked || !body.windows(MARK_LEN).any(|w| w == mark));
            prop_assume!(!marked || body.last() != Some(&1));
            let wire = [body.clone(), trailer, rest.clone()].concat();
            let (mut unframer, mut out, mut at) = (Unframer::new(framing), Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if unframer.is_done() || at == wire.len() {
                    break;
                }
                let end = (at + cut).min(wire.len());
                let n = unframer.take(&wire[at..end], &mut out);
                at += n;
                prop_assert!(at == end || unframer.is_done());
            }
            prop_assert!(unframer.is_done());
            prop_assert_eq!(out, body);
            prop_assert_eq!(&wire[at..], &rest[..]);
        }
    }
}
