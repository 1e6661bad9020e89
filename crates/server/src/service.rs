//! The bridge between the network and the commands: [`networking::Service`] over
//! [`commands::Server`].
//!
//! Neither side knows the other; this file translates, and adds nothing of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use commands::pubsub::Courier;
use commands::session::{ClientLink, ClientState, Session, client_flag};
use commands::table::NO_COMMAND;
use commands::{Origin, Prepared, Server};
use networking::{
    BatchInfo, Client, ClientAddress, ClientClass, ConnInfo, ConnKind, Eviction, Handle, Message,
    Outcome, Post, Service,
};
use resp::{Args, Proto, ReplyWriter};

use crate::host::ServerHost;
use crate::process::{crash, watchdog};
use crate::reclaim::Reclaim;

/// What the registry keeps of a client for other threads.
pub type Shared = Arc<ClientState>;

/// The commands, as the network sees them.
pub struct App {
    server: Arc<Server>,
    host: Arc<ServerHost>,
    reclaim: Reclaim,
}

impl App {
    /// Serves these commands.
    pub fn new(server: Arc<Server>, host: Arc<ServerHost>) -> Self {
        let reclaim = Reclaim::new(server.stats.workers());
        Self {
            server,
            host,
            reclaim,
        }
    }

    /// The name of a prepared command; empty where there is no such command.
    fn name(&self, prepared: Prepared) -> &'static str {
        match prepared.id {
            NO_COMMAND => "",
            id => self.server.table.entry(id).command.name,
        }
    }

    /// The command layer.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }
}

/// Reaches a client through its worker's mailbox.
pub(crate) struct Link(pub(crate) Arc<Client<Shared>>);

impl ClientLink for Link {
    fn resume(&self) {
        self.0.post(Message::Resume);
    }

    fn wake_others(&self) {
        networking::flush_wakes();
    }

    fn unblock(&self, reply: Bytes) {
        self.0.post(Message::Reply(reply));
    }

    fn push(&self, payload: Bytes) {
        self.0.post(Message::Push(payload));
    }

    fn kill(&self, flush: bool) {
        if flush {
            self.0.post(Message::KillAfterReply);
        } else {
            self.0.kill();
        }
    }

    fn limit_output(&self, waiting: usize) {
        let client = &self.0;
        if !client.is_closing() && client.over_hard_limit(waiting) {
            tracing::warn!(
                "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                client.summary()
            );
            client.kill();
        }
    }

    fn unsent_memory(&self) -> u64 {
        self.0.out_owned() as u64
    }

    fn gather(&self) {
        self.0.post(Message::Gather);
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_over_limit(&self, more: usize) -> bool {
        self.0.over_hard_limit(more)
    }

    fn address(&self) -> Option<ClientAddress> {
        Some(self.0.address())
    }

    fn sent_bytes(&self) -> u64 {
        self.0.output_bytes()
    }

    fn wake_at(&self, at_ms: i64) {
        self.0.wake_at(at_ms);
    }
}

/// Reaches many clients of a worker at once.
struct Mail(Post);

impl Courier for Mail {
    fn deliver(&self, worker: usize, to: Arc<[ClientAddress]>, payload: Bytes) {
        self.0.many(worker, to, payload);
    }

    fn is_congested(&self) -> bool {
        self.0.is_congested()
    }
}

impl Service for App {
    type Session = Session;
    type Shared = Shared;
    type Prepared = Prepared;

    fn attach(&self, network: Handle<Shared>) {
        self.server
            .pubsub
            .set_courier(Arc::new(Mail(network.post())));
        let post = network.post();
        self.server
            .aof
            .set_wake_worker(Arc::new(move |worker| post.settle(worker)));
        self.host.attach(network);
    }

    fn new_shared(&self, info: &ConnInfo) -> Shared {
        let state = ClientState::new();
        if info.kind == ConnKind::Unix {
            state.flags.store(client_flag::UNIX_SOCKET, Relaxed);
        }
        Arc::new(state)
    }

