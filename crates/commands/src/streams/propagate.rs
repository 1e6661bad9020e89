//! What consumer groups send to the log: the outcome, never the request.
//!
//! What a reader changes in a group must be the same elsewhere whatever the clock there says, so it
//! is spelled out with IDs, times and counts.

use common::number::I64Text;
use datatypes::stream::{Delivery, StreamId};

use crate::ctx::Ctx;

/// An entry that is with a consumer now.
#[derive(Debug)]
pub(super) struct Claimed<'a> {
    /// Who has it.
    pub(super) consumer: std::borrow::Cow<'a, [u8]>,
    /// Time and count.
    pub(super) delivery: Delivery,
    /// What the group had read up to then.
    pub(super) last_id: StreamId,
}

impl Claimed<'_> {
    /// Propagates it as an XCLAIM that does the same wherever it runs.
    pub(super) fn propagate(&self, ctx: &mut Ctx<'_>, key: &[u8], group: &[u8]) {
        let time = I64Text::new(self.delivery.delivery_time_ms);
        let count = I64Text::new(self.delivery.delivery_count as i64);
        ctx.propagate_as(&[
            b"XCLAIM",
            key,
            group,
            &self.consumer,
            b"0",
            self.delivery.id.text().as_bytes(),
            b"TIME",
            time.as_bytes(),
            b"RETRYCOUNT",
            count.as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            self.last_id.text().as_bytes(),
        ]);
    }
}

/// Propagates how far a group has read.
pub(super) fn position(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    group: &[u8],
    last_id: StreamId,
    entries_read: Option<i64>,
) {
    let read = I64Text::new(entries_read.unwrap_or(-1));
    ctx.propagate_as(&[
        b"XGROUP",
        b"SETID",
        key,
        group,
        last_id.text().as_bytes(),
        b"ENTRIESREAD",
        read.as_bytes(),
    ]);
}

/// Propagates that a consumer was created.
pub(super) fn new_consumer(ctx: &mut Ctx<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    ctx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
}
