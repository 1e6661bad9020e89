//! Replies, straight into the connection's output buffer.
//!
//! The forms are those that Redis gives each type in RESP2 and RESP3: what RESP2 lacks becomes the
//! nearest it has (a map an array of twice the length, a double a bulk string, a boolean an
//! integer). No formatting machinery.

use common::number::{I64Text, format_reply_f64};

use crate::ReplyError;

/// The protocol version that a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Proto {
    /// RESP2, until `HELLO 3`.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

impl Proto {
    /// 2 or 3.
    pub const fn version(self) -> u8 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// A place in the output, to measure from or to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

/// An aggregate whose length is not known yet.
#[derive(Debug)]
#[must_use = "the aggregate's header is missing until it is finished"]
pub struct Deferred(usize);

/// Appends replies to an output buffer.
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut Vec<u8>,
    proto: Proto,
}

/// Bytes around a bulk string's own, at most.
const BULK_FRAME_MAX: usize = 25;
/// The headers of bulk strings of up to 99 bytes, and the lengths of the headers.
static SHORT_HEADERS: [([u8; 7], u8); 100] = {
    let mut headers = [([b'$', 0, 0, 0, 0, 0, 0], 0); 100];
    let mut n = 0;
    while n < 100 {
        let (ones, tens) = (b'0' + (n % 10) as u8, b'0' + (n / 10) as u8);
        headers[n] = if n < 10 {
            ([b'$', ones, b'\r', b'\n', 0, 0, 0], 4)
        } else {
            ([b'$', tens, ones, b'\r', b'\n', 0, 0], 5)
        };
        n += 1;
    }
    headers
};
/// Room that a deferred header takes before its length is known: that of a one-digit one.
const DEFERRED_ROOM: &[u8; 4] = b"*0\r\n";

