//! The directory of the append-only file: its manifest on disk, and the files that it names.
//!
//! Invariant: the manifest in memory is the one on disk. A change is made on a copy, written,
//! synced and renamed into place, and only then taken over; so that whenever the process dies,
//! what is on disk can be loaded, and no file that it names is missing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{FileInfo, Manifest, ManifestError};
use crate::disk::{self, Disk, DiskFile, Step};

/// What can go wrong with the directory. The texts are those of Redis's log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory.
    #[error("Can't open or create append-only dir {0}: {1}")]
    Dir(String, OsText),
    /// An increment.
    #[error("Can't open the append-only file {0}: {1}")]
    Open(String, OsText),
    /// Reading the manifest.
    #[error("Fatal error: can't open the AOF manifest file {0} for reading: {1}")]
    ReadManifest(String, OsText),
    /// What is in the manifest.
    #[error("{}", .0.reason)]
    BadManifest(ManifestError),
    /// Writing the manifest.
    #[error("{}", write_text(*.0, .1, .2))]
    WriteManifest(Step, String, OsText),
    /// Moving a file.
    #[error("Error trying to rename the temporary AOF {what} file {from} into {to}: {error}")]
    Rename {
        /// Base or incr.
        what: &'static str,
        /// Its name before.
        from: String,
        /// Its name to be.
        to: String,
        /// Why not.
        error: OsText,
    },
    /// Moving the file of a Redis before 7.
    #[error("Error trying to move the old AOF file {0} into dir {1}: {2}")]
    Move(String, String, OsText),
}

/// An error of the operating system in the words of C's `strerror`.
#[derive(Debug)]
pub struct OsText(pub io::Error);

impl std::fmt::Display for OsText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&common::os::os_text(&self.0))
    }
}

fn write_text(step: Step, name: &str, error: &OsText) -> String {
    let temp = format!("temp-{name}");
    match step {
        Step::Open => format!("Can't open the AOF manifest file {temp}: {error}"),
        Step::Write => {
            format!("Error trying to write the temporary AOF manifest file {temp}: {error}")
        }
        Step::Sync => format!("Fail to fsync the temp AOF file {temp}: {error}."),
        Step::Rename => format!(
            "Error trying to rename the temporary AOF manifest file {temp} into {name}: {error}"
        ),
        Step::SyncDir => format!("Fail to fsync AOF directory {name}: {error}."),
    }
}

/// Where the files are and what they are called.
#[derive(Clone, Debug)]
pub struct Place {
    /// The server's working directory (`dir`).
    pub root: PathBuf,
    /// `appenddirname`.
    pub dir_name: String,
    /// `appendfilename`.
    pub file_name: String,
}

