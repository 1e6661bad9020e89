//! A client as the command layer sees it: what only its own worker touches ([`Session`]), and
//! what other threads may read or flag ([`ClientState`]).
//!
//! The session belongs to its worker's thread and needs no locks; the state is read by others
//! without stopping it, so that its values may be a command old.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64};

use bytes::Bytes;
use common::address::ClientAddress;
use keyspace::DbId;
use parking_lot::Mutex;
use resp::Proto;

use crate::blocking::Wait;
use crate::generic::migrate::Transfer;
use crate::multi::Transaction;
use crate::origin::Origin;
use crate::pubsub::Subscriptions;
use crate::table::{CommandId, Found, NO_COMMAND};
use crate::timing::Untimed;
use crate::tracking::TrackingSession;

/// Flags of [`ClientState::flags`].
pub mod client_flag {
    /// In MULTI.
    pub const MULTI: u32 = 1;
    /// Blocked in a command.
    pub const BLOCKED: u32 = 1 << 1;
    /// A monitor.
    pub const MONITOR: u32 = 1 << 2;
    /// Subscribed to something.
    pub const PUBSUB: u32 = 1 << 3;
    /// A replica.
    pub const REPLICA: u32 = 1 << 4;
    /// Excluded from client eviction.
    pub const NO_EVICT: u32 = 1 << 5;
    /// Its reads do not touch LRU and LFU.
    pub const NO_TOUCH: u32 = 1 << 6;
    /// Will be closed once its output is flushed.
    pub const CLOSING: u32 = 1 << 7;
    /// Tracks keys for client-side caching.
    pub const TRACKING: u32 = 1 << 8;
    /// Tracking in broadcast mode.
    pub const TRACKING_BCAST: u32 = 1 << 9;
    /// The target of tracking redirection is gone.
    pub const TRACKING_BROKEN: u32 = 1 << 10;
    /// Connected through a unix socket.
    pub const UNIX_SOCKET: u32 = 1 << 11;
    /// In READONLY mode on a cluster node.
    pub const READONLY: u32 = 1 << 12;
    /// Our primary.
    pub const PRIMARY: u32 = 1 << 13;
}

/// The parts of a client's state that are text, changed rarely.
#[derive(Clone, Debug, Default)]
pub struct ClientText {
    /// CLIENT SETNAME; empty for none.
    pub name: String,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: String,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: String,
    /// The authenticated user.
    pub user: String,
}

/// What other threads may read of a client, for CLIENT LIST and the like.
#[derive(Debug)]
pub struct ClientState {
    /// Selected database.
    pub db: AtomicU16,
    /// The last command.
    pub command: AtomicU16,
    /// See [`client_flag`].
    pub flags: AtomicU32,
    /// Protocol version, 2 or 3.
    pub resp: AtomicU8,
    /// Commands queued in MULTI, or -1.
    pub multi: AtomicI32,
    /// Bytes held by the commands queued in MULTI.
    pub multi_mem: AtomicU64,
    /// Bytes that watched keys hold.
    pub watch_mem: AtomicU64,
    /// Subscribed channels.
    pub subscriptions: AtomicU32,
    /// Subscribed patterns.
    pub pattern_subscriptions: AtomicU32,
    /// Subscribed shard channels.
    pub shard_subscriptions: AtomicU32,
    /// Bytes that the subscriptions hold.
    pub subscription_mem: AtomicU64,
    /// Bytes that the prefixes of tracking hold.
    pub tracking_mem: AtomicU64,
    /// Client that invalidations are redirected to, or -1.
    pub redirect: std::sync::atomic::AtomicI64,
    /// While keys are watched: becomes true under the shard lock of a watched key that changes, and
    /// EXEC must fail then. There while anything is watched.
    pub watch: Mutex<Option<Arc<AtomicBool>>>,
    /// What the client waits for in a blocking command.
    pub(crate) wait: Mutex<Option<Arc<Wait>>>,
    /// Log offset of the last change that another client made for this one, which waited.
    pub(crate) served_offset: AtomicU64,
    /// Names.
    pub text: Mutex<ClientText>,
}

