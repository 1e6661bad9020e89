//! A connection: what it has read, what it must send, and what it is waiting for.
//!
//! Everything happens in a *turn*, which its worker gives it when the socket, a message or its own
//! backlog calls for one: send what can be sent, execute what was read, read more, until there is
//! nothing to do or its time is up. Reading (`connection/read.rs`), executing (`execute.rs`) and
//! sending (`send.rs`) are parts of it. Invariants: commands of one connection run one after the
//! other in the order of arrival; while it is deferred, blocked or stalled none runs, and nothing
//! is read unless it is stalled; a connection that is not `backlog`ged, has no parked batch and has
//! drained its socket has no whole command.

mod away;
mod execute;
mod messages;
mod read;
mod send;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use mio::{Interest, Token};
use resp::{Batch, Parsed, Parser};

use self::away::Away;
use crate::context::Cx;
use crate::executors::FREE_BYTES_MIN;
use crate::input::Input;
use crate::output::Output;
use crate::transport::Transport;
use crate::{BatchInfo, Client, NetStats, Service};

/// How long a turn may last if there is more to do.
const TURN_US: u64 = 1000;

/// What the worker has to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for the socket or a message.
    Wait,
    /// Give it another turn, after others had theirs.
    Again,
    /// Close it.
    Close,
    /// Everything is sent: say so to the peer, close when it has heard.
    Linger,
}

/// What keeps its commands from running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    None,
    /// A command is to be dispatched again.
    Deferred,
    /// A command has not been answered yet.
    Blocked,
    /// A command runs on an executor, or is about to.
    Away,
    /// The peer does not read its replies.
    Stalled,
}

/// Whether and how it is ending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Closing {
    #[default]
    No,
    AfterFlush,
    Now,
}

/// Where a batch stands.
pub(crate) struct Step {
    /// The next command to dispatch.
    pub(crate) next: usize,
    /// Bytes of input that the batch makes up.
    consumed: usize,
    /// What ended the parsing.
    parsed: Parsed,
}

/// A batch that stopped half way. Its spans point into the connection's own input.
pub(crate) struct Parked {
    pub(crate) batch: Batch,
    pub(crate) step: Step,
}

/// One connection; see the file's comment.
pub(crate) struct Connection<S: Service> {
    client: Arc<Client<S::Shared>>,
    session: S::Session,
    transport: Transport,
    parser: Parser,
    input: Input,
    output: Output,
    parked: Option<Box<Parked>>,
    /// While its session is on an executor.
    away: Option<Box<Away>>,
    hold: Hold,
    closing: Closing,
    /// The socket may have something to read.
    readable: bool,
    /// The peer has ended its side; reading up to the end shows it.
    read_closed: bool,
    /// There may be whole commands in `input`.
    backlog: bool,
    /// The poll loop tells when the socket takes more.
    armed: bool,
    /// It has told so.
    writable: bool,
    /// Replies wait until the service lets them leave.
    withheld: bool,
    /// It is among the worker's connections that wait so.
    listed: bool,
    /// There are replies that the service was not asked about.
    unasked: bool,
    /// It stands in the worker's queue for a turn.
    pub(crate) queued: bool,
    /// It has sent what it may in one turn, and has more.
    sends_on: bool,
    /// Memory of output that counts as leaving until it has been offered to the socket.
    unoffered: usize,
    /// Gauges of the output are not zero.
    gauged: bool,
    /// Unsent bytes at which it is closed at once; `usize::MAX`: none. As of this turn's start.
    hard_limit: usize,
    /// Since when it has exceeded the soft limit, Unix ms; 0 if it does not.
    soft_since_ms: i64,
    /// The moment that it has a timer for.
    timer_ms: i64,
    /// When its turn is over, monotonic; 0 until the turn is long enough to ask.
    turn_ends_us: u64,
    /// Commands executed since the last `batch_end`.
    commands: u32,
}

