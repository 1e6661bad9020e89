//! XINFO.
//!
//! Fields and their order are those of Redis 7.0, because clients read them by position. The
//! figures of the radix tree are what Redis would have for the same nodes.

use datatypes::Stream;
use datatypes::stream::{Consumer, Group as ConsumerGroup, StreamId};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::parse;
use crate::command::flag::{LOADING, READONLY, STALE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `XINFO`
pub const XINFO: Command = Command::container(
    "xinfo",
    -2,
    &[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_HELP, &XINFO_STREAM],
)
.group(Group::Stream)
.since("5.0.0")
.docs("Describes streams, groups and consumers.", "O(1)");

/// `XINFO CONSUMERS`
pub const XINFO_CONSUMERS: Command = Command::new("consumers", 4, xinfo_consumers)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Lists the consumers of a group.", "O(1)")
    .flags(READONLY)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(2, "RO access")])
    .args("key:key@0 groupname");

/// `XINFO GROUPS`
pub const XINFO_GROUPS: Command = Command::new("groups", 3, xinfo_groups)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Lists the groups of a stream.", "O(1)")
    .flags(READONLY)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RO access")])
    .args("key:key@0");

/// `XINFO HELP`
pub const XINFO_HELP: Command = Command::new("help", 2, xinfo_help)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Describes the subcommands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::STREAM);

/// `XINFO STREAM`
pub const XINFO_STREAM: Command = Command::new("stream", -3, xinfo_stream)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Describes a stream.", "O(1)")
    .flags(READONLY)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RO access")])
    .args("key:key@0 full=FULL?{count:integer=COUNT?}")
    .cost(Cost::AtMost(cost::entries));

fn stream_of<'c>(ctx: &'c Ctx<'_>, args: Args<'_>) -> Result<&'c Stream, ReplyError> {
    ctx.read_as::<Stream>(args.at(2))?.ok_or(errors::NO_KEY)
}

fn xinfo_consumers(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let now_ms = ctx.now_ms();
    let group = stream_of(ctx, args)?
        .group(args.at(3))
        .ok_or_else(|| errors::stream::nogroup_for_key(args.at(3), args.at(2)))?;
    out.array(group.consumers_len());
    for consumer in group.consumers() {
        out.map(3);
        out.bulk(b"name");
        out.bulk(consumer.name());
        out.bulk(b"pending");
        out.integer(consumer.pending_len() as i64);
        out.bulk(b"idle");
        out.integer((now_ms - consumer.seen_time_ms).max(0));
    }
    Ok(())
}

fn write_known(number: Option<i64>, out: &mut ReplyWriter<'_>) {
    match number {
        Some(number) => out.integer(number),
        None => out.null(),
    }
}

fn xinfo_groups(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let stream = stream_of(ctx, args)?;
    let groups = stream.groups();
    out.array(groups.len());
    for (name, group) in groups {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.integer(group.consumers_len() as i64);
        out.bulk(b"pending");
        out.integer(group.pending_len() as i64);
        out.bulk(b"last-delivered-id");
        super::write_id(group.last_id(), out);
        out.bulk(b"entries-read");
        write_known(group.entries_read(), out);
        out.bulk(b"lag");
        write_known(stream.lag(group), out);
    }
    Ok(())
}

/// FULL and its COUNT; `None` for the short form.
fn parse_full(args: Args<'_>) -> Result<Option<usize>, ReplyError> {
    const COUNT_DEFAULT: i64 = 10;
    let syntax = || errors::subcommand_syntax("xinfo", args.at(1));
    let is = |at: usize, name: &[u8]| args.at(at).eq_ignore_ascii_case(name);
    match args.len() {
        3 => Ok(None),
        4 if is(3, b"FULL") => Ok(Some(COUNT_DEFAULT as usize)),
        6 if is(3, b"FULL") && is(4, b"COUNT") => match parse::integer(args.at(5))? {
            count if count < 0 => Ok(Some(COUNT_DEFAULT as usize)),
            count => Ok(Some(count as usize)),
        },
        _ => Err(syntax()),
    }
}