impl ClientState {
    /// The state of a client that has just connected.
    pub fn new() -> Self {
        Self {
            db: AtomicU16::new(0),
            command: AtomicU16::new(NO_COMMAND),
            flags: AtomicU32::new(0),
            resp: AtomicU8::new(2),
            multi: AtomicI32::new(-1),
            multi_mem: AtomicU64::new(0),
            watch_mem: AtomicU64::new(0),
            subscriptions: AtomicU32::new(0),
            pattern_subscriptions: AtomicU32::new(0),
            shard_subscriptions: AtomicU32::new(0),
            subscription_mem: AtomicU64::new(0),
            tracking_mem: AtomicU64::new(0),
            redirect: std::sync::atomic::AtomicI64::new(-1),
            watch: Mutex::new(None),
            wait: Mutex::new(None),
            served_offset: AtomicU64::new(0),
            text: Mutex::new(ClientText {
                user: "default".into(),
                ..ClientText::default()
            }),
        }
    }

    /// Whether the client waits in a blocking command that ends by itself.
    pub fn waits_with_timeout(&self) -> bool {
        self.wait.lock().as_ref().is_some_and(|wait| wait.is_timed)
    }
}

impl ClientState {
    /// Bytes that the command layer keeps for the client.
    pub fn held_bytes(&self) -> u64 {
        use std::sync::atomic::Ordering::Relaxed;
        let parts = [
            &self.multi_mem,
            &self.watch_mem,
            &self.subscription_mem,
            &self.tracking_mem,
        ];
        parts.iter().map(|bytes| bytes.load(Relaxed)).sum()
    }
}

impl Default for ClientState {
    fn default() -> Self {
        Self::new()
    }
}

/// How to reach a client's connection from any thread. Implemented by the server over the
/// network layer; a session without a connection (log loader, tests) uses [`NoLink`].
pub trait ClientLink: Send + Sync {
    /// Dispatches the deferred command again.
    fn resume(&self);
    /// Wakes those whom this thread has woken so far: it is not done for long, and may have kept
    /// that for its end.
    fn wake_others(&self) {}
    /// Ends a blocking command with this reply, already encoded for the client's protocol.
    fn unblock(&self, reply: Bytes);
    /// Appends an out-of-band message: pub/sub, invalidation, MONITOR.
    fn push(&self, payload: Bytes);
    /// Closes the connection; at once, or after its output is flushed.
    fn kill(&self, flush: bool);
    /// What is sent to it from now on may leave in fewer, later packets.
    fn gather(&self) {}
    /// Whether so many more bytes of reply put the client over its hard output limit.
    fn is_over_limit(&self, _more: usize) -> bool {
        false
    }
    /// Where to post to it together with others of its worker; `None` without a connection.
    fn address(&self) -> Option<ClientAddress> {
        None
    }
    /// Bytes sent to it since it connected.
    fn sent_bytes(&self) -> u64 {
        0
    }
    /// So many bytes wait for it elsewhere, as if they were output: closes it if that is too much.
    fn limit_output(&self, _waiting: usize) {}
    /// Bytes of memory in what it has not been sent yet, without what others share.
    fn unsent_memory(&self) -> u64 {
        0
    }
    /// Whether the connection is ending: nothing that is sent to it will be read.
    fn is_closing(&self) -> bool {
        false
    }
    /// Posts [`resume`](Self::resume) no earlier than at the given Unix time in milliseconds.
    fn wake_at(&self, at_ms: i64);
}

/// A link that leads nowhere.
#[derive(Debug)]
pub struct NoLink;

impl ClientLink for NoLink {
    fn resume(&self) {}
    fn unblock(&self, _: Bytes) {}
    fn push(&self, _: Bytes) {}
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
}

