//! Loading a file: every key into whatever takes keys, on one thread or many.
//!
//! One thread reads the file in order. It decodes the values itself, or, with helpers, only finds
//! where they end and leaves decoding and inserting to them in batches ([`parallel`]). What is
//! wrong with a file ends the loading; what was inserted until then is the caller's to discard.

mod parallel;
mod split;
#[cfg(test)]
mod tests;

use super::records::{BadHeader, Head, Record, Records};
use super::value::{self, Check, Limits, Options, Scratch};
use super::{Error, Source};
use keyspace::{DbId, NewEntry, clock};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A source that can be asked how far it is and what the checksum of all of it is.
pub trait Summed: Source {
    /// CRC64 of all bytes given so far; 0 where it is not computed.
    fn checksum(&mut self) -> u64;
}

impl<R: std::io::Read> Summed for super::ReadSource<R> {
    fn checksum(&mut self) -> u64 {
        super::ReadSource::checksum(self)
    }
}

/// What access clocks mean here: what of the file's is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakeClocks {
    /// Idle times.
    #[default]
    Idle,
    /// Counters.
    Frequency,
}

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Decides on encodings.
    pub limits: Limits,
    /// How much is checked.
    pub check: Check,
    /// The time, Unix ms.
    pub now_ms: i64,
    /// Whether keys past their time are left out.
    pub skip_expired: bool,
    /// Whether the checksum is looked at.
    pub checksum: bool,
    /// How many databases there are.
    pub databases: u64,
    /// What access clocks mean.
    pub clocks: TakeClocks,
}

/// Why a file was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It does not begin as it must.
    #[error(transparent)]
    Header(#[from] BadHeader),
    /// Bytes that make no sense, or that are missing.
    #[error("{1}")]
    Format(u64, #[source] Error),
    /// A key that is there already.
    #[error("RDB has duplicated key '{}' in DB {db}", .key.escape_ascii())]
    Duplicate {
        /// The key.
        key: Vec<u8>,
        /// Its database.
        db: u64,
    },
    /// A database that this server does not have.
    #[error(
        "FATAL: Data file was created with a Redis server configured to handle more than {0} \
         databases. Exiting"
    )]
    Database(u64),
    /// Data of a module.
    #[error(
        "The RDB file contains AUX module data I can't load: no matching module '{}'",
        .0.escape_ascii()
    )]
    ModuleAux([u8; 9]),
    /// The checksum is another: computed, stored.
    #[error("RDB CRC error")]
    Checksum(u64, u64),
    /// It was called off.
    #[error("called off")]
    Cancelled,
}

/// What is to be told of while a file is loaded.
pub trait Events: Sync {
    /// A field about the file.
    fn aux(&self, name: &[u8], value: &[u8]);
    /// A library of functions.
    fn function(&self, code: Vec<u8>);
    /// A key without a value, as old versions wrote by mistake: it is left out.
    fn empty_key(&self, key: &[u8]);
    /// A key that was left out because its time was over. From any of the threads.
    fn expired(&self, _db: u64, _key: &[u8]) {}
    /// The file has no checksum.
    fn no_checksum(&self);
    /// So many bytes have been read. Called often; false calls the loading off.
    fn progress(&self, bytes: u64) -> bool;
}

/// Counters of a load, readable while it goes on.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Keys inserted.
    pub keys: AtomicU64,
    /// Keys left out because their time was over.
    pub expired: AtomicU64,
    /// Keys left out because they had no elements.
    pub empty: AtomicU64,
    /// Microseconds to wait for each key, for tests (`key-load-delay`); negative: one
    /// microsecond for so many keys.
    pub key_delay_us: AtomicI64,
}

/// Decides what becomes of a key and its value; shared by all threads of a load.
struct Taker<'a> {
    options: &'a LoadOptions,
    version: u16,
    loaded: &'a Loaded,
    events: &'a dyn Events,
}

impl Taker<'_> {
    fn value_options(&self) -> Options {
        Options::new(self.options.limits, self.options.check, self.version)
    }

    /// Decodes a value and inserts it.
    fn take<S: Source>(
        &self,
        (head, key): (&Head, &[u8]),
        source: &mut S,
        (scratch, options): (&mut Scratch, &Options),
        insert: impl FnOnce(NewEntry<'_>) -> bool,
    ) -> Result<(), LoadError> {
        let value = match value::read(head.type_byte, source, scratch, options) {
            Ok(value) => value,
            Err(Error::Empty) => {
                if self.loaded.empty.fetch_add(1, Relaxed) < 10 {
                    self.events.empty_key(key);
                }
                return Ok(());
            }
            Err(error) => return Err(LoadError::Format(0, error)),
        };
        if self.options.skip_expired && head.expire_at.is_some_and(|at| at < self.options.now_ms) {
            self.loaded.expired.fetch_add(1, Relaxed);
            self.events.expired(head.db, key);
            return Ok(());
        }
        let entry = NewEntry {
            db: DbId(head.db as u32),
            key,
            value,
            expire_at: head.expire_at,
            clock: self.clock_of(head),
        };
        if !insert(entry) {
            return Err(LoadError::Duplicate {
                key: key.to_vec(),
                db: head.db,
            });
        }
        self.loaded.keys.fetch_add(1, Relaxed);
        Ok(())
    }

    fn clock_of(&self, head: &Head) -> Option<u32> {
        let now_ms = self.options.now_ms;
        match self.options.clocks {
            TakeClocks::Idle => head.idle_s.map(|idle| clock::clock_from_idle(idle, now_ms)),
            TakeClocks::Frequency => head
                .frequency
                .map(|counter| clock::clock_from_frequency(counter, now_ms)),
        }
    }
}

