//! The network as a whole: started, changed and shut down by the server.
//!
//! [`Network`] owns the threads. A [`Handle`] is what everyone else has of it: the service gets one
//! before the first connection comes in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use parking_lot::Mutex;

use crate::acceptor::{Acceptor, Request};
use crate::executors::Executors;
use crate::listener::Listeners;
use crate::mailbox::{Mail, Mailbox};
use crate::memory::ClientMemory;
use crate::worker::{WAKER, Worker};
use crate::{
    Listen, NetConfig, NetError, NetSettings, NetStats, Post, Registry, Service, StatsTotals,
};

/// What the threads of a network share.
pub(crate) struct Shared<T> {
    pub(crate) settings: Arc<NetSettings>,
    pub(crate) registry: Registry<T>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    /// Connections of each worker.
    pub(crate) loads: Vec<AtomicUsize>,
    /// One for each worker, and the acceptor's.
    stats: Vec<Arc<NetStats>>,
    /// Where [`Self::least_loaded`] begins to look.
    next_worker: AtomicUsize,
    pub(crate) memory: ClientMemory,
    pub(crate) next_id: AtomicU64,
    control: Mutex<Option<Sender<Request>>>,
    control_waker: Waker,
    listening: Mutex<Listen>,
}

impl<T> Shared<T> {
    /// The worker with the fewest connections; among equals the next one in turn, so that clients
    /// that come together are spread.
    pub(crate) fn least_loaded(&self) -> usize {
        let count = self.loads.len();
        let first = self.next_worker.load(Ordering::Relaxed);
        let load = |worker: &usize| self.loads[*worker].load(Ordering::Relaxed);
        let in_turn = (first..first + count).map(|worker| worker % count);
        let worker = in_turn.min_by_key(load).unwrap_or(0);
        self.next_worker.store(worker + 1, Ordering::Relaxed);
        worker
    }

    fn request(&self, request: Request) -> Result<(), NetError> {
        let control = self.control.lock();
        let sent = control
            .as_ref()
            .is_some_and(|control| control.send(request).is_ok());
        if !sent {
            return Err(NetError::Stopped);
        }
        self.control_waker.wake().map_err(NetError::from)
    }
}

/// The network as the rest of the server sees it. Cheap to clone; any thread may use it.
pub struct Handle<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Handle<T> {
    /// The live settings.
    #[must_use]
    pub fn settings(&self) -> &Arc<NetSettings> {
        &self.shared.settings
    }

    /// The connected clients.
    #[must_use]
    pub fn registry(&self) -> &Registry<T> {
        &self.shared.registry
    }

    /// Posts to clients by address.
    #[must_use]
    pub fn post(&self) -> Post {
        Post::new(self.shared.mailboxes.clone())
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.mailboxes.len()
    }

    /// What is listened on, with the ports that the system chose.
    #[must_use]
    pub fn listening(&self) -> Listen {
        self.shared.listening.lock().clone()
    }

    /// Listens on this instead (CONFIG SET port, bind, tls-port, …). Connected clients stay. If
    /// anything of it fails, nothing changes. When it returns, old listeners are closed.
    ///
    /// # Errors
    /// As [`Network::start`].
    pub fn listen(&self, listen: Listen) -> Result<(), NetError> {
        let (reply, answer) = channel();
        self.shared
            .request(Request::Listen(Box::new(listen), reply))?;
        let listening = answer.recv().map_err(|_| NetError::Stopped)??;
        *self.shared.listening.lock() = listening;
        Ok(())
    }

    /// The counters for INFO.
    #[must_use]
    pub fn stats(&self) -> StatsTotals {
        let all = self.shared.stats.iter().map(|stats| &**stats);
        StatsTotals::sum(all, common::clock::now_ms())
    }

