//! A connection whose command runs on an executor.
//!
//! The session, the input and the parsed batch go along; what is left here is the socket and what
//! was to be sent before. No command of this client runs meanwhile and nothing is read. Messages
//! are kept until the command is back, because they may be about it: a reply to what it began to
//! wait for, an invalidation of what it read. Only the order to close at once is obeyed at once;
//! the session then comes back to nobody, and the worker ends it.

use super::{Closing, Connection, Hold};
use crate::context::Cx;
use crate::executors::Job;
use crate::{Message, NetStats, Outcome, Service};

/// What waits for a command to come back.
#[derive(Default)]
pub(super) struct Away {
    messages: Vec<Message>,
    /// Bytes of output in `messages`.
    kept: usize,
    /// Bytes of the input that went along: in the command's arguments, and behind it.
    args_len: usize,
    rest_len: usize,
}

impl Away {
    /// The parts of the input, as CLIENT LIST shows them.
    pub(super) fn query_parts(&self) -> (usize, usize) {
        (self.args_len, self.rest_len)
    }
}

impl<S: Service> Connection<S> {
    /// Sends the parked command to an executor.
    #[cold]
    pub(super) fn go_away(&mut self, cx: &Cx<S>) {
        let Some(parked) = self.parked.take() else {
            return;
        };
        let (input, done) = self.input.take();
        self.away = Some(Box::new(Away {
            args_len: parked.batch.args_len(parked.step.next),
            rest_len: (input.len() - done).saturating_sub(parked.batch.end(parked.step.next)),
            ..Away::default()
        }));
        NetStats::add(&cx.stats.away, 1);
        cx.executors.run(Box::new(Job {
            to: self.client.address(),
            session: cx.service.lend(&mut self.session),
            input,
            done,
            parked,
            reply: Vec::new(),
            outcome: Outcome::Away,
        }));
    }

    /// Bytes of input that are away.
    pub(super) fn away_len(&self) -> usize {
        self.away
            .as_ref()
            .map_or(0, |away| away.args_len + away.rest_len)
    }

    /// Bytes of output that wait behind the command's reply.
    pub(super) fn kept_len(&self) -> usize {
        self.away.as_ref().map_or(0, |away| away.kept)
    }

    /// Keeps a message until the command is back.
    pub(super) fn keep(&mut self, cx: &Cx<S>, message: Message) {
        if let Some(away) = &mut self.away {
            if let Message::Push(bytes) | Message::Reply(bytes) = &message {
                away.kept += bytes.len();
            }
            away.messages.push(message);
            self.over_limit(cx);
        }
    }

    /// The command is back: takes its reply and outcome, then the messages that have come.
    pub(crate) fn take_back(&mut self, cx: &mut Cx<S>, mut job: Job<S>) {
        cx.service.give_back(&mut self.session, job.session);
        self.input.put_back(job.input, job.done);
        let away = self.away.take().unwrap_or_default();
        self.hold = Hold::None;
        if job.outcome != Outcome::Deferred {
            self.commands += 1;
            job.parked.step.next += 1;
        }
        self.parked = Some(job.parked);
        if self.closing != Closing::No {
            return;
        }
        self.unasked = true;
        self.output.push_own(job.reply, &mut cx.pool);
        match job.outcome {
            Outcome::Done | Outcome::Away => {}
            Outcome::Deferred => self.hold = Hold::Deferred,
            Outcome::Blocked => self.hold = Hold::Blocked,
            Outcome::Close => {
                self.client.set_closing();
                self.closing = Closing::AfterFlush;
            }
            Outcome::CloseNow => self.closing = Closing::Now,
        }
        self.over_limit(cx);
        for message in away.messages {
            self.deliver(cx, message);
        }
    }
}
