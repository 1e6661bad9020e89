//! What a worker lends the connection that has its turn.
//!
//! One value for each worker: nothing here is shared between threads but what is behind an `Arc`,
//! so that a turn takes no lock for any of it.

use std::sync::Arc;

use resp::{ArgScratch, BATCH_COMMANDS_MAX, Batch};

use crate::executors::Executors;
use crate::network::Shared;
use crate::output::BufferPool;
use crate::timers::Timers;
use crate::{ClientAddress, NetSettings, NetStats, Service};

/// Bytes read at once; enough for thousands of small commands, and still inside the L2 cache.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Shared by all connections of one worker, used by one at a time.
pub(crate) struct Cx<S: Service> {
    pub(crate) service: Arc<S>,
    pub(crate) settings: Arc<NetSettings>,
    pub(crate) stats: Arc<NetStats>,
    pub(crate) shared: Arc<Shared<S::Shared>>,
    pub(crate) poll: mio::Registry,
    /// Requests are read into this. Empty while a connection has it.
    pub(crate) read_buffer: Box<[u8]>,
    /// Requests are parsed into this.
    pub(crate) batch: Batch,
    /// Room for the arguments of the batch.
    pub(crate) args: ArgScratch<'static>,
    /// What `prepare` found for each command of the batch.
    pub(crate) prepared: [S::Prepared; BATCH_COMMANDS_MAX],
    pub(crate) pool: BufferPool,
    pub(crate) executors: Arc<Executors<S>>,
    pub(crate) timers: Timers,
    /// Connections whose replies are held back.
    pub(crate) withheld: Vec<ClientAddress>,
    /// Some of them joined since the service was last told.
    pub(crate) unsettled: bool,
    /// Unix ms, as of the latest return from the poll.
    pub(crate) now_ms: i64,
}

impl<S: Service> Cx<S> {
    pub(crate) fn new(
        service: Arc<S>,
        shared: Arc<Shared<S::Shared>>,
        stats: Arc<NetStats>,
        poll: mio::Registry,
        executors: Arc<Executors<S>>,
    ) -> Self {
        Self {
            service,
            settings: Arc::clone(&shared.settings),
            stats,
            shared,
            poll,
            read_buffer: vec![0; READ_BYTES].into(),
            batch: Batch::new(),
            args: ArgScratch::new(),
            prepared: [S::Prepared::default(); BATCH_COMMANDS_MAX],
            pool: BufferPool::default(),
            executors,
            timers: Timers::default(),
            withheld: Vec::new(),
            unsettled: false,
            now_ms: common::clock::now_ms(),
        }
    }
}
