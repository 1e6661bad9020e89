//! One client's wait: what it waits for, and all that is needed to serve it from another thread.
//!
//! The session belongs to the client's own worker; a wait has copies of what a reply depends on. It
//! is claimed at most once, and who claims it must answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use datatypes::list::End;
use datatypes::stream::StreamId;
use keyspace::{DbId, DbKey, Kind, Locked, ShardSet, ValueRef};
use resp::{Proto, ReplyError, ReplyWriter, errors};

use super::serve::Rest;
use crate::ctx::{CmdResult, Ctx};
use crate::origin::Origin;
use crate::server::Server;
use crate::session::{ClientLink, ClientState, ReplyMode, Session, client_flag};
use crate::table::CommandId;
use crate::{lists, streams, zsets};

/// What a client waits for.
#[derive(Debug)]
pub(crate) enum Want {
    /// BLPOP, BRPOP; with a count: BLMPOP.
    Pop { end: End, count: Option<usize> },
    /// BLMOVE, BRPOPLPUSH.
    Move(lists::Move<Box<[u8]>>),
    /// BZPOPMIN, BZPOPMAX; with a count: BZMPOP.
    PopScored { max: bool, count: Option<usize> },
    /// XREAD: entries behind an id of each key.
    Read { after: Vec<StreamId>, count: usize },
    /// XREADGROUP: entries that the group has not read.
    ReadGroup(streams::GroupRead<Box<[u8]>>),
}

/// What a key has for a waiter.
pub(super) enum Verdict {
    /// Nothing.
    Nothing,
    /// What it waits for.
    Something,
    /// What it waits for will never come.
    Error(ReplyError),
}

impl Want {
    /// What a key with this value has for the waiter. `at` is the key's place among its keys.
    pub(super) fn verdict(&self, value: Option<ValueRef<'_>>, at: usize) -> Verdict {
        let has = match (self, value) {
            (Self::Pop { .. } | Self::Move(_), Some(ValueRef::List(_)))
            | (Self::PopScored { .. }, Some(ValueRef::Zset(_))) => true,
            (Self::Read { after, .. }, Some(ValueRef::Stream(stream))) => {
                stream.last_live_id() > after.get(at).copied()
            }
            (Self::ReadGroup(read), Some(ValueRef::Stream(stream))) => {
                match stream.group(&read.group) {
                    None => return Verdict::Error(errors::stream::NOGROUP_BLOCKED),
                    Some(group) => stream.last_live_id() > Some(group.last_id()),
                }
            }
            (Self::ReadGroup(_), _) => {
                return Verdict::Error(errors::stream::UNBLOCKED_STREAM_GONE);
            }
            _ => false,
        };
        if has {
            Verdict::Something
        } else {
            Verdict::Nothing
        }
    }

    /// Whether there may be something in a value of this type, or in its absence.
    pub(super) fn may_be_in(kind: Option<Kind>, group_reads: usize) -> bool {
        matches!(kind, Some(Kind::List | Kind::Zset | Kind::Stream)) || group_reads > 0
    }

    /// The other key whose shard must be locked.
    pub(super) fn other_key(&self) -> Option<&[u8]> {
        match self {
            Self::Move(to) => Some(&to.destination),
            _ => None,
        }
    }

    /// Takes what there is, and replies it.
    ///
    /// # Errors
    /// The reply.
    pub(super) fn take(
        &self,
        ctx: &mut Ctx<'_>,
        key: &[u8],
        at: usize,
        out: &mut ReplyWriter<'_>,
    ) -> CmdResult {
        match self {
            Self::Pop { end, count: None } => lists::pop_one_with_key(ctx, key, *end, out)?,
            Self::Pop {
                end,
                count: Some(count),
            } => lists::pop_with_key(ctx, key, *end, *count, out)?,
            Self::Move(to) => return lists::move_one(ctx, key, &to.borrowed(), out),
            Self::PopScored { max, count } => zsets::pop_with_key(ctx, key, *count, *max, out)?,
            Self::Read { after, count } => {
                return streams::serve_read(ctx, key, after[at], *count, out);
            }
            Self::ReadGroup(read) => return streams::serve_group(ctx, key, &read.borrowed(), out),
        };
        Ok(())
    }
}

