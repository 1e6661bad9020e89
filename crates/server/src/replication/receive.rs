//! Receiving a primary's snapshot, into a file first or straight into the data, and loading it in
//! the place of what was there.
//! A failure before the old data is dropped leaves it as it was; after that the data is empty, and
//! the link begins again.

use common::os::os_text;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{
    AtomicI64,
    Ordering::{Relaxed, SeqCst},
};

use ::keyspace::{DbId, Keyspace, NewEntry, OnDuplicate};
use ::replication::payload::{Framing, Unframer};
use commands::jobs::JobKind;
use commands::replication::Phase;
use common::clock::now_ms;
use persistence::rdb::ReadSource;
use persistence::rdb::load::{LoadError, load};

use super::Context;
use super::wire::{Lost, Wire};
use crate::snapshot::{Watch, log_done, log_failure};

/// Sync the file each time it has grown by so much.
const SYNC_BYTES: u64 = 8 << 20;
/// How often the primary is shown that we are there while the data is loaded.
const SIGN_OF_LIFE_MS: i64 = 1000;

/// Receives and loads the snapshot that stands at this point of the primary's history.
pub(super) fn snapshot(
    context: &Context,
    generation: u64,
    wire: &mut Wire<'_>,
    (id, offset): (&str, i64),
) -> Result<(), Lost> {
    let (server, replication) = (&context.server, &context.server.replication);
    replication.set_phase(generation, Phase::Transfer);
    let framing = header(wire)?;
    let is_direct = is_direct(context);
    let target = if is_direct { "to parser" } else { "to disk" };
    let is_marked = match &framing {
        Framing::Length(len) => {
            tracing::info!("MASTER <-> REPLICA sync: receiving {len} bytes from master {target}");
            wire.set_snapshot(Some(*len as i64));
            false
        }
        Framing::Mark(_) => {
            tracing::info!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF {target}"
            );
            wire.set_snapshot(Some(-1));
            true
        }
    };
    let mut received = Unframed {
        wire,
        unframer: Unframer::new(framing),
        ready: Vec::new(),
        taken: 0,
    };
    let db = if is_direct {
        // Data of another history must not be taken for this one's.
        let is_same_history = replication.history().id == id;
        straight(context, generation, &mut received, is_same_history)?
    } else {
        through_file(context, generation, &mut received)?
    };
    wire.set_snapshot(None);
    let capacity = context.config.unsigned("repl-backlog-size");
    // A primary without offsets: nobody can continue this.
    let unknown = common::random::hex_id(40);
    let (known_id, offset) = match u64::try_from(offset) {
        Ok(offset) if !id.is_empty() => (id, offset),
        _ => (unknown.as_str(), 0),
    };
    if !replication.end_load(generation, known_id, (offset, db), capacity) {
        return Err(Lost::Over);
    }
    tracing::info!("MASTER <-> REPLICA sync: Finished with success");
    server.aof.replaced();
    if server.aof.is_enabled()
        && let Some(host) = server.host()
        && let Err(error) = host.rewrite_aof(false)
    {
        // What is in the file belongs to other data.
        tracing::error!("Can't rewrite the append only file after synchronization: {error}");
    }
    server.changes_at_save.store(server.stats.changes(), SeqCst);
    if is_marked {
        let ack = offset.to_string();
        let words: [&[u8]; 3] = [b"REPLCONF", b"ACK", ack.as_bytes()];
        wire.send(&::replication::handshake::command(&words))?;
    }
    Ok(())
}

/// The line before the snapshot. Empty ones only show that the primary is there.
fn header(wire: &mut Wire<'_>) -> Result<Framing, Lost> {
    loop {
        let line = wire.line()?;
        if line.is_empty() {
            continue;
        }
        if let Some(error) = line.strip_prefix('-') {
            tracing::error!("MASTER aborted replication with an error: {error}");
            return Err(Lost::Down);
        }
        return Framing::parse(line.as_bytes()).ok_or_else(|| {
            tracing::error!(
                "Bad protocol from MASTER, the first byte is not '$' (we received '{line}'), are \
                 you sure the host and port are right?"
            );
            Lost::Down
        });
    }
}

/// Whether the snapshot is loaded as it comes in.
fn is_direct(context: &Context) -> bool {
    match context.config.choice("repl-diskless-load") {
        "flush-before-load" | "swapdb" => true,
        "on-empty-db" => {
            let keyspace = &context.server.keyspace;
            let mut dbs = (0..keyspace.databases() as u32).map(DbId);
            dbs.all(|db| keyspace.stats(db, now_ms()).keys == 0)
        }
        _ => false,
    }
}

