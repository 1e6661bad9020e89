//! The seam to the rest of the server: what a worker asks of it, and what others tell a connection.
//!
//! A worker calls every method of [`Service`] that takes a session on its own thread, one at a time
//! per connection; while a command is away, an executor has the session. Nothing here blocks: a
//! command that cannot run now answers [`Outcome::Deferred`] or [`Outcome::Blocked`], and a
//! [`Message`] continues it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use resp::{Args, Proto, ReplyWriter};

use crate::{Client, ConnInfo, Handle};

/// What the server does with parsed commands. One value serves all workers.
pub trait Service: Send + Sync + Sized + 'static {
    /// The state of one client, owned by its connection.
    type Session: Send + 'static;
    /// What other threads may read of a client; kept in the [`crate::Registry`].
    type Shared: Send + Sync + 'static;
    /// What [`Service::prepare`] found out about a command: its index in the table, a key hash.
    type Prepared: Default + Copy + Send + 'static;

    /// Called once, before any connection comes in, with the network that it will serve.
    fn attach(&self, _network: Handle<Self::Shared>) {}

    /// Makes the shared part of a client that has just been accepted.
    fn new_shared(&self, info: &ConnInfo) -> Self::Shared;

    /// Makes the session of a client. It is in the registry from here on.
    fn connect(&self, client: &Arc<Client<Self::Shared>>) -> Self::Session;

    /// Looks ahead at one command of a batch: look-up, hashing. Called for every command of a batch
    /// before the first runs, and again for a command that was deferred.
    fn prepare(&self, session: &Self::Session, args: Args<'_>) -> Self::Prepared;

    /// Asks the memory for what a batch of several prepared commands will touch. Called before the
    /// command `at` is dispatched, the first time with 0; answers before which one it wants to be
    /// called again. Not called for a single command, which would gain nothing.
    fn prefetch(&self, session: &mut Self::Session, batch: &[Self::Prepared], at: usize) -> usize;

    /// Runs a command. On [`Outcome::Deferred`] it must have written nothing.
    fn dispatch(
        &self,
        session: &mut Self::Session,
        args: Args<'_>,
        prepared: Self::Prepared,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome;

    /// Takes the session out, to go to an executor with the command that answered
    /// [`Outcome::Away`], and leaves in its place what the other methods are asked with until
    /// [`Service::give_back`]: of the same class, protocol and rights.
    fn lend(&self, session: &mut Self::Session) -> Self::Session;

    /// Puts the session back in the place of what [`Service::lend`] left.
    fn give_back(&self, place: &mut Self::Session, session: Self::Session) {
        *place = session;
    }

    /// Runs a command, from its beginning, on the executor of that number, below
    /// [`crate::EXECUTORS_MAX`]. The outcome is anything but [`Outcome::Away`].
    fn dispatch_away(
        &self,
        session: &mut Self::Session,
        executor: usize,
        args: Args<'_>,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome;

    /// Takes a [`Message::Unblock`], [`Message::Timeout`] or [`Message::Custom`] posted to this
    /// client. For a blocked client the outcome of the first two decides: `Done` ends the
    /// blocking and the commands behind it run, `Blocked` keeps it. After `Custom` a blocked
    /// client stays as it is, unless the outcome closes it.
    fn resume(
        &self,
        session: &mut Self::Session,
        message: Message,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome;

    /// Called once the replies of a read were handed to the socket (or queued for it).
    fn batch_end(&self, session: &mut Self::Session, info: BatchInfo);

    /// The connection is gone. Called exactly once for each session.
    fn disconnect(&self, session: Self::Session);

    /// Whether the client may send large requests; unauthenticated ones are held to small limits.
    fn authenticated(&self, session: &Self::Session) -> bool;

    /// How `maxmemory-clients` treats a client. Asked on any thread.
    fn eviction(&self, _shared: &Self::Shared) -> Eviction {
        Eviction::Allowed
    }

    /// Bytes that the service keeps for a client, beside its connection. Asked on any thread.
    fn held_bytes(&self, _shared: &Self::Shared) -> usize {
        0
    }

    /// Bytes of requests that the service has queued for later (MULTI): they count as unexecuted.
    fn queued_bytes(&self, _session: &Self::Session) -> usize {
        0
    }

    /// Which output limits apply.
    fn class(&self, session: &Self::Session) -> ClientClass;

    /// The protocol that replies are written in.
    fn proto(&self, session: &Self::Session) -> Proto;

    /// Whether the replies written so far may leave now. `false` holds them back (the log is not
    /// where they need it), and no further commands of the client run until they may; see
    /// [`settle`](Self::settle). `is_new` says whether there are replies that were not asked about
    /// before.
    fn may_flush(&self, _session: &mut Self::Session, _is_new: bool) -> bool {
        true
    }

    /// Called at the end of each of a worker's rounds, with what was executed in it done.
    fn round_end(&self) {}

    /// Called at the end of a worker's round while replies are held back: the moment to do what
    /// they wait for, once for all of them. Clients are asked about again when the returned number
    /// is another than the last time. It must change whenever [`may_flush`](Self::may_flush) may
    /// answer otherwise, and where that is not before this returns, [`Post::settle`] must follow.
    ///
    /// [`Post::settle`]: crate::Post::settle
    fn settle(&self, _worker: usize) -> u64 {
        0
    }

    /// Whether the client may be closed for being idle (`timeout`). Blocked ones are not asked for.
    fn may_time_out(&self, session: &Self::Session) -> bool {
        self.class(session) == ClientClass::Normal
    }

    /// A session's description for log lines about it, in the form of CLIENT LIST.
    fn describe(&self, _session: &Self::Session, client: &Client<Self::Shared>) -> String {
        client.summary()
    }

    /// Called on a worker when the time it last returned has come (Unix ms; `i64::MAX`: never
    /// again), and once when the worker starts.
    fn tick(&self, _worker: usize, _now_ms: i64) -> i64 {
        i64::MAX
    }
}

/// How a command went, as far as the connection is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is written; on to the next command.
    Done,
    /// Close once everything written so far has been sent.
    Close,
    /// Close at once; what is unsent is lost.
    CloseNow,
    /// A shard was busy, or clients are paused: dispatch the same command again on
    /// [`Message::Resume`].
    Deferred,
    /// Nothing happened yet: it takes long. An executor runs it meanwhile
    /// ([`Service::dispatch_away`]).
    Away,
    /// No reply yet; the commands behind this one wait until a message unblocks the client.
    Blocked,
}

/// What can be posted to a client, from any thread. Messages to clients that are gone are dropped.
pub enum Message {
    /// Dispatch the deferred command again. Ignored unless one is deferred.
    Resume,
    /// Passed to [`Service::resume`], which writes the reply that the client is blocked for.
    Unblock(Box<dyn Any + Send>),
    /// Appended to the output as it is. Ends the blocking of a blocked client: it is its reply.
    Reply(Bytes),
    /// Appended to the output as it is; the payload is shared with other receivers.
    Push(Bytes),
    /// The moment asked for with [`Client::wake_at`] has come. A deferred command is dispatched
    /// again; otherwise passed to [`Service::resume`].
    Timeout,
    /// Let TCP gather what is sent from now on: fewer, later packets.
    Gather,
    /// Close, at once.
    Kill,
    /// Close, after the output so far has been sent.
    KillAfterReply,
    /// Passed to [`Service::resume`].
    Custom(Box<dyn Any + Send>),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resume => "Resume",
            Self::Unblock(_) => "Unblock",
            Self::Reply(_) => "Reply",
            Self::Push(_) => "Push",
            Self::Timeout => "Timeout",
            Self::Gather => "Gather",
            Self::Kill => "Kill",
            Self::KillAfterReply => "KillAfterReply",
            Self::Custom(_) => "Custom",
        })
    }
}

/// The classes that `client-output-buffer-limit` distinguishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients, MONITOR included.
    #[default]
    Normal,
    /// Replicas.
    Replica,
    /// Clients in pub/sub context.
    Pubsub,
}

/// How `maxmemory-clients` treats a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eviction {
    /// It counts, and may be closed.
    #[default]
    Allowed,
    /// It counts, but stays.
    Protected,
    /// It does not count (replicas).
    Exempt,
}

/// What a read batch came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchInfo {
    /// Commands dispatched (also those that were deferred or blocked).
    pub commands: u32,
    /// Output bytes that the socket did not take yet.
    pub unsent: usize,
}
