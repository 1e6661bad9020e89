//! Loading the append-only file: its commands go through dispatch like a client's.
//!
//! What Redis says in its log is said here in the same words, because people and its tests look
//! for them. A file whose end is missing is cut behind the last whole command, or before the
//! transaction that is not whole, if the configuration allows it and it is the last file.

use common::os::os_text;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use commands::session::ClientLink;
use commands::table::NO_COMMAND;
use commands::{Origin, Outcome, Server, Session};
use parking_lot::{Condvar, Mutex};
use persistence::aof::reader::{CommandBuf, Commands, ReadError};
use persistence::aof::store::{Store, StoreError};
use persistence::rdb::load::LoadError;
use resp::{Args, Proto, ReplyWriter};

use super::Shared;
use super::preamble;
use crate::process::progress::Bar;
use crate::snapshot::Failed;

/// After so many commands the clock is read again.
const CLOCK_COMMANDS: u64 = 64;

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Whether there were any files.
    pub(super) found: bool,
    /// Bytes of all files.
    pub(super) total: u64,
    /// Bytes of the base.
    pub(super) base: u64,
}

/// How a file ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// It was cut.
    Cut,
}

/// Says what is wrong with the directory.
pub(super) fn complain(error: &StoreError) {
    if let StoreError::BadManifest(bad) = error {
        tracing::error!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n");
        if let Some((number, line)) = &bad.line {
            tracing::error!("Reading the manifest file, at line {number}\n");
            tracing::error!(">>> '{line}'\n");
        }
        tracing::error!("{}\n", bad.reason);
    } else {
        tracing::error!("{error}");
    }
}

/// Loads all files that the manifest names, those of a Redis before 7 too. `may_cut`: no writer has
/// the last file open. Ends early when it is called off.
pub(super) fn load(
    shared: &Shared,
    store: &mut Store,
    may_cut: bool,
    is_called_off: &(dyn Fn() -> bool + Sync),
) -> Result<Loaded, Failed> {
    match store.upgrade() {
        Ok(false) => {}
        Ok(true) => tracing::info!(
            "Successfully migrated an old-style AOF file ({}) into the AOF directory ({}).",
            store.place().file_name,
            store.place().dir_name
        ),
        Err(error) => {
            complain(&error);
            return Err(Failed::Broken);
        }
    }
    let mut loaded = Loaded {
        found: !store.manifest().is_empty(),
        ..Loaded::default()
    };
    for info in store.manifest().files() {
        match store.disk().size(&store.place().path(&info.name)) {
            Ok(size) => loaded.total += size,
            Err(error) => {
                let (name, reason) = (&info.name, os_text(&error));
                tracing::error!("Unable to obtain the AOF file {name} length. stat: {reason}");
                return Err(Failed::Broken);
            }
        }
    }
    if loaded.total == 0 {
        return Ok(loaded);
    }
    let base = store.manifest().base.as_ref();
    loaded.base = base.map_or(0, |base| store.size(&base.name));
    let last = last_with_data(store);
    let load = &shared.server.persistence.load;
    load.bytes_total.store(loaded.total, Relaxed);
    let bar = Bar::new("Loading", loaded.total);
    let mut before = 0;
    for (at, info) in store.manifest().files().enumerate() {
        let file = File {
            shared,
            store,
            name: &info.name,
            path: &store.place().path(&info.name),
            may_cut,
            is_called_off,
            bar: &bar,
            before,
        };
        before += store.size(&info.name);
        let start = Instant::now();
        let end = file.load()?;
        if end == End::Cut && at < last {
            tracing::error!("Fatal error: the truncated file is not the last file");
            return Err(Failed::Broken);
        }
        let is_base = base.is_some() && at == 0;
        let kind = if is_base { "base" } else { "incr" };
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(
            "DB loaded from {kind} file {}: {seconds:.3} seconds",
            info.name
        );
    }
    Ok(loaded)
}