/// The bytes of a snapshot, as they come in.
struct Unframed<'a, 'c> {
    wire: &'a mut Wire<'c>,
    unframer: Unframer,
    ready: Vec<u8>,
    taken: usize,
}

impl Unframed<'_, '_> {
    /// Makes bytes ready; false at the end of the snapshot.
    fn fill(&mut self) -> io::Result<bool> {
        while self.taken == self.ready.len() && !self.unframer.is_done() {
            self.ready.clear();
            self.taken = 0;
            if self.wire.pending().is_empty() && self.wire.read()? == 0 {
                if self.wire.is_over() || self.wire.is_silent() {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                continue;
            }
            let pending = self.wire.pending();
            let n = self.unframer.take(pending, &mut self.ready);
            self.wire.use_up(n);
        }
        Ok(self.taken < self.ready.len())
    }

    /// Why the snapshot does not come in.
    fn lost(&self, error: &io::Error) -> Lost {
        if error.kind() == ErrorKind::ConnectionAborted && !self.wire.is_over() {
            tracing::error!(
                "Timeout receiving bulk data from MASTER... If the problem persists try to set \
                 the 'repl-timeout' parameter in redis.conf to a larger value."
            );
            return Lost::Down;
        }
        self.wire
            .lost("I/O error trying to sync with MASTER", error)
    }
}

impl Read for Unframed<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.fill()? {
            return Ok(0);
        }
        let ready = &self.ready[self.taken..];
        let n = ready.len().min(out.len());
        out[..n].copy_from_slice(&ready[..n]);
        self.taken += n;
        Ok(n)
    }
}

/// Receives into a file, gives it the snapshot's name, and loads it. Returns the database that the
/// stream is in.
fn through_file(
    context: &Context,
    generation: u64,
    received: &mut Unframed<'_, '_>,
) -> Result<u16, Lost> {
    let temp = format!("temp-{}.{}.rdb", now_ms() / 1000, std::process::id());
    let name = context.config.text("dbfilename");
    let result = write_file(received, &temp);
    let result = result.and_then(|()| {
        context.server.jobs.cancel(JobKind::Save);
        let mut renamed = Ok(());
        let mut rename = || renamed = fs::rename(&temp, &name);
        context
            .server
            .persistence
            .name_unless(|| false, &mut rename);
        renamed.map_err(|error| {
            let reason = os_text(&error);
            tracing::error!(
                "Failed trying to rename the temp DB into {name} in MASTER <-> REPLICA \
                 synchronization: {reason}"
            );
            Lost::Down
        })
    });
    if result.is_err() {
        // It is of no use; nothing else can be done about it.
        let _ = fs::remove_file(&temp);
    }
    result?;
    let failed = |error: &io::Error| {
        let reason = os_text(error);
        tracing::error!("Failed trying to load the MASTER synchronization DB from disk: {reason}");
        Lost::Down
    };
    let file = File::open(&name).map_err(|error| failed(&error))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let signs = received.wire.signs_of_life();
    let old = Old::Dropped;
    let db = replace_data(context, generation, (file, size), (old, &signs));
    let config = &context.config;
    let persists = !config.save_points().is_empty() || config.bool("appendonly");
    if config.bool("rdb-del-sync-files") && !persists {
        tracing::info!(
            "Removing the RDB file obtained from the master. This replica has persistence disabled"
        );
        if let Err(error) = fs::remove_file(&name) {
            tracing::debug!("{}", os_text(&error));
        }
    }
    db
}

fn write_file(received: &mut Unframed<'_, '_>, temp: &str) -> Result<(), Lost> {
    let failed = |error: &io::Error| {
        let reason = os_text(error);
        tracing::error!(
            "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA \
             synchronization: {reason}"
        );
        Lost::Down
    };
    let mut file = File::create(temp).map_err(|error| failed(&error))?;
    let mut unsynced = 0;
    while received.fill().map_err(|error| received.lost(&error))? {
        let ready = &received.ready[received.taken..];
        file.write_all(ready).map_err(|error| failed(&error))?;
        unsynced += ready.len() as u64;
        received.taken = received.ready.len();
        if unsynced > SYNC_BYTES {
            file.sync_data().map_err(|error| failed(&error))?;
            unsynced = 0;
        }
    }
    file.sync_all().map_err(|error| failed(&error))
}

/// Loads the snapshot as it comes in. Returns the database that the stream is in.
fn straight(
    context: &Context,
    generation: u64,
    received: &mut Unframed<'_, '_>,
    is_same_history: bool,
) -> Result<u16, Lost> {
    let size = 0;
    let old = match context.config.choice("repl-diskless-load") {
        "swapdb" if is_same_history => Old::Served,
        "swapdb" => Old::Kept,
        _ => Old::Dropped,
    };
    let db = replace_data(context, generation, (&mut *received, size), (old, &|| {}))?;
    // What is left of the frame.
    let rest = io::copy(received, &mut io::sink());
    rest.map(|_| db).map_err(|error| received.lost(&error))
}

