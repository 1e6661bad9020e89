//! Everything that the handlers of all workers share.
//!
//! One value for the whole process. It knows no sockets and no files: those are behind `Host`,
//! which the program around it provides.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use keyspace::{DbId, Keyspace, Pace};
use replication::{Audience, Log};

use crate::admin::Switches;
use crate::aof::Gate;
use crate::blocking::Attendant;
use crate::evict::Eviction;
use crate::generic::migrate::Migrations;
use crate::host::Host;
use crate::hotkeys::HotKeys;
use crate::jobs::Jobs;
use crate::latency::LatencyMonitor;
use crate::monitor::Monitors;
use crate::pause::Pause;
use crate::persistence::State;
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::settings::Settings;
use crate::slowlog::SlowLog;
use crate::stats::Stats;
use crate::table::Table;
use crate::tracking::Tracking;

/// The shared state of the command layer.
pub struct Server {
    /// The data.
    pub keyspace: Arc<Keyspace>,
    /// The commands.
    pub table: Table,
    /// Directives that handlers read.
    pub settings: Settings,
    /// Users and passwords.
    pub users: acl::Users,
    /// Where changes are propagated to.
    pub log: Arc<Log>,
    /// Background jobs.
    pub jobs: Jobs,
    /// Loading and saving.
    pub persistence: State,
    /// How far the append-only file is.
    pub aof: Gate,
    /// Statistics.
    pub stats: Stats,
    /// SLOWLOG.
    pub slowlog: SlowLog,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Blocked clients: what is left to do for them.
    pub blocking: Arc<Attendant>,
    /// HOTKEYS.
    pub hotkeys: HotKeys,
    /// MONITOR.
    pub monitors: Monitors,
    /// Subscriptions.
    pub pubsub: PubSub,
    /// Eviction.
    pub eviction: Eviction,
    /// Keys on their way to other servers.
    pub migrations: Arc<Migrations>,
    /// Client-side caching.
    pub tracking: Tracking,
    /// What DEBUG switches.
    pub debug: Switches,
    /// How often MEMORY PURGE ran: each worker then gives its free memory back.
    pub purges: AtomicU32,
    /// [`Stats::changes`] at the last save.
    pub changes_at_save: AtomicU64,
    /// Unix time in seconds of the last successful save; the start until then.
    pub last_save_s: AtomicI64,
    /// Replicas, and the primary.
    pub replication: Replication,
    /// Watches that are still to be given up.
    pub(crate) watch_leftovers: crate::transactions::Leftovers,
    /// See [`mod@crate::lookahead`].
    pub(crate) look_ahead: Pace,
    host: OnceLock<Arc<dyn Host>>,
}

impl Server {
    /// The shared state over a keyspace and a command table, for that many workers.
    pub fn new(keyspace: Arc<Keyspace>, table: Table, workers: usize) -> Self {
        let stats = Stats::new(workers, table.len());
        let log = Arc::new(Log::new());
        Self {
            keyspace,
            table,
            settings: Settings::default(),
            users: acl::Users::new(),
            replication: Replication::new(Arc::clone(&log)),
            log,
            jobs: Jobs::default(),
            persistence: State::default(),
            aof: Gate::default(),
            stats,
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            pause: Pause::default(),
            blocking: Arc::default(),
            hotkeys: HotKeys::default(),
            monitors: Monitors::default(),
            pubsub: PubSub::default(),
            eviction: Eviction::default(),
            migrations: Arc::default(),
            tracking: Tracking::default(),
            debug: Switches::default(),
            purges: AtomicU32::new(0),
            changes_at_save: AtomicU64::new(0),
            last_save_s: AtomicI64::new(common::clock::now_ms() / 1000),
            watch_leftovers: Default::default(),
            look_ahead: Pace::of(workers),
            host: OnceLock::new(),
        }
    }

    /// Connects the server around the command layer. Only the first call counts.
    pub fn set_host(&self, host: Arc<dyn Host>) {
        let _ = self.host.set(host);
    }

    /// Records how long something took, if `latency-monitor-threshold` wants that.
    pub fn note_latency(&self, event: &'static str, us: u64) {
        let threshold_ms = self.settings.latency_monitor_threshold_ms.load(Relaxed);
        self.latency
            .record_if_needed(event, us / 1000, threshold_ms);
    }

    /// Whom changes made here are for: on a replica only for its own file, because its replicas get
    /// what its primary does.
    pub(crate) fn audience(&self) -> Audience {
        match self.replication.is_replica() {
            true => Audience::File,
            false => Audience::All,
        }
    }

    /// Appends commands, each with its database, to the log as one unit; returns the log's end.
    pub(crate) fn append_to_log(&self, commands: Vec<(DbId, Vec<Vec<u8>>)>) -> u64 {
        let commands: Vec<_> = commands
            .into_iter()
            .map(|(db, args)| (db.0 as u16, args))
            .collect();
        self.log.append_unit_for(self.audience(), &commands)
    }

    /// The server around the command layer; `None` in tests that have none.
    pub fn host(&self) -> Option<&Arc<dyn Host>> {
        self.host.get()
    }
}
