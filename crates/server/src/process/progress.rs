//! A progress bar, on a terminal only.
//!
//! It is drawn at most ten times a second, on the standard error of a server whose log goes to the
//! terminal too; elsewhere INFO tells how far a load is.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Columns of the bar.
const WIDTH: u64 = 40;
const REDRAW_US: u64 = 100_000;
/// A load that is over sooner shows none.
const PATIENCE_US: u64 = 500_000;

/// See the module's text.
#[derive(Debug)]
pub struct Bar {
    what: &'static str,
    /// 0: no bar.
    total: u64,
    next_us: AtomicU64,
    is_drawn: std::sync::atomic::AtomicBool,
}

impl Bar {
    /// A bar that is full at `total`.
    pub fn new(what: &'static str, total: u64) -> Self {
        let is_terminal =
            super::log::is_terminal() && std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self {
            what,
            total: if is_terminal { total } else { 0 },
            next_us: AtomicU64::new(common::clock::monotonic_us() + PATIENCE_US),
            is_drawn: false.into(),
        }
    }

    /// No bar.
    pub fn none() -> Self {
        Self::new("", 0)
    }

    /// Draws it where it is time to.
    pub fn show(&self, done: u64) {
        if self.total == 0 || common::clock::monotonic_us() < self.next_us.load(Relaxed) {
            return;
        }
        self.next_us
            .store(common::clock::monotonic_us() + REDRAW_US, Relaxed);
        self.is_drawn.store(true, Relaxed);
        let done = done.min(self.total);
        let full = (done * WIDTH / self.total) as usize;
        let bar = format!("{:<width$}", "#".repeat(full), width = WIDTH as usize);
        let percent = done * 100 / self.total;
        // A terminal that is gone is no reason to stop.
        let _ = write!(std::io::stderr(), "\r{} [{bar}] {percent}%", self.what);
    }

    /// Wipes it away.
    pub fn finish(&self) {
        if self.is_drawn.swap(false, Relaxed) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