impl<'a> ReplyWriter<'a> {
    /// A writer that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, proto: Proto) -> Self {
        Self { out, proto }
    }

    /// The protocol that replies are written in.
    #[inline]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the protocol for what follows (`HELLO`).
    #[inline]
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string. It must not hold a line end.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a simple string is one line");
        self.line(b'+', text.as_bytes());
    }

    /// An error.
    #[inline]
    pub fn error(&mut self, error: &ReplyError) {
        self.line(b'-', error.as_bytes());
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + BULK_FRAME_MAX);
        match SHORT_HEADERS.get(bytes.len()) {
            Some((header, len)) => {
                // A copy of constant size, cut to what counts, is cheaper than one of that size.
                let end = self.out.len() + usize::from(*len);
                self.out.extend_from_slice(header);
                self.out.truncate(end);
            }
            None => self.header(b'$', bytes.len() as i64),
        }
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string of text.
    #[inline]
    pub fn bulk_str(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// A bulk string of a number's digits.
    #[inline]
    pub fn bulk_i64(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The null: RESP2 has it as a null bulk string.
    #[inline]
    pub fn null(&mut self) {
        match self.proto {
            Proto::Resp2 => self.out.extend_from_slice(b"$-1\r\n"),
            Proto::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// The null in the place of an array.
    #[inline]
    pub fn null_array(&mut self) {
        match self.proto {
            Proto::Resp2 => self.out.extend_from_slice(b"*-1\r\n"),
            Proto::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// The header of an array: `n` values follow.
    #[inline]
    pub fn array(&mut self, n: usize) {
        self.header(b'*', n as i64);
    }

    /// The header of a map: `n` pairs follow.
    #[inline]
    pub fn map(&mut self, n: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', n as i64 * 2),
            Proto::Resp3 => self.header(b'%', n as i64),
        }
    }

    /// The header of a set: `n` values follow.
    #[inline]
    pub fn set(&mut self, n: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', n as i64),
            Proto::Resp3 => self.header(b'~', n as i64),
        }
    }

    /// The header of a push message: `n` values follow. RESP2 sends an array.
    #[inline]
    pub fn push(&mut self, n: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', n as i64),
            Proto::Resp3 => self.header(b'>', n as i64),
        }
    }

    /// The header of an attribute: `n` pairs follow, then the reply itself. RESP2 has none: write
    /// it under RESP3 only.
    #[inline]
    pub fn attribute(&mut self, n: usize) {
        debug_assert_eq!(self.proto, Proto::Resp3, "RESP2 has no attributes");
        self.header(b'|', n as i64);
    }

    /// A double, as Redis 7.0 writes it (17 significant digits, `inf`, `-inf`, `nan`). RESP2 sends
    /// a bulk string.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.double_text(format_reply_f64(value).as_bytes());
    }

    /// A double whose digits were formatted by the caller (`INCRBYFLOAT`, geo distances).
    #[inline]
    pub fn double_text(&mut self, digits: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits),
            Proto::Resp3 => self.line(b',', digits),
        }
    }

    /// A boolean. RESP2 sends 1 or 0.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.proto, value) {
            (Proto::Resp2, true) => b":1\r\n",
            (Proto::Resp2, false) => b":0\r\n",
            (Proto::Resp3, true) => b"#t\r\n",
            (Proto::Resp3, false) => b"#f\r\n",
        });
    }

    /// A big number, given in digits. RESP2 sends a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk_str(digits),
            Proto::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// A text with its format (`txt`, `mkd`). RESP2 sends a bulk string.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        if self.proto == Proto::Resp2 {
            return self.bulk(text);
        }
        self.header(b'=', text.len() as i64 + 4);
        self.out.extend_from_slice(format);
        self.out.push(b':');
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Bytes that are RESP already.
    #[inline]
    pub fn raw(&mut self, resp: &[u8]) {
        self.out.extend_from_slice(resp);
    }

    /// The current place.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark(self.out.len())
    }

    /// Takes back all that was written since `mark`.
    #[inline]
    pub fn truncate(&mut self, mark: Mark) {
        self.out.truncate(mark.0);
    }

    /// Puts a bulk string in front of what was written since `mark`: for cursors, which are known
    /// only behind what they go before.
    pub fn bulk_before(&mut self, mark: Mark, bytes: &[u8]) {
        let end = self.out.len();
        self.bulk(bytes);
        let len = self.out.len() - end;
        self.out[mark.0..].rotate_right(len);
    }

    /// Bytes written since `mark`.
    #[inline]
    pub fn len_since(&self, mark: Mark) -> usize {
        self.out.len() - mark.0
    }

    /// What was written since `mark`.
    #[inline]
    pub fn since(&self, mark: Mark) -> &[u8] {
        &self.out[mark.0..]
    }

    /// Begins an array whose length is not known yet.
    #[inline]
    pub fn deferred_array(&mut self) -> Deferred {
        self.deferred()
    }

    /// Begins a map whose length is not known yet.
    #[inline]
    pub fn deferred_map(&mut self) -> Deferred {
        self.deferred()
    }

    /// Begins a set whose length is not known yet.
    #[inline]
    pub fn deferred_set(&mut self) -> Deferred {
        self.deferred()
    }

    /// The array has `n` values. Aggregates that were begun later must have been finished.
    pub fn finish_array(&mut self, deferred: Deferred, n: usize) {
        self.finish(deferred, b'*', n);
    }

    /// The map has `n` pairs.
    pub fn finish_map(&mut self, deferred: Deferred, n: usize) {
        match self.proto {
            Proto::Resp2 => self.finish(deferred, b'*', n * 2),
            Proto::Resp3 => self.finish(deferred, b'%', n),
        }
    }

    /// The set has `n` values.
    pub fn finish_set(&mut self, deferred: Deferred, n: usize) {
        match self.proto {
            Proto::Resp2 => self.finish(deferred, b'*', n),
            Proto::Resp3 => self.finish(deferred, b'~', n),
        }
    }

    fn deferred(&mut self) -> Deferred {
        let at = self.out.len();
        self.out.extend_from_slice(DEFERRED_ROOM);
        Deferred(at)
    }

    fn finish(&mut self, deferred: Deferred, kind: u8, n: usize) {
        let room = deferred.0..deferred.0 + DEFERRED_ROOM.len();
        if n < 10 {
            self.out[room].copy_from_slice(&[kind, b'0' + n as u8, b'\r', b'\n']);
            return;
        }
        let digits = I64Text::new(n as i64);
        let header = [kind].into_iter().chain(digits.as_bytes().iter().copied());
        self.out.splice(room, header.chain(*b"\r\n"));
    }

    #[inline]
    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// `<kind><value>\r\n`.
    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        let digit = |value: i64| b'0' + (value % 10) as u8;
        match value {
            0..10 => self
                .out
                .extend_from_slice(&[kind, digit(value), b'\r', b'\n']),
            10..100 => {
                let header = [kind, digit(value / 10), digit(value), b'\r', b'\n'];
                self.out.extend_from_slice(&header);
            }
            _ => self.line(kind, itoa::Buffer::new().format(value).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
