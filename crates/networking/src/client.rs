//! A client as other threads see it: who it is, how it fares, and how to reach it.
//!
//! The connection itself belongs to its worker. What CLIENT LIST prints of it is kept here in
//! atomics that only the worker writes, once per read; they are gauges, not synchronisation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};

pub use common::address::ClientAddress;

use crate::mailbox::{Mail, Mailbox};
use crate::{ClientClass, ConnInfo, Message, NetSettings};

/// Redis's starting size of a query buffer: `PROTO_IOBUF_LEN` and what SDS adds.
pub(crate) const QUERY_BYTES: usize = 20_474;
/// Redis's starting size of a reply buffer (`PROTO_REPLY_CHUNK_BYTES`).
pub(crate) const BUFFER_BYTES: usize = 16 * 1024;
/// The size that a reply buffer shrinks to (`PROTO_REPLY_MIN_BYTES`).
const REPLY_BYTES_MIN: usize = 1024;
/// As if the peak of a new reply buffer, which is all of it, were so old: Redis forgets that one
/// when it first looks after the client, within 100 ms, and the others after 5 s.
const FRESH_PEAK_AGE_MS: i64 = 4900;
/// After so long without a command a query buffer is let go.
const QUERY_IDLE_MS: i64 = 2000;
/// For so long the peak use of the query buffer counts.
const QUERY_PEAK_MS: i64 = 500;

/// A connected client. `T` is the service's share of it.
pub struct Client<T> {
    address: ClientAddress,
    info: ConnInfo,
    shared: T,
    mailbox: Arc<Mailbox>,
    settings: Arc<NetSettings>,
    closing: AtomicBool,
    wake_at_ms: AtomicI64,
    pub(crate) gauges: Gauges,
}

/// What the worker notes about a connection.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) active_ms: AtomicI64,
    pub(crate) class: AtomicU8,
    pub(crate) query_len: AtomicUsize,
    pub(crate) args_len: AtomicUsize,
    pub(crate) query_alloc: AtomicUsize,
    pub(crate) query_peak: AtomicUsize,
    pub(crate) query_peak_ms: AtomicI64,
    pub(crate) reply_peak: AtomicUsize,
    pub(crate) reply_peak_ms: AtomicI64,
    pub(crate) out_small: AtomicUsize,
    pub(crate) out_chain: AtomicUsize,
    pub(crate) out_owned: AtomicUsize,
    pub(crate) out_held: AtomicUsize,
    pub(crate) out_chunks: AtomicUsize,
    pub(crate) input_bytes: AtomicU64,
    pub(crate) output_bytes: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) writable_wait: AtomicBool,
    /// Its share of the sum for `maxmemory-clients`.
    pub(crate) accounted: AtomicUsize,
    /// What of its memory counts as leaving, because it is being closed for lack of memory.
    pub(crate) leaving: AtomicUsize,
}

impl<T> Drop for Client<T> {
    fn drop(&mut self) {
        self.has_left();
    }
}

impl<T> Client<T> {
    pub(crate) fn new(
        address: ClientAddress,
        info: ConnInfo,
        shared: T,
        mailbox: Arc<Mailbox>,
        settings: Arc<NetSettings>,
    ) -> Self {
        let created_ms = info.created_ms;
        let gauges = Gauges {
            active_ms: AtomicI64::new(created_ms),
            reply_peak: AtomicUsize::new(BUFFER_BYTES),
            reply_peak_ms: AtomicI64::new(created_ms - FRESH_PEAK_AGE_MS),
            ..Gauges::default()
        };
        Self {
            address,
            info,
            shared,
            mailbox,
            settings,
            closing: AtomicBool::new(false),
            wake_at_ms: AtomicI64::new(0),
            gauges,
        }
    }

