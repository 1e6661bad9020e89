//! The control plane: one asynchronous runtime, in a thread of its own, for what is not hot.
//!
//! Listeners for people and links to other servers live here as tasks. Nothing on it may take long:
//! what waits for a lock of the keyspace goes to `spawn_blocking`. It ends when this value is
//! dropped, whatever its tasks are doing.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// How long blocking work may go on at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// The running control plane.
pub struct Control {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Starts it.
    ///
    /// # Errors
    /// The runtime or its thread cannot be started.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            // An error is the end as well.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(PATIENCE);
        };
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(run)?;
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The way to start tasks on it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_until_the_control_plane_is_dropped() {
        let control = Control::start().expect("a thread");
        let (send, receive) = std::sync::mpsc::channel();
        let send_again = send.clone();
        control.handle().spawn(async move {
            let _ = send.send(1);
            std::future::pending::<()>().await;
            drop(send);
        });
        assert_eq!(receive.recv(), Ok(1));
        drop(send_again);
        drop(control);
        assert!(receive.recv().is_err(), "the task has ended");
    }
}
