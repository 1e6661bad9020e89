//! The append-only file: loading it, writing it, rewriting it, switching it on and off.
//!
//! [`writer`] has the thread that follows the log, [`load`] feeds files to dispatch, [`rewrite`] is
//! the background job that replaces what was written by what is there. [`State`] is under one lock,
//! which may be held while files are opened and renamed, but never while waiting for the writer:
//! the writer takes it when it changes files.

mod bell;
mod limit;
mod load;
mod policy;
mod preamble;
mod rewrite;
mod status;
mod tool;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use commands::Server;
use commands::jobs::JobKind;
use commands::session::ClientLink;
use parking_lot::Mutex;
use persistence::aof::store::{Place, Store};
use persistence::disk::{Disk, RealDisk};
use persistence::rdb::save::Progress;
use resp::{Proto, ReplyError, ReplyWriter, errors};

use self::limit::Limit;
use self::policy::{Fsync, Policy};
use self::rewrite::StartError;
use self::writer::{Status, WriterHandle};
use crate::config::Config;
use crate::process::signals;
use crate::snapshot::Failed;

pub use status::Figures;
pub use tool::check_aof;

/// Whether the file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Off,
    On,
    /// Switched on while running: it counts once the first rewrite has made its base.
    WaitRewrite,
}

/// What the lock guards.
struct State {
    store: Option<Store>,
    mode: Mode,
    writer: Option<WriterHandle>,
    /// A writer that was sent off.
    closing: Option<JoinHandle<()>>,
    /// A rewrite is to begin when it can.
    scheduled: bool,
    limit: Limit,
    history: rewrite::History,
    /// Bytes of all files but the current increment.
    other_size: u64,
    /// Bytes of all files after the last rewrite.
    base_size: u64,
}

/// See the module's text.
struct Shared {
    server: Arc<Server>,
    config: Arc<Config>,
    disk: Arc<dyn Disk>,
    policy: Arc<Policy>,
    status: Arc<Status>,
    progress: Progress,
    failures: AtomicU64,
    state: Mutex<State>,
}

/// The append-only file.
#[derive(Clone)]
pub struct Aof(Arc<Shared>);

/// The server cannot start; the log says why.
#[derive(Debug)]
pub struct Fatal;

impl Aof {
    /// Nothing is read or written yet.
    pub fn new(server: &Arc<Server>, config: &Arc<Config>) -> Self {
        let policy = Arc::new(Policy::default());
        policy.follow(config, server);
        let state = State {
            store: None,
            mode: Mode::Off,
            writer: None,
            closing: None,
            scheduled: false,
            limit: Limit::default(),
            history: rewrite::History::default(),
            other_size: 0,
            base_size: 0,
        };
        let weak = Arc::downgrade(server);
        server.aof.set_on_progress(Arc::new(move || {
            if let Some(server) = weak.upgrade() {
                server.replication.aof_progressed(&server.aof);
            }
        }));
        let this = Self(Arc::new(Shared {
            server: Arc::clone(server),
            config: Arc::clone(config),
            disk: Arc::new(RealDisk),
            policy,
            status: Arc::default(),
            progress: Progress::default(),
            failures: AtomicU64::new(0),
            state: Mutex::new(state),
        }));
        this.follow();
        this
    }

    /// Keeps up with the configuration.
    fn follow(&self) {
        let config = &self.0.config;
        let shared = Arc::clone(&self.0);
        shared.delays(config);
        config.on_change(Policy::DIRECTIVES, move |config| {
            shared.policy.follow(config, &shared.server);
            Ok(())
        });
        let shared = Arc::clone(&self.0);
        config.on_change(&["rdb-key-save-delay"], move |config| {
            shared.delays(config);
            Ok(())
        });
        let this = self.clone();
        config.on_change(&["appendonly"], move |config| {
            this.switch(config.bool("appendonly"))
        });
        let shared = Arc::clone(&self.0);
        config.on_change(&["aof-disable-auto-gc"], move |_| {
            shared.delete_history(&mut shared.state.lock());
            Ok(())
        });
    }

    /// Loads the file if it is switched on; whether it was there. To be called before any client is
    /// served, followed by [`open`](Self::open).
    ///
    /// # Errors
    /// The data cannot be loaded, or `is_called_off` says that it is not to be.
    pub fn load_at_start(&self, is_called_off: &(dyn Fn() -> bool + Sync)) -> Result<bool, Failed> {
        let mut store = self.0.read_manifest().map_err(|_| Failed::Broken)?;
        let mut found = false;
        if self.0.config.bool("appendonly") {
            signals::set_loading(true);
            let loaded = load::load(&self.0, &mut store, true, is_called_off);
            signals::set_loading(false);
            let loaded = loaded?;
            self.0.note_loaded(loaded);
            found = loaded.found;
        }
        self.0.state.lock().store = Some(store);
        Ok(found)
    }