    fn connect(&self, client: &Arc<Client<Shared>>) -> Session {
        // This is the worker's thread.
        crash::prepare_thread();
        let mut session = Session::new(
            client.id(),
            client.address().worker(),
            Origin::Client,
            Arc::clone(client.shared()),
            Arc::new(Link(Arc::clone(client))),
            Arc::from(client.info().peer_text()),
        );
        session.authenticated = self.server.users.default_is_nopass();
        session.is_local = client.info().is_local();
        session.may_leave = true;
        session
    }

    #[inline]
    fn prepare(&self, session: &Session, args: Args<'_>) -> Prepared {
        commands::prepare_for(&self.server, session, args)
    }

    #[inline]
    fn prefetch(&self, session: &mut Session, batch: &[Prepared], at: usize) -> usize {
        commands::prefetch(&self.server, session, batch, at)
    }

    #[inline]
    fn dispatch(
        &self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        let _running = watchdog::running(|| self.name(prepared));
        translate(commands::dispatch(
            &self.server,
            session,
            args,
            prepared,
            out,
        ))
    }

    fn lend(&self, session: &mut Session) -> Session {
        session.lend()
    }

    fn give_back(&self, place: &mut Session, session: Session) {
        place.give_back(session);
    }

    fn dispatch_away(
        &self,
        session: &mut Session,
        executor: usize,
        args: Args<'_>,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        crash::prepare_thread();
        let worker = std::mem::replace(&mut session.worker, self.server.stats.executor(executor));
        let prepared = self.prepare(session, args);
        let outcome = self.dispatch(session, args, prepared, out);
        self.batch_end(session, BatchInfo::default());
        session.worker = worker;
        outcome
    }

    fn resume(
        &self,
        session: &mut Session,
        message: Message,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        match message {
            Message::Timeout => translate(commands::timed_out(&self.server, session, out)),
            _ => Outcome::Done,
        }
    }

    #[inline]
    fn batch_end(&self, session: &mut Session, _: BatchInfo) {
        commands::batch_end(&self.server, session);
    }

    #[inline]
    fn may_flush(&self, session: &mut Session, is_new: bool) -> bool {
        self.server.aof.may_reply(session, &self.server.log, is_new)
    }

    #[inline]
    fn round_end(&self) {
        self.server.log.wake();
    }

    fn settle(&self, worker: usize) -> u64 {
        self.server.aof.settle(worker)
    }

    fn disconnect(&self, session: Session) {
        commands::disconnect(&self.server, session);
    }

    fn tick(&self, worker: usize, now_ms: i64) -> i64 {
        self.reclaim.tick(&self.server, worker, now_ms)
    }

    #[inline]
    fn authenticated(&self, session: &Session) -> bool {
        session.authenticated
    }

    fn eviction(&self, shared: &Shared) -> Eviction {
        match shared.flags.load(Relaxed) {
            f if f & client_flag::REPLICA != 0 => Eviction::Exempt,
            f if f & client_flag::NO_EVICT != 0 => Eviction::Protected,
            _ => Eviction::Allowed,
        }
    }

    fn held_bytes(&self, shared: &Shared) -> usize {
        shared.held_bytes() as usize
    }

    #[inline]
    fn queued_bytes(&self, session: &Session) -> usize {
        let transaction = session.transaction.as_ref();
        transaction.map_or(0, |transaction| transaction.memory_bytes)
    }

    fn class(&self, session: &Session) -> ClientClass {
        let flags = session.state.flags.load(Relaxed);
        match flags {
            f if f & client_flag::REPLICA != 0 => ClientClass::Replica,
            f if f & client_flag::PUBSUB != 0 => ClientClass::Pubsub,
            _ => ClientClass::Normal,
        }
    }

    #[inline]
    fn proto(&self, session: &Session) -> Proto {
        session.proto
    }
}

#[inline]
fn translate(outcome: commands::Outcome) -> Outcome {
    match outcome {
        commands::Outcome::Done => Outcome::Done,
        commands::Outcome::Close => Outcome::Close,
        commands::Outcome::Deferred => Outcome::Deferred,
        commands::Outcome::Away => Outcome::Away,
        commands::Outcome::Blocked => Outcome::Blocked,
    }
}
