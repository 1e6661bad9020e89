//! Reading snapshots: at the start, with all cores, and for DEBUG RELOAD.
//!
//! At the start all cores work on it, and commands are refused meanwhile; a broken file ends the
//! server, and the log says where the fault is.

use common::os::os_text;
use std::io::ErrorKind;
use std::sync::atomic::Ordering::Relaxed;

use commands::Server;
use commands::host::ReloadRequest;
use keyspace::{DbId, Locked, NewEntry, OnDuplicate};
use persistence::rdb::check::Checker;
use persistence::rdb::load::{Events, LoadError, load, load_parallel};
use persistence::rdb::{Error, ReadSource};
use resp::{ReplyError, errors};

use parking_lot::Mutex;

use super::Snapshots;
use crate::process::progress::Bar;

/// What a DEL takes in the stream, without its key, at least.
const DEL_BYTES: usize = 22;

/// The data could not be loaded; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The server must not start without it.
    Broken,
    /// The server was asked to end meanwhile.
    CalledOff,
}

/// What a file says of the history that it is a part of.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `repl-id`.
    pub id: Option<String>,
    /// `repl-offset`.
    pub offset: Option<u64>,
    /// `repl-stream-db`: the database that the stream behind it is in.
    pub db: u16,
}

/// What goes to the log and to INFO while a file is read.
pub struct Watch<'a> {
    server: &'a Server,
    is_called_off: &'a (dyn Fn() -> bool + Sync),
    bar: Bar,
    origin: Mutex<Origin>,
    left_out: Mutex<LeftOut>,
}

/// Keys that were left out because their time was over, for the replicas that have them still.
#[derive(Default)]
struct LeftOut {
    keys: Vec<(u16, Vec<u8>)>,
    /// What telling of them takes.
    bytes: u64,
    /// How much of that replicas could be sent; 0: nobody is to be told.
    room: u64,
}

impl<'a> Watch<'a> {
    /// Without a bar on the terminal.
    pub fn new(server: &'a Server, is_called_off: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            server,
            is_called_off,
            bar: Bar::none(),
            origin: Mutex::default(),
            left_out: Mutex::default(),
        }
    }

    /// Goes on with the history that the file is a part of. Keys that were left out are still there
    /// on our replicas: they are told, or, where the backlog has no room for that, do not continue.
    fn restore_history(&self) {
        let (origin, left_out) = (self.origin(), self.left_out.lock());
        if let (Some(id), Some(offset), true) =
            (origin.id, origin.offset, left_out.bytes <= left_out.room)
        {
            let replication = &self.server.replication;
            let place = (offset, origin.db);
            replication.restore(self.server, &id, place, &left_out.keys);
        }
    }

    /// What the file has said of its history.
    pub fn origin(&self) -> Origin {
        self.origin.lock().clone()
    }
}