/// Which file is the last that anything was written to. One whose name could not be synced may be
/// behind it, empty.
fn last_with_data(store: &Store) -> usize {
    let sizes = store.manifest().files().map(|info| store.size(&info.name));
    let last = sizes.enumerate().filter(|(_, size)| *size > 0).last();
    last.map_or(0, |(at, _)| at)
}

/// A file to be loaded.
struct File<'a> {
    shared: &'a Shared,
    store: &'a Store,
    name: &'a str,
    path: &'a Path,
    may_cut: bool,
    is_called_off: &'a (dyn Fn() -> bool + Sync),
    bar: &'a Bar,
    /// Bytes of the files before.
    before: u64,
}

impl File<'_> {
    fn load(&self) -> Result<End, Failed> {
        let name = self.name;
        let mut file = self.store.disk().read(self.path).map_err(|error| {
            let reason = os_text(&error);
            tracing::error!(
                "Fatal error: can't open the append log file {name} for reading: {reason}"
            );
            Failed::Broken
        })?;
        let mut start = Vec::new();
        let magic = (&mut file).take(5).read_to_end(&mut start);
        let is_rdb = magic.is_ok() && start == b"REDIS";
        let stream = std::io::Cursor::new(start).chain(file);
        if !is_rdb {
            return self.commands(Commands::new(stream, 0));
        }
        let is_old = name == self.store.place().file_name;
        tracing::info!(
            "{}",
            match is_old {
                true => "Reading RDB preamble from AOF file...",
                false => "Reading RDB base file on AOF loading...",
            }
        );
        let loaded = preamble::load(self.shared, stream, self.is_called_off, self.bar);
        self.bar.finish();
        match loaded {
            Ok((rest, offset)) => {
                if is_old {
                    tracing::info!("Reading the remaining AOF tail...");
                }
                self.commands(Commands::new(rest, offset))
            }
            Err(LoadError::Cancelled) => Err(Failed::CalledOff),
            Err(error) => {
                tracing::error!("{error}");
                let what = match is_old {
                    true => "preamble of the AOF file",
                    false => "base file",
                };
                tracing::error!("Error reading the RDB {what} {name}, AOF loading aborted");
                Err(Failed::Broken)
            }
        }
    }

    fn commands<R: Read>(&self, mut commands: Commands<R>) -> Result<End, Failed> {
        let mut feeder = Feeder::new(&self.shared.server);
        let mut buf = CommandBuf::default();
        // Behind the last command outside of a transaction.
        let mut good = commands.offset();
        let name = self.name;
        loop {
            let next = commands.next(&mut buf);
            if !matches!(next, Ok(true)) {
                self.bar.finish();
            }
            match next {
                Ok(true) => {}
                Ok(false) if feeder.is_in_transaction() => {
                    tracing::error!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
                    return self.cut(good);
                }
                Ok(false) => return Ok(End::Whole),
                Err(ReadError::Truncated) => return self.cut(good),
                Err(ReadError::Io(error)) => {
                    let reason = os_text(&error);
                    tracing::error!(
                        "Unrecoverable error reading the append only file {name}: {reason}"
                    );
                    return Err(Failed::Broken);
                }
                Err(ReadError::Format) => {
                    tracing::error!(
                        "Bad file format reading the append only file {name}: make a backup of \
                         your AOF file, then use ./redis-check-aof --fix <filename.manifest>"
                    );
                    return Err(Failed::Broken);
                }
            }
            if let Err(unknown) = feeder.feed(&buf) {
                self.bar.finish();
                tracing::error!("Unknown command '{unknown}' reading the append only file {name}");
                return Err(Failed::Broken);
            }
            if feeder.count.is_multiple_of(CLOCK_COMMANDS) {
                self.bar.show(self.before + commands.offset());
                if (self.is_called_off)() {
                    self.bar.finish();
                    return Err(Failed::CalledOff);
                }
            }
            if !feeder.is_in_transaction() {
                good = commands.offset();
            }
            let load = &self.shared.server.persistence.load;
            load.bytes.store(self.before + commands.offset(), Relaxed);
            let delay_us = load.loaded.key_delay_us.load(Relaxed);
            if delay_us > 0 {
                std::thread::sleep(Duration::from_micros(delay_us as u64));
            }
        }
    }

    /// The end of the file is missing: goes on without it, if that is allowed.
    fn cut(&self, good: u64) -> Result<End, Failed> {
        let name = self.name;
        if self.shared.config.bool("aof-load-truncated") && self.may_cut {
            tracing::error!("!!! Warning: short read while loading the AOF file {name}!!!");
            tracing::error!("!!! Truncating the AOF {name} at offset {good} !!!");
            let file = self.store.disk().open(self.path, false);
            match file.and_then(|mut file| file.set_len(good)) {
                Ok(()) => {
                    tracing::error!(
                        "AOF {name} loaded anyway because aof-load-truncated is enabled"
                    );
                    return Ok(End::Cut);
                }
                Err(error) => {
                    let reason = os_text(&error);
                    tracing::error!("Error truncating the AOF file {name}: {reason}");
                }
            }
        }
        tracing::error!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup \
             of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) \
             Alternatively you can set the 'aof-load-truncated' configuration option to yes and \
             restart the server."
        );
        Err(Failed::Broken)
    }
}