/// What becomes of the old data while the new is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    /// It goes first: there is memory for one of them.
    Dropped,
    /// It stays until the new is whole, and comes back if that fails.
    Kept,
    /// It is served meanwhile: it is an older state of the same history.
    Served,
}

/// Loads a snapshot in the place of the data. Returns the database that the stream is in.
fn replace_data(
    context: &Context,
    generation: u64,
    (source, size): (impl Read, u64),
    (old, sign_of_life): (Old, &(dyn Fn() + Sync)),
) -> Result<u16, Lost> {
    let (server, replication) = (&context.server, &context.server.replication);
    if !replication.begin_load(generation) {
        return Err(Lost::Over);
    }
    if old == Old::Served {
        server.persistence.begin_loading_beside(size, now_ms());
    } else {
        server.persistence.begin_loading(size, now_ms());
    }
    let result = match old {
        Old::Dropped => {
            tracing::info!("MASTER <-> REPLICA sync: Flushing old data");
            flush(context);
            let target = &server.keyspace;
            let result = load_into(context, generation, target, (source, sign_of_life));
            if result.is_err() {
                // Half of the data is worse than none.
                flush(context);
            }
            result
        }
        Old::Kept | Old::Served => load_beside(context, generation, (source, sign_of_life)),
    };
    server.persistence.end_loading();
    if result.is_ok() {
        log_done(server);
    }
    result
}

/// Loads a snapshot beside the data, and puts it in the place of that when it is whole.
fn load_beside(
    context: &Context,
    generation: u64,
    source: (impl Read, &(dyn Fn() + Sync)),
) -> Result<u16, Lost> {
    let (server, new) = (&context.server, context.server.keyspace.alike());
    let functions = std::mem::take(&mut *server.persistence.functions.lock());
    let result = load_into(context, generation, &new, source).and_then(|db| {
        let mut locked = server.keyspace.lock_all();
        // Whoever ends the role holds all shards for it.
        if !server.replication.is_current(generation) {
            return Err(Lost::Over);
        }
        tracing::info!("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        server.keyspace.take_over(&mut locked, &new);
        Ok(db)
    });
    if result.is_err() {
        tracing::info!("MASTER <-> REPLICA sync: Discarding temporary DB in background");
        *server.persistence.functions.lock() = functions;
        let mut locked = new.lock_all();
        for db in (0..new.databases() as u32).map(DbId) {
            locked.flush(db, false);
        }
    }
    result
}

fn load_into(
    context: &Context,
    generation: u64,
    target: &Keyspace,
    (source, sign_of_life): (impl Read, &(dyn Fn() + Sync)),
) -> Result<u16, Lost> {
    let (server, replication) = (&context.server, &context.server.replication);
    tracing::info!("MASTER <-> REPLICA sync: Loading DB in memory");
    let next_sign_ms = AtomicI64::new(now_ms() + SIGN_OF_LIFE_MS);
    let is_called_off = || {
        let now = now_ms();
        if now >= next_sign_ms.load(Relaxed) {
            next_sign_ms.store(now + SIGN_OF_LIFE_MS, Relaxed);
            sign_of_life();
        }
        context.is_stopping() || !replication.is_current(generation)
    };
    let watch = Watch::new(server, &is_called_off);
    let mut options = commands::persistence::load_options(server, now_ms());
    options.checksum &= context.config.bool("rdbchecksum");
    // The primary says when keys expire.
    options.skip_expired = false;
    let source = ReadSource::new(source, options.checksum);
    let loaded = &server.persistence.load.loaded;
    let now = options.now_ms;
    let insert = |entry: NewEntry<'_>| target.load(entry, OnDuplicate::Refuse, now);
    match load(source, &options, loaded, &watch, insert) {
        Ok(_) => Ok(watch.origin().db),
        Err(LoadError::Cancelled) => Err(Lost::Over),
        Err(error) => {
            log_failure(&error);
            tracing::error!("Failed trying to load the MASTER synchronization DB");
            Err(Lost::Down)
        }
    }
}

/// Deletes all data. Nobody is told: it is going to be replaced.
fn flush(context: &Context) {
    let keyspace = &context.server.keyspace;
    let is_sync = !context.config.bool("replica-lazy-flush");
    let mut locked = keyspace.lock_all();
    for db in (0..keyspace.databases() as u32).map(DbId) {
        locked.flush(db, is_sync);
    }
    drop(locked);
    context.server.persistence.functions.lock().clear();
}
