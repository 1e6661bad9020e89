//! Bytes to commands, resumable at any byte.
//!
//! The parser keeps where it stands in an unfinished command (arguments found, where to go on, how
//! much of a line is known to hold no line end), so that however a request is cut into pieces, no
//! byte is looked at more than a constant number of times. Limits, their order and their texts are
//! those of Redis 7.0's `networking.c`; like Redis it takes whatever two bytes end a line that `\r`
//! begins. It does no I/O and knows no command.

use memchr::{memchr, memchr2};

use crate::batch::{Batch, Source, Span};
use crate::inline::{ends_word, next_word, unquote};
use crate::large::Held;
use crate::limits::{Limits, ProtocolError, UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_MAX};

/// From this length on an argument that is not yet whole gets its own allocation.
pub const LARGE_BULK_MIN: usize = 32 * 1024;
/// The largest number that [`plain_number`] reads.
const PLAIN_NUMBER_MAX: u64 = 999;
/// Spans of an unfinished command are counted in 32 bits.
const INPUT_MAX: usize = u32::MAX as usize;
/// More spans than this are not kept when a command of many arguments is through.
const PARTIAL_KEPT_MAX: usize = 1024;

/// What ended a call of [`Parser::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All whole commands are in the batch; what follows them, if anything, is not whole.
    NeedMore,
    /// The batch takes no more; there is more input to parse.
    Full,
    /// What follows the commands in the batch is not a request. Run them, report it, close.
    Error(ProtocolError),
}

/// A connection's parser.
#[derive(Debug, Default)]
pub struct Parser {
    /// Arguments that the unfinished command lacks; 0 when its count is not read yet.
    remaining: u32,
    /// Where to go on, from the first byte that was not consumed.
    pos: usize,
    /// Bytes from `pos` on that hold no line end.
    scanned: usize,
    /// The unfinished command's arguments, relative to its first byte.
    partial: Vec<Span>,
    /// The unfinished command, once it has a large argument.
    held: Option<Box<Held>>,
}

/// How far the arguments of a command could be read.
struct Scan {
    pos: usize,
    remaining: u32,
    scanned: usize,
    /// The argument at `pos` is to get its own allocation; this is its length.
    large: Option<usize>,
}

/// A line, or how many bytes of it are known to hold no end.
enum Line {
    Whole { end: usize },
    Short { scanned: usize },
}

impl Parser {
    /// A parser at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the commands in `input` to `batch`, and returns how many bytes they (and what was
    /// taken over of a command with a large argument) make up. The rest is to be presented again at
    /// the next call, with more behind it.
    #[inline]
    pub fn parse(&mut self, input: &[u8], limits: &Limits, batch: &mut Batch) -> (usize, Parsed) {
        let input = &input[..input.len().min(INPUT_MAX)];
        let mut at = 0;
        if self.remaining > 0 {
            match self.resume(input, limits, batch) {
                Ok((consumed, true)) => at = consumed,
                Ok((consumed, false)) => return self.short(input, consumed),
                Err(error) => return (0, Parsed::Error(error)),
            }
        }
        let plain = limits.authenticated && limits.max_bulk_len >= PLAIN_NUMBER_MAX;
        while at < input.len() {
            if batch.is_full() || !(limits.authenticated || batch.is_empty()) {
                return (at, Parsed::Full);
            }
            if plain && let Some(end) = plain_command(input, at, &mut batch.spans) {
                self.scanned = 0;
                batch.push(Source::Input, end);
                at = end;
                continue;
            }
            let step = match input[at] {
                b'*' => self.multibulk(input, at, limits, batch),
                _ => self.inline(input, at, limits, batch),
            };
            match step {
                Ok((consumed, true)) => at = consumed,
                Ok((consumed, false)) => return self.short(input, consumed),
                Err(error) => return (at, Parsed::Error(error)),
            }
        }
        (at, Parsed::NeedMore)
    }

    /// Whether a command has begun that is not whole (its first bytes may not have been consumed).
    pub fn is_midway(&self) -> bool {
        self.remaining > 0 || self.scanned > 0
    }

    /// Bytes of an unfinished command that it has taken over and holds itself.
    pub fn held_size(&self) -> usize {
        self.partial.capacity() * size_of::<Span>() + self.held.as_ref().map_or(0, |h| h.size())
    }

