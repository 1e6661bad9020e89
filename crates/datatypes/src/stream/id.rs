//! Stream ids: milliseconds and a sequence number, written `ms-seq`.
//!
//! What is accepted is what Redis accepts. The symbols that stand for ids in some commands only
//! (`$`, `>`) are the commands' business.

use common::number::parse_u64;

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix time in milliseconds, or whatever the client chose.
    pub ms: u64,
    /// Sequence number within the millisecond.
    pub seq: u64,
}

/// An id as XADD takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the clock's time (milliseconds), or one more than the last id.
    Auto(u64),
    /// `ms-*`: the next sequence number of that millisecond.
    AutoSeq(u64),
    /// `ms-seq`.
    Exact(StreamId),
}

/// The longest text of an id.
const TEXT_MAX: usize = 41;

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The greatest id there is.
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// An id of its two parts.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        StreamId { ms, seq }
    }

    /// Whether it is `0-0`.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::MIN
    }

    /// The id right after this one; `None` after the greatest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId {
                ms: self.ms.checked_add(1)?,
                seq: 0,
            }),
        }
    }

    /// The id right before this one; `None` before the least.
    #[must_use]
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId {
                ms: self.ms.checked_sub(1)?,
                seq: u64::MAX,
            }),
        }
    }

    /// Reads `ms-seq`, or `ms` with `missing_seq` for the sequence number. `-`, `+`, `$`, `*` are
    /// no ids.
    #[must_use]
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        let (ms, seq) = split(text);
        let seq = seq.map_or(Some(missing_seq), parse_part)?;
        Some(StreamId {
            ms: parse_part(ms)?,
            seq,
        })
    }

    /// Reads the id of a range: also `-` and `+`, the least and the greatest.
    #[must_use]
    pub fn parse_bound(text: &[u8], missing_seq: u64) -> Option<Self> {
        match text {
            b"-" => Some(Self::MIN),
            b"+" => Some(Self::MAX),
            _ => Self::parse(text, missing_seq),
        }
    }

    /// The text `ms-seq`.
    #[must_use]
    pub fn text(self) -> IdText {
        let mut text = IdText {
            bytes: [0; TEXT_MAX],
            len: 0,
        };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }

    /// The key of Redis's radix tree: both parts in big endian.
    #[must_use]
    pub fn to_key(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// Reads a key back.
    #[must_use]
    pub fn from_key(key: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(key);
        StreamId {
            ms: (both >> 64) as u64,
            seq: both as u64,
        }
    }

    /// This id minus another, part by part, as nodes store it. Redis lets the parts wrap.
    pub(super) fn offset_from(self, base: StreamId) -> StreamId {
        StreamId {
            ms: self.ms.wrapping_sub(base.ms),
            seq: self.seq.wrapping_sub(base.seq),
        }
    }

    /// Undoes [`StreamId::offset_from`].
    pub(super) fn plus(self, ms: i64, seq: i64) -> StreamId {
        StreamId {
            ms: self.ms.wrapping_add(ms as u64),
            seq: self.seq.wrapping_add(seq as u64),
        }
    }
}

impl NewId {
    /// Reads XADD's id: `*`, `ms-*`, `ms-seq` or `ms` (that is `ms-0`).
    #[must_use]
    pub fn parse(text: &[u8], now_ms: u64) -> Option<Self> {
        match (text, split(text)) {
            (b"*", _) => Some(NewId::Auto(now_ms)),
            (_, (ms, Some(b"*"))) => Some(NewId::AutoSeq(parse_part(ms)?)),
            _ => StreamId::parse(text, 0).map(NewId::Exact),
        }
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The text of an id, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; TEXT_MAX],
    len: u8,
}

impl IdText {
    fn push(&mut self, part: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'-', text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// One part. Redis falls back on `strtoull`, so leading spaces, a plus and leading zeros pass.
fn parse_part(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_u64(text) {
        return Some(number);
    }
    // Redis copies an id into 128 bytes before it looks at it.
    if text.len() >= 128 {
        return None;
    }
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
