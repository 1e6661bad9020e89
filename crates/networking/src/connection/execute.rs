//! Executing requests: parse a batch, look ahead at all of it, dispatch one command after another.
//!
//! A batch may stop half way: a command is deferred or blocks, or its replies pile up because the
//! peer does not read. Then the batch is parked with the bytes that it points into, and goes on
//! later exactly where it stopped.

use std::mem::take;
use std::sync::atomic::Ordering::Relaxed;

use resp::{ArgScratch, Batch, Limits, Parsed, ProtocolError, ReplyError, ReplyWriter};

use super::{Closing, Connection, Hold, Parked, Step};
use crate::client::QUERY_BYTES;
use crate::context::Cx;
use crate::output::SEAL_BYTES;
use crate::{NetStats, Outcome, Service};

/// With more unsent replies than this, no further commands of a connection without an output limit
/// are executed. Its requests are still read: clients exist that send a million commands before
/// they read the first reply.
pub(super) const STALL_BYTES: usize = 16 << 20;
/// With an output limit, replies are sent after so many bytes of requests: as often as Redis does,
/// so that the limit cuts what it cuts there.
const LIMITED_READ_BYTES: usize = 16 * 1024;

/// How a batch went.
enum Flow {
    Through,
    Parked,
    Closing,
}

impl<S: Service> Connection<S> {
    /// Executes the commands in `input`, the parked ones first. Returns how many bytes of it are
    /// done with; the caller keeps the others.
    pub(super) fn execute(&mut self, cx: &mut Cx<S>, input: &[u8]) -> usize {
        self.note_query(cx, input.len());
        self.backlog = false;
        let (mut pos, mut sent_pos) = (0, 0);
        let (mut step, mut batch) = match self.parked.take() {
            Some(parked) => (parked.step, parked.batch),
            None => {
                let mut batch = take(&mut cx.batch);
                (self.parse(cx, input, &mut batch), batch)
            }
        };
        loop {
            let flow = self.run(cx, &batch, &input[pos..], &mut step);
            // Its commands have let go of their locks.
            crate::mailbox::flush_wakes();
            match flow {
                Flow::Through => {}
                Flow::Closing => {
                    pos = input.len();
                    break;
                }
                Flow::Parked => {
                    self.parked = Some(Box::new(Parked { batch, step }));
                    return pos;
                }
            }
            pos += step.consumed;
            match step.parsed {
                Parsed::Full => {}
                Parsed::NeedMore => break,
                Parsed::Error(error) => {
                    self.refuse(cx, error, &input[pos..]);
                    pos = input.len();
                    break;
                }
            }
            if self.turn_is_over() {
                self.backlog = true;
                break;
            }
            if self.hard_limit != usize::MAX && pos - sent_pos >= LIMITED_READ_BYTES {
                self.flush(cx);
                sent_pos = pos;
            }
            batch.clear();
            step = self.parse(cx, &input[pos..], &mut batch);
        }
        self.client
            .gauges
            .query_len
            .store(input.len() - pos, Relaxed);
        batch.clear();
        cx.batch = batch;
        pos
    }

    fn parse(&mut self, cx: &Cx<S>, input: &[u8], batch: &mut Batch) -> Step {
        let limits = Limits {
            max_bulk_len: cx.settings.proto_max_bulk_len.load(Relaxed),
            authenticated: cx.service.authenticated(&self.session),
            ..Limits::default()
        };
        let (consumed, parsed) = self.parser.parse(input, &limits, batch);
        Step {
            next: 0,
            consumed,
            parsed,
        }
    }

    /// Dispatches the commands of a batch from `step.next` on.
    fn run(&mut self, cx: &mut Cx<S>, batch: &Batch, input: &[u8], step: &mut Step) -> Flow {
        let (first, count) = (step.next, batch.len());
        if first == count {
            return Flow::Through;
        }
        let mut scratch = take(&mut cx.args);
        batch.slice(first, input, &mut scratch);
        let flow = self.run_sliced(cx, batch, &scratch, step);
        cx.args = scratch.emptied();
        flow
    }