impl Events for Watch<'_> {
    fn aux(&self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = || text.trim().parse::<i64>().unwrap_or(0);
        match name.to_ascii_lowercase().as_slice() {
            [b'%', ..] => tracing::info!("RDB '{}': {text}", String::from_utf8_lossy(name)),
            b"redis-ver" | b"valkey-ver" => {
                tracing::info!("Loading RDB produced by version {text}");
            }
            b"ctime" => {
                let age_s = common::clock::now_ms() / 1000 - number();
                tracing::info!("RDB age {} seconds", age_s.max(0));
            }
            b"used-mem" => {
                let bytes = number().max(0) as u64;
                let mb = bytes as f64 / f64::from(1 << 20);
                tracing::info!("RDB memory usage when created {mb:.2} Mb");
                self.server
                    .persistence
                    .load
                    .used_memory
                    .store(bytes, Relaxed);
            }
            b"aof-preamble" if number() != 0 => tracing::info!("RDB has an AOF tail"),
            b"aof-base" if number() != 0 => tracing::info!("RDB is base AOF"),
            b"repl-id" => self.origin.lock().id = Some(text.into_owned()),
            b"repl-offset" => self.origin.lock().offset = number().try_into().ok(),
            b"repl-stream-db" => {
                self.origin.lock().db = number().try_into().unwrap_or_default();
            }
            b"lua" | b"redis-bits" | b"aof-preamble" | b"aof-base" => {}
            _ => tracing::trace!(
                "Unrecognized RDB AUX field: '{}'",
                String::from_utf8_lossy(name)
            ),
        }
    }

    fn function(&self, code: Vec<u8>) {
        self.server.persistence.functions.lock().push(code);
    }

    fn empty_key(&self, key: &[u8]) {
        tracing::error!(
            "rdbLoadObject skipping empty key: {}",
            String::from_utf8_lossy(key)
        );
    }

    fn expired(&self, db: u64, key: &[u8]) {
        let mut left_out = self.left_out.lock();
        left_out.bytes += (key.len() + DEL_BYTES) as u64;
        if left_out.bytes <= left_out.room {
            left_out.keys.push((db as u16, key.to_vec()));
        }
    }

    fn no_checksum(&self) {
        tracing::error!("RDB file was saved with checksum disabled: no check performed.");
    }

    fn progress(&self, bytes: u64) -> bool {
        let load = &self.server.persistence.load;
        load.bytes.store(bytes, Relaxed);
        self.bar.show(bytes);
        !(self.is_called_off)()
    }
}

impl Snapshots {
    /// Loads the snapshot at the start, if there is one. Commands are refused meanwhile;
    /// `is_called_off` says when the server is to end instead.
    ///
    /// # Errors
    /// The server must not go on.
    pub fn load_at_start(
        &self,
        server: &Server,
        is_called_off: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Failed> {
        let path = self.path();
        let started_us = common::clock::monotonic_us();
        let fatal = |error: &std::io::Error| {
            let reason = os_text(error);
            tracing::error!("Fatal error loading the DB: {reason}. Exiting.");
            Failed::Broken
        };
        let size = match self.disk.size(&path) {
            Ok(size) => size,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fatal(&error)),
        };
        let file = self.disk.read(&path).map_err(|error| fatal(&error))?;
        let now_ms = common::clock::now_ms();
        server.persistence.begin_loading(size, now_ms);
        crate::process::signals::set_loading(true);
        let watch = Watch {
            server,
            is_called_off,
            bar: Bar::new("Loading", size),
            origin: Mutex::default(),
            left_out: Mutex::new(LeftOut {
                room: server.settings.repl_backlog_size.load(Relaxed),
                ..LeftOut::default()
            }),
        };
        let options = commands::persistence::load_options(server, now_ms);
        let insert = |entry: NewEntry<'_>| server.keyspace.load(entry, OnDuplicate::Refuse, now_ms);
        let helpers = std::thread::available_parallelism().map_or(0, |n| n.get() - 1);
        let source = ReadSource::new(file, options.checksum && self.config.bool("rdbchecksum"));
        let mut options = options;
        options.checksum &= self.config.bool("rdbchecksum");
        // On a replica, keys are there until the primary says otherwise.
        options.skip_expired = !server.replication.is_replica();
        let loaded = &server.persistence.load.loaded;
        let result = load_parallel(source, &options, loaded, &watch, (helpers, &insert));
        watch.bar.finish();
        crate::process::signals::set_loading(false);
        match result {
            Ok(_) => {
                log_done(server);
                let seconds = (common::clock::monotonic_us() - started_us) as f64 / 1e6;
                tracing::info!("DB loaded from disk: {seconds:.3} seconds");
                watch.restore_history();
                server
                    .changes_at_save
                    .store(server.stats.changes(), Relaxed);
                Ok(())
            }
            Err(LoadError::Cancelled) => Err(Failed::CalledOff),
            Err(error) => {
                log_failure(&error);
                if matches!(error, LoadError::Header(_)) {
                    let reason = std::io::Error::from_raw_os_error(libc::EINVAL);
                    return Err(fatal(&reason));
                }
                self.log_check(now_ms);
                tracing::error!("Terminating server after rdb file reading failure.");
                Err(Failed::Broken)
            }
        }
    }