/// Hands commands to dispatch.
struct Feeder<'a> {
    server: &'a Server,
    session: Session,
    link: Arc<Link>,
    replies: Vec<u8>,
    count: u64,
}

impl<'a> Feeder<'a> {
    fn new(server: &'a Server) -> Self {
        let link = Arc::new(Link::default());
        let mut session = Session::detached(Origin::AofLoad, usize::MAX);
        session.link = Arc::clone(&link) as Arc<dyn ClientLink>;
        Self {
            server,
            session,
            link,
            replies: Vec::new(),
            count: 0,
        }
    }

    fn is_in_transaction(&self) -> bool {
        self.session.transaction.is_some()
    }

    /// Runs a command; its name if there is no such command.
    fn feed(&mut self, command: &CommandBuf) -> Result<(), String> {
        let items: smallvec::SmallVec<[&[u8]; 16]> = command.args().collect();
        let args = Args::new(&items);
        let prepared = commands::prepare(self.server, args);
        let table = &self.server.table;
        let is_known = prepared.id != NO_COMMAND
            && (args.len() < 2
                || table.entry(prepared.id).children.is_empty()
                || table.find_sub(prepared.id, args.at(1)) != NO_COMMAND);
        if !is_known {
            return Err(String::from_utf8_lossy(args.at(0)).into_owned());
        }
        if self.count.is_multiple_of(CLOCK_COMMANDS) {
            commands::batch_end(self.server, &mut self.session);
        }
        self.count += 1;
        loop {
            self.replies.clear();
            let mut out = ReplyWriter::new(&mut self.replies, Proto::Resp2);
            match commands::dispatch(self.server, &mut self.session, args, prepared, &mut out) {
                Outcome::Deferred => self.link.wait(),
                _ => return Ok(()),
            }
        }
    }
}

impl Drop for Feeder<'_> {
    fn drop(&mut self) {
        let empty = Session::detached(Origin::AofLoad, usize::MAX);
        let session = std::mem::replace(&mut self.session, empty);
        commands::disconnect(self.server, session);
    }
}

/// Waits for shards that are busy.
#[derive(Default)]
struct Link {
    resumed: Mutex<bool>,
    changed: Condvar,
}

impl Link {
    fn wait(&self) {
        let mut resumed = self.resumed.lock();
        while !std::mem::take(&mut *resumed) {
            self.changed.wait(&mut resumed);
        }
    }
}

impl ClientLink for Link {
    fn resume(&self) {
        *self.resumed.lock() = true;
        self.changed.notify_all();
    }

    fn unblock(&self, _: Bytes) {}
    fn push(&self, _: Bytes) {}
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
}