    /// The counters of one worker.
    #[must_use]
    pub fn worker_stats(&self, worker: usize) -> StatsTotals {
        let one = self
            .shared
            .stats
            .get(worker)
            .into_iter()
            .map(|stats| &**stats);
        StatsTotals::sum(one, common::clock::now_ms())
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {
        self.shared.stats.iter().for_each(|stats| stats.reset());
    }
}

/// The running network: one acceptor, N workers. Dropping it shuts it down.
pub struct Network<S: Service> {
    service: Arc<S>,
    handle: Handle<S::Shared>,
    executors: Arc<Executors<S>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<S: Service> Network<S> {
    /// Opens the listeners, attaches the service, and starts the threads.
    ///
    /// # Errors
    /// If a listener cannot be opened, TLS cannot be set up, or a thread cannot be started.
    pub fn start(service: Arc<S>, config: NetConfig) -> Result<Self, NetError> {
        let listeners = Listeners::open(config.listen)?;
        let workers = config.workers.max(1);
        let polls: Vec<Poll> = (0..workers)
            .map(|_| Poll::new())
            .collect::<Result<_, _>>()?;
        let mailbox = |poll: &Poll| -> std::io::Result<Arc<Mailbox>> {
            Ok(Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKER)?)))
        };
        let accept_poll = Poll::new()?;
        let token = Acceptor::<S::Shared>::waker_token();
        let (control, requests) = channel();
        let shared = Arc::new(Shared {
            settings: config.settings,
            registry: Registry::new(),
            mailboxes: polls.iter().map(mailbox).collect::<Result<_, _>>()?,
            loads: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            stats: (0..=workers)
                .map(|_| Arc::new(NetStats::default()))
                .collect(),
            next_worker: AtomicUsize::new(0),
            memory: ClientMemory::default(),
            next_id: AtomicU64::new(1),
            control: Mutex::new(Some(control)),
            control_waker: Waker::new(accept_poll.registry(), token)?,
            listening: Mutex::new(listeners.listening().clone()),
        });
        let handle = Handle {
            shared: Arc::clone(&shared),
        };
        service.attach(handle.clone());
        let mailboxes = shared.mailboxes.clone();
        let executors = Arc::new(Executors::new(Arc::clone(&service), mailboxes));
        let network = Self {
            service,
            handle,
            executors,
            threads: Mutex::default(),
        };
        for (index, poll) in polls.into_iter().enumerate() {
            let stats = Arc::clone(&shared.stats[index]);
            let (service, shared) = (Arc::clone(&network.service), Arc::clone(&shared));
            let executors = Arc::clone(&network.executors);
            let worker = Worker::new(index, poll, service, shared, (stats, executors))?;
            let cpu = config.cpus.get(index % config.cpus.len().max(1)).copied();
            network.spawn(format!("worker-{index}"), move || {
                if let Some(cpu) = cpu {
                    crate::affinity::pin(cpu);
                }
                worker.run();
            })?;
        }
        let stats = Arc::clone(&shared.stats[workers]);
        let acceptor = Acceptor::new(accept_poll, listeners, requests, shared, stats)?;
        network.spawn("acceptor".to_owned(), move || acceptor.run())?;
        Ok(network)
    }

    fn spawn(&self, name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(run)?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// The service that runs the commands.
    #[must_use]
    pub fn service(&self) -> &Arc<S> {
        &self.service
    }

    /// Everything that can be done without owning the network.
    #[must_use]
    pub fn handle(&self) -> &Handle<S::Shared> {
        &self.handle
    }

    /// Stops accepting, sends what can be sent at once, closes all connections, joins the threads.
    /// Must not be called from a worker. Further calls do nothing.
    pub fn shutdown(&self) {
        // An error means that the acceptor has ended already.
        let _ = self.handle.shared.request(Request::Stop);
        self.handle.shared.control.lock().take();
        for mailbox in &self.handle.shared.mailboxes {
            mailbox.push(Mail::Stop);
        }
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("A network thread panicked");
            }
        }
        self.executors.stop();
    }
}

impl<S: Service> Drop for Network<S> {
    fn drop(&mut self) {
        self.shutdown();
    }
}
