//! Sending replies, and what happens when the peer does not take them.
//!
//! Replies are written directly; only when the socket is full does the connection ask the poll
//! loop to be told. Unsent output is bounded by the limits of the client's class: at the hard one,
//! or after too long above the soft one, the client is closed, as in Redis. A client whose class
//! has no hard limit is bounded by not executing its commands (`Hold::Stalled`).

use std::sync::atomic::Ordering::Relaxed;

use mio::Interest;

use super::execute::STALL_BYTES;
use super::{Closing, Connection, Hold};
use crate::client::BUFFER_BYTES;
use crate::context::Cx;
use crate::output::Sent;
use crate::{NetStats, Service};

/// An unauthenticated client may leave so many bytes of replies unread, and no more.
const UNAUTHENTICATED_BYTES_MAX: usize = BUFFER_BYTES + 1024;

impl<S: Service> Connection<S> {
    /// Sends what may be sent and the socket takes.
    #[inline]
    pub(super) fn flush(&mut self, cx: &mut Cx<S>) {
        self.sends_on = false;
        if self.unoffered > 0 {
            self.offer(cx);
            return;
        }
        self.flush_on(cx);
    }

    #[cold]
    fn offer(&mut self, cx: &mut Cx<S>) {
        self.flush_on(cx);
        common::memory::has_left(std::mem::take(&mut self.unoffered));
    }

    #[inline]
    fn flush_on(&mut self, cx: &mut Cx<S>) {
        if self.output.is_empty() && !self.transport.wants_flush() {
            self.output.close(&mut cx.pool);
            return;
        }
        if self.unasked && !self.output.is_empty() {
            self.unasked = false;
            self.withheld = !cx.service.may_flush(&mut self.session, true);
            if self.withheld {
                self.withhold(cx);
            }
        }
        if self.withheld || (self.armed && !self.writable) || self.closing == Closing::Now {
            return;
        }
        let len = self.output.len();
        let reset_ms = cx.settings.reply_peak_reset_ms.load(Relaxed);
        self.client.gauges.note_reply(len, cx.now_ms, reset_ms);
        match self.send(cx, len) {
            Ok(Sent::All) => self.sent_all(cx),
            Ok(Sent::Part) => self.sent_part(cx),
            Ok(Sent::Share) => self.sends_on = true,
            Err(error) => {
                tracing::debug!("Error writing to client: {error}");
                self.closing = Closing::Now;
            }
        }
        if self.hold == Hold::Stalled && self.output.len() < STALL_BYTES / 2 {
            self.hold = Hold::None;
        }
    }

    /// Notes that its replies wait.
    fn withhold(&mut self, cx: &mut Cx<S>) {
        cx.unsettled = true;
        if !std::mem::replace(&mut self.listed, true) {
            cx.withheld.push(self.client.address());
        }
    }

    /// Asks again whether its replies may leave; if so it is taken off the list and needs a turn.
    pub(crate) fn is_let_go(&mut self, cx: &Cx<S>) -> bool {
        self.ask_again(cx);
        self.listed = self.withheld;
        !self.withheld
    }

    pub(super) fn ask_again(&mut self, cx: &Cx<S>) {
        self.withheld = self.withheld && !cx.service.may_flush(&mut self.session, false);
    }

    fn send(&mut self, cx: &Cx<S>, len: usize) -> std::io::Result<Sent> {
        self.transport.flush()?;
        let (n, sent) = self.output.send(&mut self.transport)?;
        if let Some(spent) = self.output.take_spent() {
            cx.executors.free(spent);
        }
        cx.stats.note_output(len as u64, cx.now_ms);
        NetStats::add(&cx.stats.writes, 1);
        NetStats::add(&cx.stats.output_bytes, n as u64);
        NetStats::add(&self.client.gauges.output_bytes, n as u64);
        Ok(if self.transport.wants_flush() {
            Sent::Part
        } else {
            sent
        })
    }

    fn sent_all(&mut self, cx: &mut Cx<S>) {
        self.output.close(&mut cx.pool);
        self.soft_since_ms = 0;
        if self.armed {
            self.arm(cx, false);
        }
    }

    #[cold]
    fn sent_part(&mut self, cx: &Cx<S>) {
        self.writable = false;
        if !self.armed {
            self.arm(cx, true);
        }
    }

    /// Asks to be told when the socket takes more, or no longer.
    #[cold]
    fn arm(&mut self, cx: &Cx<S>, on: bool) {
        let interest = if on {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let token = self.token();
        if let Err(error) = cx.poll.reregister(self.transport.source(), token, interest) {
            tracing::warn!("Error registering fd event for a client: {error}");
            self.closing = Closing::Now;
        }
        self.armed = on;
        self.writable = !on;
        self.client.gauges.writable_wait.store(on, Relaxed);
    }

    /// Reads the hard limit for this turn.
    #[inline]
    pub(super) fn load_limits(&mut self, cx: &Cx<S>) {
        let class = cx.service.class(&self.session);
        self.client.gauges.class.store(class as u8, Relaxed);
        let hard = cx.settings.hard_limit(class);
        self.hard_limit = if hard == 0 { usize::MAX } else { hard as usize };
        if !cx.service.authenticated(&self.session) {
            self.hard_limit = self.hard_limit.min(UNAUTHENTICATED_BYTES_MAX);
        }
    }

    /// Checks both limits; closes the client, and says so in the log, if it is over one.
    pub(super) fn over_limit(&mut self, cx: &Cx<S>) -> bool {
        let len = self.output.len() + self.kept_len();
        if len == 0 || self.closing == Closing::Now {
            self.soft_since_ms = 0;
            return false;
        }
        let limits = cx.settings.limits(cx.service.class(&self.session));
        let unread = len > UNAUTHENTICATED_BYTES_MAX && !cx.service.authenticated(&self.session);
        let hard = unread || limits.is_over_hard(len);
        let listed = self.output.backlog(self.armed).memory + self.kept_len();
        let soft = limits.soft_bytes != 0 && listed as u64 >= limits.soft_bytes;
        if !soft {
            self.soft_since_ms = 0;
        } else if self.soft_since_ms == 0 {
            self.soft_since_ms = cx.now_ms;
        }
        let soft_ms = limits.soft_seconds.saturating_mul(1000) as i64;
        let soft_too_long = soft && cx.now_ms - self.soft_since_ms > soft_ms;
        if !hard && !soft_too_long {
            return false;
        }
        self.note_output();
        let client = cx.service.describe(&self.session, &self.client);
        tracing::warn!(
            "Client {client} scheduled to be closed ASAP for overcoming of output buffer limits."
        );
        NetStats::add(&cx.stats.output_limit_closed, 1);
        self.client.set_closing();
        self.closing = Closing::Now;
        true
    }

    /// Brings the gauges of the output up to date.
    pub(super) fn note_output(&mut self) {
        let len = self.output.len();
        let backlog = self.output.backlog(self.armed);
        let gauges = &self.client.gauges;
        gauges.out_small.store(backlog.fixed, Relaxed);
        gauges.out_chunks.store(backlog.chunks, Relaxed);
        gauges.out_chain.store(backlog.memory, Relaxed);
        let (owned, held) = match len {
            0 => (0, 0),
            _ => (self.output.owned(), self.output.held()),
        };
        gauges.out_owned.store(owned, Relaxed);
        gauges.out_held.store(held, Relaxed);
        self.gauged = len > 0;
    }
}
