//! A snapshot's file: written under a temporary name, synced, and only then given its own.
//!
//! Whatever happens on the way, the old file stays whole and the temporary one is removed; only a
//! killed process leaves one behind.

use super::save::SaveError;
use crate::disk::{Disk, DiskFile};
use std::io::{self, Write};
use std::path::Path;

/// With incremental syncing, a file is synced each time it has grown by so much.
const SYNC_BYTES: usize = 4 << 20;

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The temporary file could not be opened.
    #[error("{0}")]
    Open(#[source] io::Error),
    /// It could not be written or synced; the name of the step is that of the log line.
    #[error("{1}")]
    Write(&'static str, #[source] io::Error),
    /// It could not be given its name.
    #[error("{0}")]
    Rename(#[source] io::Error),
    /// It was called off.
    #[error("called off")]
    Cancelled,
}

impl From<SaveError> for FileError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Io(step, error) => Self::Write(step, error),
            SaveError::Cancelled => Self::Cancelled,
        }
    }
}

/// Decides whether a file that is whole still gets its name: calls the closure, which names it, or
/// does not.
pub type Naming<'a> = &'a dyn Fn(&mut dyn FnMut());

/// Where a file goes.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The directory.
    pub dir: &'a Path,
    /// The name in it.
    pub name: &'a str,
    /// The name until it is whole.
    pub temp: &'a str,
    /// Whether it is synced while it grows (`rdb-save-incremental-fsync`).
    pub sync_as_it_grows: bool,
    /// Whether it may still be named, where that is in question.
    pub naming: Option<Naming<'a>>,
}

/// Writes a file with what `write` gives; returns what that returns.
///
/// # Errors
/// The step that failed. The old file, if any, is still there, unless only the directory could
/// not be synced.
pub fn replace<R>(
    disk: &dyn Disk,
    place: Place<'_>,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SaveError>,
) -> Result<R, FileError> {
    let temp = place.dir.join(place.temp);
    let file = disk.open(&temp, true).map_err(FileError::Open)?;
    let written = write_and_rename(disk, place, file, &temp, write);
    if written.is_err() {
        // It is of no use, and may have its final name already; nothing else can be done about it.
        let _ = disk.remove(&temp);
    }
    written
}

fn write_and_rename<R>(
    disk: &dyn Disk,
    place: Place<'_>,
    file: Box<dyn DiskFile>,
    temp: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SaveError>,
) -> Result<R, FileError> {
    let mut growing = Growing {
        file,
        unsynced: 0,
        sync: place.sync_as_it_grows,
    };
    let result = write(&mut growing)?;
    let sync = growing.file.sync();
    sync.map_err(|error| FileError::Write("fsync", error))?;
    drop(growing);
    let mut renamed = None;
    let mut rename = || renamed = Some(disk.rename(temp, &place.dir.join(place.name)));
    match place.naming {
        Some(naming) => naming(&mut rename),
        None => rename(),
    }
    renamed
        .ok_or(FileError::Cancelled)?
        .map_err(FileError::Rename)?;
    disk.sync_dir(place.dir)
        .map_err(|error| FileError::Write("fsyncFileDir", error))?;
    Ok(result)
}

struct Growing {
    file: Box<dyn DiskFile>,
    unsynced: usize,
    sync: bool,
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        if self.sync && self.unsynced >= SYNC_BYTES {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
