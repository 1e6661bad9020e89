//! Writing a file: header, fields, keys, checksum, as a stream to any writer.
//!
//! [`Encoder`] takes entries one by one, from wherever; [`write_rdb`] takes all of a cut. Entries
//! are encoded into a buffer that is written out every [`BUFFER_BYTES`].

use super::primitive::{Compression, write_len, write_ms, write_string};
use super::{opcode, types, value};
use crate::cut::Cut;
use common::crc64::crc64;
use keyspace::clock::{idle_seconds, lfu_counter};
use keyspace::{CutSize, DbId, Entry};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The buffer is written out when it has so many bytes.
const BUFFER_BYTES: usize = 128 << 10;
/// A longer buffer, left by a large value, is not kept.
const BUFFER_KEPT_BYTES: usize = 4 << 20;
/// How long a wait goes on without a look at whether saving was called off.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// What access clocks mean, where they are to be saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clocks {
    /// They are not saved.
    #[default]
    Unsaved,
    /// Seconds since the last access.
    Idle,
    /// A counter of accesses.
    Frequency,
}

/// How to write a file.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    /// Whether strings are compressed.
    pub compression: Compression,
    /// Whether the checksum is computed; it is written as 0 otherwise.
    pub checksum: bool,
    /// Fields about the file, names and values.
    pub aux: Vec<(&'static str, String)>,
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// What access clocks mean.
    pub clocks: Clocks,
    /// The time, Unix ms.
    pub now_ms: i64,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Writing failed; the name of the call is that of the log line.
    #[error("{1}")]
    Io(&'static str, #[source] io::Error),
    /// It was called off.
    #[error("called off")]
    Cancelled,
}

/// What others may ask of a file being written, and how they slow it down.
#[derive(Debug, Default)]
pub struct Progress {
    /// Keys written.
    pub keys: AtomicU64,
    /// Keys to be written.
    pub keys_total: AtomicU64,
    /// Microseconds to wait after each key, for tests (`rdb-key-save-delay`); negative: one
    /// microsecond after so many keys.
    pub key_delay_us: std::sync::atomic::AtomicI64,
}

/// See the module's text.
pub struct Encoder<'a> {
    out: &'a mut dyn Write,
    options: &'a SaveOptions,
    sizes: Vec<CutSize>,
    resized: Vec<bool>,
    db: Option<DbId>,
    buffer: Vec<u8>,
    crc: u64,
    bytes: u64,
}

impl<'a> Encoder<'a> {
    /// Begins a file with databases of these sizes.
    ///
    /// # Errors
    /// The writer's.
    pub fn begin(
        out: &'a mut dyn Write,
        options: &'a SaveOptions,
        sizes: &[CutSize],
    ) -> io::Result<Self> {
        let mut encoder = Self {
            out,
            options,
            sizes: sizes.to_vec(),
            resized: vec![false; sizes.len()],
            db: None,
            // It grows with what there is: a small snapshot must not push anybody over maxmemory.
            buffer: Vec::new(),
            crc: 0,
            bytes: 0,
        };
        let version = types::VERSION;
        encoder
            .buffer
            .extend_from_slice(format!("REDIS{version:04}").as_bytes());
        for (name, value) in &options.aux {
            encoder.buffer.push(opcode::AUX);
            write_string(&mut encoder.buffer, name.as_bytes(), Compression::None);
            write_string(&mut encoder.buffer, value.as_bytes(), Compression::None);
        }
        for function in &options.functions {
            encoder.buffer.push(opcode::FUNCTION_2);
            write_string(&mut encoder.buffer, function, options.compression);
        }
        encoder.flush_if_full()?;
        Ok(encoder)
    }

    fn select(&mut self, db: DbId) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        self.buffer.push(opcode::SELECT_DB);
        write_len(&mut self.buffer, db.0.into());
        let first = self
            .resized
            .get_mut(db.index())
            .is_some_and(|known| !std::mem::replace(known, true));
        if first && let Some(size) = self.sizes.get(db.index()) {
            self.buffer.push(opcode::RESIZE_DB);
            write_len(&mut self.buffer, size.keys as u64);
            write_len(&mut self.buffer, size.volatile as u64);
        }
    }

    /// Writes an entry of a database.
    ///
    /// # Errors
    /// The writer's.
    pub fn entry(&mut self, db: DbId, entry: Entry<'_>) -> io::Result<()> {
        self.select(db);
        if let Some(at) = entry.expire_at() {
            self.buffer.push(opcode::EXPIRE_MS);
            write_ms(&mut self.buffer, at);
        }
        match self.options.clocks {
            Clocks::Unsaved => {}
            Clocks::Idle => {
                self.buffer.push(opcode::IDLE);
                let idle = idle_seconds(entry.clock(), self.options.now_ms);
                write_len(&mut self.buffer, idle.into());
            }
            Clocks::Frequency => {
                let counter = lfu_counter(entry.clock(), self.options.now_ms);
                self.buffer.extend([opcode::FREQUENCY, counter as u8]);
            }
        }
        let value = entry.value();
        self.buffer.push(value::type_of(value));
        write_string(&mut self.buffer, entry.key(), self.options.compression);
        value::write(&mut self.buffer, value, self.options.compression);
        self.flush_if_full()
    }

    #[inline]
    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.options.checksum {
            self.crc = crc64(self.crc, &self.buffer);
        }
        self.out.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        Ok(())
    }

    /// Writes the end; returns how many bytes the file has.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<u64> {
        self.buffer.push(opcode::EOF);
        self.flush()?;
        self.out.write_all(&self.crc.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.bytes + 8)
    }
}

/// Writes all of a cut as one file; returns how many bytes it has.
///
/// # Errors
/// The writer's, or that it was called off.
pub fn write_rdb(
    cut: Cut,
    out: &mut dyn Write,
    options: &SaveOptions,
    progress: &Progress,
    cancelled: &dyn Fn() -> bool,
) -> Result<u64, SaveError> {
    let failed = |error| SaveError::Io("rdbSaveRio", error);
    progress.keys.store(0, Relaxed);
    progress.keys_total.store(cut.keys() as u64, Relaxed);
    let mut encoder = Encoder::begin(out, options, cut.sizes()).map_err(failed)?;
    for entries in cut {
        let db = entries.db();
        entries.visit(|entry| {
            encoder.entry(db, entry).map_err(failed)?;
            progress.keys.fetch_add(1, Relaxed);
            delay(progress, cancelled);
            Ok(())
        })?;
        if cancelled() {
            return Err(SaveError::Cancelled);
        }
    }
    if cancelled() {
        return Err(SaveError::Cancelled);
    }
    encoder.finish().map_err(failed)
}

pub(crate) fn delay(progress: &Progress, cancelled: &dyn Fn() -> bool) {
    let us = progress.key_delay_us.load(Relaxed);
    if us == 0 {
        return;
    }
    if us < 0
        && !progress
            .keys
            .load(Relaxed)
            .is_multiple_of(us.unsigned_abs())
    {
        return;
    }
    let mut left = Duration::from_micros(us.max(1) as u64);
    while !left.is_zero() && !cancelled() && progress.key_delay_us.load(Relaxed) != 0 {
        let step = left.min(WAIT_MAX);
        std::thread::sleep(step);
        left -= step;
    }
}