    /// Begins to write, if it is switched on.
    ///
    /// # Errors
    /// A file cannot be opened or written.
    pub fn open(&self) -> Result<(), Fatal> {
        if self.0.config.bool("appendonly") {
            self.0.open()?;
        }
        self.0.delete_history(&mut self.0.state.lock());
        Ok(())
    }

    /// Switches it on or off while the server runs.
    fn switch(&self, on: bool) -> Result<(), String> {
        let mut state = self.0.state.lock();
        match (on, state.mode) {
            (true, Mode::Off) => self.0.switch_on(&mut state),
            (false, Mode::On | Mode::WaitRewrite) => {
                self.0.switch_off(&mut state);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// BGREWRITEAOF: whether it has begun, or will when it can.
    ///
    /// # Errors
    /// The reply.
    pub fn rewrite(&self, in_transaction: bool) -> Result<bool, ReplyError> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        let jobs = &shared.server.jobs;
        // One that was called off will end; one that began before all data was replaced is of no
        // use. Another follows either.
        let is_over = jobs.is_stopping(JobKind::AofRewrite)
            || state.mode == Mode::On && !shared.server.aof.is_whole();
        match jobs.running() {
            Some(JobKind::AofRewrite) if is_over => {}
            Some(JobKind::AofRewrite) => return Err(errors::persistence::REWRITE_IN_PROGRESS),
            Some(_) => {}
            None if in_transaction => {}
            None => match shared.start_rewrite(&mut state) {
                Ok(()) => return Ok(true),
                Err(StartError::Failed) => return Err(errors::persistence::REWRITE_FAILED),
                Err(StartError::Busy) => {}
            },
        }
        state.scheduled = true;
        // Asked for by hand, it begins at once.
        shared.failures.store(0, Relaxed);
        Ok(false)
    }

    /// DEBUG LOADAOF: replaces all data by what the files have, in a thread of its own, and then
    /// answers the client.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn reload(&self, client: Arc<dyn ClientLink>) -> Result<(), ReplyError> {
        let shared = Arc::clone(&self.0);
        let run = move || {
            if shared.reload().is_err() {
                // As Redis does: what is in memory now is a part of the data.
                std::process::exit(1);
            }
            let mut reply = Vec::new();
            ReplyWriter::new(&mut reply, Proto::Resp2).ok();
            client.unblock(reply.into());
        };
        std::thread::Builder::new()
            .name("aof-load".to_owned())
            .spawn(run)
            .map(drop)
            .map_err(|_| errors::persistence::LOADAOF_FAILED)
    }

    /// To be called about ten times a second: begins rewrites that are due.
    pub fn tick(&self) {
        let shared = &self.0;
        let mut state = shared.state.lock();
        if shared.server.jobs.running().is_some() || shared.server.persistence.is_loading() {
            return;
        }
        let failures = shared.failures.load(Relaxed);
        if state.scheduled {
            if !state.limit.holds(failures, common::clock::now_ms() / 1000) {
                // Where it fails, the log says why; it is tried again.
                let _ = shared.start_rewrite(&mut state);
            }
            return;
        }
        if state.mode == Mode::On && shared.has_grown(&state) {
            let growth = shared.growth_percent(&state);
            if !state.limit.holds(failures, common::clock::now_ms() / 1000) {
                tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
                let _ = shared.start_rewrite(&mut state);
            }
        }
    }

    /// The server is asked to end: whether it may, and if so a rewrite is called off. While the
    /// first base is written, the file does not have the data yet; `force` ends all the same.
    pub fn may_end(&self, force: bool) -> bool {
        let is_first = self.0.state.lock().mode == Mode::WaitRewrite;
        if is_first && !force {
            tracing::error!("Writing initial AOF, can't exit.");
            return false;
        }
        if is_first {
            tracing::error!("Writing initial AOF. Exit anyway.");
        }
        self.call_off();
        true
    }

    /// The server is about to end: a rewrite is called off.
    fn call_off(&self) {
        self.0.state.lock().scheduled = false;
        if self.0.server.jobs.cancel(JobKind::AofRewrite) {
            tracing::error!("There is a child rewriting the AOF. Killing it!");
        }
    }

    /// The server ends: everything is written and synced.
    pub fn shutdown(&self) {
        self.call_off();
        let (writer, closing) = {
            let mut state = self.0.state.lock();
            (state.writer.take(), state.closing.take())
        };
        if let Some(writer) = writer {
            tracing::info!("Calling fsync() on the AOF file.");
            if !writer.close(self.0.server.log.end()) {
                tracing::error!("Fail to fsync the AOF file: not all of it is on disk");
            }
        }
        if let Some(closing) = closing {
            // A panic of the thread has been reported where it happened.
            let _ = closing.join();
        }
    }
}

impl Shared {
    fn place(&self) -> Place {
        Place {
            // The working directory is the configuration's `dir`.
            root: PathBuf::from("."),
            dir_name: self.config.text("appenddirname"),
            file_name: self.config.text("appendfilename"),
        }
    }

