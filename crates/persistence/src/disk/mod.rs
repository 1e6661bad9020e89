//! The file system, as far as persistence needs it: behind a trait, so that failing disks can be
//! tested with the code that meets real ones.
//!
//! [`RealDisk`] is the operating system; [`faulty`] wraps any disk and fails on command: short
//! writes, no space, input and output errors, failing syncs. Nothing here retries or logs.

pub mod faulty;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that is being written. Writes go to its end.
pub trait DiskFile: Send {
    /// Writes some of `bytes`; how many.
    ///
    /// # Errors
    /// The system's. Nothing was written then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// The system's. What was written since the last success may be lost then, whatever a later
    /// call says.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file to `len` bytes; later writes go to the new end.
    ///
    /// # Errors
    /// The system's.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Another handle of the same open file.
    ///
    /// # Errors
    /// The system's.
    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>>;
}

/// A file system.
pub trait Disk: Send + Sync {
    /// Opens a file for writing: from its end, or as an empty one if `truncate`.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// The system's.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Size of a file in bytes.
    ///
    /// # Errors
    /// The system's; `NotFound` if there is none.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Gives a file another name; what had that name is gone.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes sure that there is a directory of this name, durably if it is new.
    ///
    /// # Errors
    /// The system's.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes names that were created, changed or removed in a directory durable.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::try_clone(self)?))
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn DiskFile>> {
        // Always in append mode, so that writes follow a file that was cut.
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o644);
        let mut file = options.open(path)?;
        if truncate {
            DiskFile::set_len(&mut file, 0)?;
        }
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(path)?))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        std::fs::metadata(path).map(|data| data.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Ok(()) => self.sync_dir(common::os::dir_of(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Writes all of `bytes`, however many calls that takes.
///
/// # Errors
/// The system's, with the number of bytes that were written before it.
pub fn write_all(file: &mut dyn DiskFile, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write(&bytes[done..]) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}

/// Puts a file in place, atomically and durably: written as `temp`, synced, renamed.
///
/// # Errors
/// Which step failed, and why; what was there before still is.
pub fn replace(disk: &dyn Disk, dir: &Path, temp: &str, name: &str, bytes: &[u8]) -> Replaced {
    let (temp, path) = (dir.join(temp), dir.join(name));
    let mut file = disk.open(&temp, true).map_err(|e| (Step::Open, e))?;
    write_all(&mut *file, bytes).map_err(|(_, e)| (Step::Write, e))?;
    file.sync().map_err(|e| (Step::Sync, e))?;
    disk.rename(&temp, &path).map_err(|e| (Step::Rename, e))?;
    disk.sync_dir(dir).map_err(|e| (Step::SyncDir, e))
}

/// What [`replace`] answers.
pub type Replaced = Result<(), (Step, io::Error)>;

/// The steps of [`replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creating the temporary file.
    Open,
    /// Writing it.
    Write,
    /// Making it durable.
    Sync,
    /// Giving it its name.
    Rename,
    /// Making the name durable.
    SyncDir,
}