    /// The id, as CLIENT ID prints it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.address.id
    }

    /// Where to post to it.
    #[must_use]
    pub fn address(&self) -> ClientAddress {
        self.address
    }

    /// Its two ends, its kind, its age.
    #[must_use]
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// The service's share.
    #[must_use]
    pub fn shared(&self) -> &T {
        &self.shared
    }

    /// Sends it a message; never blocks. Messages of one thread to one client arrive in order.
    pub fn post(&self, message: Message) {
        self.mailbox.push(Mail::One(self.address, message));
    }

    /// Closes it at once. From here on [`Client::is_closing`] holds.
    pub fn kill(&self) {
        self.closing.store(true, Ordering::Release);
        self.post(Message::Kill);
    }

    /// Whether it has been killed or is being closed: it no longer counts as a client.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Closes it because it takes so many bytes, which count as leaving from here on.
    pub(crate) fn evict(&self, bytes: usize) {
        common::memory::is_leaving(bytes);
        let before = self.gauges.leaving.swap(bytes, Ordering::Relaxed);
        common::memory::has_left(before);
        self.kill();
    }

    /// What [`Client::evict`] said is leaving is freed, or counted otherwise.
    pub(crate) fn has_left(&self) {
        common::memory::has_left(self.gauges.leaving.swap(0, Ordering::Relaxed));
    }

    pub(crate) fn set_closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Asks for a [`Message::Timeout`] at a moment (Unix ms), or takes that wish back with
    /// [`i64::MAX`]. Only to be called inside this client's own `dispatch` or `resume`. The last
    /// wish counts; it lapses when the client is no longer blocked or deferred.
    pub fn wake_at(&self, at_ms: i64) {
        self.wake_at_ms
            .store(if at_ms == i64::MAX { 0 } else { at_ms }, Ordering::Relaxed);
    }

    /// The moment last asked for and not come yet; 0 if none.
    pub(crate) fn wake_at_ms(&self) -> i64 {
        self.wake_at_ms.load(Ordering::Relaxed)
    }

    /// When it last sent something, Unix ms.
    #[must_use]
    pub fn active_ms(&self) -> i64 {
        self.gauges.active_ms.load(Ordering::Relaxed)
    }

    /// `qbuf=`: bytes of requests read and not executed yet, the running command included.
    #[must_use]
    pub fn query_len(&self) -> usize {
        self.gauges.query_len.load(Ordering::Relaxed)
    }

    /// `argv-mem=`: bytes in the arguments of the command that it waits in, or that is on its way
    /// in.
    #[must_use]
    pub fn args_len(&self) -> usize {
        self.gauges.args_len.load(Ordering::Relaxed)
    }

    /// `qbuf-free=`: the room beside it. Connections borrow their worker's read buffer, so beyond
    /// what one keeps for an unfinished request this is a share of that buffer, as its recent
    /// requests call for, and none of its own memory (see [`Client::memory`]).
    #[must_use]
    pub fn query_free(&self, now_ms: i64) -> usize {
        let gauges = &self.gauges;
        let kept = self.query_len() + self.args_len();
        let own = match kept {
            0 => 0,
            _ => gauges.query_alloc.load(Ordering::Relaxed),
        };
        let peak = gauges.query_peak.load(Ordering::Relaxed);
        let is_idle = now_ms - self.active_ms() > QUERY_IDLE_MS || peak == 0;
        let share = if is_idle { 0 } else { peak.max(QUERY_BYTES) };
        own.max(share).saturating_sub(kept)
    }

    /// `rbs=`: the size of reply buffer that its recent replies call for.
    #[must_use]
    pub fn reply_size(&self, now_ms: i64) -> usize {
        self.reply_peak(now_ms).clamp(REPLY_BYTES_MIN, BUFFER_BYTES)
    }

    /// `rbp=`: the most of it that was used lately.
    #[must_use]
    pub fn reply_peak(&self, now_ms: i64) -> usize {
        let reset = self.settings.reply_peak_reset_ms.load(Ordering::Relaxed);
        let age = now_ms - self.gauges.reply_peak_ms.load(Ordering::Relaxed);
        let stale = reset >= 0 && age >= reset;
        if stale {
            self.out_small()
        } else {
            self.gauges.reply_peak.load(Ordering::Relaxed)
        }
    }

    /// `obl=`: unsent bytes, where they would fit Redis's fixed reply buffer.
    #[must_use]
    pub fn out_small(&self) -> usize {
        self.gauges.out_small.load(Ordering::Relaxed)
    }

    /// `oll=`: chunks in which unsent output waits otherwise.
    #[must_use]
    pub fn out_chunks(&self) -> usize {
        self.gauges.out_chunks.load(Ordering::Relaxed)
    }

    /// `omem=`: the memory that those chunks take, what others share included.
    #[must_use]
    pub fn out_memory(&self) -> usize {
        self.gauges.out_chain.load(Ordering::Relaxed)
    }

    /// The bytes of memory in unsent output that nobody else shares.
    #[must_use]
    pub fn out_owned(&self) -> usize {
        self.gauges.out_owned.load(Ordering::Relaxed)
    }

    /// The bytes of memory that this connection has to itself right now: its own structures, its
    /// unfinished request and its unsent output. Not what the service keeps for it.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + crate::CONNECTION_BYTES
            + self.gauges.query_alloc.load(Ordering::Relaxed)
            + self.gauges.out_held.load(Ordering::Relaxed)
    }

    /// `events=`: `r`, or `rw` while it waits for the socket to take more.
    #[must_use]
    pub fn events(&self) -> &'static str {
        if self.gauges.writable_wait.load(Ordering::Relaxed) {
            "rw"
        } else {
            "r"
        }
    }

    /// `tot-net-in=`: bytes received.
    #[must_use]
    pub fn input_bytes(&self) -> u64 {
        self.gauges.input_bytes.load(Ordering::Relaxed)
    }

    /// `tot-net-out=`: bytes sent.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.gauges.output_bytes.load(Ordering::Relaxed)
    }

    /// `tot-cmds=`: commands dispatched.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.gauges.commands.load(Ordering::Relaxed)
    }

    /// Whether its unsent output and `more` bytes exceed the hard limit of its class. Commands that
    /// write very long replies ask now and then, and stop: the client is going to be closed.
    #[must_use]
    pub fn over_hard_limit(&self, more: usize) -> bool {
        let class = match self.gauges.class.load(Ordering::Relaxed) {
            0 => ClientClass::Normal,
            1 => ClientClass::Replica,
            _ => ClientClass::Pubsub,
        };
        let unsent = self.out_memory() + self.out_small() + more;
        self.settings.limits(class).is_over_hard(unsent)
    }

    /// A description for log lines, in the form of CLIENT LIST, of what is known here.
    #[must_use]
    pub fn summary(&self) -> String {
        let (id, info) = (self.id(), self.info());
        format!(
            "id={id} addr={} laddr={} fd={} qbuf={} obl={} oll={} omem={} events={}",
            info.peer_text(),
            info.local_text(),
            info.fd,
            self.query_len(),
            self.out_small(),
            self.out_chunks(),
            self.out_memory(),
            self.events(),
        )
    }
}

impl Gauges {
    /// Notes the size of a request for `qbuf-free`.
    pub(crate) fn note_query(&self, len: usize, now_ms: i64) {
        let stale = now_ms - self.query_peak_ms.load(Ordering::Relaxed) > QUERY_PEAK_MS;
        if stale || len > self.query_peak.load(Ordering::Relaxed) {
            self.query_peak.store(len, Ordering::Relaxed);
            self.query_peak_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Notes the size of replies for `rbs` and `rbp`.
    pub(crate) fn note_reply(&self, len: usize, now_ms: i64, reset_ms: i64) {
        let len = len.min(BUFFER_BYTES);
        let age = now_ms - self.reply_peak_ms.load(Ordering::Relaxed);
        if (reset_ms >= 0 && age >= reset_ms) || len > self.reply_peak.load(Ordering::Relaxed) {
            self.reply_peak.store(len, Ordering::Relaxed);
            self.reply_peak_ms.store(now_ms, Ordering::Relaxed);
        }
    }
}
