//! What handlers need of the server around them. Implemented by the `server` crate; the command
//! layer itself knows neither sockets nor files.

use crate::server::Server;
use crate::session::{ClientLink, ClientState};

/// The server around the command layer.
pub trait Host: Send + Sync + 'static {
    /// Values of the directives whose names match any of the patterns, as CONFIG GET shows them.
    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(String, String)>;
    /// CONFIG SET: all or nothing.
    ///
    /// # Errors
    /// The whole error text.
    fn config_set(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), String>;
    /// CONFIG REWRITE.
    ///
    /// # Errors
    /// The whole error text.
    fn config_rewrite(&self) -> Result<(), String>;
    /// The text of INFO for these sections (none given: the default ones).
    fn info(&self, server: &Server, sections: &[&[u8]]) -> String;
    /// Resets the statistics that do not belong to the command layer (CONFIG RESETSTAT).
    fn reset_stats(&self);
    /// SHUTDOWN. Returns only if the server goes on.
    ///
    /// # Errors
    /// The whole error text.
    fn shutdown(&self, request: ShutdownRequest) -> Result<(), String>;
    /// Calls `f` for every connected client, in the order of their ids.
    fn each_client(&self, f: &mut dyn FnMut(&dyn ClientView));
    /// Calls `f` for one client; false if there is none of that id.
    fn with_client(&self, id: u64, f: &mut dyn FnMut(&dyn ClientView)) -> bool;
    /// Writes a line to the server's log, at notice level.
    fn log_notice(&self, line: &str);
    /// Writes a line to the server's log, at warning level.
    fn log_warning(&self, line: &str);
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
    fn link(&self) -> std::sync::Arc<dyn ClientLink>;
    /// Type for CLIENT LIST TYPE and CLIENT KILL TYPE: normal, replica, pubsub, master.
    fn class(&self) -> &'static str {
        use crate::session::client_flag::{MONITOR, PUBSUB, REPLICA};
        let flags = self
            .state()
            .flags
            .load(std::sync::atomic::Ordering::Relaxed);
        match flags {
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
    /// Whether it waits to be writable.
    pub wants_write: bool,
}
