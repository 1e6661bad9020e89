//! What handlers need of the server around them. Implemented by the `server` crate; the command
//! layer itself knows neither sockets nor files.
//!
//! A server without a host runs commands all the same; those that need one answer an error.

use std::sync::Arc;

use keyspace::{DbStats, Locked};
use resp::ReplyError;

use crate::server::Server;
use crate::session::{ClientLink, ClientState};

/// The server around the command layer.
pub trait Host: Send + Sync + 'static {
    /// Values of the directives whose names match any of the patterns, as CONFIG GET shows them.
    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)>;
    /// CONFIG SET: all or nothing. `is_local` says whether the client's connection is.
    ///
    /// # Errors
    /// The reply.
    fn config_set(&self, pairs: &[(&[u8], &[u8])], is_local: bool) -> Result<(), ReplyError>;
    /// Whether a directive's value is a secret.
    fn config_is_sensitive(&self, name: &[u8]) -> bool;
    /// CONFIG REWRITE; with `force_all`, every directive is written.
    ///
    /// # Errors
    /// The reply.
    fn config_rewrite(&self, force_all: bool) -> Result<(), ReplyError>;
    /// Whether the text of INFO for these sections needs the figures of each database.
    fn info_tells_of_keyspace(&self, sections: &[&[u8]]) -> bool;
    /// The text of INFO for these sections (none given: the default ones). `keyspace` has the
    /// figures of each database, where [`Self::info_tells_of_keyspace`].
    fn info(&self, server: &Server, keyspace: &[DbStats], sections: &[&[u8]]) -> String;
    /// Figures about memory, for MEMORY. `keyspace` has the figures of each database.
    fn memory(&self, server: &Server, keyspace: &[DbStats]) -> MemoryFigures;
    /// System and user time of the process so far, in milliseconds.
    fn process_ms(&self) -> [u64; 2];
    /// Resets the statistics that do not belong to the command layer (CONFIG RESETSTAT).
    fn reset_stats(&self);
    /// BGREWRITEAOF: whether it has begun; otherwise it will when it can. In a transaction it never
    /// begins at once.
    ///
    /// # Errors
    /// The reply.
    fn rewrite_aof(&self, in_transaction: bool) -> Result<bool, ReplyError>;
    /// DEBUG LOADAOF: all data is replaced by what the append-only file has. The client is blocked
    /// and gets its reply through its link.
    ///
    /// # Errors
    /// The reply.
    fn load_aof(&self, client: Arc<dyn ClientLink>) -> Result<(), ReplyError>;
    /// SAVE, with all shards locked: a snapshot of this moment is written; the client is blocked
    /// and gets its reply through its link.
    ///
    /// # Errors
    /// The reply.
    fn save(&self, client: Arc<dyn ClientLink>, locked: &mut Locked<'_>) -> Result<(), ReplyError>;
    /// BGSAVE, with all shards locked: true if it has begun, false if it will when the running job
    /// is through, which is done only if `schedule`.
    ///
    /// # Errors
    /// The reply.
    fn save_in_background(
        &self,
        schedule: bool,
        locked: &mut Locked<'_>,
    ) -> Result<bool, ReplyError>;
    /// All data has been deleted: a snapshot in the making is of no use, and where there are save
    /// points one of nothing is written before this returns. The caller holds all shards.
    fn flushed_all(&self);
    /// DEBUG RELOAD, with all shards locked.
    ///
    /// # Errors
    /// The reply.
    fn reload(
        &self,
        server: &Server,
        locked: &mut Locked<'_>,
        request: ReloadRequest,
    ) -> Result<(), ReplyError>;
    /// SHUTDOWN: the process ends soon. Where it turns out that it cannot, the client is unblocked
    /// with an error.
    ///
    /// # Errors
    /// The reply.
    fn shutdown(
        &self,
        request: ShutdownRequest,
        client: Arc<dyn ClientLink>,
    ) -> Result<(), ReplyError>;
    /// SHUTDOWN ABORT.
    ///
    /// # Errors
    /// The reply where no shutdown is going on.
    fn abort_shutdown(&self) -> Result<(), ReplyError>;
    /// Ends the process as DEBUG asks. Returns the reply where that cannot be done.
    fn crash(&self, how: Crash) -> ReplyError;
    /// DEBUG REPLYBUFFER PEAK-RESET-TIME, milliseconds: `None` for the default, negative for never.
    fn set_reply_peak_reset(&self, ms: Option<i64>);
    /// Calls `f` for every connected client, in the order of their ids.
    fn each_client(&self, f: &mut dyn FnMut(&dyn ClientView));
    /// Calls `f` for one client; false if there is none of that id.
    fn with_client(&self, id: u64, f: &mut dyn FnMut(&dyn ClientView)) -> bool;
    /// The server follows this primary from now on, or none.
    fn role_changed(&self, primary: Option<(&str, u16)>);
    /// Writes a line to the server's log, at notice level.
    fn log_notice(&self, line: &str);
    /// Writes a line that only matters to who looks closely.
    fn log_verbose(&self, line: &str);
    /// Writes a line to the server's log, at warning level.
    fn log_warning(&self, line: &str);
}