impl Place {
    /// The directory of the files.
    pub fn dir(&self) -> PathBuf {
        self.root.join(&self.dir_name)
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn manifest_name(&self) -> String {
        format!("{}.manifest", self.file_name)
    }

    /// Where commands go while the first rewrite after switching on is going on.
    pub fn temp_incr_name(&self) -> String {
        format!("temp-{}.incr", self.file_name)
    }
}

/// See the module's text.
pub struct Store {
    disk: Arc<dyn Disk>,
    place: Place,
    manifest: Manifest,
}

impl Store {
    /// Reads the manifest; none is an empty one.
    ///
    /// # Errors
    /// It cannot be read, or is not well-formed.
    pub fn open(disk: Arc<dyn Disk>, place: Place) -> Result<Self, StoreError> {
        let name = place.manifest_name();
        let text = read_all(&*disk, &place.path(&name));
        let manifest = match text {
            Ok(text) => Manifest::parse(&text).map_err(StoreError::BadManifest)?,
            Err(error) if is_missing(&error) => Manifest::default(),
            Err(error) => return Err(StoreError::ReadManifest(name, OsText(error))),
        };
        Ok(Self {
            disk,
            place,
            manifest,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the files are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The disk.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Makes sure that the directory is there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create_dir(&self) -> Result<(), StoreError> {
        self.disk
            .create_dir(&self.place.dir())
            .map_err(|error| StoreError::Dir(self.place.dir_name.clone(), OsText(error)))
    }

    /// Puts a changed manifest on disk and takes it over.
    ///
    /// # Errors
    /// It cannot be written; the old one counts. Or its name could not be made durable: then it is
    /// taken over, because that is what the directory shows, and either may be there after a crash.
    pub fn persist(&mut self, manifest: Manifest) -> Result<(), StoreError> {
        if manifest == self.manifest && self.has_manifest() {
            return Ok(());
        }
        let name = self.place.manifest_name();
        let temp = format!("temp-{name}");
        let text = manifest.text();
        let dir = self.place.dir();
        let result = disk::replace(&*self.disk, &dir, &temp, &name, text.as_bytes());
        if matches!(result, Ok(()) | Err((Step::SyncDir, _))) {
            self.manifest = manifest;
        }
        result.map_err(|(step, error)| StoreError::WriteManifest(step, name, OsText(error)))
    }

    fn has_manifest(&self) -> bool {
        let path = self.place.path(&self.place.manifest_name());
        self.disk.size(&path).is_ok()
    }

    /// Takes a file of a Redis before 7 into the directory, as the base; whether there was one. If
    /// this is interrupted, the next start goes on with it.
    ///
    /// # Errors
    /// The directory, the manifest, or moving the file.
    pub fn upgrade(&mut self) -> Result<bool, StoreError> {
        let name = self.place.file_name.clone();
        let old = self.place.root.join(&name);
        let interrupted = self.manifest.incr.is_empty()
            && self
                .manifest
                .base
                .as_ref()
                .is_some_and(|base| base.name == name)
            && self.disk.size(&self.place.path(&name)).is_err();
        let wanted = self.manifest.is_empty() || interrupted;
        if !wanted || self.disk.size(&old).is_err() || old.is_dir() {
            return Ok(false);
        }
        self.create_dir()?;
        let base = FileInfo {
            name: name.clone(),
            seq: 1,
        };
        self.persist(Manifest {
            base: Some(base),
            base_seq: 1,
            ..self.manifest.clone()
        })?;
        let dir = self.place.dir_name.clone();
        let moved = self.disk.rename(&old, &self.place.path(&name));
        let moved = moved.and_then(|()| self.disk.sync_dir(&self.place.dir()));
        moved.map_err(|error| StoreError::Move(name, dir, OsText(error)))?;
        Ok(true)
    }

    /// Opens a file for appending.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_incr(&self, name: &str, truncate: bool) -> Result<Box<dyn DiskFile>, StoreError> {
        self.disk
            .open(&self.place.path(name), truncate)
            .map_err(|error| StoreError::Open(name.to_owned(), OsText(error)))
    }

    /// Makes durable what a process before this one may only have written: the end of the file that
    /// is gone on with, and the names.
    ///
    /// # Errors
    /// The system's.
    pub fn settle(&self, name: &str, file: &dyn DiskFile) -> Result<(), StoreError> {
        let synced = file.sync();
        synced
            .and_then(|()| self.disk.sync_dir(&self.place.dir()))
            .map_err(|error| StoreError::Open(name.to_owned(), OsText(error)))
    }

    /// Size of a file in bytes, 0 if it cannot be told.
    pub fn size(&self, name: &str) -> u64 {
        self.disk.size(&self.place.path(name)).unwrap_or(0)
    }

    /// Takes over a new base, written as `temp`: it replaces the base and all increments but the
    /// last `keep`. Where the commands since went to a temporary file, `temp_incr` is that file's
    /// name; it becomes the only increment. Returns the new base's name, and the increment's.
    ///
    /// # Errors
    /// Which file could not be renamed, or the manifest; then nothing has changed, but that files
    /// may be left over.
    pub fn install_base(
        &mut self,
        temp: &Path,
        is_rdb: bool,
        temp_incr: Option<&str>,
        keep: usize,
    ) -> Result<(String, Option<String>), StoreError> {
        let mut manifest = self.manifest.clone();
        let base = manifest.new_base(&self.place.file_name, is_rdb);
        self.rename("base", temp, &base)?;
        let incr = temp_incr.map(|_| manifest.new_incr(&self.place.file_name));
        let result = match temp_incr.zip(incr.as_ref()) {
            Some((from, to)) => self.rename("incr", &self.place.path(from), to),
            None => Ok(()),
        };
        manifest.retire_incrs(if temp_incr.is_some() { 1 } else { keep });
        if let Err(error) = result.and_then(|()| self.persist(manifest)) {
            if !matches!(error, StoreError::WriteManifest(Step::SyncDir, ..)) {
                // No manifest names it.
                let _ = self.disk.remove(&self.place.path(&base));
            }
            return Err(error);
        }
        Ok((base, incr))
    }

    fn rename(&self, what: &'static str, from: &Path, to: &str) -> Result<(), StoreError> {
        self.disk
            .rename(from, &self.place.path(to))
            .map_err(|error| StoreError::Rename {
                what,
                from: from.display().to_string(),
                to: to.to_owned(),
                error: OsText(error),
            })
    }

    /// Takes the history out of the manifest. Returns the files to be deleted, which may be done
    /// at leisure.
    ///
    /// # Errors
    /// The manifest cannot be written.
    pub fn forget_history(&mut self) -> Result<Vec<PathBuf>, StoreError> {
        let mut manifest = self.manifest.clone();
        let history = std::mem::take(&mut manifest.history);
        if !history.is_empty() {
            self.persist(manifest)?;
        }
        Ok(history
            .iter()
            .map(|info| self.place.path(&info.name))
            .collect())
    }
}

/// All bytes of a file.
fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut disk.read(path)?, &mut bytes)?;
    Ok(bytes)
}

/// Whether the file, or its directory, is not there.
pub fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests;
