//! What others tell a connection, and what time does to it.
//!
//! Messages come through the worker's mailbox, in the order in which one thread posted them. They
//! never run a command by themselves: a resumed command goes the same way as one that was just
//! read.

use std::sync::atomic::Ordering::Relaxed;

use resp::ReplyWriter;

use super::{Closing, Connection, Hold};
use crate::context::Cx;
use crate::output::SEAL_BYTES;
use crate::{Message, NetStats, Outcome, Service};

impl<S: Service> Connection<S> {
    /// Takes a message. It needs a turn afterwards, in which what the message calls for is done.
    pub(crate) fn deliver(&mut self, cx: &mut Cx<S>, message: Message) {
        if self.closing != Closing::No && !matches!(message, Message::Kill) {
            return;
        }
        if self.away.is_some() && !matches!(message, Message::Kill) {
            self.keep(cx, message);
            return;
        }
        match message {
            Message::Resume => self.end_hold(Hold::Deferred),
            Message::Timeout if self.hold == Hold::Deferred => self.end_hold(Hold::Deferred),
            Message::Reply(bytes) => {
                self.push(cx, bytes);
                self.unasked = true;
                self.end_hold(Hold::Blocked);
            }
            Message::Push(bytes) => self.push(cx, bytes),
            Message::Gather => self.transport.set_nodelay(false),
            Message::Kill => {
                self.closing = Closing::Now;
                self.give_up_output(cx);
            }
            Message::KillAfterReply => self.closing = Closing::AfterFlush,
            Message::Unblock(_) | Message::Timeout | Message::Custom(_) => {
                self.resume(cx, message);
            }
        }
    }

    /// Appends a payload, within the limits.
    pub(crate) fn push(&mut self, cx: &mut Cx<S>, payload: bytes::Bytes) {
        if self.away.is_some() {
            self.keep(cx, Message::Push(payload));
        } else if self.closing == Closing::No {
            self.push_counted(cx, payload);
            if self.over_limit(cx) {
                return;
            }
            self.note_output();
        }
    }

    /// What others send is offered to the socket only when the connection has its turn: until then
    /// it counts as leaving, lest room be made for it.
    fn push_counted(&mut self, cx: &mut Cx<S>, payload: bytes::Bytes) {
        if self.armed || !cx.settings.memory_limited.load(Relaxed) {
            self.output.push(payload, &mut cx.pool);
            return;
        }
        let before = self.output.held();
        self.output.push(payload, &mut cx.pool);
        let grown = self.output.held().saturating_sub(before);
        common::memory::is_leaving(grown);
        self.unoffered += grown;
    }

    fn end_hold(&mut self, hold: Hold) {
        if self.hold == hold {
            self.hold = Hold::None;
            // Whatever it waits for next, it says so afresh.
            self.client.wake_at(i64::MAX);
        }
    }

    fn resume(&mut self, cx: &mut Cx<S>, message: Message) {
        let custom = matches!(message, Message::Custom(_));
        let proto = cx.service.proto(&self.session);
        self.output.open(&mut cx.pool);
        self.unasked = true;
        let mut out = ReplyWriter::new(&mut self.output.tail, proto);
        match cx.service.resume(&mut self.session, message, &mut out) {
            Outcome::Done if custom => {}
            Outcome::Done => self.end_hold(Hold::Blocked),
            Outcome::Close => self.closing = Closing::AfterFlush,
            Outcome::CloseNow => self.closing = Closing::Now,
            Outcome::Deferred | Outcome::Away | Outcome::Blocked => {}
        }
        if self.output.tail.len() > SEAL_BYTES {
            self.output.seal();
        }
        self.over_limit(cx);
    }

    /// The timer for `at_ms` has come; answers whether it was still wanted.
    pub(crate) fn on_timer(&mut self, cx: &mut Cx<S>, at_ms: i64) -> bool {
        self.timer_ms = 0;
        if self.client.wake_at_ms() != at_ms {
            return false;
        }
        self.client.wake_at(i64::MAX);
        self.deliver(cx, Message::Timeout);
        true
    }

    /// The regular look at each connection: limits that time decides. Answers whether it has to go.
    pub(crate) fn look_after(&mut self, cx: &Cx<S>) -> bool {
        if !self.output.is_empty() && self.over_limit(cx) {
            return true;
        }
        let timeout_ms = cx.settings.timeout_s.load(Relaxed).saturating_mul(1000) as i64;
        let waits = matches!(self.hold, Hold::Blocked | Hold::Away) || timeout_ms == 0;
        if waits || cx.now_ms - self.client.active_ms() <= timeout_ms {
            return false;
        }
        if !cx.service.may_time_out(&self.session) {
            return false;
        }
        tracing::debug!("Closing idle client");
        NetStats::add(&cx.stats.idle_closed, 1);
        self.closing = Closing::Now;
        true
    }

    /// Whether unsent output calls for regular looks.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// The last chance to send, at shutdown.
    pub(crate) fn last_flush(&mut self, cx: &mut Cx<S>) {
        self.ask_again(cx);
        self.writable = true;
        self.flush(cx);
        while self.sends_on && self.closing != Closing::Now {
            self.flush(cx);
        }
    }
}
