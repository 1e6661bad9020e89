//! A disk that fails when told to, for tests of what happens then.
//!
//! It wraps another disk. Each kind of call can be made to fail from now on, and writes can be cut
//! off after so many bytes, as on a disk that fills up. What `sync` has not confirmed can be thrown
//! away ([`Faulty::lose_unsynced`]), as a power failure or a failed write-back does.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// What fails, as the operating system's error numbers; `None`: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Opening for writing.
    pub open: Option<i32>,
    /// Writing, once `space` is used up.
    pub write: Option<i32>,
    /// Bytes that can still be written before `write` applies.
    pub space: usize,
    /// Bytes that one write takes at most; 0: all.
    pub short: usize,
    /// Syncing a file.
    pub sync: Option<i32>,
    /// Cutting a file.
    pub set_len: Option<i32>,
    /// Renaming.
    pub rename: Option<i32>,
    /// Syncing a directory.
    pub sync_dir: Option<i32>,
}

#[derive(Default)]
struct State {
    faults: Faults,
    /// Bytes of each open file that are known to be durable.
    synced: BTreeMap<PathBuf, u64>,
    syncs: usize,
}

/// See the module's text.
#[derive(Clone)]
pub struct Faulty {
    disk: Arc<dyn Disk>,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    /// A disk that works, until [`Faulty::set`].
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        let state = Arc::default();
        Self { disk, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What fails from now on.
    pub fn set(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How often a file was synced.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Cuts each file to what was synced.
    ///
    /// # Errors
    /// The wrapped disk's.
    pub fn lose_unsynced(&self) -> io::Result<()> {
        for (path, len) in &self.state().synced {
            if self.disk.size(path).is_ok_and(|size| size > *len) {
                self.disk.open(path, false)?.set_len(*len)?;
            }
        }
        Ok(())
    }
}

fn check(fault: Option<i32>) -> io::Result<()> {
    fault.map_or(Ok(()), |code| Err(io::Error::from_raw_os_error(code)))
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    disk: Faulty,
}

impl DiskFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let mut len = bytes.len();
        if state.faults.short > 0 {
            len = len.min(state.faults.short);
        }
        if let Some(code) = state.faults.write {
            if state.faults.space == 0 {
                return Err(io::Error::from_raw_os_error(code));
            }
            len = len.min(state.faults.space);
            state.faults.space -= len;
        }
        drop(state);
        self.file.write(&bytes[..len])
    }

    fn sync(&self) -> io::Result<()> {
        let fault = self.disk.state().faults.sync;
        check(fault)?;
        let size = self.disk.disk.size(&self.path)?;
        self.file.sync()?;
        let mut state = self.disk.state();
        state.syncs += 1;
        state.synced.insert(self.path.clone(), size);
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let fault = self.disk.state().faults.set_len;
        check(fault)?;
        self.file.set_len(len)
    }

    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Self {
            file: self.file.try_clone()?,
            path: self.path.clone(),
            disk: self.disk.clone(),
        }))
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn DiskFile>> {
        check(self.state().faults.open)?;
        let file = self.disk.open(path, truncate)?;
        let size = self.disk.size(path)?;
        self.state().synced.entry(path.to_owned()).or_insert(size);
        Ok(Box::new(FaultyFile {
            file,
            path: path.to_owned(),
            disk: self.clone(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.disk.read(path)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.disk.size(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        check(self.state().faults.rename)?;
        self.disk.rename(from, to)?;
        let mut state = self.state();
        if let Some(len) = state.synced.remove(from) {
            state.synced.insert(to.to_owned(), len);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().synced.remove(path);
        self.disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        check(self.state().faults.open)?;
        self.disk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        check(self.state().faults.sync_dir)?;
        self.disk.sync_dir(path)
    }
}
