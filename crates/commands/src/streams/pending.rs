//! XPENDING.
//!
//! The summary counts, the extended form lists; neither changes anything. Idle times are reckoned
//! from the frozen clock of the command.

use datatypes::Stream;
use datatypes::stream::{Group as ConsumerGroup, Pending, StreamId};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::parse;
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `XPENDING`
pub const XPENDING: Command = Command::new("xpending", -3, xpending)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Returns entries of a group that are pending, or a summary of them.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 group filters?{min-idle-time:integer=IDLE?^6.2.0 start end \
         count:integer consumer?}",
    )
    .cost(Cost::AtMost(cost::entries));

/// The longer form.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// `None` for the summary.
    fn parse(args: Args<'a>) -> Result<Option<Self>, ReplyError> {
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(errors::SYNTAX),
        }
        let (mut at, mut min_idle_ms) = (3, 0);
        if args.at(3).eq_ignore_ascii_case(b"IDLE") {
            min_idle_ms = parse::integer(args.at(4))?;
            if args.len() < 8 {
                return Err(errors::SYNTAX);
            }
            at = 5;
        }
        let count = parse::integer(args.at(at + 2))?.max(0) as usize;
        Ok(Some(Self {
            min_idle_ms,
            start: parse::start(args.at(at))?,
            end: parse::end(args.at(at + 1))?,
            count,
            consumer: args.get(at + 3),
        }))
    }
}

fn xpending(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let filter = Filter::parse(args)?;
    let now_ms = ctx.now_ms();
    let group = ctx
        .read_as::<Stream>(args.at(1))?
        .and_then(|stream| stream.group(args.at(2)))
        .ok_or_else(|| errors::stream::nogroup(args.at(1), args.at(2)))?;
    match filter {
        None => summary(group, out),
        Some(filter) => {
            // All that are in the range are passed over, too.
            ctx.takes(group.pending_len(), cost::WALK_NS)?;
            ctx.takes(group.pending_len().min(filter.count), cost::ENTRY_NS)?;
            list(group, &filter, now_ms, out);
        }
    }
    Ok(())
}

fn summary(group: &ConsumerGroup, out: &mut ReplyWriter<'_>) {
    out.array(4);
    out.integer(group.pending_len() as i64);
    let Some((first, last)) = group.pending_ends() else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    super::write_id(first, out);
    super::write_id(last, out);
    let busy = || group.consumers().filter(|c| c.pending_len() > 0);
    out.array(busy().count());
    for consumer in busy() {
        out.array(2);
        out.bulk(consumer.name());
        out.bulk_i64(consumer.pending_len() as i64);
    }
}

fn list(group: &ConsumerGroup, filter: &Filter<'_>, now_ms: i64, out: &mut ReplyWriter<'_>) {
    let consumer = filter.consumer.map(|name| group.consumer(name));
    if matches!(consumer, Some(None)) || filter.start > filter.end {
        return out.array(0);
    }
    let array = out.deferred_array();
    let mut written = 0;
    let mut write = |(id, pending): (StreamId, &Pending)| {
        let idle_ms = now_ms - pending.delivery_time_ms;
        if filter.min_idle_ms > 0 && idle_ms < filter.min_idle_ms {
            return;
        }
        if written < filter.count {
            out.array(4);
            super::write_id(id, out);
            out.bulk(group.owner(pending).map_or(b"", |owner| owner.name()));
            out.integer(idle_ms.max(0));
            out.integer(pending.delivery_count as i64);
            written += 1;
        }
    };
    match consumer.flatten() {
        Some(consumer) => group
            .pending_range_of(consumer, filter.start, filter.end)
            .for_each(&mut write),
        None => group
            .pending_range(filter.start, filter.end)
            .for_each(&mut write),
    }
    out.finish_array(array, written);
}
