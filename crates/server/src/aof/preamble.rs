//! The snapshot in front of the commands: as a base it is all of a file, in the single file of a
//! Redis before 7 commands follow.
//!
//! Loading one gives back where the commands begin; writing one is the rewrite's business, with the
//! options made here.

use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;

use commands::Server;
use keyspace::OnDuplicate;
use persistence::rdb::load::{Events, LoadError, LoadOptions, load_parallel};
use persistence::rdb::save::SaveOptions;
use persistence::rdb::{ReadSource, Source};

use super::Shared;
use crate::process::progress::Bar;

/// What a base says of itself is not repeated.
struct Silent<'a> {
    server: &'a Server,
    is_called_off: &'a (dyn Fn() -> bool + Sync),
    bar: &'a Bar,
}

impl Events for Silent<'_> {
    fn aux(&self, _: &[u8], _: &[u8]) {}
    fn function(&self, code: Vec<u8>) {
        self.server.persistence.functions.lock().push(code);
    }
    fn empty_key(&self, key: &[u8]) {
        let key = key.escape_ascii();
        tracing::info!("rdbLoadObject failed loading key: '{key}'. Empty keys are skipped.");
    }
    fn no_checksum(&self) {
        tracing::error!("RDB file was saved with checksum disabled: no check performed.");
    }
    fn progress(&self, bytes: u64) -> bool {
        self.server.persistence.load.bytes.store(bytes, Relaxed);
        self.bar.show(bytes);
        !(self.is_called_off)()
    }
}

/// Loads a snapshot, the first of the files; returns the stream behind it, and its offset.
pub(super) fn load(
    shared: &Shared,
    stream: impl Read + Send,
    is_called_off: &(dyn Fn() -> bool + Sync),
    bar: &Bar,
) -> Result<(impl Read, u64), LoadError> {
    let (server, config) = (&shared.server, &shared.config);
    let now_ms = common::clock::now_ms();
    let options = LoadOptions {
        // Commands that follow may count on a key that has expired since.
        skip_expired: false,
        checksum: config.bool("rdbchecksum"),
        ..commands::persistence::load_options(server, now_ms)
    };
    let helpers = std::thread::available_parallelism().map_or(0, |n| n.get() - 1);
    let insert =
        |entry: keyspace::NewEntry<'_>| server.keyspace.load(entry, OnDuplicate::Refuse, now_ms);
    let events = Silent {
        server,
        is_called_off,
        bar,
    };
    let source = ReadSource::new(stream, options.checksum);
    let source = load_parallel(
        source,
        &options,
        &server.persistence.load.loaded,
        &events,
        (helpers, &insert),
    )?;
    let offset = source.position();
    let (stream, rest) = source.into_parts();
    Ok((io::Cursor::new(rest).chain(stream), offset))
}

/// How a base is written.
pub(super) fn save_options(shared: &Shared) -> SaveOptions {
    let mut options = crate::snapshot::options(&shared.server, &shared.config, Vec::new());
    for (name, value) in &mut options.aux {
        if *name == "aof-base" {
            *value = "1".to_owned();
        }
    }
    options
}
