//! Writing snapshots: SAVE, BGSAVE, save points, the one before the end.
//!
//! A snapshot has its moment before its thread begins to write: who asks for one holds all shards
//! then, or nobody does and they are locked for it. What is written afterwards changes nothing.

use common::os::os_text;
use common::priority;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use commands::Server;
use commands::jobs::{JobGuard, JobKind};
use commands::session::ClientLink;
use keyspace::{CutSize, DbId, Locked};
use persistence::cut::Cut;
use persistence::pace;
use persistence::rdb::file::{FileError, Place, replace};
use persistence::rdb::save::{Encoder, SaveError, SaveOptions, write_rdb};
use resp::{Proto, ReplyError, ReplyWriter, errors};

use super::{Snapshots, background_temp_name, now_s, temp_name};
use crate::config::Config;
use crate::version::REDIS_VERSION;

/// After a failure, save points wait so many seconds.
const RETRY_S: i64 = 5;
/// How often one who waits for the slot looks.
const SLOT_POLL: Duration = Duration::from_millis(2);

/// How a snapshot of the whole server is written; `replication` are its fields about the history.
pub fn options(
    server: &Server,
    config: &Config,
    replication: Vec<(&'static str, String)>,
) -> SaveOptions {
    let now_ms = common::clock::now_ms();
    let mut aux = vec![
        ("redis-ver", REDIS_VERSION.to_owned()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", (now_ms / 1000).to_string()),
        ("used-mem", common::memory::used_memory().to_string()),
    ];
    aux.extend(replication);
    aux.push(("aof-base", "0".to_owned()));
    SaveOptions {
        checksum: config.bool("rdbchecksum"),
        functions: server.persistence.functions.lock().clone(),
        ..commands::persistence::save_options(server, aux, now_ms)
    }
}

/// A snapshot that has its moment.
struct Begun {
    cut: Cut,
    /// [`commands::stats::Stats::changes`] at that moment.
    changes: u64,
    /// Fields about the replication history at that moment.
    aux: Vec<(&'static str, String)>,
}

impl Begun {
    /// Begins one, for who holds all shards or none.
    fn now(server: &Server, locked: Option<&mut Locked<'_>>) -> Self {
        let (mut changes, mut aux) = (0, Vec::new());
        let mut note = || {
            changes = server.stats.changes();
            aux.extend(server.replication.aux());
        };
        let cut = match locked {
            Some(locked) => {
                note();
                Cut::begin_locked(&server.keyspace, locked)
            }
            None => Cut::begin(&server.keyspace, note),
        };
        let cut = cut.bounded();
        let progress = &server.persistence.saving.progress;
        progress.keys_total.store(cut.keys() as u64, Relaxed);
        Self { cut, changes, aux }
    }

    /// Gives it to the thread that writes it. It is never dropped here, where shards may be
    /// locked: that thread has not ended.
    fn hand_over(self, thread: &Sender<Self>) {
        if let Err(unsent) = thread.send(self) {
            std::mem::forget(unsent.0);
        }
    }
}

impl Snapshots {
    /// Writes the file; on success notes that everything up to then is saved.
    fn write_file(
        &self,
        server: &Server,
        (temp, is_called_off): (&str, &dyn Fn() -> bool),
        write: impl FnOnce(&mut dyn Write, &SaveOptions) -> Result<u64, SaveError>,
    ) -> Result<(), FileError> {
        let name = self.name();
        // By its own name: CONFIG SET dir may go elsewhere meanwhile.
        let dir = std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_owned());
        let place = Place {
            dir: &dir,
            name: &name,
            temp,
            sync_as_it_grows: self.config.bool("rdb-save-incremental-fsync"),
            naming: Some(&|rename| server.persistence.name_unless(is_called_off, rename)),
        };
        let options = options(server, &self.config, Vec::new());
        let result = replace(&*self.disk, place, |out| write(out, &options));
        match &result {
            Ok(changes) => {
                tracing::info!("DB saved on disk");
                server.changes_at_save.store(*changes, SeqCst);
                server.last_save_s.store(now_s(), SeqCst);
                server.persistence.saving.ended(true);
            }
            Err(error) => self.log_failure(error, temp),
        }
        result.map(drop)
    }

    fn log_failure(&self, error: &FileError, temp: &str) {
        let dir = std::env::current_dir().unwrap_or_default();
        let dir = dir.display();
        match error {
            FileError::Open(error) => tracing::error!(
                "Failed opening the temp RDB file {temp} (in server root dir {dir}) for saving: {}",
                os_text(error)
            ),
            FileError::Write(step, error) => {
                tracing::error!("Write error saving DB on disk({step}): {}", os_text(error));
            }
            FileError::Rename(error) => tracing::error!(
                "Error moving temp DB file {temp} on the final destination {} (in server root dir \
                 {dir}): {}",
                self.name(),
                os_text(error)
            ),
            FileError::Cancelled => {}
        }
    }

    /// Writes a snapshot of the moment at which it was begun; beside clients that are served, if
    /// `in_background`.
    fn write_cut(
        &self,
        server: &Server,
        temp: &str,
        (guard, begun): (&JobGuard, Begun),
        in_background: bool,
    ) -> Result<(), FileError> {
        let saving = &server.persistence.saving;
        let held_before = keyspace::held_bytes_total();
        saving.held_bytes_peak.store(0, Relaxed);
        let cancelled = || {
            let held = keyspace::held_bytes_total() - held_before;
            saving.held_bytes_peak.store(held as u64, Relaxed);
            guard.is_cancelled()
        };
        let is_called_off = || guard.is_cancelled();
        let result = self.write_file(server, (temp, &is_called_off), |out, options| {
            let mut options = options.clone();
            options.aux.extend(begun.aux);
            let _background = in_background.then(pace::in_background);
            write_rdb(begun.cut, out, &options, &saving.progress, &cancelled)?;
            Ok(begun.changes)
        });
        cancelled();
        let held = saving.held_bytes_peak.load(Relaxed);
        saving.held_bytes_last.store(held, Relaxed);
        result
    }

    /// BGSAVE, by one who holds all shards or none; whether it has begun. It has not if another
    /// job runs.
    pub fn start_in_background(self: &Arc<Self>, locked: Option<&mut Locked<'_>>) -> bool {
        let Some(server) = self.server.upgrade() else {
            return false;
        };
        let Some(guard) = server.jobs.start(JobKind::Save) else {
            return false;
        };
        let saving = &server.persistence.saving;
        saving.count.fetch_add(1, Relaxed);
        saving.tried_s.store(now_s(), Relaxed);
        saving.started_s.store(now_s(), Relaxed);
        saving.progress.keys.store(0, Relaxed);
        saving.in_progress.store(true, SeqCst);
        let (this, of_thread) = (Arc::clone(self), Arc::clone(&server));
        let (sender, begun) = channel();
        let run = move || {
            if let Ok(begun) = begun.recv() {
                this.run_in_background(&of_thread, guard, begun);
            }
        };
        match std::thread::Builder::new()
            .name("rdb-bgsave".into())
            .spawn(run)
        {
            Ok(_) => Begun::now(&server, locked).hand_over(&sender),
            Err(error) => {
                tracing::error!("Can't save in background: {}", os_text(&error));
                saving.ended(false);
                saving.in_progress.store(false, SeqCst);
            }
        }
        true
    }

    fn run_in_background(&self, server: &Server, guard: JobGuard, begun: Begun) {
        let pid = std::process::id();
        tracing::info!("Background saving started by pid {pid}");
        let saving = &server.persistence.saving;
        let result = self.write_cut(server, &background_temp_name(), (&guard, begun), true);
        match result {
            Ok(()) => tracing::info!("Background saving terminated with success"),
            Err(FileError::Cancelled) => tracing::error!("Background saving called off"),
            Err(_) => {
                tracing::error!("Background saving error");
                saving.ended(false);
            }
        }
        let took_s = now_s() - saving.started_s.load(Relaxed);
        saving.last_s.store(took_s, Relaxed);
        saving.started_s.store(-1, Relaxed);
        saving.progress.keys.store(0, Relaxed);
        saving.progress.keys_total.store(0, Relaxed);
        drop(guard);
        saving.in_progress.store(false, SeqCst);
    }

    /// BGSAVE as a client asks for it: see [`commands::host::Host::save_in_background`].
    pub fn ask(
        self: &Arc<Self>,
        server: &Server,
        schedule: bool,
        locked: &mut Locked<'_>,
    ) -> Result<bool, ReplyError> {
        if server.jobs.running() == Some(JobKind::Save) {
            return Err(errors::persistence::SAVE_IN_PROGRESS);
        }
        if self.start_in_background(Some(locked)) {
            return Ok(true);
        }
        if schedule {
            server.persistence.saving.scheduled.store(true, SeqCst);
            return Ok(false);
        }
        Err(errors::persistence::CHILD_ACTIVE)
    }

    /// SAVE, on a thread of its own; the client gets its reply from there.
    pub fn save_for(
        self: &Arc<Self>,
        server: &Server,
        client: Arc<dyn ClientLink>,
        locked: &mut Locked<'_>,
    ) -> Result<(), ReplyError> {
        if server.persistence.saving.in_progress.load(SeqCst) {
            return Err(errors::persistence::SAVE_IN_PROGRESS);
        }
        let this = Arc::clone(self);
        // Where another job runs, the moment of the snapshot is when that is over.
        let guard = server.jobs.start(JobKind::Save);
        let is_now = guard.is_some();
        let (sender, begun) = channel();
        let save = move || {
            let begun = guard.and_then(|guard| Some((guard, begun.recv().ok()?)));
            let is_saved = this.save_and_wait(begun, true);
            let mut reply = Vec::new();
            let mut writer = ReplyWriter::new(&mut reply, Proto::Resp2);
            if is_saved {
                writer.ok();
            } else {
                writer.error(&errors::persistence::SAVE_FAILED);
            }
            client.unblock(Bytes::from(reply));
        };
        let spawned = std::thread::Builder::new()
            .name("rdb-save".into())
            .spawn(save);
        spawned.map_err(|_| errors::persistence::SAVE_FAILED)?;
        if is_now {
            Begun::now(server, Some(locked)).hand_over(&sender);
        }
        Ok(())
    }

    /// Writes a snapshot on this thread: the one that was begun, or a new one when no other job
    /// runs; whether that worked.
    fn save_and_wait(&self, begun: Option<(JobGuard, Begun)>, in_background: bool) -> bool {
        let Some(server) = self.server.upgrade() else {
            return false;
        };
        let (guard, begun) = begun.unwrap_or_else(|| {
            let guard = loop {
                match server.jobs.start(JobKind::Save) {
                    Some(guard) => break guard,
                    None => std::thread::sleep(SLOT_POLL),
                }
            };
            (guard, Begun::now(&server, None))
        });
        let result = self.write_cut(&server, &temp_name(), (&guard, begun), in_background);
        // It is called off for a newer one that is on disk then.
        matches!(result, Ok(()) | Err(FileError::Cancelled))
    }

    /// The last snapshot; whether it is written. Clients must not write meanwhile: what slipped in
    /// all the same is saved again.
    pub fn save_before_end(&self) -> bool {
        let Some(server) = self.server.upgrade() else {
            return false;
        };
        loop {
            if !self.save_and_wait(None, false) {
                return false;
            }
            if server.changes_at_save.load(SeqCst) == server.stats.changes() {
                return true;
            }
        }
    }

    /// Ends a snapshot in the making, and waits for its end.
    pub fn call_off(&self) {
        let Some(server) = self.server.upgrade() else {
            return;
        };
        if server.persistence.saving.in_progress.load(SeqCst) && server.jobs.cancel(JobKind::Save) {
            tracing::error!("There is a child saving an .rdb. Killing it!");
            while server.persistence.saving.in_progress.load(SeqCst) {
                std::thread::sleep(SLOT_POLL);
            }
        }
    }

    /// Save points and what was scheduled; to be called about ten times a second.
    pub fn tick(self: &Arc<Self>, server: &Server) {
        persistence::cut::ease();
        priority::look_after();
        let saving = &server.persistence.saving;
        let state = &server.persistence;
        let is_loading = state.is_loading() || state.is_loading_beside();
        if is_loading || server.jobs.running().is_some() {
            return;
        }
        let now_s = now_s();
        let may_try = !saving.failed.load(SeqCst) || now_s - saving.tried_s.load(Relaxed) > RETRY_S;
        if !may_try {
            return;
        }
        if saving.scheduled.swap(false, SeqCst) {
            self.start_in_background(None);
            return;
        }
        if !saving.has_points() {
            return;
        }
        let saved = server.changes_at_save.load(Relaxed);
        let changes = server.stats.changes().saturating_sub(saved);
        let age_s = now_s - server.last_save_s.load(Relaxed);
        let is_due =
            |point: &&(u64, u64)| changes >= point.1 && age_s > point.0.min(i64::MAX as u64) as i64;
        if let Some((seconds, changes)) = self.config.save_points().iter().find(is_due) {
            tracing::info!("{changes} changes in {seconds} seconds. Saving...");
            self.start_in_background(None);
        }
    }

    /// All data has been deleted, by a caller that holds all shards: what is being written is of no
    /// use. Where there are save points, a snapshot of nothing is on disk before this returns, so
    /// that no restart brings the data back.
    pub fn flushed_all(&self, server: &Server) {
        let saving = &server.persistence.saving;
        if !saving.has_points() {
            if saving.in_progress.load(SeqCst) {
                server.jobs.cancel(JobKind::Save);
            }
            return;
        }
        // All that would get the same name: what is written for replicas too.
        server.jobs.cancel(JobKind::Save);
        server.jobs.cancel(JobKind::Sync);
        let temp = format!("temp-flushall-{}.rdb", std::process::id());
        // A failure is in the log; it does not hold up the deletion.
        let _ = self.write_file(server, (&temp, &|| false), |out, options| {
            let mut options = options.clone();
            options.aux.extend(server.replication.aux());
            let failed = |error| SaveError::Io("rdbSaveRio", error);
            let encoder = Encoder::begin(out, &options, &[]).map_err(failed)?;
            encoder.finish().map_err(failed)?;
            Ok(server.stats.changes())
        });
    }

    /// Writes what is there while the caller holds all shards.
    pub(super) fn save_locked(&self, server: &Server, locked: &Locked<'_>) -> bool {
        let written = self.write_file(server, (&temp_name(), &|| false), |out, options| {
            let databases = (0..server.keyspace.databases() as u32).map(DbId);
            let size = |db| CutSize {
                keys: locked.dbs(db).map(|part| part.len()).sum(),
                volatile: locked.dbs(db).map(|part| part.volatile_len()).sum(),
                has_field_expiry: locked.dbs(db).any(|part| part.has_field_expiry()),
            };
            let sizes: Vec<_> = databases.clone().map(size).collect();
            let failed = |error| SaveError::Io("rdbSaveRio", error);
            let mut encoder = Encoder::begin(out, options, &sizes).map_err(failed)?;
            for db in databases {
                for entry in locked.dbs(db).flat_map(|part| part.iter()) {
                    encoder.entry(db, entry).map_err(failed)?;
                }
            }
            encoder.finish().map_err(failed)?;
            Ok(server.stats.changes())
        });
        written.is_ok()
    }
}