    /// Bytes of arguments received of that command.
    pub fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.len())
    }

    /// Of a command that has begun, and of whose first bytes `unconsumed` were not consumed: bytes
    /// in the arguments that are whole, and bytes received behind those.
    pub fn midway_len(&self, unconsumed: usize) -> (usize, usize) {
        match &self.held {
            Some(held) => {
                let rest = held.filling_len();
                (held.len() - rest, rest + unconsumed)
            }
            None => {
                let args: usize = self.partial.iter().map(|span| span.len as usize).sum();
                (args, unconsumed.saturating_sub(self.pos))
            }
        }
    }

    /// Where the next bytes from the socket belong, if they are a large argument's. Never empty.
    /// Grows as it is filled.
    #[inline]
    pub fn large_target(&mut self) -> Option<&mut [u8]> {
        self.held.as_mut()?.target()
    }

    /// Notes that the first `n` bytes of [`Self::large_target`] were written. After it has become
    /// `None`, the next call of [`Self::parse`] goes on behind the large argument (and must be made
    /// even if there is no other input).
    #[inline]
    pub fn large_filled(&mut self, n: usize) {
        if let Some(held) = &mut self.held {
            held.filled(n);
        }
    }

    /// The end of a call that leaves a command unfinished.
    #[cold]
    #[inline(never)]
    fn short(&self, input: &[u8], consumed: usize) -> (usize, Parsed) {
        match input.len() - consumed >= INPUT_MAX {
            true => (consumed, Parsed::Error(ProtocolError::TooBigCommand)),
            false => (consumed, Parsed::NeedMore),
        }
    }

    /// A command from its `*` on, in every form. Answers with what is consumed, and whether the
    /// command was whole.
    #[inline(never)]
    fn multibulk(
        &mut self,
        input: &[u8],
        at: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(usize, bool), ProtocolError> {
        let Some((count, pos)) = self.count_line(input, at, limits)? else {
            return Ok((at, false));
        };
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.scanned = 0;
        if count <= 0 {
            return Ok((pos, true));
        }
        let first = batch.spans.len();
        let start = Scan {
            pos,
            remaining: count as u32,
            scanned: 0,
            large: None,
        };
        let scan = match arguments(input, start, limits, false, &mut batch.spans) {
            Ok(scan) => scan,
            Err(error) => {
                batch.spans.truncate(first);
                return Err(error);
            }
        };
        if scan.remaining == 0 {
            batch.push(Source::Input, scan.pos);
            return Ok((scan.pos, true));
        }
        let base = at as u32;
        let found = batch.spans.drain(first..);
        self.partial.extend(found.map(|s| Span {
            start: s.start - base,
            len: s.len,
        }));
        self.suspend(input, at, scan, limits, batch)
    }

    /// Reads `*<count>`; `None` if the line is not whole.
    #[cold]
    fn count_line(
        &mut self,
        input: &[u8],
        at: usize,
        limits: &Limits,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        let too_big = ProtocolError::TooBigMultibulkCount;
        match line(input, at, self.scanned, limits, too_big)? {
            Line::Short { scanned } => {
                self.scanned = scanned;
                Ok(None)
            }
            Line::Whole { end } => common::number::parse_i64(&input[at + 1..end])
                .filter(|&count| count <= i64::from(i32::MAX))
                .map(|count| Some((count, end + 2)))
                .ok_or(ProtocolError::InvalidMultibulkLength),
        }
    }

    /// Remembers where the command that begins at `at` stands. If it waits for a large argument, it
    /// is taken over.
    #[cold]
    fn suspend(
        &mut self,
        input: &[u8],
        at: usize,
        scan: Scan,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(usize, bool), ProtocolError> {
        self.remaining = scan.remaining;
        self.scanned = scan.scanned;
        self.pos = scan.pos - at;
        let Some(len) = scan.large else {
            return Ok((at, false));
        };
        let mut held = Box::new(Held::new(&input[at..], &self.partial));
        self.forget_partial();
        held.begin_large(len);
        self.pos = 0;
        self.held = Some(held);
        self.resume_held(input, scan.pos, limits, batch)
    }

    /// Goes on with the unfinished command, whose unconsumed bytes `input` begins with.
    #[cold]
    fn resume(
        &mut self,
        input: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(usize, bool), ProtocolError> {
        if self.held.is_some() {
            return self.resume_held(input, 0, limits, batch);
        }
        let start = Scan {
            pos: self.pos,
            remaining: self.remaining,
            scanned: self.scanned,
            large: None,
        };
        let scan = arguments(input, start, limits, false, &mut self.partial)?;
        if scan.remaining > 0 {
            return self.suspend(input, 0, scan, limits, batch);
        }
        batch.spans.extend_from_slice(&self.partial);
        batch.push(Source::Input, scan.pos);
        self.restart();
        Ok((scan.pos, true))
    }

    /// Goes on with a command that has a large argument. All that is looked at is consumed.
    #[cold]
    fn resume_held(
        &mut self,
        input: &[u8],
        mut at: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(usize, bool), ProtocolError> {
        let Some(mut held) = self.held.take() else {
            return Ok((at, false));
        };
        loop {
            at += held.take(&input[at..]);
            self.remaining -= u32::from(held.finish_large());
            if self.remaining == 0 {
                held.finish(batch, at);
                self.restart();
                return Ok((at, true));
            }
            if held.is_filling() {
                break;
            }
            let start = Scan {
                pos: at,
                remaining: self.remaining,
                scanned: self.scanned,
                large: None,
            };
            let scan = arguments(input, start, limits, true, &mut self.partial)?;
            for span in self.partial.drain(..) {
                held.push(&input[span.start as usize..][..span.len as usize]);
            }
            (at, self.remaining, self.scanned) = (scan.pos, scan.remaining, scan.scanned);
            match scan.large {
                Some(len) => held.begin_large(len),
                None if self.remaining > 0 => break,
                None => {}
            }
        }
        self.held = Some(held);
        Ok((at, false))
    }

    /// Back to the start of a command.
    fn restart(&mut self) {
        self.remaining = 0;
        self.pos = 0;
        self.scanned = 0;
        self.forget_partial();
    }

    fn forget_partial(&mut self) {
        self.partial.clear();
        self.partial.shrink_to(PARTIAL_KEPT_MAX);
    }

    /// An inline request. Answers as [`Self::multibulk`].
    #[cold]
    fn inline(
        &mut self,
        input: &[u8],
        at: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(usize, bool), ProtocolError> {
        let rest = &input[at..];
        // Redis searches with strchr: behind a NUL it finds no line end.
        let stop = memchr2(b'\n', 0, &rest[self.scanned..]).map(|i| self.scanned + i);
        let Some(end) = stop.filter(|&i| rest[i] == b'\n') else {
            if rest.len() > limits.max_inline {
                return Err(ProtocolError::TooBigInline);
            }
            self.scanned = stop.unwrap_or(rest.len());
            return Ok((at, false));
        };
        // Also when it came in one piece: how the bytes are cut must not matter.
        if end > limits.max_inline {
            return Err(ProtocolError::TooBigInline);
        }
        self.scanned = 0;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let next = at + end + 1;
        match memchr2(b'"', b'\'', line) {
            None => plain_words(line, at, next, batch),
            Some(_) => quoted_words(line, next, batch)?,
        }
        Ok((next, true))
    }
}

/// Puts the words of a line without quotes into the batch; `at` is where the line begins.
fn plain_words(line: &[u8], at: usize, next: usize, batch: &mut Batch) {
    let first = batch.spans.len();
    let mut rest = next_word(line);
    while !rest.is_empty() {
        let len = rest
            .iter()
            .position(|&b| ends_word(b))
            .unwrap_or(rest.len());
        let start = at + (line.len() - rest.len());
        batch.spans.push(Span {
            start: start as u32,
            len: len as u32,
        });
        rest = next_word(&rest[len..]);
    }
    if batch.spans.len() > first {
        batch.push(Source::Input, next);
    }
}

/// Puts the words of a line with quotes into the batch.
fn quoted_words(line: &[u8], next: usize, batch: &mut Batch) -> Result<(), ProtocolError> {
    let (spans, owned) = (batch.spans.len(), batch.owned.len());
    let mut rest = next_word(line);
    while !rest.is_empty() {
        let start = batch.owned.len();
        let Some(behind) = unquote(rest, &mut batch.owned) else {
            batch.spans.truncate(spans);
            batch.owned.truncate(owned);
            return Err(ProtocolError::UnbalancedQuotes);
        };
        let len = batch.owned.len() - start;
        batch.spans.push(Span {
            start: start as u32,
            len: len as u32,
        });
        rest = next_word(behind);
    }
    if batch.spans.len() > spans {
        batch.push(Source::Owned, next);
    }
    Ok(())
}

/// Reads arguments from `scan.pos` on until none remains or the input ends. With `split_large`,
/// each argument of [`LARGE_BULK_MIN`] and more ends the reading, else only one that is not whole.
#[inline]
fn arguments(
    input: &[u8],
    mut scan: Scan,
    limits: &Limits,
    split_large: bool,
    spans: &mut Vec<Span>,
) -> Result<Scan, ProtocolError> {
    while scan.remaining > 0 {
        let plain = plain_number(&input[scan.pos..], b'$')
            .filter(|&(len, _)| len as u64 <= limits.max_bulk_len)
            .map(|(len, data)| (len, input.len() - data.len()));
        let (len, data) = match plain {
            Some(found) => found,
            None => match bulk_line(input, scan.pos, scan.scanned, limits)? {
                Ok(found) => found,
                Err(scanned) => {
                    scan.scanned = scanned;
                    break;
                }
            },
        };
        scan.scanned = 0;
        let whole = len
            .checked_add(2)
            .is_some_and(|needed| input.len() - data >= needed);
        if len >= LARGE_BULK_MIN && (split_large || !whole) {
            scan.pos = data;
            scan.large = Some(len);
            break;
        }
        if !whole {
            break;
        }
        spans.push(Span {
            start: data as u32,
            len: len as u32,
        });
        scan.pos = data + len + 2;
        scan.remaining -= 1;
    }
    Ok(scan)
}

/// The slow way to read `$<length>`: any digits, or not whole (the inner `Err`: how many bytes hold
/// no line end).
#[cold]
fn bulk_line(
    input: &[u8],
    pos: usize,
    scanned: usize,
    limits: &Limits,
) -> Result<Result<(usize, usize), usize>, ProtocolError> {
    let end = match line(input, pos, scanned, limits, ProtocolError::TooBigBulkCount)? {
        Line::Whole { end } => end,
        Line::Short { scanned } => return Ok(Err(scanned)),
    };
    if input[pos] != b'$' {
        return Err(ProtocolError::ExpectedDollar(input[pos]));
    }
    let len = common::number::parse_i64(&input[pos + 1..end])
        .filter(|&len| len >= 0 && len as u64 <= limits.max_bulk_len)
        .ok_or(ProtocolError::InvalidBulkLength)?;
    if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    Ok(Ok((len as usize, end + 2)))
}

/// Finds the end of the line at `pos`, of which `scanned` bytes are known to hold none.
fn line(
    input: &[u8],
    pos: usize,
    scanned: usize,
    limits: &Limits,
    too_big: ProtocolError,
) -> Result<Line, ProtocolError> {
    let rest = &input[pos..];
    match memchr(b'\r', &rest[scanned.min(rest.len())..]) {
        None if rest.len() > limits.max_inline => Err(too_big),
        None => Ok(Line::Short {
            scanned: rest.len(),
        }),
        Some(i) if scanned + i > limits.max_inline => Err(too_big),
        Some(i) if scanned + i + 2 > rest.len() => Ok(Line::Short {
            scanned: scanned + i,
        }),
        Some(i) => Ok(Line::Whole {
            end: pos + scanned + i,
        }),
    }
}

/// Reads the command at `at` if it is as nearly all are: whole, and every number of it with one to
/// three digits. Answers with where it ends. `None` leaves `spans` as they were.
#[inline]
fn plain_command(input: &[u8], at: usize, spans: &mut Vec<Span>) -> Option<usize> {
    let first = spans.len();
    let (count, mut rest) = plain_number(&input[at..], b'*')?;
    for _ in 0..count {
        let behind = plain_number(rest, b'$')
            .and_then(|(len, data)| Some((len, data, data.get(len + 2..)?)));
        let Some((len, data, behind)) = behind else {
            spans.truncate(first);
            return None;
        };
        spans.push(Span {
            start: (input.len() - data.len()) as u32,
            len: len as u32,
        });
        rest = behind;
    }
    (count > 0).then_some(input.len() - rest.len())
}

/// Reads `<kind><number>\r\n` if the number has one to three digits and six bytes are there.
/// Answers with the number and what follows.
#[inline(always)]
fn plain_number(input: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let head: &[u8; 6] = input.first_chunk()?;
    let digit = |i: usize| usize::from(head[i].wrapping_sub(b'0'));
    if head[0] != kind {
        return None;
    }
    let first = digit(1);
    if head[2] == b'\r' {
        return (first <= 9).then_some((first, &input[4..]));
    }
    if first.wrapping_sub(1) > 8 || digit(2) > 9 {
        return None;
    }
    let two = first * 10 + digit(2);
    if head[3] == b'\r' {
        return Some((two, &input[5..]));
    }
    (digit(3) <= 9 && head[4] == b'\r').then(|| (two * 10 + digit(3), &input[6..]))
}

#[cfg(test)]
mod tests;
