//! Writing a file: header, fields, keys, checksum, as a stream to any writer.
//!
//! [`Encoder`] takes entries one by one, from wherever; [`write_rdb`] takes all of a cut. Values
//! are encoded right into the file's buffer ([`Output`]), which is written out whenever it is full,
//! in the middle of a large value too.

use super::output::Output;
use super::primitive::{Compression, Out, write_len, write_ms, write_string};
use super::{opcode, types, value};
use crate::cut::Cut;
use keyspace::clock::{idle_seconds, lfu_counter};
use keyspace::{CutSize, DbId, Entry};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

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
    out: Output<'a>,
    options: &'a SaveOptions,
    sizes: Vec<CutSize>,
    resized: Vec<bool>,
    db: Option<DbId>,
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
            out: Output::new(out, options.checksum),
            options,
            sizes: sizes.to_vec(),
            resized: vec![false; sizes.len()],
            db: None,
        };
        let version = version_for(sizes);
        let out = &mut encoder.out;
        out.put(format!("REDIS{version:04}").as_bytes());
        for (name, value) in &options.aux {
            out.put(&[opcode::AUX]);
            write_string(out, name.as_bytes(), Compression::None);
            write_string(out, value.as_bytes(), Compression::None);
        }
        for function in &options.functions {
            out.put(&[opcode::FUNCTION_2]);
            write_string(out, function, options.compression);
        }
        out.check()?;
        Ok(encoder)
    }

    fn select(&mut self, db: DbId) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        self.out.put(&[opcode::SELECT_DB]);
        write_len(&mut self.out, db.0.into());
        let first = self
            .resized
            .get_mut(db.index())
            .is_some_and(|known| !std::mem::replace(known, true));
        if first && let Some(size) = self.sizes.get(db.index()) {
            self.out.put(&[opcode::RESIZE_DB]);
            write_len(&mut self.out, size.keys as u64);
            write_len(&mut self.out, size.volatile as u64);
        }
    }

    /// Writes an entry of a database.
    ///
    /// # Errors
    /// The writer's.
    pub fn entry(&mut self, db: DbId, entry: Entry<'_>) -> io::Result<()> {
        self.select(db);
        let out = &mut self.out;
        if let Some(at) = entry.expire_at() {
            out.put(&[opcode::EXPIRE_MS]);
            write_ms(out, at);
        }
        match self.options.clocks {
            Clocks::Unsaved => {}
            Clocks::Idle => {
                out.put(&[opcode::IDLE]);
                let idle = idle_seconds(entry.clock(), self.options.now_ms);
                write_len(out, idle.into());
            }
            Clocks::Frequency => {
                let counter = lfu_counter(entry.clock(), self.options.now_ms);
                out.put(&[opcode::FREQUENCY, counter as u8]);
            }
        }
        let value = entry.value();
        out.put(&[value::type_of(value)]);
        write_string(out, entry.key(), self.options.compression);
        value::write(out, value, self.options.compression);
        out.check()
    }

    /// Writes the end; returns how many bytes the file has.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.put(&[opcode::EOF]);
        self.out.finish()
    }
}

/// The version that a file with this data states: the oldest that has all types in it.
fn version_for(sizes: &[CutSize]) -> u16 {
    if sizes.iter().any(|size| size.has_field_expiry) {
        types::VERSION_FIELD_EXPIRY
    } else {
        types::VERSION
    }
}

/// A writer that fails as soon as writing was called off: also in the middle of a large value.
struct Cancellable<'a> {
    out: &'a mut dyn Write,
    cancelled: &'a dyn Fn() -> bool,
}

impl Write for Cancellable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.cancelled)() {
            return Err(io::Error::other("called off"));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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
    let failed = |error| match cancelled() {
        true => SaveError::Cancelled,
        false => SaveError::Io("rdbSaveRio", error),
    };
    progress.keys.store(0, Relaxed);
    progress.keys_total.store(cut.keys() as u64, Relaxed);
    let mut out = Cancellable { out, cancelled };
    let mut encoder = Encoder::begin(&mut out, options, cut.sizes()).map_err(failed)?;
    for entries in cut {
        let db = entries.db();
        entries.visit(|entry| {
            encoder.entry(db, entry).map_err(failed)?;
            // Nobody else counts.
            let keys = progress.keys.load(Relaxed) + 1;
            progress.keys.store(keys, Relaxed);
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
