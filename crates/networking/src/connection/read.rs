//! Reading requests.
//!
//! Normally into the worker's buffer, behind what was kept of an unfinished one; a large argument
//! straight into the parser's own allocation. A read that did not fill its buffer has drained the
//! socket, unless the peer has closed its side, which only a further read shows.

use std::io;
use std::mem::take;
use std::sync::atomic::Ordering::Relaxed;

use resp::Parsed;

use super::{Closing, Connection};
use crate::context::Cx;
use crate::input::MOVE_MAX;
use crate::{NetStats, Service};

impl<S: Service> Connection<S> {
    /// One read, and execution of what it brought.
    pub(super) fn read(&mut self, cx: &mut Cx<S>) {
        if let Some(target) = self.parser.large_target() {
            let room = target.len();
            let result = self.transport.read(target);
            let n = self.count_read(cx, result, room);
            self.parser.large_filled(n);
            if n > 0 && self.parser.large_target().is_none() {
                let gauges = &self.client.gauges;
                gauges.note_query(self.parser.held_size(), cx.now_ms);
                gauges.query_alloc.store(self.parser.held_size(), Relaxed);
                self.check_memory(cx);
                if self.closing == Closing::No {
                    self.execute_kept(cx);
                }
            }
            self.check_query_limit(cx);
            return;
        }
        let mut buffer = take(&mut cx.read_buffer);
        if self.input.len() > MOVE_MAX {
            let result = self.transport.read(&mut buffer);
            let n = self.count_read(cx, result, buffer.len());
            self.input.append(&buffer[..n]);
            cx.read_buffer = buffer;
            if n > 0 {
                self.execute_kept(cx);
            }
        } else {
            let kept = self.input.move_to(&mut buffer);
            let result = self.transport.read(&mut buffer[kept..]);
            let room = buffer.len() - kept;
            let n = self.count_read(cx, result, room);
            let input = &buffer[..kept + n];
            let done = if n > 0 { self.execute(cx, input) } else { 0 };
            self.input.keep(&input[done..]);
            cx.read_buffer = buffer;
        }
        self.check_query_limit(cx);
    }

    /// Reads what the peer sends while it does not take its replies, and executes none of it: who
    /// sends all before it reads must not find its own sending stuck. Stops at half of what the
    /// query buffer may hold; then the peer has to wait. Answers whether there is more to read.
    pub(super) fn read_ahead(&mut self, cx: &mut Cx<S>) -> bool {
        let most = cx.settings.query_buffer_limit.load(Relaxed) / 2;
        let mut buffer = take(&mut cx.read_buffer);
        while self.readable && self.closing == Closing::No && self.input.len() < most {
            let large = self.parser.large_target();
            let is_large = large.is_some();
            let target = large.unwrap_or(&mut buffer);
            let room = target.len();
            let result = self.transport.read(target);
            if matches!(result, Ok(0)) {
                // What was read before is to be executed first; then the end is met again.
                break;
            }
            let n = self.count_read(cx, result, room);
            if is_large {
                self.parser.large_filled(n);
            } else {
                self.input.append(&buffer[..n]);
            }
            if let Some(parked) = &mut self.parked
                && n > 0
                && parked.step.parsed == Parsed::NeedMore
            {
                // There is more now: look at it when the batch is through.
                parked.step.parsed = Parsed::Full;
            }
            if self.readable && self.turn_is_over() {
                cx.read_buffer = buffer;
                return true;
            }
        }
        cx.read_buffer = buffer;
        false
    }

    /// Executes what is kept.
    pub(super) fn execute_kept(&mut self, cx: &mut Cx<S>) {
        let (bytes, done) = self.input.take();
        let more = self.execute(cx, &bytes[done..]);
        self.input.put_back(bytes, done + more);
    }

    /// Takes note of what a read into `room` bytes came to; returns how many it brought.
    fn count_read(&mut self, cx: &Cx<S>, result: io::Result<usize>, room: usize) -> usize {
        let n = match result {
            Ok(0) => {
                self.closing = Closing::Now;
                0
            }
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return 0;
            }
            Err(error) => {
                tracing::debug!("Reading from client: {error}");
                self.closing = Closing::Now;
                0
            }
        };
        if n < room && !self.read_closed && self.transport.short_is_final() {
            self.readable = false;
        }
        NetStats::add(&cx.stats.reads, 1);
        NetStats::add(&cx.stats.input_bytes, n as u64);
        let gauges = &self.client.gauges;
        NetStats::add(&gauges.input_bytes, n as u64);
        gauges.active_ms.store(cx.now_ms, Relaxed);
        n
    }

    /// `client-query-buffer-limit`.
    fn check_query_limit(&mut self, cx: &Cx<S>) {
        let kept = self.query_len();
        let queued = cx.service.queued_bytes(&self.session);
        if kept + queued == 0 {
            return;
        }
        cx.stats.note_input(kept as u64, cx.now_ms);
        let kept = kept + queued;
        if kept <= cx.settings.query_buffer_limit.load(Relaxed) {
            return;
        }
        let client = cx.service.describe(&self.session, &self.client);
        let start = self.first_bytes();
        tracing::warn!(
            "Closing client that reached max query buffer length: {client} (qbuf initial bytes: \
             {start})"
        );
        NetStats::add(&cx.stats.query_limit_closed, 1);
        self.input.clear();
        self.closing = Closing::Now;
    }

    /// The first bytes that are kept, quoted for the log.
    fn first_bytes(&mut self) -> String {
        let (bytes, done) = self.input.take();
        let start = &bytes[done..bytes.len().min(done + 64)];
        format!("\"{}\"", start.escape_ascii())
    }
}