    fn read_manifest(&self) -> Result<Store, Fatal> {
        Store::open(Arc::clone(&self.disk), self.place()).map_err(|error| {
            load::complain(&error);
            Fatal
        })
    }

    fn delays(&self, config: &Config) {
        let save_us = config.int("rdb-key-save-delay");
        self.progress.key_delay_us.store(save_us, Relaxed);
    }

    fn note_loaded(&self, loaded: load::Loaded) {
        let mut state = self.state.lock();
        state.base_size = loaded.base;
        state.other_size = loaded.total;
    }

    /// Opens the last increment, or the first one, at start.
    fn open(self: &Arc<Self>) -> Result<(), Fatal> {
        let fatal = |error| {
            load::complain(&error);
            Fatal
        };
        let mut state = self.state.lock();
        let mut store = state.store.take().ok_or(Fatal)?;
        store.create_dir().map_err(fatal)?;
        let mut manifest = store.manifest().clone();
        let continues = manifest.incr.last().map(|info| info.name.clone());
        if manifest.is_empty() {
            let name = rewrite::first_base(self, &mut store).ok_or(Fatal)?;
            tracing::info!("Creating AOF base file {name} on server start");
            manifest = store.manifest().clone();
        }
        let is_new = continues.is_none();
        let name = continues.unwrap_or_else(|| manifest.new_incr(&store.place().file_name));
        let file = store.open_incr(&name, false).map_err(fatal)?;
        store.persist(manifest).map_err(fatal)?;
        if !is_new && self.policy.fsync() != Fsync::No {
            // What was loaded counts as durable from here on.
            store.settle(&name, &*file).map_err(fatal)?;
        }
        let size = store.size(&name);
        let what = if is_new { "Creating" } else { "Opening" };
        tracing::info!("{what} AOF incr file {name} on server start");
        let reader = {
            let _all = self.server.keyspace.lock_all();
            self.server.log.read_from_end()
        };
        state.store = Some(store);
        state.mode = Mode::On;
        state.other_size = state.other_size.saturating_sub(size);
        self.start_writer(&mut state, reader, file, size)
            .map_err(|error| {
                tracing::error!(
                    "Cannot start the thread that writes the append-only file: {error}"
                );
                Fatal
            })
    }

    /// Sets the writer to work.
    fn start_writer(
        &self,
        state: &mut State,
        reader: replication::log::Reader,
        file: Box<dyn persistence::disk::DiskFile>,
        size: u64,
    ) -> std::io::Result<()> {
        let start = reader.position();
        self.status.limit.store(u64::MAX, Relaxed);
        let tools = (Arc::clone(&self.policy), Arc::clone(&self.status));
        let writer = WriterHandle::start(&self.server, tools, reader, file, size)?;
        self.status.size.store(size, Relaxed);
        self.server.aof.progress(start, start);
        self.server.aof.set_enabled(true);
        state.writer = Some(writer);
        Ok(())
    }

    fn switch_on(self: &Arc<Self>, state: &mut State) -> Result<(), String> {
        state.mode = Mode::WaitRewrite;
        self.server.aof.replaced();
        match self.start_rewrite(state) {
            Ok(()) => Ok(()),
            Err(StartError::Failed) => {
                state.mode = Mode::Off;
                tracing::error!(
                    "Redis needs to enable the AOF but can't trigger a background AOF rewrite \
                     operation. Check the above logs for more info about the error."
                );
                Err("Unable to turn on AOF. Check server logs.".to_owned())
            }
            Err(StartError::Busy) => {
                state.scheduled = true;
                if self.server.jobs.running() == Some(JobKind::AofRewrite) {
                    tracing::error!(
                        "AOF was enabled but there is already an AOF rewriting in background. \
                         Stopping background AOF and starting a rewrite now."
                    );
                    self.kill_rewrite();
                } else {
                    tracing::error!(
                        "AOF was enabled but there is already another background operation. An \
                         AOF background was scheduled to start when possible."
                    );
                }
                Ok(())
            }
        }
    }