/// A client that waits for keys. See the module's text.
pub struct Wait {
    id: u64,
    claimed: AtomicBool,
    pub(super) want: Want,
    pub(super) db: DbId,
    /// Distinct.
    pub(super) keys: Vec<Box<[u8]>>,
    /// It ends by itself.
    pub(crate) is_timed: bool,
    pub(super) command: CommandId,
    /// The arguments as SLOWLOG shows them.
    pub(super) shown: Vec<Vec<u8>>,
    /// Microseconds that the command took until it began to wait.
    pub(crate) spent_us: AtomicU64,
    /// CLIENT REPLY keeps the reply back.
    is_mute: bool,
    no_touch: bool,
    proto: Proto,
    client: u64,
    pub(super) address: Arc<str>,
    pub(super) state: Arc<ClientState>,
    link: Arc<dyn ClientLink>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Wait {
    pub(super) fn new<'k>(
        session: &Session,
        shown: Vec<Vec<u8>>,
        names: impl Iterator<Item = &'k [u8]>,
        mut want: Want,
        is_timed: bool,
    ) -> Self {
        let mut keys: Vec<Box<[u8]>> = Vec::new();
        for name in names {
            if keys.iter().all(|key| **key != *name) {
                keys.push(name.into());
            } else if let Want::Read { after, .. } = &mut want {
                // Of a key named twice, the first id counts.
                after.remove(keys.len());
            }
        }
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            claimed: AtomicBool::new(false),
            want,
            db: session.db,
            keys,
            is_timed,
            command: session.state.command.load(Ordering::Relaxed),
            shown,
            spent_us: AtomicU64::new(0),
            is_mute: matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip),
            no_touch: session.no_touch,
            proto: session.proto,
            client: session.id,
            address: Arc::clone(&session.address),
            state: Arc::clone(&session.state),
            link: Arc::clone(&session.link),
        }
    }

    pub(super) fn of(waiter: &Arc<dyn keyspace::Waiter>) -> Option<Arc<Self>> {
        Arc::clone(waiter).into_any().downcast().ok()
    }

    /// The shards of its keys.
    pub(super) fn shards(&self, server: &Server) -> ShardSet {
        let keyspace = &server.keyspace;
        let mut shards = ShardSet::default();
        for key in &self.keys {
            shards.insert(keyspace.shard_of(keyspace.hash(key)));
        }
        shards
    }

    /// Its keys as keys to be served.
    pub(super) fn rest(&self, server: &Server) -> Rest {
        let keys = self.keys.iter().map(|key| DbKey {
            db: self.db,
            key: key.clone(),
        });
        Rest {
            keys: keys.collect(),
            shards: self.shards(server),
        }
    }

    /// Whether one of its keys, which are locked, has something for it, so that it is about to be
    /// served.
    pub(super) fn is_due(&self, server: &Server, locked: &Locked<'_>) -> bool {
        let now_ms = common::clock::now_ms();
        self.keys.iter().enumerate().any(|(at, key)| {
            let hash = server.keyspace.hash(key);
            let db = locked.db(server.keyspace.shard_of(hash), self.db);
            let entry = db.and_then(|db| db.get(hash, key));
            let entry = entry.filter(|entry| !entry.is_expired(now_ms));
            let verdict = self.want.verdict(entry.map(|entry| entry.value()), at);
            !matches!(verdict, Verdict::Nothing)
        })
    }

    pub(super) fn is_group_read(&self) -> bool {
        matches!(self.want, Want::ReadGroup(_))
    }

    /// Whether its connection is ending: nothing must be taken for it.
    pub(super) fn is_gone(&self) -> bool {
        self.link.is_closing()
    }

    /// Whether it is over.
    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }

    /// Ends it, unless it is over. The client counts as blocked no more.
    pub(super) fn claim(self: &Arc<Self>, server: &Server) -> bool {
        if self.claimed.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.state
            .flags
            .fetch_and(!client_flag::BLOCKED, Ordering::Relaxed);
        server.blocking.ended(self);
        let mut current = self.state.wait.lock();
        if current.as_ref().is_some_and(|wait| Arc::ptr_eq(wait, self)) {
            *current = None;
        }
        true
    }

    /// A session in the client's place, for the one who serves it.
    pub(super) fn session(&self, worker: usize) -> Session {
        let mut session = Session::new(
            self.client,
            worker,
            Origin::Client,
            Arc::clone(&self.state),
            Arc::clone(&self.link),
            Arc::clone(&self.address),
        );
        session.authenticated = true;
        session.db = self.db;
        session.proto = self.proto;
        session.no_touch = self.no_touch;
        session
    }

    /// The protocol of the reply.
    pub(super) fn proto(&self) -> Proto {
        self.proto
    }

    /// Sends the reply and what comes behind it, and lets the client go on.
    pub(super) fn answer(&self, mut reply: Vec<u8>, pushes: Vec<u8>) {
        if self.is_mute {
            reply.clear();
        }
        reply.extend(pushes);
        self.link.unblock(Bytes::from(reply));
    }

    /// The reply when there is nothing, or the error.
    pub(super) fn write_end(&self, error: Option<&ReplyError>, out: &mut ReplyWriter<'_>) {
        match error {
            _ if self.is_mute => {}
            None => out.null_array(),
            Some(error) => out.error(error),
        }
    }

    /// Closes the connection once the reply is out.
    pub(super) fn close(&self) {
        self.link.kill(true);
    }
}

impl keyspace::Waiter for Wait {
    fn id(&self) -> u64 {
        self.id
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait")
            .field("client", &self.client)
            .field("want", &self.want)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
