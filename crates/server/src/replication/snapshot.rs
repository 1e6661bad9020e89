//! Snapshots for replicas: made once, for all who wait, into a file or straight to them.
//!
//! Every replica that waits when the snapshot begins shares one cut. The stream continues for each
//! of them from the offset that was noted at the cut, so nothing is sent twice or left out.

use common::os::os_text;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use ::replication::payload::{Framing, MARK_LEN};
use bytes::Bytes;
use commands::jobs::{JobGuard, JobKind};
use commands::replication::SyncPlan;
use persistence::cut::Cut;
use persistence::disk::RealDisk;
use persistence::pace;
use persistence::rdb::file::{FileError, Place, replace};
use persistence::rdb::save::{Encoder, SaveError, write_rdb};

use super::Context;
use super::flow::{Flow, POLL};

/// Bytes given to replicas at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Makes a snapshot and sends it; the thread's whole life.
pub(super) fn run(context: &Context, plan: SyncPlan) {
    let server = &context.server;
    let Some(guard) = wait_for_slot(context) else {
        server.replication.end_sync();
        return;
    };
    let kind = match plan.is_diskless {
        true => "replicas sockets",
        false => "disk",
    };
    tracing::info!("Starting BGSAVE for SYNC with target: {kind}");
    server.persistence.saving.in_progress.store(true, SeqCst);
    if plan.is_diskless {
        to_replicas(context, plan, guard);
    } else {
        through_file(context, plan, guard);
    }
    // Whoever came meanwhile waits for another.
    server.log.nudge();
}

fn wait_for_slot(context: &Context) -> Option<JobGuard> {
    let server = &context.server;
    let mut is_told = false;
    loop {
        if context.is_stopping() || server.replication.is_unwanted() {
            return None;
        }
        if let Some(guard) = server.jobs.start(JobKind::Sync) {
            return Some(guard);
        }
        if !std::mem::replace(&mut is_told, true) {
            tracing::info!(
                "No BGSAVE in progress, but another BG operation is active. BGSAVE for \
                 replication delayed"
            );
        }
        std::thread::sleep(POLL);
    }
}

/// Writes what the plan asks for, from a cut on.
fn write(
    context: &Context,
    plan: SyncPlan,
    guard: &JobGuard,
    out: &mut dyn Write,
) -> Result<(), SaveError> {
    let server = &context.server;
    let mut aux = Vec::new();
    let mut at_cut = || {
        server.replication.begin_sync(server, &plan);
        aux = server.replication.aux();
    };
    if plan.without_data {
        let locked = server.keyspace.lock_all();
        at_cut();
        drop(locked);
        let failed = |error| SaveError::Io("rdbSaveRio", error);
        let options = crate::snapshot::options(server, &context.config, aux);
        let encoder = Encoder::begin(out, &options, &[]).map_err(failed)?;
        return encoder.finish().map(drop).map_err(failed);
    }
    let cut = Cut::begin(&server.keyspace, &mut at_cut);
    let _background = pace::in_background();
    let cancelled = || guard.is_cancelled() || context.is_stopping();
    let progress = &server.persistence.saving.progress;
    write_rdb(
        cut,
        out,
        &crate::snapshot::options(server, &context.config, aux),
        progress,
        &cancelled,
    )
    .map(drop)
}

/// A snapshot that goes to a file first, as BGSAVE's, and then from there to the replicas.
fn through_file(context: &Context, plan: SyncPlan, guard: JobGuard) {
    let replication = &context.server.replication;
    let pid = std::process::id();
    tracing::info!("Background saving started by pid {pid}");
    let (name, temp) = (
        context.config.text("dbfilename"),
        format!("temp-sync-{pid}.rdb"),
    );
    let place = Place {
        dir: Path::new("."),
        name: &name,
        temp: &temp,
        sync_as_it_grows: context.config.bool("rdb-save-incremental-fsync"),
        naming: Some(&|rename| {
            let is_called_off = || guard.is_cancelled();
            let state = &context.server.persistence;
            state.name_unless(is_called_off, rename);
        }),
    };
    let written = replace(&RealDisk, place, |out| write(context, plan, &guard, out));
    let file = match written {
        Ok(()) => {
            tracing::info!("DB saved on disk");
            tracing::info!("Background saving terminated with success");
            let file = File::open(&name).and_then(|file| Ok((file.metadata()?.len(), file)));
            file.inspect_err(|error| {
                let reason = os_text(error);
                tracing::error!("SYNC failed. Can't open/stat DB after BGSAVE: {reason}");
            })
            .ok()
        }
        Err(error) => {
            log_failure(&error);
            tracing::error!("SYNC failed. BGSAVE child returned an error");
            None
        }
    };
    let targets = match &file {
        Some(_) => replication.begin_sending(),
        None => Vec::new(),
    };
    drop(guard);
    context
        .server
        .persistence
        .saving
        .in_progress
        .store(false, SeqCst);
    replication.end_sync();
    if let Some((len, file)) = file {
        send_file(
            context,
            &file,
            len,
            targets.into_iter().map(Flow::new).collect(),
        );
    }
    remove_if_unwanted(context, &name);
}

fn log_failure(error: &FileError) {
    match error {
        FileError::Cancelled => tracing::error!("Background saving called off"),
        error => tracing::error!("Background saving error: {error}"),
    }
}