/// Wakes a deferred client when the shard it waits for is free.
pub(crate) struct LinkWaker(pub(crate) Arc<dyn ClientLink>);

impl keyspace::Waker for LinkWaker {
    fn wake(&self) {
        self.0.resume();
    }
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are sent.
    #[default]
    On,
    /// Nothing is sent.
    Off,
    /// The next command's reply is dropped.
    SkipNext,
    /// This command's reply is dropped.
    Skip,
}

/// A client, owned by its worker.
pub struct Session {
    /// Unique for the life of the process.
    pub id: u64,
    /// Selected database; changed with [`Session::set_db`].
    pub(crate) db: DbId,
    /// Protocol of the replies.
    pub proto: Proto,
    /// Whether the client may run commands that need authentication.
    pub authenticated: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Who sends the commands.
    pub origin: Origin,
    /// Index of the worker's statistics.
    pub worker: usize,
    /// The connection comes from this machine.
    pub is_local: bool,
    /// Reads do not touch LRU and LFU.
    pub no_touch: bool,
    /// Commands between MULTI and EXEC.
    pub transaction: Option<Box<Transaction>>,
    /// Why EXEC may not run now, found when it came; it answers EXECABORT with that.
    pub(crate) exec_refusal: Option<resp::ReplyError>,
    /// It is on a worker that others wait for: long commands are not run here.
    pub may_leave: bool,
    /// It is where long commands run: they need no locks while they only read.
    pub(crate) may_pin: bool,
    /// What a command had read without locks was changed meanwhile: now it keeps them.
    pub(crate) keeps_locks: bool,
    /// CLIENT PAUSE holds its command.
    pub(crate) paused: bool,
    /// MIGRATE under way.
    pub(crate) migration: Option<Arc<Transfer>>,
    /// What the client is subscribed to.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// How the client tracks keys for its cache.
    pub tracking: Option<Box<TrackingSession>>,
    /// Messages to the client itself, to be appended behind the reply of the running command.
    pub(crate) pushes: Vec<u8>,
    /// Where the log ended after the last change of this client.
    pub log_offset: u64,
    /// Where the log must be on disk before the replies written so far may leave.
    pub reply_offset: u64,
    /// What the client told of itself as a replica.
    pub(crate) peer: Option<Box<crate::replication::Peer>>,
    /// What is to be passed on, where the session speaks for our primary.
    pub(crate) following: Option<Box<crate::replication::Following>>,
    /// The primary wants to know how far we are.
    pub ack_wanted: bool,
    /// Replication offset behind the client's latest change.
    pub(crate) replicated_offset: u64,
    /// Keys watched.
    pub(crate) watched: Vec<(DbId, Box<[u8]>)>,
    /// What other threads see.
    pub state: Arc<ClientState>,
    /// The connection.
    pub link: Arc<dyn ClientLink>,
    /// `addr:port`, for SLOWLOG and MONITOR.
    pub address: Arc<str>,
    /// End of the last command in this read batch in microseconds of Unix time; 0 at its start.
    /// Saves every second clock reading.
    pub(crate) clock_us: i64,
    /// Commands since then that are still to be timed.
    pub(crate) untimed: Untimed,
    /// Commands of the read batch behind the running one, if it is known that there are any.
    pub(crate) ahead: u32,
    /// The read batch has commands that look at members of values.
    pub(crate) looks_into_values: bool,
    /// Which of them look into a table, a bit for each.
    pub(crate) in_tables: u64,
    /// The command that was looked up last.
    pub(crate) found: Cell<Found>,
    /// Plain commands of the read batch may go the short way; see [`crate::plain`].
    pub(crate) is_open: bool,
}