    fn switch_off(self: &Arc<Self>, state: &mut State) {
        state.mode = Mode::Off;
        state.scheduled = false;
        self.kill_rewrite();
        self.send_off_writer(state);
    }

    fn kill_rewrite(&self) {
        if self.server.jobs.cancel(JobKind::AofRewrite) {
            let pid = std::process::id();
            tracing::info!("Killing running AOF rewrite child: {pid}");
        }
    }

    /// Lets the writer finish, without waiting for it: this may be a worker's thread.
    fn send_off_writer(&self, state: &mut State) {
        let Some(writer) = state.writer.take() else {
            return;
        };
        let server = Arc::clone(&self.server);
        let before = state.closing.take();
        // What is changed from now on is not in the file.
        let end = server.log.end();
        self.status.limit.fetch_min(end, Relaxed);
        let close = move || {
            if let Some(before) = before {
                // A panic of the thread has been reported where it happened.
                let _ = before.join();
            }
            if !writer.close(end) {
                tracing::error!("Fail to fsync the AOF file: not all of it is on disk");
            }
            server.aof.set_error(0);
            server.aof.set_enabled(false);
        };
        let thread = std::thread::Builder::new().name("aof-close".to_owned());
        match thread.spawn(close) {
            Ok(thread) => state.closing = Some(thread),
            Err(error) => tracing::error!("Cannot close the append-only file: {error}"),
        }
    }

    /// Waits for writers that were sent off.
    fn await_closing(&self) {
        let closing = self.state.lock().closing.take();
        if let Some(closing) = closing {
            // A panic of the thread has been reported where it happened.
            let _ = closing.join();
        }
    }

    /// Replaces all data by what is in the files.
    fn reload(&self) -> Result<(), Fatal> {
        self.await_closing();
        let (drained, has_writer) = {
            let state = self.state.lock();
            let writer = state.writer.as_ref();
            // What waits for the first base is not part of what is loaded.
            let writer = writer.filter(|_| state.mode == Mode::On);
            (writer.map(WriterHandle::drain), writer.is_some())
        };
        if let Some(drained) = drained {
            // An error means that the thread is gone, which has said so.
            let _ = drained.recv();
        }
        let server = &self.server;
        let now_ms = common::clock::now_ms();
        server.persistence.begin_loading(0, now_ms);
        {
            let mut locked = server.keyspace.lock_all();
            for db in (0..server.keyspace.databases() as u32).map(keyspace::DbId) {
                locked.flush(db, false);
            }
        }
        server.persistence.functions.lock().clear();
        let mut store = self.read_manifest()?;
        let loaded = load::load(self, &mut store, !has_writer, &|| false).map_err(|_| Fatal)?;
        self.state.lock().store = Some(store);
        if !has_writer {
            self.note_loaded(loaded);
        }
        server
            .changes_at_save
            .store(server.stats.changes(), Relaxed);
        server.persistence.end_loading();
        commands::blocking::data_replaced(server);
        tracing::error!("Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    }

    /// Deletes what a rewrite has made superfluous, if that is wanted.
    fn delete_history(&self, state: &mut State) {
        let Some(store) = &mut state.store else {
            return;
        };
        if self.config.bool("aof-disable-auto-gc") || store.manifest().history.is_empty() {
            return;
        }
        match store.forget_history() {
            Ok(paths) => {
                for path in paths {
                    let name = path.file_name().unwrap_or_default().display();
                    tracing::info!("Removing the history file {name} in the background");
                    // What cannot be deleted does no harm.
                    let _ = store.disk().remove(&path);
                }
            }
            Err(error) => load::complain(&error),
        }
    }

    fn size(&self, state: &State) -> u64 {
        state.other_size + self.status.size.load(Relaxed)
    }

    fn growth_percent(&self, state: &State) -> i64 {
        let base = state.base_size.max(1);
        (self.size(state) as i64).saturating_mul(100) / base as i64 - 100
    }

    /// Whether the files have grown so much that they are to be rewritten.
    fn has_grown(&self, state: &State) -> bool {
        let percent = self.config.int("auto-aof-rewrite-percentage");
        percent > 0
            && self.size(state) > self.config.unsigned("auto-aof-rewrite-min-size")
            && self.growth_percent(state) >= percent
    }
}
