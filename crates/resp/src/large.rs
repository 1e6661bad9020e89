//! A command with a large argument, which is collected outside of the connection's buffer.
//!
//! Once an argument of 32 KiB and more is not whole in the buffer, the command is *held*: its small
//! arguments are copied (they are few and short), the large one gets an allocation of its own, and
//! all of it counts as consumed. The socket is then read right into that allocation. It grows in
//! steps, so that a bare header commits next to nothing.

use bytes::Bytes;

use crate::batch::{Batch, Source, Span};

/// What a large argument's allocation begins with, unless it is smaller: a megabyte and the line
/// end, so that what it takes does not change by those two bytes when the end comes near.
const FIRST_STEP: usize = 1024 * 1024 + 2;
/// How much larger each next step is: at most a third of the bytes are ever moved by growth.
const STEP_FACTOR: usize = 4;

/// A large argument on its way in, together with the line end behind it.
#[derive(Debug)]
struct Filling {
    buffer: Vec<u8>,
    filled: usize,
    /// Length of the argument and its line end.
    total: usize,
}

impl Filling {
    fn new(len: usize) -> Self {
        let total = len + 2;
        Self {
            buffer: vec![0; total.min(FIRST_STEP)],
            filled: 0,
            total,
        }
    }

    fn target(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() && self.filled < self.total {
            let next = self
                .total
                .min(self.buffer.len().saturating_mul(STEP_FACTOR));
            self.buffer.reserve_exact(next - self.filled);
            self.buffer.resize(next, 0);
        }
        &mut self.buffer[self.filled..]
    }

    fn is_whole(&self) -> bool {
        self.filled == self.total
    }

    fn finish(mut self) -> Bytes {
        self.buffer.truncate(self.total - 2);
        Bytes::from(self.buffer)
    }
}

/// The arguments so far of a command that has a large one.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    large: Vec<(u32, Bytes)>,
    filling: Option<Filling>,
}

impl Held {
    /// Takes over the small arguments that were found in `input`.
    pub(crate) fn new(input: &[u8], spans: &[Span]) -> Self {
        let mut held = Self::default();
        for span in spans {
            held.push(&input[span.start as usize..][..span.len as usize]);
        }
        held
    }

    /// Adds an argument that is at hand.
    pub(crate) fn push(&mut self, arg: &[u8]) {
        self.spans.push(Span {
            start: self.bytes.len() as u32,
            len: arg.len() as u32,
        });
        self.bytes.extend_from_slice(arg);
    }

    /// Begins a large argument of `len` bytes.
    pub(crate) fn begin_large(&mut self, len: usize) {
        self.filling = Some(Filling::new(len));
    }

    /// Where the large argument's next bytes belong; `None` if it is whole.
    pub(crate) fn target(&mut self) -> Option<&mut [u8]> {
        self.filling
            .as_mut()
            .filter(|filling| !filling.is_whole())
            .map(Filling::target)
    }

    /// Notes that `n` bytes of the target were written.
    pub(crate) fn filled(&mut self, n: usize) {
        let Some(filling) = &mut self.filling else {
            return;
        };
        filling.filled += n;
        assert!(
            filling.filled <= filling.buffer.len(),
            "more was filled than the target holds"
        );
    }

    /// Gives the large argument what it lacks from `input`; returns how much it took.
    pub(crate) fn take(&mut self, mut input: &[u8]) -> usize {
        let before = input.len();
        while let Some(target) = self.target() {
            let n = target.len().min(input.len());
            if n == 0 {
                break;
            }
            target[..n].copy_from_slice(&input[..n]);
            input = &input[n..];
            self.filled(n);
        }
        before - input.len()
    }

    /// Counts the large argument if it is whole now. Returns whether none is under way any longer,
    /// and one was.
    pub(crate) fn finish_large(&mut self) -> bool {
        let Some(filling) = self.filling.take_if(|filling| filling.is_whole()) else {
            return false;
        };
        self.large.push((self.spans.len() as u32, filling.finish()));
        self.spans.push(Span { start: 0, len: 0 });
        true
    }

    /// Bytes of the large argument that is under way, as far as they are here.
    pub(crate) fn filling_len(&self) -> usize {
        self.filling.as_ref().map_or(0, |filling| filling.filled)
    }

    /// Whether a large argument is under way.
    pub(crate) fn is_filling(&self) -> bool {
        self.filling.is_some()
    }

    /// Hands the whole command to the batch.
    pub(crate) fn finish(self, batch: &mut Batch, input_end: usize) {
        let base = batch.owned.len() as u32;
        batch.owned.extend_from_slice(&self.bytes);
        batch.spans.extend(self.spans.iter().map(|s| Span {
            start: base + s.start,
            len: s.len,
        }));
        batch.push_large(self.large.into_iter());
        batch.push(Source::Owned, input_end);
    }

    /// Bytes of arguments that it has received.
    pub(crate) fn len(&self) -> usize {
        let large: usize = self.large.iter().map(|(_, bytes)| bytes.len()).sum();
        self.bytes.len() + large + self.filling.as_ref().map_or(0, |filling| filling.filled)
    }

    /// Bytes that it occupies.
    pub(crate) fn size(&self) -> usize {
        let large: usize = self.large.iter().map(|(_, bytes)| bytes.len()).sum();
        let filling = self
            .filling
            .as_ref()
            .map_or(0, |filling| filling.buffer.len());
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>() + large + filling
    }
}
