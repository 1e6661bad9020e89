//! The background job that writes all data as a new base.
//!
//! A cut fixes an instant and the log's offset of it. What the log has from there on goes to a new
//! increment; all before it, and the old base, become superfluous when the new base has its name.
//! Until then, whatever happens, what is on disk is complete. The job is a thread; nothing forks.

use common::os::os_text;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use commands::jobs::{JobGuard, JobKind};
use persistence::aof::rewrite::write_aof;
use persistence::aof::store::Store;
use persistence::cut::Cut;
use persistence::disk::DiskFile;
use persistence::pace;
use persistence::rdb::file::{self, FileError};
use persistence::rdb::save::write_rdb;
use replication::log::Reader;

use super::writer::{Request, Switch};
use super::{Mode, Shared, State, load, preamble};

/// An open file and its name.
type NamedFile = (String, Box<dyn DiskFile>);

/// How often it looks whether it was called off, while it waits for the writer.
const LOOK: Duration = Duration::from_millis(10);

/// Why no rewrite has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartError {
    /// Another job is running.
    Busy,
    /// Files or threads; the log says why.
    Failed,
}

/// What there is to say of rewrites.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// When the current one began, Unix seconds.
    pub(super) started_s: Option<i64>,
    /// How long the last one took; -1: there was none.
    pub(super) last_took_s: i64,
    /// Whether it went well.
    pub(super) last_ok: bool,
    /// How many have begun.
    pub(super) count: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            started_s: None,
            last_took_s: -1,
            last_ok: true,
            count: 0,
        }
    }
}

/// How a rewrite ended that made no base.
enum Failure {
    /// It went wrong, and the log says how.
    Error,
    /// It was called off.
    Cancelled,
}

/// A rewrite under way.
struct Job {
    shared: Arc<Shared>,
    guard: JobGuard,
    mode: Mode,
    /// The new increment and its name; none while the log is off.
    incr: Option<NamedFile>,
    is_rdb: bool,
    /// Which data it writes.
    data: u64,
}

/// The base of an empty log, written at start.
pub(super) fn first_base(shared: &Shared, store: &mut Store) -> Option<String> {
    let is_rdb = shared.wants_rdb();
    let cut = Cut::begin(&shared.server.keyspace, || {});
    let name = write_base(shared, cut, is_rdb, &|| false)
        .map_err(|_| ())
        .ok()?;
    let installed = store.install_base(Path::new(&name), is_rdb, None, usize::MAX);
    installed
        .inspect_err(load::complain)
        .ok()
        .map(|(base, _)| base)
}