impl Session {
    /// A session in database 0, unauthenticated, RESP2.
    pub fn new(
        id: u64,
        worker: usize,
        origin: Origin,
        state: Arc<ClientState>,
        link: Arc<dyn ClientLink>,
        address: Arc<str>,
    ) -> Self {
        Self {
            id,
            db: DbId(0),
            proto: Proto::Resp2,
            authenticated: false,
            reply_mode: ReplyMode::On,
            origin,
            worker,
            is_local: false,
            no_touch: false,
            transaction: None,
            exec_refusal: None,
            may_leave: false,
            may_pin: false,
            keeps_locks: false,
            paused: false,
            subscriptions: None,
            tracking: None,
            pushes: Vec::new(),
            log_offset: 0,
            reply_offset: 0,
            peer: None,
            following: None,
            ack_wanted: false,
            replicated_offset: 0,
            watched: Vec::new(),
            migration: None,
            state,
            link,
            address,
            clock_us: 0,
            untimed: Untimed::default(),
            ahead: 0,
            looks_into_values: false,
            in_tables: 0,
            found: Cell::default(),
            is_open: false,
        }
    }

    /// A session that belongs to no connection.
    pub fn detached(origin: Origin, worker: usize) -> Self {
        let state = Arc::new(ClientState::new());
        let mut this = Self::new(0, worker, origin, state, Arc::new(NoLink), Arc::from(""));
        this.authenticated = true;
        this
    }

    /// Takes the session out, to run a long command elsewhere, and leaves one in its place that
    /// answers the connection's questions meanwhile.
    pub fn lend(&mut self) -> Self {
        let mut stand_in = Self::new(
            self.id,
            self.worker,
            self.origin,
            Arc::clone(&self.state),
            Arc::clone(&self.link),
            Arc::clone(&self.address),
        );
        stand_in.proto = self.proto;
        stand_in.authenticated = self.authenticated;
        stand_in.is_local = self.is_local;
        stand_in.log_offset = self.log_offset;
        stand_in.reply_offset = self.reply_offset;
        let mut lent = std::mem::replace(self, stand_in);
        (lent.may_leave, lent.may_pin) = (false, true);
        // What was looked at and read for a batch is looked at afresh.
        (lent.clock_us, lent.ahead, lent.is_open) = (0, 0, false);
        lent
    }

    /// Puts a lent session back.
    pub fn give_back(&mut self, lent: Self) {
        *self = lent;
        (self.may_leave, self.may_pin) = (true, false);
    }

    /// Whether the client is a replica.
    #[inline]
    pub(crate) fn is_replica(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.is_replica)
    }

    /// Whether the client watches all commands: it is one of the replicas then, in this regard.
    pub(crate) fn is_monitor(&self) -> bool {
        self.has_flag(client_flag::MONITOR)
    }

    /// Selects a database.
    pub(crate) fn set_db(&mut self, db: DbId) {
        self.db = db;
        self.state
            .db
            .store(db.0 as u16, std::sync::atomic::Ordering::Relaxed);
    }

    /// Chooses the protocol of the replies.
    pub(crate) fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
        self.state
            .resp
            .store(proto.version(), std::sync::atomic::Ordering::Relaxed);
    }

    /// Remembers the running command for CLIENT LIST.
    #[inline]
    pub(crate) fn note_command(&self, id: CommandId) {
        self.state
            .command
            .store(id, std::sync::atomic::Ordering::Relaxed);
    }

    /// Sets or clears bits of [`ClientState::flags`].
    pub fn set_flag(&self, flag: u32, on: bool) {
        use std::sync::atomic::Ordering::Relaxed;
        if on {
            self.state.flags.fetch_or(flag, Relaxed);
        } else {
            self.state.flags.fetch_and(!flag, Relaxed);
        }
    }

    /// Whether a bit of [`ClientState::flags`] is set.
    pub fn has_flag(&self, flag: u32) -> bool {
        self.state.flags.load(std::sync::atomic::Ordering::Relaxed) & flag != 0
    }
}
