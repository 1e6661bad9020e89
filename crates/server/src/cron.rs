//! The control plane's clock: expiry, the end of pauses, and whatever else happens by itself.
//!
//! One thread sleeps until the next key is due, at most [`TICK_MS`], so that a key is gone within
//! 10 ms of its time; another serves blocked clients where a worker would have to wait for a lock.
//! Nothing here runs on a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use commands::{Origin, Server, Session};

/// The longest sleep: a key set meanwhile may be due as soon as that.
const TICK_MS: i64 = 5;

/// The running clock.
pub struct Cron {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Cron {
    /// Starts it. `every` is called about ten times a second.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        server: Arc<Server>,
        every: impl Fn(i64) + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut this = Self {
            stop: Arc::default(),
            threads: Vec::new(),
        };
        let (stop, attended) = (Arc::clone(&this.stop), Arc::clone(&server));
        this.spawn("attendant", move || commands::attend(&attended, &stop))?;
        let stop = Arc::clone(&this.stop);
        this.spawn("cron", move || run(&server, &stop, &every))?;
        Ok(this)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Cron {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

fn run(server: &Server, stop: &AtomicBool, every: &dyn Fn(i64)) {
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    let mut next_every_ms = 0;
    while !stop.load(Ordering::Relaxed) {
        let now_ms = common::clock::now_ms();
        server.pause.tick(now_ms);
        if server.debug.pause_cron.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(TICK_MS as u64));
            continue;
        }
        let held = networking::hold_wakes();
        let next_due_ms = commands::expire::cycle(server, &mut session, now_ms);
        commands::evict::cycle(server);
        commands::tracking::cycle(server);
        commands::tidy_watches(server);
        drop(held);
        if now_ms >= next_every_ms {
            next_every_ms = now_ms + 100;
            every(now_ms);
        }
        let sleep_ms = (next_due_ms - now_ms).clamp(1, TICK_MS);
        std::thread::sleep(Duration::from_millis(sleep_ms as u64));
    }
}