    #[inline]
    fn run_sliced(
        &mut self,
        cx: &mut Cx<S>,
        batch: &Batch,
        scratch: &ArgScratch<'_>,
        step: &mut Step,
    ) -> Flow {
        let (first, count) = (step.next, batch.len());
        for i in first..count {
            let args = batch.args(i, scratch);
            cx.prepared[i] = cx.service.prepare(&self.session, args);
        }
        let mut prefetch_at = if count - first > 1 { first } else { count };
        self.output.open(&mut cx.pool);
        self.unasked = true;
        for i in first..count {
            if i == prefetch_at {
                let batch = &cx.prepared[first..count];
                let next = cx.service.prefetch(&mut self.session, batch, i - first);
                prefetch_at = first.saturating_add(next);
            }
            let args = batch.args(i, scratch);
            let proto = cx.service.proto(&self.session);
            let mut out = ReplyWriter::new(&mut self.output.tail, proto);
            let outcome = cx
                .service
                .dispatch(&mut self.session, args, cx.prepared[i], &mut out);
            self.commands += 1;
            step.next = i + 1;
            let much = self.output.len() >= SEAL_BYTES.min(self.hard_limit);
            if outcome != Outcome::Done || much {
                match self.after_command(cx, outcome) {
                    Flow::Through => self.output.open(&mut cx.pool),
                    Flow::Closing => return Flow::Closing,
                    Flow::Parked => {
                        let again = matches!(outcome, Outcome::Deferred | Outcome::Away);
                        step.next -= usize::from(again);
                        return Flow::Parked;
                    }
                }
            }
        }
        Flow::Through
    }

    /// What is not as usual after a command: its outcome, or the amount of output.
    #[cold]
    fn after_command(&mut self, cx: &mut Cx<S>, outcome: Outcome) -> Flow {
        match outcome {
            Outcome::Done => {}
            Outcome::Close => {
                // Others find it gone before it can read that it is.
                self.client.set_closing();
                self.closing = Closing::AfterFlush;
                return Flow::Closing;
            }
            Outcome::CloseNow => {
                self.closing = Closing::Now;
                return Flow::Closing;
            }
            Outcome::Deferred => {
                NetStats::add(&cx.stats.deferred, 1);
                self.commands -= 1;
                self.hold = Hold::Deferred;
                return Flow::Parked;
            }
            Outcome::Away => {
                self.commands -= 1;
                self.hold = Hold::Away;
                return Flow::Parked;
            }
            Outcome::Blocked => {
                self.hold = Hold::Blocked;
                return Flow::Parked;
            }
        }
        if self.over_limit(cx) {
            return Flow::Closing;
        }
        if self.output.tail.len() > SEAL_BYTES {
            self.output.seal();
        }
        if cx.settings.client_memory_limit.load(Relaxed) != 0 {
            // Clients are closed before the next command has keys evicted.
            self.note_output();
            self.check_memory(cx);
            if self.closing == Closing::Now {
                return Flow::Closing;
            }
        }
        let bounded = self.hard_limit != usize::MAX || cx.settings.unbounded_output.load(Relaxed);
        if self.output.len() > STALL_BYTES && !bounded {
            self.flush(cx);
            if self.output.len() > STALL_BYTES {
                self.hold = Hold::Stalled;
                return Flow::Parked;
            }
        }
        if self.closing == Closing::No {
            Flow::Through
        } else {
            Flow::Closing
        }
    }

    /// Answers what is not a request, and ends.
    fn refuse(&mut self, cx: &mut Cx<S>, error: ProtocolError, rest: &[u8]) {
        let client = cx.service.describe(&self.session, &self.client);
        let start = rest[..rest.len().min(128)].escape_ascii();
        let kind = error.log_text();
        tracing::debug!(
            "Protocol error ({kind}) from client: {client}. Query buffer during protocol error: \
             '{start}'"
        );
        self.output.open(&mut cx.pool);
        let proto = cx.service.proto(&self.session);
        let text = ReplyError::err(format!("Protocol error: {error}"));
        ReplyWriter::new(&mut self.output.tail, proto).error(&text);
        self.closing = Closing::AfterFlush;
    }

    /// Gauges that a command of this client may look at.
    fn note_query(&self, cx: &Cx<S>, len: usize) {
        let gauges = &self.client.gauges;
        gauges.query_len.store(len, Relaxed);
        // More than that of small commands is read at once, but Redis would not.
        gauges.note_query(len.clamp(1, QUERY_BYTES), cx.now_ms);
        cx.stats.note_input(len as u64, cx.now_ms);
    }
}
