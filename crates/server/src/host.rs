//! The server around the commands: [`commands::host::Host`] over configuration, network and
//! process.
//!
//! Built before the network starts; the network attaches itself before the first client comes in.
//! Until then, and in tests without one, there are no clients and all traffic is zero.

mod client;
mod shutdown;

use common::os::os_text;
use std::sync::{Arc, OnceLock, Weak};

use ::keyspace::{DbStats, Locked};
use commands::Server;
use commands::host::{ClientView, Crash, Host, MemoryFigures, ReloadRequest, ShutdownRequest};
use commands::session::{ClientLink, ClientState, client_flag};
use networking::{Client, Handle, StatsTotals};
use resp::{ReplyError, errors};
use std::sync::atomic::Ordering::Relaxed;

use crate::aof::Aof;
use crate::config::{Caller, Config, Rewriting};
use crate::info::{self, Rates};
use crate::process::{log, oom};
use crate::service::Shared;
use crate::snapshot::Snapshots;

pub use shutdown::ShutdownSwitch;

/// See the module's text.
pub struct ServerHost {
    config: Arc<Config>,
    network: OnceLock<Handle<Shared>>,
    shutdown: ShutdownSwitch,
    snapshots: OnceLock<(Arc<Snapshots>, Weak<Server>)>,
    aof: OnceLock<Aof>,
    rates: Rates,
    run_id: String,
    started_ms: i64,
    startup_memory: u64,
}

impl ServerHost {
    /// A host that has just started. Memory in use from here on belongs to data and clients.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            network: OnceLock::new(),
            shutdown: ShutdownSwitch::default(),
            snapshots: OnceLock::new(),
            aof: OnceLock::new(),
            rates: Rates::default(),
            run_id: common::random::hex_id(40),
            started_ms: common::clock::now_ms(),
            startup_memory: common::memory::used_memory() as u64,
        }
    }

    /// Connects the network. Only the first call counts.
    pub fn attach(&self, network: Handle<Shared>) {
        let _ = self.network.set(network);
    }

    /// Connects what writes snapshots. Only the first call counts.
    pub fn attach_snapshots(&self, snapshots: Arc<Snapshots>, server: &Arc<Server>) {
        let _ = self.snapshots.set((snapshots, Arc::downgrade(server)));
    }

    /// To be called about ten times a second.
    pub fn tick(&self, server: &Server, now_ms: i64) {
        let net = self.net_stats();
        self.rates.tick(
            now_ms,
            server.stats.processed().0,
            net.input_bytes,
            net.output_bytes,
        );
        if let Some((snapshots, _)) = self.snapshots.get() {
            snapshots.tick(server);
        }
        commands::migrate_tick(server, now_ms);
        // The peak is what is seen here.
        common::memory::peak_memory();
        crate::process::huge_pages::follow(common::memory::used_memory());
        server.log.wake();
        if let Some(aof) = self.aof.get() {
            aof.tick();
        }
    }

    /// Connects the append-only file. Only the first call counts.
    pub fn attach_aof(&self, aof: Aof) {
        let _ = self.aof.set(aof);
    }

    /// The append-only file; none in tests without one.
    pub fn aof(&self) -> Option<&Aof> {
        self.aof.get()
    }

    /// What ends the process.
    pub fn shutdown_switch(&self) -> &ShutdownSwitch {
        &self.shutdown
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Forty hexadecimal digits that name this run of the server.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// When the server started, Unix ms.
    pub fn started_ms(&self) -> i64 {
        self.started_ms
    }

    /// Bytes in use at the start.
    pub fn startup_memory(&self) -> u64 {
        self.startup_memory
    }

    /// Who supervises the process, as INFO names it.
    pub fn supervised(&self) -> &'static str {
        match self.config.choice("supervised") {
            "systemd" => "systemd",
            "upstart" => "upstart",
            "auto" if std::env::var_os("NOTIFY_SOCKET").is_some() => "systemd",
            _ => "no",
        }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.network.get().map_or(1, Handle::workers)
    }

    /// Counters of the network.
    pub fn net_stats(&self) -> StatsTotals {
        self.network
            .get()
            .map_or_else(StatsTotals::default, Handle::stats)
    }

    /// Rates per second.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Calls `f` for the state of each client, in no order.
    pub fn each_state(&self, mut f: impl FnMut(&ClientState)) {
        if let Some(network) = self.network.get() {
            network.registry().for_each(|client| f(client.shared()));
        }
    }

    /// Bytes that belong to clients, to replicas, and how many there are of both.
    pub fn client_memory(&self) -> (u64, u64, u64) {
        let (mut clients, mut replicas, mut count) = (0, 0, 0);
        if let Some(network) = self.network.get() {
            network.registry().for_each(|client| {
                let flags = client.shared().flags.load(Relaxed);
                let of_class = match flags & client_flag::REPLICA {
                    0 => &mut clients,
                    _ => &mut replicas,
                };
                *of_class += client_bytes(client);
                count += 1;
            });
        }
        (clients, replicas, count)
    }
}