/// The arguments of DEBUG RELOAD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadRequest {
    /// NOSAVE: load what is on disk.
    pub no_save: bool,
    /// NOFLUSH: keep what is in memory.
    pub no_flush: bool,
    /// MERGE: keys of the file replace those in memory.
    pub merge: bool,
}

/// The arguments of SHUTDOWN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownRequest {
    /// SAVE: `Some(true)`, NOSAVE: `Some(false)`.
    pub save: Option<bool>,
    /// Do not wait for lagging replicas.
    pub now: bool,
    /// Ignore errors that would prevent the exit.
    pub force: bool,
    /// Cancel an ongoing shutdown.
    pub abort: bool,
}

/// How DEBUG ends the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    /// A memory fault.
    MemoryFault,
    /// A broken invariant, with what is to be said about it.
    Panic(String),
    /// A request for more memory than there is.
    OutOfMemory,
    /// An end and a new start.
    Restart {
        /// With all that a shutdown does first.
        graceful: bool,
        /// How long to wait between the two.
        delay_ms: u64,
    },
}

/// Bytes, and what they are used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// What the allocator has handed out.
    pub used: u64,
    /// What of that does not count for `maxmemory`.
    pub uncounted: u64,
    /// The most that was ever seen in use.
    pub peak: u64,
    /// What was in use when the server had started.
    pub startup: u64,
    /// What of the process is in memory.
    pub resident: u64,
    /// What belongs to clients other than replicas.
    pub clients: u64,
    /// What belongs to replicas.
    pub replicas: u64,
    /// How many clients there are.
    pub client_count: u64,
    /// The replication backlog.
    pub backlog: u64,
    /// Tables and expiry indexes of the databases.
    pub tables: u64,
    /// How many keys there are.
    pub keys: u64,
}

impl MemoryFigures {
    /// What is used for other things than data.
    pub fn overhead(&self) -> u64 {
        self.startup + self.clients + self.replicas + self.backlog + self.tables
    }

    /// What is used for data.
    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    fn net(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }

    /// The data's share, in percent, of what came into use since the start.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.net())
    }

    /// What is in use, in percent of the peak.
    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// What came into use since the start, per key.
    pub fn bytes_per_key(&self) -> u64 {
        self.net().checked_div(self.keys).unwrap_or(0)
    }

    /// What is in memory in relation to what is in use.
    pub fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }

    /// What is in memory beyond what is in use; negative where memory was swapped out.
    pub fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// A connected client as CLIENT LIST, CLIENT KILL and others see it.
pub trait ClientView {
    /// Unique id.
    fn id(&self) -> u64;
    /// Peer address.
    fn addr(&self) -> String;
    /// Local address.
    fn laddr(&self) -> String;
    /// File descriptor.
    fn fd(&self) -> i32;
    /// Seconds since it connected.
    fn age_s(&self) -> u64;
    /// Seconds since it last sent anything.
    fn idle_s(&self) -> u64;
    /// Buffers of the connection.
    fn buffers(&self) -> ClientBuffers;
    /// The command layer's part.
    fn state(&self) -> &ClientState;
    /// The way to reach it.
    fn link(&self) -> Arc<dyn ClientLink>;
    /// Type for CLIENT LIST TYPE and CLIENT KILL TYPE: normal, replica, pubsub, master.
    fn class(&self) -> &'static str {
        use crate::session::client_flag::{MONITOR, PRIMARY, PUBSUB, REPLICA};
        let flags = self
            .state()
            .flags
            .load(std::sync::atomic::Ordering::Relaxed);
        match flags {
            f if f & PRIMARY != 0 => "master",
            f if f & REPLICA != 0 && f & MONITOR == 0 => "replica",
            f if f & PUBSUB != 0 => "pubsub",
            _ => "normal",
        }
    }
}

/// Sizes in bytes of one client's buffers, named as the fields of CLIENT LIST.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientBuffers {
    /// Bytes in the query buffer.
    pub qbuf: u64,
    /// Free bytes in the query buffer.
    pub qbuf_free: u64,
    /// Bytes of the arguments of the command that is being read.
    pub argv_mem: u64,
    /// Size of the reply buffer.
    pub rbs: u64,
    /// Peak size of the reply buffer.
    pub rbp: u64,
    /// Bytes in the reply buffer.
    pub obl: u64,
    /// Entries in the list of further reply blocks.
    pub oll: u64,
    /// Bytes of those blocks.
    pub omem: u64,
    /// All memory of this client.
    pub tot_mem: u64,
    /// Bytes received since it connected.
    pub total_in: u64,
    /// Bytes sent since it connected.
    pub total_out: u64,
    /// Commands run since it connected.
    pub commands: u64,
    /// Whether it waits to be writable.
    pub wants_write: bool,
}