    /// Tells where in the file the fault is, as `redis-check-rdb` would.
    fn log_check(&self, now_ms: i64) {
        let path = self.path();
        if let Ok(file) = self.disk.read(&path) {
            let mut say = |line: &str| tracing::error!("{line}");
            let mut progress = |_| {};
            let checker = Checker::new(now_ms, &mut say, &mut progress);
            checker.run(ReadSource::new(file, true), &path.to_string_lossy());
        }
    }

    /// DEBUG RELOAD.
    ///
    /// # Errors
    /// The reply.
    pub fn reload(
        &self,
        server: &Server,
        locked: &mut Locked<'_>,
        request: ReloadRequest,
    ) -> Result<(), ReplyError> {
        if !request.no_save && !self.save_locked(server, locked) {
            return Err(errors::debug::RELOAD_SAVE);
        }
        let file = self.disk.read(&self.path()).map_err(|error| {
            tracing::error!("Cannot open the snapshot: {}", os_text(&error));
            errors::debug::RELOAD_LOAD
        })?;
        if !request.no_flush {
            for db in (0..server.keyspace.databases() as u32).map(DbId) {
                locked.flush(db, false);
            }
        }
        server.persistence.functions.lock().clear();
        let now_ms = common::clock::now_ms();
        server.persistence.reset_loading(0, now_ms);
        let duplicate = match request.merge {
            true => OnDuplicate::Replace,
            false => OnDuplicate::Refuse,
        };
        let watch = Watch::new(server, &|| false);
        let mut options = commands::persistence::load_options(server, now_ms);
        options.checksum &= self.config.bool("rdbchecksum");
        let source = ReadSource::new(file, options.checksum);
        let loaded = &server.persistence.load.loaded;
        let insert = |entry: NewEntry<'_>| {
            server
                .keyspace
                .load_locked(locked, entry, duplicate, now_ms)
        };
        let result = load(source, &options, loaded, &watch, insert);
        match result {
            Ok(_) => {
                log_done(server);
                tracing::error!("DB reloaded by DEBUG RELOAD");
                Ok(())
            }
            Err(error) => {
                log_failure(&error);
                Err(errors::debug::RELOAD_LOAD)
            }
        }
    }
}

/// Tells how much was loaded.
pub fn log_done(server: &Server) {
    let loaded = &server.persistence.load.loaded;
    let (keys, expired) = (loaded.keys.load(Relaxed), loaded.expired.load(Relaxed));
    match loaded.empty.load(Relaxed) {
        0 => tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}."),
        empty => tracing::error!(
            "Done loading RDB, keys loaded: {keys}, keys expired: {expired}, empty keys skipped: \
             {empty}."
        ),
    }
}

/// Tells what is wrong with a file, in the words that Redis has for it.
pub fn log_failure(error: &LoadError) {
    match error {
        LoadError::Format(at, error @ (Error::Truncated | Error::Io(_))) => {
            tracing::error!("Short read or OOM loading DB. Unrecoverable error, aborting now.");
            tracing::error!(
                "Internal error in RDB reading offset {at} -> Unexpected EOF reading RDB file \
                 ({error})"
            );
        }
        LoadError::Format(at, error) => {
            tracing::error!("Internal error in RDB reading offset {at} -> {error}");
        }
        LoadError::Checksum(computed, stored) => {
            tracing::error!(
                "Wrong RDB checksum expected: ({computed:x}) but got ({stored:x}). Aborting now."
            );
            tracing::error!("Internal error in RDB reading -> RDB CRC error");
        }
        other => tracing::error!("{other}"),
    }
}