impl<S: Service> Connection<S> {
    pub(crate) fn new(cx: &Cx<S>, client: Arc<Client<S::Shared>>, transport: Transport) -> Self {
        let session = cx.service.connect(&client);
        Self {
            client,
            session,
            transport,
            parser: Parser::new(),
            input: Input::default(),
            output: Output::default(),
            parked: None,
            away: None,
            hold: Hold::None,
            closing: Closing::No,
            readable: false,
            read_closed: false,
            backlog: false,
            armed: false,
            writable: true,
            withheld: false,
            listed: false,
            unasked: false,
            queued: false,
            sends_on: false,
            unoffered: 0,
            gauged: false,
            hard_limit: usize::MAX,
            soft_since_ms: 0,
            timer_ms: 0,
            turn_ends_us: 0,
            commands: 0,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.client.id()
    }

    fn token(&self) -> Token {
        Token(self.client.address().slot as usize)
    }

    /// Begins to listen to the socket.
    pub(crate) fn register(&mut self, cx: &Cx<S>) -> std::io::Result<()> {
        let token = self.token();
        cx.poll
            .register(self.transport.source(), token, Interest::READABLE)
    }

    /// Notes what the poll loop says of the socket.
    pub(crate) fn on_event(&mut self, event: &mio::event::Event) {
        let broken = event.is_error() || event.is_write_closed();
        self.read_closed |= event.is_read_closed() || broken;
        self.readable |= event.is_readable() || self.read_closed;
        self.writable |= event.is_writable() || broken;
    }

    /// Does what there is to do; see the file's comment.
    pub(crate) fn turn(&mut self, cx: &mut Cx<S>) -> Next {
        self.load_limits(cx);
        self.flush(cx);
        self.turn_ends_us = 0;
        while self.may_run() && (self.backlog || self.parked.is_some() || self.readable) {
            if self.backlog || self.parked.is_some() {
                self.execute_kept(cx);
            } else {
                self.read(cx);
            }
            self.flush(cx);
            self.end_batch(cx);
            let more = self.backlog || self.readable;
            if more && self.may_run() && self.turn_is_over() {
                self.note(cx);
                return Next::Again;
            }
        }
        if self.hold == Hold::Stalled && self.readable && self.read_ahead(cx) {
            self.note(cx);
            return Next::Again;
        }
        if self.hold == Hold::Blocked && self.read_closed {
            self.closing = Closing::Now;
        }
        if self.hold == Hold::Away && self.away.is_none() && self.closing == Closing::No {
            self.go_away(cx);
        }
        self.note(cx);
        self.next()
    }

    /// Whether others should have a turn. Asked only when there is more to do, so that short turns
    /// need no clock.
    fn turn_is_over(&mut self) -> bool {
        let now_us = common::clock::monotonic_us();
        if self.turn_ends_us == 0 {
            self.turn_ends_us = now_us + TURN_US;
        }
        now_us >= self.turn_ends_us
    }

    /// Whether commands may be executed and requests read.
    fn may_run(&self) -> bool {
        self.hold == Hold::None && self.closing == Closing::No && !self.withheld
    }

    fn next(&self) -> Next {
        match self.closing {
            Closing::Now => Next::Close,
            _ if self.sends_on => Next::Again,
            Closing::No => Next::Wait,
            Closing::AfterFlush if self.output.is_empty() && !self.transport.wants_flush() => {
                Next::Linger
            }
            Closing::AfterFlush => Next::Wait,
        }
    }

    /// Tells the service that the replies of what was executed are on their way.
    fn end_batch(&mut self, cx: &Cx<S>) {
        let commands = std::mem::take(&mut self.commands);
        if commands > 0 {
            let info = BatchInfo {
                commands,
                unsent: self.output.len(),
            };
            cx.service.batch_end(&mut self.session, info);
            let counter = &self.client.gauges.commands;
            NetStats::add(counter, u64::from(commands));
        }
    }

    /// Bytes of requests that were read and not executed. A large argument is in the parser, and
    /// then nothing is in the input.
    fn query_len(&self) -> usize {
        match self.input.len() {
            0 if self.away.is_some() => self.away_len(),
            0 if self.parser.is_midway() => self.parser.held_len(),
            len => len,
        }
    }

    /// The same, apart: bytes in the arguments of the command that is waiting or on its way in, and
    /// bytes behind those.
    fn query_parts(&self) -> (usize, usize) {
        let kept = self.input.len();
        if let Some(away) = &self.away {
            return away.query_parts();
        }
        match &self.parked {
            Some(parked) if self.hold == Hold::Blocked => {
                let running = parked.step.next.saturating_sub(1);
                let rest = kept.saturating_sub(parked.batch.end(running));
                (parked.batch.args_len(running), rest)
            }
            None if self.parser.is_midway() => self.parser.midway_len(kept),
            _ => (0, kept),
        }
    }

    /// Brings the gauges and the timer up to date at the end of a turn.
    fn note(&mut self, cx: &mut Cx<S>) {
        let (args_len, query_len) = self.query_parts();
        let gauges = &self.client.gauges;
        gauges.args_len.store(args_len, Relaxed);
        gauges.query_len.store(query_len, Relaxed);
        let allocated = self.input.allocated() + self.parser.held_size() + self.away_len();
        gauges.query_alloc.store(allocated, Relaxed);
        if self.gauged || !self.output.is_empty() {
            self.note_output();
            cx.stats.note_output(self.output.len() as u64, cx.now_ms);
        }
        self.check_memory(cx);
        let at_ms = self.client.wake_at_ms();
        if at_ms != self.timer_ms {
            self.set_timer(cx, at_ms);
        }
    }

    /// `maxmemory-clients`: counts what the connection holds, while there is such a limit.
    #[inline]
    fn check_memory(&mut self, cx: &Cx<S>) {
        let settings = &cx.settings;
        let limited = settings.client_memory_limit.load(Relaxed) != 0;
        if limited || settings.client_memory_changed.load(Relaxed) {
            if self.closing != Closing::No {
                cx.shared.memory.forget(&self.client);
                return;
            }
            crate::memory::check(&*cx.service, &cx.shared, &self.client, &cx.stats);
            if self.client.is_closing() {
                self.closing = Closing::Now;
            }
        }
    }

    /// Sets its timer; 0 is none.
    fn set_timer(&mut self, cx: &mut Cx<S>, at_ms: i64) {
        let before_ms = std::mem::replace(&mut self.timer_ms, at_ms);
        cx.timers
            .change(self.client.address().slot, self.id(), before_ms, at_ms);
    }

    /// Frees what will not be sent any more: at once, or elsewhere if it is much.
    fn give_up_output(&mut self, cx: &Cx<S>) {
        common::memory::has_left(std::mem::take(&mut self.unoffered));
        let is_large = self.output.len() >= FREE_BYTES_MIN;
        self.client.gauges.out_owned.store(0, Relaxed);
        self.client.gauges.out_held.store(0, Relaxed);
        let output = std::mem::take(&mut self.output).give_up();
        if is_large {
            cx.executors.free(output);
        }
        self.client.has_left();
    }

    /// Ends it: hands the session back; returns the client and the socket.
    pub(crate) fn end(mut self, cx: &mut Cx<S>) -> (Arc<Client<S::Shared>>, Transport) {
        self.set_timer(cx, 0);
        self.client.set_closing();
        self.give_up_output(cx);
        // While it is away, the session ends when it is back.
        if self.away.is_none() {
            cx.service.disconnect(self.session);
        }
        (self.client, self.transport)
    }
}
