//! The commands that one look at the buffer found, as spans.
//!
//! A batch does not borrow the buffer: the same `input` that was parsed is given again to read a
//! command. It is reused for the life of a connection, so that parsing allocates nothing once its
//! vectors have grown. Commands that are not plainly in the buffer (quoted inline words, commands
//! with a large argument) have their bytes in the batch itself.

use bytes::Bytes;

use crate::Args;

/// Most commands in one batch.
pub const BATCH_COMMANDS_MAX: usize = 32;

/// More spans than this are not kept for the next batch.
const SPANS_KEPT_MAX: usize = 1024;
/// More own bytes than this are not kept for the next batch.
const BYTES_KEPT_MAX: usize = 16 * 1024;

/// Where an argument is: in the input, or in the batch's own bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    #[inline]
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &bytes[start..start + self.len as usize]
    }
}

/// The slices of a batch's arguments: see [`Batch::slice`].
#[derive(Debug, Default)]
pub struct ArgScratch<'a> {
    items: Vec<&'a [u8]>,
    /// How many arguments of the batch precede those in `items`.
    skipped: u32,
}

impl ArgScratch<'_> {
    /// Empty room.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same room, empty, for the arguments of another batch.
    #[inline]
    pub fn emptied(mut self) -> ArgScratch<'static> {
        self.items.clear();
        if self.items.capacity() > SPANS_KEPT_MAX {
            return ArgScratch::new();
        }
        // Collected in place: there is nothing to be collected, but the room stays.
        let items = self.items.into_iter().map(|_| &[][..]).collect();
        ArgScratch { items, skipped: 0 }
    }
}

/// What a command's spans point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Input,
    Owned,
}

#[derive(Clone, Copy, Debug)]
struct Command {
    /// Index behind its last span.
    spans_end: u32,
    /// Index behind its last large argument.
    large_end: u32,
    /// Offset in the input behind its last byte.
    input_end: u32,
    source: Source,
}

/// Up to [`BATCH_COMMANDS_MAX`] parsed commands.
#[derive(Debug, Default)]
pub struct Batch {
    commands: Vec<Command>,
    pub(crate) spans: Vec<Span>,
    pub(crate) owned: Vec<u8>,
    large: Vec<(u32, Bytes)>,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the commands and keeps the room, unless an unusual command made it large.
    #[inline]
    pub fn clear(&mut self) {
        self.commands.clear();
        self.spans.clear();
        self.large.clear();
        self.owned.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX || self.owned.capacity() > BYTES_KEPT_MAX {
            self.spans.shrink_to(SPANS_KEPT_MAX / 4);
            self.owned.shrink_to(0);
        }
    }

    /// How many commands it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether no further command fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.commands.len() >= BATCH_COMMANDS_MAX
    }

    /// Offset in the input behind command `i`: what has been used up once it has run. (A command
    /// with a large argument cannot be parsed a second time, so a batch that stops half way must be
    /// kept.)
    #[inline]
    pub fn end(&self, i: usize) -> usize {
        self.commands[i].input_end as usize
    }

    /// How many arguments command `i` has.
    #[inline]
    pub fn arg_count(&self, i: usize) -> usize {
        let first = if i == 0 {
            0
        } else {
            self.commands[i - 1].spans_end
        };
        (self.commands[i].spans_end - first) as usize
    }

    /// The bytes in the arguments of command `i`.
    pub fn args_len(&self, i: usize) -> usize {
        let (start, end) = (self.spans_before(i), self.commands[i].spans_end);
        let spans = &self.spans[start as usize..end as usize];
        let small: usize = spans.iter().map(|span| span.len as usize).sum();
        let large: usize = self.large_of(i).iter().map(|(_, bytes)| bytes.len()).sum();
        small + large
    }

    /// Finds the bytes of all arguments from command `first` on. `input` is what was parsed.
    #[inline]
    pub fn slice<'a>(&'a self, first: usize, input: &'a [u8], scratch: &mut ArgScratch<'a>) {
        scratch.skipped = self.spans_before(first);
        scratch.items.clear();
        if self.owned.is_empty() && self.large.is_empty() {
            let spans = &self.spans[scratch.skipped as usize..];
            scratch
                .items
                .extend(spans.iter().map(|span| span.of(input)));
        } else {
            self.slice_each(first, input, scratch);
        }
    }

    #[cold]
    fn slice_each<'a>(&'a self, first: usize, input: &'a [u8], scratch: &mut ArgScratch<'a>) {
        for i in first..self.len() {
            let bytes = match self.commands[i].source {
                Source::Input => input,
                Source::Owned => &self.owned,
            };
            let (start, end) = (self.spans_before(i), self.commands[i].spans_end);
            let spans = &self.spans[start as usize..end as usize];
            let at = scratch.items.len();
            scratch
                .items
                .extend(spans.iter().map(|span| span.of(bytes)));
            for (index, large) in self.large_of(i) {
                scratch.items[at + *index as usize] = large;
            }
        }
    }

    #[inline]
    fn spans_before(&self, i: usize) -> u32 {
        i.checked_sub(1)
            .map_or(0, |before| self.commands[before].spans_end)
    }

    fn large_of(&self, i: usize) -> &[(u32, Bytes)] {
        let first = i
            .checked_sub(1)
            .map_or(0, |before| self.commands[before].large_end);
        &self.large[first as usize..self.commands[i].large_end as usize]
    }

    /// The arguments of command `i`, which [`Self::slice`] has found.
    #[inline]
    pub fn args<'s>(&'s self, i: usize, scratch: &'s ArgScratch<'_>) -> Args<'s> {
        let first = self.spans_before(i) - scratch.skipped;
        let end = self.commands[i].spans_end - scratch.skipped;
        let items = &scratch.items[first as usize..end as usize];
        if self.large.is_empty() {
            Args::new(items)
        } else {
            Args::with_large(items, self.large_of(i))
        }
    }

    /// Closes the command whose spans have been pushed since the last one.
    #[inline]
    pub(crate) fn push(&mut self, source: Source, input_end: usize) {
        self.commands.push(Command {
            spans_end: self.spans.len() as u32,
            large_end: self.large.len() as u32,
            input_end: input_end as u32,
            source,
        });
    }

    /// Adds a large argument (by index in its command) of the command being pushed.
    pub(crate) fn push_large(&mut self, large: impl Iterator<Item = (u32, Bytes)>) {
        self.large.extend(large);
    }
}
