//! Writes the log into the current increment, and knows how far it is durable.
//!
//! What has not been synced stays in memory (`tail`), because after a failed write or sync the file
//! is cut back and written again: the system may have dropped what it could not write, and would
//! call the next sync a success. So nothing is lost while the process lives, and a file never ends
//! in half a unit for longer than the disk refuses to be cut.
//!
//! A state machine without thread and clock. Offsets are those of the log: `written` and `durable`
//! say up to where it is in the file and on the disk. Syncing can go on elsewhere while writing
//! continues: [`Appender::begin_sync`] hands out a handle, [`Appender::end_sync`] takes the result.

use std::collections::VecDeque;
use std::io;

use crate::disk::{DiskFile, write_all};

/// A write to the file that went wrong.
#[derive(Debug)]
pub enum AppendError {
    /// Nothing, or only a part that was cut off again, was written.
    Write(io::Error),
    /// So many bytes of so many were written, and cut off again where `cut` is no error.
    Short {
        /// Bytes written.
        written: usize,
        /// Bytes wanted.
        wanted: usize,
        /// Whether the part could be cut off.
        cut: io::Result<()>,
        /// What ended the write.
        error: io::Error,
    },
}

/// See the module's text.
pub struct Appender {
    file: Box<dyn DiskFile>,
    /// Size of the file when it was opened, or of its durable part since.
    synced_size: u64,
    /// What the log has beyond the durable part.
    tail: Vec<u8>,
    /// Bytes of `tail` that are in the file.
    in_file: usize,
    /// Log offset of the durable part's end.
    durable: u64,
    /// Ends of whole units beyond it: where in the file, and which log offset that is. The file has
    /// annotations that the log has not.
    marks: VecDeque<(u64, u64)>,
    /// The file may hold bytes beyond what counts; it must be cut before it is written.
    torn: bool,
    /// Bytes of `tail` that the sync in progress covers.
    syncing: Option<usize>,
}

impl Appender {
    /// Appends to a file of `size` bytes, which count as durable, what the log has from `offset`.
    pub fn new(file: Box<dyn DiskFile>, size: u64, offset: u64) -> Self {
        Self {
            file,
            synced_size: size,
            tail: Vec::new(),
            in_file: 0,
            durable: offset,
            marks: VecDeque::new(),
            torn: false,
            syncing: None,
        }
    }

    /// Adds what `fill` appends to the buffer: whole units, which end at the log's offset that it
    /// returns. It must not touch what is in the buffer already.
    pub fn add(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> u64) {
        let offset = fill(&mut self.tail);
        let end = self.synced_size + self.tail.len() as u64;
        match self.marks.back_mut() {
            // The log went on with what is not for the file.
            Some(mark) if mark.0 == end => mark.1 = offset,
            None if end == self.synced_size => self.durable = offset,
            _ => self.marks.push_back((end, offset)),
        }
    }

    /// Log offset of everything added.
    pub fn added(&self) -> u64 {
        self.marks.back().map_or(self.durable, |mark| mark.1)
    }

    /// Log offset up to which the file holds it.
    pub fn written(&self) -> u64 {
        let size = self.size();
        let whole = self.marks.partition_point(|mark| mark.0 <= size);
        match whole.checked_sub(1) {
            Some(last) => self.marks[last].1,
            None => self.durable,
        }
    }

    /// Log offset up to which it is durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Size of the file.
    pub fn size(&self) -> u64 {
        self.synced_size + self.in_file as u64
    }

    /// Bytes not written yet.
    pub fn unwritten(&self) -> usize {
        self.tail.len() - self.in_file
    }

    /// Bytes written and not durable.
    pub fn unsynced(&self) -> usize {
        self.in_file
    }

    /// Bytes of memory that it keeps.
    pub fn memory(&self) -> usize {
        self.tail.capacity()
    }

    /// Writes what is in `tail`. All of it or nothing, unless the disk refuses even to be cut.
    ///
    /// # Errors
    /// See [`AppendError`]; may be called again.
    pub fn write(&mut self) -> Result<(), AppendError> {
        if self.torn {
            self.cut().map_err(AppendError::Write)?;
        }
        let wanted = self.unwritten();
        if wanted == 0 {
            return Ok(());
        }
        match write_all(&mut *self.file, &self.tail[self.in_file..]) {
            Ok(()) => {
                self.in_file += wanted;
                Ok(())
            }
            Err((0, error)) => Err(AppendError::Write(error)),
            Err((written, error)) => {
                self.torn = true;
                Err(AppendError::Short {
                    written,
                    wanted,
                    cut: self.cut(),
                    error,
                })
            }
        }
    }

    /// Cuts off what does not count.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.size())?;
        self.torn = false;
        Ok(())
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// The system's; then everything since the last success is written again by the next
    /// [`write`](Self::write).
    pub fn sync(&mut self) -> io::Result<()> {
        let covered = self.in_file;
        let result = self.file.sync();
        self.synced(covered, &result);
        result
    }

    /// Counts as durable what was written, though it was not synced: where losing it is allowed.
    pub fn assume_durable(&mut self) {
        let covered = self.in_file;
        self.synced(covered, &Ok(()));
    }

    /// Begins a sync that happens elsewhere; `None` if one is going on already.
    ///
    /// # Errors
    /// The file's handle cannot be copied.
    pub fn begin_sync(&mut self) -> io::Result<Option<Box<dyn DiskFile>>> {
        if self.syncing.is_some() {
            return Ok(None);
        }
        let handle = self.file.try_clone()?;
        self.syncing = Some(self.in_file);
        Ok(Some(handle))
    }

    /// Whether a sync is going on elsewhere.
    pub fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// The sync that happened elsewhere is over.
    pub fn end_sync(&mut self, result: &io::Result<()>) {
        if let Some(covered) = self.syncing.take() {
            self.synced(covered, result);
        }
    }

    fn synced(&mut self, covered: usize, result: &io::Result<()>) {
        match result {
            Ok(()) => {
                // A sync of our own may have come in between.
                let covered = covered.min(self.in_file);
                self.tail.drain(..covered);
                if self.tail.is_empty() && self.tail.capacity() > 1 << 20 {
                    self.tail = Vec::new();
                }
                self.in_file -= covered;
                self.synced_size += covered as u64;
                while let Some(mark) = self.marks.front().filter(|m| m.0 <= self.synced_size) {
                    self.durable = mark.1;
                    self.marks.pop_front();
                }
                if let Some(syncing) = &mut self.syncing {
                    *syncing = syncing.saturating_sub(covered);
                }
            }
            Err(_) => {
                self.in_file = 0;
                self.torn = true;
                // Its success would say nothing about what is written from now on.
                self.syncing = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