fn xinfo_stream(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let stream = stream_of(ctx, args)?;
    let full = parse_full(args)?;
    if let Some(count) = full {
        ctx.takes(contents_len(stream, count), cost::ENTRY_NS)?;
    }
    let counters = stream.counters();
    out.map(if full.is_some() { 9 } else { 10 });
    out.bulk(b"length");
    out.integer(counters.length as i64);
    out.bulk(b"radix-tree-keys");
    out.integer(stream.nodes().len() as i64);
    out.bulk(b"radix-tree-nodes");
    out.integer(stream.radix_nodes() as i64);
    out.bulk(b"last-generated-id");
    super::write_id(counters.last_id, out);
    out.bulk(b"max-deleted-entry-id");
    super::write_id(counters.max_deleted_id, out);
    out.bulk(b"entries-added");
    out.integer(counters.entries_added as i64);
    out.bulk(b"recorded-first-entry-id");
    super::write_id(counters.first_id, out);
    match full {
        None => ends(stream, out),
        Some(count) => contents(stream, count, out),
    }
    Ok(())
}

/// How many entries, of the stream and pending, the long form is going to list.
fn contents_len(stream: &Stream, count: usize) -> usize {
    let limit = if count == 0 { usize::MAX } else { count };
    // Each that is pending stands with its group, and with its consumer.
    let pending = |group: &ConsumerGroup| {
        let consumers = group.consumers_len().saturating_add(1);
        let listed = limit.saturating_mul(consumers);
        (2 * group.pending_len()).min(listed)
    };
    let groups: usize = stream.groups().map(|(_, group)| pending(group)).sum();
    (stream.len() as usize).min(limit) + groups
}

/// The short form's end: number of groups, first and last entry.
fn ends(stream: &Stream, out: &mut ReplyWriter<'_>) {
    out.bulk(b"groups");
    out.integer(stream.groups().len() as i64);
    for (name, reverse) in [("first-entry", false), ("last-entry", true)] {
        out.bulk_str(name);
        let mut entries = stream.range(StreamId::MIN, StreamId::MAX, reverse);
        match entries.next_entry() {
            Some(entry) => super::write_entry(entry.id, entry.fields, &mut entries, out),
            None => out.null(),
        }
    }
}

/// The long form's end: entries and groups, up to `count` (0: all) of everything.
fn contents(stream: &Stream, count: usize, out: &mut ReplyWriter<'_>) {
    out.bulk(b"entries");
    let entries = stream.range(StreamId::MIN, StreamId::MAX, false);
    super::write_entries(entries, count, out);
    out.bulk(b"groups");
    out.array(stream.groups().len());
    let limit = if count == 0 { usize::MAX } else { count };
    for (name, group) in stream.groups() {
        out.map(7);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"last-delivered-id");
        super::write_id(group.last_id(), out);
        out.bulk(b"entries-read");
        write_known(group.entries_read(), out);
        out.bulk(b"lag");
        write_known(stream.lag(group), out);
        out.bulk(b"pel-count");
        out.integer(group.pending_len() as i64);
        out.bulk(b"pending");
        out.array(group.pending_len().min(limit));
        for (id, pending) in group
            .pending_range(StreamId::MIN, StreamId::MAX)
            .take(limit)
        {
            out.array(4);
            super::write_id(id, out);
            out.bulk(group.owner(pending).map_or(b"", |owner| owner.name()));
            out.integer(pending.delivery_time_ms);
            out.integer(pending.delivery_count as i64);
        }
        out.bulk(b"consumers");
        out.array(group.consumers_len());
        group
            .consumers()
            .for_each(|consumer| write_consumer(group, consumer, limit, out));
    }
}

fn write_consumer(
    group: &ConsumerGroup,
    consumer: &Consumer,
    limit: usize,
    out: &mut ReplyWriter<'_>,
) {
    out.map(4);
    out.bulk(b"name");
    out.bulk(consumer.name());
    out.bulk(b"seen-time");
    out.integer(consumer.seen_time_ms);
    out.bulk(b"pel-count");
    out.integer(consumer.pending_len() as i64);
    out.bulk(b"pending");
    out.array(consumer.pending_len().min(limit));
    let pending = group.pending_range_of(consumer, StreamId::MIN, StreamId::MAX);
    for (id, pending) in pending.take(limit) {
        out.array(3);
        super::write_id(id, out);
        out.integer(pending.delivery_time_ms);
        out.integer(pending.delivery_count as i64);
    }
}

fn xinfo_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "XINFO",
        &[
            "CONSUMERS <key> <group>",
            "    The consumers of a group.",
            "GROUPS <key>",
            "    The groups of a stream.",
            "STREAM <key> [FULL [COUNT <count>]]",
            "    A stream; with FULL also its entries, groups and what is pending.",
        ],
        out,
    );
    Ok(())
}
