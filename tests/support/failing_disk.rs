//! A disk that fails on command, under a real server: system calls on files that are named give
//! errors, short writes, or lose what was not synced.
//!
//! `failing_disk.c` beside this file says how; it is compiled when a test wants it, with the C
//! compiler that linking needs anyway, and preloaded into the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/failing_disk.c");

/// Error numbers of a device that fails, of one that is full, and of one that is read-only.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EROFS: i32 = 30;

/// The calls that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    /// Nothing is written.
    Write,
    /// So many bytes are written, then nothing.
    ShortWrite(usize),
    /// fdatasync(2), which files are synced with.
    Sync,
    /// fsync(2), which directories are synced with.
    SyncDir,
    Truncate,
    Rename,
}

impl Call {
    /// Its name in the library, and how much it does before it fails.
    fn name_and_bytes(self) -> (&'static str, usize) {
        match self {
            Self::Open => ("open", 0),
            Self::Write => ("write", 0),
            Self::ShortWrite(bytes) => ("write", bytes),
            Self::Sync => ("fdatasync", 0),
            Self::SyncDir => ("fsync", 0),
            Self::Truncate => ("ftruncate", 0),
            Self::Rename => ("rename", 0),
        }
    }
}

/// See the module's text.
pub(crate) struct FailingDisk {
    /// What the library looks into, and where it lies.
    dir: PathBuf,
}

impl FailingDisk {
    /// A disk that works, until [`Self::fail`].
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (id, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let dir = std::env::temp_dir().join(format!("corewire-faults-{id}-{count}"));
        fs::create_dir_all(&dir).expect("temporary directory");
        let disk = Self { dir };
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&disk.library(), Path::new(SOURCE)])
            .status();
        assert!(compiled.expect("cc runs").success());
        disk
    }

    fn library(&self) -> PathBuf {
        self.dir.join("failing_disk.so")
    }

    /// The environment of a server on this disk.
    pub(super) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("LD_PRELOAD", self.library()),
            ("COREWIRE_FAULTS", self.dir.clone()),
        ]
    }

    /// From now on `call` fails so for files with `part` in their path.
    pub(crate) fn fail(&self, call: Call, part: &str, error: i32) {
        let (name, bytes) = call.name_and_bytes();
        let temp = self.dir.join("new");
        fs::write(&temp, format!("{error} {part} {bytes}")).expect("it can be written");
        fs::rename(temp, self.dir.join(name)).expect("it can be renamed");
    }

    /// From now on `call` does what it should.
    pub(crate) fn heal(&self, call: Call) {
        fs::remove_file(self.dir.join(call.name_and_bytes().0)).expect("it fails");
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        // What stays is in the system's directory for such things.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