/// Sends a file to replicas, each at its own pace.
fn send_file(context: &Context, file: &File, len: u64, flows: Vec<Flow>) {
    let header = Bytes::from(Framing::Length(len).line());
    let mut flows: Vec<(Flow, u64)> = flows.into_iter().map(|flow| (flow, 0)).collect();
    for (flow, _) in &mut flows {
        flow.push(header.clone());
    }
    while !flows.is_empty() && !context.is_stopping() {
        let mut moved = false;
        flows.retain_mut(|(flow, offset)| {
            if flow.is_gone() {
                return false;
            }
            if *offset == len {
                moved = true;
                finish(context, flow, false);
                return false;
            }
            if flow.has_room() {
                moved = true;
                let mut piece = vec![0; PIECE_BYTES.min((len - *offset) as usize)];
                if let Err(error) = file.read_exact_at(&mut piece, *offset) {
                    let reason = os_text(&error);
                    tracing::error!("Read error sending DB to replica: {reason}");
                    flow.target.link.kill(false);
                    return false;
                }
                *offset += piece.len() as u64;
                flow.push(Bytes::from(piece));
            }
            true
        });
        if !moved {
            std::thread::sleep(POLL);
        }
    }
}

/// A replica has everything.
fn finish(context: &Context, flow: &Flow, awaits_ack: bool) {
    let name = &flow.target.name;
    if context
        .server
        .replication
        .synced(flow.target.id, awaits_ack)
    {
        tracing::info!("Synchronization with replica {name} succeeded");
    } else {
        tracing::info!(
            "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
        );
    }
}

/// Without persistence, and where that is asked for, replication leaves no file behind.
fn remove_if_unwanted(context: &Context, name: &str) {
    let config = &context.config;
    let persists = !config.save_points().is_empty() || config.bool("appendonly");
    let wanted = !config.bool("rdb-del-sync-files") || persists;
    if wanted || !context.server.replication.is_all_synced() {
        return;
    }
    tracing::info!("Removing the RDB file used to feed replicas in a persistence-less instance");
    if let Err(error) = std::fs::remove_file(name) {
        tracing::debug!("{}", os_text(&error));
    }
}

/// Writes to all replicas that take part, at the pace of the slowest.
struct Fan<'a> {
    context: &'a Context,
    mark: [u8; MARK_LEN],
    /// Nobody is known before the cut.
    flows: Option<Vec<Flow>>,
    buffer: Vec<u8>,
}

impl Fan<'_> {
    fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        let timeout_ms = self.context.server.settings.repl_timeout_s.load(Relaxed) as i64 * 1000;
        let flows = self.flows.get_or_insert_with(|| {
            let targets = self.context.server.replication.sync_targets();
            let mut flows: Vec<Flow> = targets.into_iter().map(Flow::new).collect();
            let header = Bytes::from(Framing::Mark(self.mark).line());
            flows.iter_mut().for_each(|flow| flow.push(header.clone()));
            flows
        });
        for flow in flows.iter_mut() {
            while !flow.has_room() && !flow.is_gone() {
                if flow.is_stuck(timeout_ms) {
                    let name = &flow.target.name;
                    tracing::error!("Disconnecting timedout replica (full sync): {name}");
                    flow.target.link.kill(false);
                }
                if self.context.is_stopping() {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                std::thread::sleep(POLL);
            }
        }
        flows.retain(|flow| !flow.is_gone());
        if flows.is_empty() {
            tracing::info!("Diskless rdb transfer, last replica dropped, killing fork child.");
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        flows.iter_mut().for_each(|flow| flow.push(bytes.clone()));
        Ok(())
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.buffer) {
            bytes if bytes.is_empty() => Ok(()),
            bytes => self.send(Bytes::from(bytes)),
        }
    }
}

impl Write for Fan<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.send_buffer()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_buffer()
    }
}

/// A snapshot that goes to the replicas as it is written.
fn to_replicas(context: &Context, plan: SyncPlan, guard: JobGuard) {
    let pid = std::process::id();
    tracing::info!("Background RDB transfer started by pid {pid}");
    let mut mark = [0; MARK_LEN];
    mark.copy_from_slice(common::random::hex_id(MARK_LEN).as_bytes());
    let mut fan = Fan {
        context,
        mark,
        flows: None,
        buffer: Vec::new(),
    };
    let written = write(context, plan, &guard, &mut fan).map_err(FileError::from);
    let written = written.and_then(|()| {
        let mark = Bytes::copy_from_slice(&mark);
        fan.send_buffer()
            .and_then(|()| fan.send(mark))
            .map_err(|error| FileError::Write("send", error))
    });
    drop(guard);
    context
        .server
        .persistence
        .saving
        .in_progress
        .store(false, SeqCst);
    match written {
        Ok(()) => {
            let flows = fan.flows.unwrap_or_default();
            let count = flows.len();
            tracing::info!(
                "Diskless rdb transfer, done reading from pipe, {count} replicas still up."
            );
            tracing::info!("Background RDB transfer terminated with success");
            for flow in &flows {
                tracing::info!(
                    "Streamed RDB transfer with replica {} succeeded (socket). Waiting for \
                     REPLCONF ACK from replica to enable streaming",
                    flow.target.name
                );
                finish(context, flow, true);
            }
        }
        Err(error) => {
            log_failure(&error);
            tracing::error!("Background transfer error");
        }
    }
    context.server.replication.end_sync();
}
