//! Snapshots: when they are written, by which thread, and what is told of it.
//!
//! The formats are `persistence`'s; this is what surrounds them in a running server: the
//! background thread of BGSAVE and SAVE, save points, the last snapshot before the end, loading at
//! the start and DEBUG RELOAD. Log lines are Redis's, because tools and tests wait for them.

mod end;
mod load;
mod save;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use commands::Server;
use persistence::disk::{Disk, RealDisk};

use crate::config::Config;

pub use end::may_end;
pub use load::{Failed, Watch, log_done, log_failure};
pub use save::options;

/// See the module's text.
pub struct Snapshots {
    server: Weak<Server>,
    config: Arc<Config>,
    disk: Arc<dyn Disk>,
}

impl Snapshots {
    /// Snapshots of a server, in the directory of its configuration.
    pub fn new(server: &Arc<Server>, config: Arc<Config>) -> Self {
        Self {
            server: Arc::downgrade(server),
            config,
            disk: Arc::new(RealDisk),
        }
    }

    /// Name of the snapshot's file.
    fn name(&self) -> String {
        self.config.text("dbfilename")
    }

    /// `dir` is the working directory: names stand for themselves.
    fn path(&self) -> PathBuf {
        Path::new(".").join(self.name())
    }
}

/// The temporary file of a snapshot that somebody waits for: SAVE, SHUTDOWN.
pub fn temp_name() -> String {
    format!("temp-{}.rdb", std::process::id())
}

/// The temporary file of a snapshot in the background.
pub fn background_temp_name() -> String {
    format!("temp-bg-{}.rdb", std::process::id())
}

fn now_s() -> i64 {
    common::clock::now_ms() / 1000
}
