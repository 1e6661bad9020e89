//! Replication's threads: one that feeds the replicas, one per snapshot for them, one that follows
//! the primary.
//!
//! What there is to decide is decided in `commands` and in the `replication` crate; here are the
//! clocks, the sockets and the files. Log lines are Redis's, because tools and tests wait for them.

mod farewell;
mod feeder;
mod flow;
mod link;
mod receive;
mod snapshot;
mod stream;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use commands::Server;

use crate::config::Config;

pub use farewell::wait_for_replicas;

/// What all of it works with.
#[derive(Clone)]
struct Context {
    server: Arc<Server>,
    config: Arc<Config>,
    stop: Arc<AtomicBool>,
}

impl Context {
    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The running threads; they end when this is dropped.
pub struct Replicator {
    context: Context,
    threads: Vec<JoinHandle<()>>,
}

/// With `replicaof` in the configuration, the server is a replica from here on.
pub fn begin(server: &Server, config: &Config) {
    if let Some((host, port)) = config.replicaof() {
        server.replication.follow_from_start(server, host, port);
    }
}

impl Replicator {
    /// Starts them, once the data is loaded.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(server: &Arc<Server>, config: &Arc<Config>) -> std::io::Result<Self> {
        let context = Context {
            server: Arc::clone(server),
            config: Arc::clone(config),
            stop: Arc::default(),
        };
        let (feeding, following) = (context.clone(), context.clone());
        let threads = vec![
            spawn("repl-feeder", move || feeder::run(&feeding))?,
            spawn("repl-link", move || link::run(&following))?,
        ];
        Ok(Self { context, threads })
    }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(f)
}

impl Drop for Replicator {
    fn drop(&mut self) {
        self.context.stop.store(true, Ordering::Relaxed);
        self.context.server.log.nudge();
        self.context.server.replication.wake_link();
        for thread in self.threads.drain(..) {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}