/// Takes the keys of a file in their order.
trait Consumer<S> {
    /// A key; its value is read from the source.
    fn key(&mut self, head: &Head, key: &[u8], source: &mut S) -> Result<(), LoadError>;
    /// All keys have been given.
    fn finish(&mut self) -> Result<(), LoadError>;
}

/// Decodes and inserts on this thread.
struct Direct<'a, I> {
    taker: Taker<'a>,
    scratch: Scratch,
    options: Options,
    insert: I,
}

impl<S: Source, I: FnMut(NewEntry<'_>) -> bool> Consumer<S> for Direct<'_, I> {
    fn key(&mut self, head: &Head, key: &[u8], source: &mut S) -> Result<(), LoadError> {
        let tools = (&mut self.scratch, &self.options);
        self.taker
            .take((head, key), source, tools, &mut self.insert)
    }

    fn finish(&mut self) -> Result<(), LoadError> {
        Ok(())
    }
}

/// Loads a file on this thread. The source is given back right behind the file.
///
/// # Errors
/// Whatever is wrong with the file.
pub fn load<S: Summed>(
    source: S,
    options: &LoadOptions,
    loaded: &Loaded,
    events: &dyn Events,
    insert: impl FnMut(NewEntry<'_>) -> bool,
) -> Result<S, LoadError> {
    let mut records = open(source)?;
    let taker = Taker {
        options,
        version: records.version(),
        loaded,
        events,
    };
    let mut direct = Direct {
        options: taker.value_options(),
        taker,
        scratch: Scratch::default(),
        insert,
    };
    drive(&mut records, options, loaded, events, &mut direct)?;
    Ok(records.into_source())
}

/// Loads a file with so many helping threads (none: as [`load`]).
///
/// # Errors
/// Whatever is wrong with the file.
pub fn load_parallel<S: Summed>(
    source: S,
    options: &LoadOptions,
    loaded: &Loaded,
    events: &dyn Events,
    (helpers, insert): (usize, &(dyn Fn(NewEntry<'_>) -> bool + Sync)),
) -> Result<S, LoadError> {
    if helpers == 0 {
        return load(source, options, loaded, events, insert);
    }
    let mut records = open(source)?;
    let taker = Taker {
        options,
        version: records.version(),
        loaded,
        events,
    };
    parallel::with_helpers(helpers, &taker, insert, |consumer| {
        drive(&mut records, options, loaded, events, consumer)
    })?;
    Ok(records.into_source())
}

fn open<S: Source>(source: S) -> Result<Records<S>, LoadError> {
    Records::open(source)
        .map_err(|error| LoadError::Format(0, error))?
        .map_err(LoadError::Header)
}

fn drive<S: Summed>(
    records: &mut Records<S>,
    options: &LoadOptions,
    loaded: &Loaded,
    events: &dyn Events,
    consumer: &mut dyn Consumer<S>,
) -> Result<(), LoadError> {
    let mut keys = 0u64;
    loop {
        let record = match records.read() {
            Ok(record) => record,
            Err(error) => return Err(at(records, error)),
        };
        match record {
            Record::Aux(name, value) => events.aux(&name, &value),
            Record::Function(code) => events.function(code),
            Record::ModuleAux(name) => return Err(LoadError::ModuleAux(name)),
            Record::SelectDb(db) if db >= options.databases => {
                return Err(LoadError::Database(options.databases));
            }
            Record::SelectDb(_) | Record::Resize(..) => {}
            Record::Key(head) => {
                let (key, source) = records.key_and_source();
                let taken = consumer.key(&head, key, source);
                taken.map_err(|error| located(records, error))?;
                keys += 1;
                let us = loaded.key_delay_us.load(Relaxed);
                if us > 0 || us < 0 && keys.is_multiple_of(us.unsigned_abs()) {
                    std::thread::sleep(Duration::from_micros(us.max(1) as u64));
                }
            }
            Record::Eof => break,
        }
        if !events.progress(records.source().position()) {
            return Err(LoadError::Cancelled);
        }
    }
    consumer.finish()?;
    check_sum(records, options, events)?;
    events.progress(records.source().position());
    Ok(())
}

fn at<S: Source>(records: &mut Records<S>, error: Error) -> LoadError {
    LoadError::Format(records.source().position(), error)
}

fn located<S: Source>(records: &mut Records<S>, error: LoadError) -> LoadError {
    match error {
        LoadError::Format(0, error) => at(records, error),
        other => other,
    }
}

fn check_sum<S: Summed>(
    records: &mut Records<S>,
    options: &LoadOptions,
    events: &dyn Events,
) -> Result<(), LoadError> {
    let computed = records.source().checksum();
    match records.stored_checksum() {
        Err(error) => Err(at(records, error)),
        Ok(Some(stored)) if options.checksum => match stored {
            0 => {
                events.no_checksum();
                Ok(())
            }
            _ if stored == computed => Ok(()),
            _ => Err(LoadError::Checksum(computed, stored)),
        },
        Ok(_) => Ok(()),
    }
}