/// Writes all of a cut into a file of a temporary name, which is returned.
fn write_base(
    shared: &Shared,
    cut: Cut,
    is_rdb: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<String, FileError> {
    let pid = std::process::id();
    let name = format!("temp-rewriteaof-bg-{pid}.aof");
    let place = file::Place {
        dir: Path::new("."),
        name: &name,
        temp: &format!("temp-rewriteaof-{pid}.aof"),
        sync_as_it_grows: shared.config.bool("aof-rewrite-incremental-fsync"),
        naming: None,
    };
    let progress = &shared.progress;
    let written = file::replace(&*shared.disk, place, |out| match is_rdb {
        true => {
            let options = preamble::save_options(shared);
            write_rdb(cut, out, &options, progress, cancelled)
        }
        false => {
            let annotate = shared.config.bool("aof-timestamp-enabled");
            let time_s = annotate.then(|| common::clock::now_ms() / 1000);
            write_aof(cut, out, time_s, progress, cancelled)
        }
    });
    if let Err(FileError::Open(error) | FileError::Write(_, error) | FileError::Rename(error)) =
        &written
    {
        let reason = os_text(error);
        tracing::error!("Write error writing append only file on disk: {reason}");
    }
    written.map(|_| name)
}

impl Shared {
    /// Begins a rewrite.
    pub(super) fn start_rewrite(self: &Arc<Self>, state: &mut State) -> Result<(), StartError> {
        let Some(guard) = self.server.jobs.start(JobKind::AofRewrite) else {
            return Err(StartError::Busy);
        };
        let incr = self.open_incr(state).map_err(|error| {
            load::complain(&error);
            state.history.last_ok = false;
            StartError::Failed
        })?;
        let job = Job {
            shared: Arc::clone(self),
            guard,
            mode: state.mode,
            incr,
            is_rdb: self.wants_rdb(),
            data: 0,
        };
        let thread = std::thread::Builder::new().name("aof-rewrite".to_owned());
        thread.spawn(move || job.run()).map_err(|error| {
            let reason = os_text(&error);
            tracing::error!("Can't rewrite append only file in background: fork: {reason}");
            state.history.last_ok = false;
            StartError::Failed
        })?;
        let pid = std::process::id();
        tracing::info!("Background append only file rewriting started by pid {pid}");
        state.scheduled = false;
        state.history.count += 1;
        state.history.started_s = Some(common::clock::now_ms() / 1000);
        Ok(())
    }

    /// Whether a base is a snapshot: as configured, and always while there are libraries of
    /// functions, which are kept as they came and cannot be written as commands.
    fn wants_rdb(&self) -> bool {
        let has_functions = || !self.server.persistence.functions.lock().is_empty();
        self.config.bool("aof-use-rdb-preamble") || has_functions()
    }

    /// Opens the file for what the log will have from the cut on.
    fn open_incr(
        &self,
        state: &State,
    ) -> Result<Option<NamedFile>, persistence::aof::store::StoreError> {
        let Some(store) = &state.store else {
            return Ok(None);
        };
        store.create_dir()?;
        let name = match state.mode {
            Mode::Off => return Ok(None),
            Mode::On => store.manifest().clone().new_incr(&store.place().file_name),
            Mode::WaitRewrite => store.place().temp_incr_name(),
        };
        let file = store.open_incr(&name, true)?;
        Ok(Some((name, file)))
    }
}

impl Job {
    fn run(mut self) {
        let temp_incr = match self.mode {
            Mode::WaitRewrite => self.incr.as_ref().map(|(name, _)| name.clone()),
            _ => None,
        };
        let result = self.rewrite();
        if let Err(failure) = &result {
            if matches!(failure, Failure::Error) {
                tracing::error!("Background AOF rewrite terminated with error");
            }
            self.clean_up(temp_incr.as_deref());
        }
        let mut state = self.shared.state.lock();
        let history = &mut state.history;
        match result {
            Ok(()) => {
                history.last_ok = true;
                self.shared.failures.store(0, Relaxed);
            }
            Err(Failure::Error) => {
                history.last_ok = false;
                self.shared.failures.fetch_add(1, Relaxed);
            }
            // Whoever did that does not count it.
            Err(Failure::Cancelled) => {}
        }
        if let Some(started_s) = history.started_s.take() {
            history.last_took_s = common::clock::now_ms() / 1000 - started_s;
        }
        // Still to be switched on: the next attempt.
        state.scheduled |= state.mode == Mode::WaitRewrite;
        drop(self.guard);
    }

    fn rewrite(&mut self) -> Result<(), Failure> {
        self.shared.await_closing();
        let (cut, switched) = self.cut()?;
        let cut = cut.bounded();
        let cancelled = || self.guard.is_cancelled();
        let background = pace::in_background();
        let written = write_base(&self.shared, cut, self.is_rdb, &cancelled);
        drop(background);
        let temp = written.map_err(|error| match error {
            FileError::Cancelled => Failure::Cancelled,
            _ => Failure::Error,
        })?;
        tracing::info!("Successfully created the temporary AOF base file {temp}");
        tracing::info!("Background AOF rewrite terminated with success");
        let switched = switched.map_or(Ok(()), |switched| self.await_switch(&switched));
        let installed = switched.and_then(|()| self.install(&temp));
        if installed.is_err() {
            // It may be gone already; nothing else can be done about it.
            let _ = self.shared.disk.remove(Path::new(&temp));
        }
        installed
    }

    /// Fixes the instant, and sends what the log has from there on to the new increment.
    fn cut(&mut self) -> Result<(Cut, Option<Receiver<bool>>), Failure> {
        let shared = Arc::clone(&self.shared);
        let log = &shared.server.log;
        let keyspace = &shared.server.keyspace;
        match (self.mode, self.incr.take()) {
            (Mode::On, Some(incr)) => {
                let mut at = 0;
                let data = &mut self.data;
                let cut = Cut::begin(keyspace, || {
                    *data = shared.server.aof.data();
                    at = log.begin_part();
                    shared.status.limit.store(at, Release);
                });
                Ok((cut, Some(self.switch(at, incr)?)))
            }
            (Mode::WaitRewrite, Some((name, file))) => {
                let mut reader = None;
                let data = &mut self.data;
                let cut = Cut::begin(keyspace, || {
                    *data = shared.server.aof.data();
                    reader = Some(log.read_from_end());
                });
                self.begin_log(reader, file)?;
                tracing::info!("Creating AOF incr file {name} on background rewrite");
                Ok((cut, None))
            }
            _ => Ok((Cut::begin(keyspace, || {}), None)),
        }
    }

    /// Asks the writer to go on with the new increment from offset `at`.
    fn switch(&self, at: u64, (name, file): NamedFile) -> Result<Receiver<bool>, Failure> {
        let (done, switched) = channel();
        let shared = Arc::clone(&self.shared);
        let ready = move || {
            let mut state = shared.state.lock();
            let before = shared.status.size.load(Relaxed);
            let Some(store) = &mut state.store else {
                return false;
            };
            let mut manifest = store.manifest().clone();
            manifest.new_incr(&store.place().file_name);
            if let Err(error) = store.persist(manifest) {
                load::complain(&error);
                return false;
            }
            state.other_size += before;
            tracing::info!("Creating AOF incr file {name} on background rewrite");
            true
        };
        let request = Request::Switch(Switch {
            at,
            file,
            ready: Box::new(ready),
            done,
        });
        match &self.shared.state.lock().writer {
            Some(writer) => writer.ask(request),
            None => return Err(Failure::Cancelled),
        }
        Ok(switched)
    }

    /// Sets a writer to work that gathers what the log has until the base is there.
    fn begin_log(&self, reader: Option<Reader>, file: Box<dyn DiskFile>) -> Result<(), Failure> {
        let mut state = self.shared.state.lock();
        let Some(reader) = reader.filter(|_| state.mode == Mode::WaitRewrite) else {
            return Err(Failure::Cancelled);
        };
        self.shared
            .start_writer(&mut state, reader, file, 0)
            .map_err(|error| {
                let reason = os_text(&error);
                tracing::error!("Can't start to write the append-only file: {reason}");
                Failure::Error
            })
    }

    fn await_switch(&self, switched: &Receiver<bool>) -> Result<(), Failure> {
        use std::sync::mpsc::RecvTimeoutError;
        loop {
            match switched.recv_timeout(LOOK) {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Failure::Error),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Cancelled),
                Err(RecvTimeoutError::Timeout) if self.guard.is_cancelled() => {
                    return Err(Failure::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Gives the base its name and its place in the manifest.
    fn install(&self, temp: &str) -> Result<(), Failure> {
        let shared = &self.shared;
        let mut state = shared.state.lock();
        if self.guard.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let State { store, mode, .. } = &mut *state;
        let Some(store) = store else {
            return Err(Failure::Error);
        };
        let temp_incr = (*mode == Mode::WaitRewrite).then(|| store.place().temp_incr_name());
        let keep = usize::from(*mode == Mode::On);
        let installed =
            store.install_base(Path::new(temp), self.is_rdb, temp_incr.as_deref(), keep);
        let (base, incr) = installed.map_err(|error| {
            load::complain(&error);
            Failure::Error
        })?;
        tracing::info!("Successfully renamed the temporary AOF base file {temp} into {base}");
        if let Some((from, to)) = temp_incr.zip(incr) {
            tracing::info!("Successfully renamed the temporary AOF incr file {from} into {to}");
        }
        let base_size = store.size(&base);
        if *mode == Mode::WaitRewrite {
            *mode = Mode::On;
        }
        if *mode == Mode::On {
            let gate = &shared.server.aof;
            gate.has_base(self.data);
            // All data was replaced meanwhile.
            state.scheduled |= !gate.is_whole();
            state.other_size = base_size;
            state.base_size = shared.size(&state);
        }
        shared.delete_history(&mut state);
        tracing::info!("Background AOF rewrite finished successfully");
        Ok(())
    }

    /// A log that waited for its base starts over with the next attempt.
    fn clean_up(&self, temp_incr: Option<&str>) {
        let shared = &self.shared;
        let Some(name) = temp_incr else {
            return;
        };
        let mut state = shared.state.lock();
        shared.send_off_writer(&mut state);
        if let Some(store) = &state.store {
            tracing::info!("Removing the temp incr aof file {name} in the background");
            // The writer's handle outlives the name; a file that stays is emptied next time.
            let _ = store.disk().remove(&store.place().path(name));
        }
    }
}