/// Bytes that belong to a client, what the commands keep for it included.
fn client_bytes(client: &Client<Shared>) -> u64 {
    client.memory() as u64 + client.shared().held_bytes()
}

impl Host for ServerHost {
    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.config.get_matching(patterns)
    }

    fn config_set(&self, pairs: &[(&[u8], &[u8])], is_local: bool) -> Result<(), ReplyError> {
        let server = self
            .snapshots
            .get()
            .and_then(|(_, server)| server.upgrade());
        let caller = Caller {
            loading: server.is_some_and(|server| server.persistence.is_loading()),
            local: is_local,
        };
        self.config
            .set_many(pairs, caller)
            .map_err(|error| ReplyError::from_text(error.to_string()))
    }

    fn config_is_sensitive(&self, name: &[u8]) -> bool {
        self.config.is_sensitive(name)
    }

    fn config_rewrite(&self, force_all: bool) -> Result<(), ReplyError> {
        let Some(path) = self.config.path() else {
            return Err(errors::config::NO_FILE);
        };
        let options = Rewriting {
            users: None,
            force_all,
        };
        match self.config.rewrite(&path, options) {
            Ok(()) => {
                tracing::warn!("CONFIG REWRITE executed with success.");
                Ok(())
            }
            Err(error) => {
                let reason = os_text(&error);
                tracing::warn!("CONFIG REWRITE failed: {reason}");
                Err(errors::config::rewrite_failed(&reason))
            }
        }
    }

    fn info_tells_of_keyspace(&self, sections: &[&[u8]]) -> bool {
        info::tells_of_keyspace(sections)
    }

    fn info(&self, server: &Server, keyspace: &[DbStats], sections: &[&[u8]]) -> String {
        info::text(self, server, keyspace, sections)
    }

    fn memory(&self, server: &Server, keyspace: &[DbStats]) -> MemoryFigures {
        info::memory_figures(self, server, keyspace)
    }

    fn process_ms(&self) -> [u64; 2] {
        let (system_s, user_s) = info::cpu_seconds();
        [system_s, user_s].map(|seconds| (seconds * 1000.0) as u64)
    }

    fn reset_stats(&self) {
        self.rates.reset();
        if let Some(aof) = self.aof.get() {
            aof.reset_stats();
        }
        if let Some(network) = self.network.get() {
            network.reset_stats();
        }
        ::keyspace::free::reset_freed();
    }

    fn rewrite_aof(&self, in_transaction: bool) -> Result<bool, ReplyError> {
        let aof = self.aof.get().ok_or(errors::persistence::REWRITE_FAILED)?;
        aof.rewrite(in_transaction)
    }

    fn load_aof(&self, client: Arc<dyn ClientLink>) -> Result<(), ReplyError> {
        let aof = self.aof.get().ok_or(errors::persistence::LOADAOF_FAILED)?;
        aof.reload(client)
    }

    fn save(&self, client: Arc<dyn ClientLink>, locked: &mut Locked<'_>) -> Result<(), ReplyError> {
        let (snapshots, server) = self
            .snapshots
            .get()
            .ok_or(errors::persistence::SAVE_FAILED)?;
        let server = server.upgrade().ok_or(errors::persistence::SAVE_FAILED)?;
        snapshots.save_for(&server, client, locked)
    }

    fn save_in_background(
        &self,
        schedule: bool,
        locked: &mut Locked<'_>,
    ) -> Result<bool, ReplyError> {
        let (snapshots, server) = self
            .snapshots
            .get()
            .ok_or(errors::persistence::SAVE_FAILED)?;
        let server = server.upgrade().ok_or(errors::persistence::SAVE_FAILED)?;
        snapshots.ask(&server, schedule, locked)
    }

    fn flushed_all(&self) {
        if let Some((snapshots, server)) = self.snapshots.get()
            && let Some(server) = server.upgrade()
        {
            snapshots.flushed_all(&server);
        }
    }

    fn reload(
        &self,
        server: &Server,
        locked: &mut Locked<'_>,
        request: ReloadRequest,
    ) -> Result<(), ReplyError> {
        let (snapshots, _) = self.snapshots.get().ok_or(errors::debug::RELOAD_SAVE)?;
        snapshots.reload(server, locked, request)
    }

    fn shutdown(
        &self,
        request: ShutdownRequest,
        client: Arc<dyn ClientLink>,
    ) -> Result<(), ReplyError> {
        self.shutdown.request(request, Some(client));
        Ok(())
    }

    fn abort_shutdown(&self) -> Result<(), ReplyError> {
        if self.shutdown.abort() {
            crate::process::signals::shutdown_forget();
            tracing::info!("Shutdown manually aborted.");
            Ok(())
        } else {
            Err(errors::persistence::NO_SHUTDOWN)
        }
    }

    fn crash(&self, how: Crash) -> ReplyError {
        shutdown::crash(how)
    }

    fn set_reply_peak_reset(&self, ms: Option<i64>) {
        let default_ms = 5000;
        if let Some(network) = self.network.get() {
            let ms = ms.unwrap_or(default_ms);
            network.settings().reply_peak_reset_ms.store(ms, Relaxed);
        }
    }

    fn each_client(&self, f: &mut dyn FnMut(&dyn ClientView)) {
        if let Some(network) = self.network.get() {
            for client in network.registry().all() {
                f(&client::View(&client));
            }
        }
    }

    fn with_client(&self, id: u64, f: &mut dyn FnMut(&dyn ClientView)) -> bool {
        let client = self
            .network
            .get()
            .and_then(|network| network.registry().get(id));
        if let Some(client) = &client {
            f(&client::View(client));
        }
        client.is_some()
    }

    fn role_changed(&self, primary: Option<(&str, u16)>) {
        log::set_role(match primary {
            Some(_) => log::Role::Replica,
            None => log::Role::Primary,
        });
        let text = primary.map_or("no one".to_owned(), |(host, port)| format!("{host} {port}"));
        if let Err(reason) = self.config.overwrite("replicaof", text.as_bytes()) {
            tracing::error!("replicaof {text}: {reason}");
        }
        let class = match primary {
            Some(_) => oom::Class::Replica,
            None => oom::Class::Primary,
        };
        if let Err(reason) = oom::apply(&self.config, class) {
            tracing::debug!("{reason}");
        }
    }

    fn log_notice(&self, line: &str) {
        tracing::info!("{line}");
    }

    fn log_verbose(&self, line: &str) {
        tracing::debug!("{line}");
    }

    fn log_warning(&self, line: &str) {
        tracing::warn!("{line}");
    }
}
