//! XREAD and XREADGROUP.
//!
//! All keys, groups and ids are checked before the first stream is served, since serving a group
//! changes it. With BLOCK a reader that finds nothing waits; it is served by whoever adds an entry,
//! with what that one stream has ([`serve_read`], [`serve_group`]).

use datatypes::Stream;
use datatypes::stream::{Delivery, StreamId};
use keyspace::ValueRef;
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;

use super::parse;
use super::propagate::{self, Claimed};
use crate::blocking::{Deadline, Want, parse_milliseconds};
use crate::collection::open_checked;
use crate::command::flag::{BLOCKING, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::origin::Origin;

/// How many entries of a stream one that waits without COUNT gets.
const WAITING_COUNT: usize = 1000;

/// `XREAD`
pub const XREAD: Command = Command::new("xread", -4, xread)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Returns entries behind given ids of several streams.",
        "O(1)",
    )
    .flags(BLOCKING | READONLY)
    .categories(category::STREAM)
    .keys(&[KeySpec::keyword("STREAMS", 1, "RO access").range(-1, 1, 2)])
    .args("count:integer=COUNT? milliseconds:integer=BLOCK? streams=STREAMS{key:key@0* id*}")
    .cost(Cost::AtMost(cost::entries));

/// `XREADGROUP`
pub const XREADGROUP: Command = Command::new("xreadgroup", -7, xreadgroup)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Returns entries of several streams to a consumer of a group.",
        "O(1)",
    )
    .flags(BLOCKING | WRITE)
    .categories(category::STREAM)
    .keys(&[KeySpec::keyword("STREAMS", 4, "RO access").range(-1, 1, 2)])
    .args(
        "group_consumer=GROUP{group consumer} count:integer=COUNT? \
         milliseconds:integer=BLOCK? noack=NOACK!? streams=STREAMS{key:key@0* id*}",
    )
    .cost(Cost::AtMost(cost::pending));

/// From where on a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Behind an id.
    After(StreamId),
    /// `>`: what the group has not read.
    New,
}

/// What a command asks for.
#[derive(Debug)]
struct Request<'a> {
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// 0 for all.
    count: usize,
    no_ack: bool,
    /// BLOCK, and until when.
    block: Option<Deadline>,
    /// Keys, and as many ids.
    streams: Args<'a>,
}

impl<'a> Request<'a> {
    fn parse(ctx: &Ctx<'_>, args: Args<'a>, is_group: bool) -> Result<Self, ReplyError> {
        let mut request = Self {
            group: None,
            count: 0,
            no_ack: false,
            block: None,
            streams: args.from(args.len()),
        };
        let mut at = 1;
        while let Some(word) = args.get(at) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let left = args.len() - at - 1;
            if is(b"BLOCK") && left >= 1 {
                if ctx.session.origin == Origin::Script {
                    return Err(errors::stream::block_in_script(args.at(0)));
                }
                request.block = Some(parse_milliseconds(args.at(at + 1))?);
                at += 2;
            } else if is(b"COUNT") && left >= 1 {
                request.count = parse::integer(args.at(at + 1))?.max(0) as usize;
                at += 2;
            } else if is(b"STREAMS") && left >= 1 {
                request.streams = args.from(at + 1);
                if !left.is_multiple_of(2) {
                    return Err(errors::stream::UNBALANCED_STREAMS);
                }
                break;
            } else if is(b"GROUP") && left >= 2 {
                if !is_group {
                    return Err(errors::stream::GROUP_WITHOUT_XREADGROUP);
                }
                request.group = Some((args.at(at + 1), args.at(at + 2)));
                at += 3;
            } else if is(b"NOACK") {
                if !is_group {
                    return Err(errors::stream::NOACK_WITHOUT_XREADGROUP);
                }
                request.no_ack = true;
                at += 1;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        if request.streams.is_empty() {
            return Err(errors::SYNTAX);
        }
        if is_group && request.group.is_none() {
            return Err(errors::stream::MISSING_GROUP);
        }
        Ok(request)
    }

    /// Each key with its id as it was sent.
    fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (streams, count) = (self.streams, self.streams.len() / 2);
        (0..count).map(move |i| (streams.at(i), streams.at(count + i)))
    }
}

/// Where reading begins in a stream for an id of XREAD.
fn resolve(stream: Option<&Stream>, id: &[u8]) -> Result<From, ReplyError> {
    let id = match id {
        b"$" => stream.map_or(StreamId::MIN, Stream::last_id),
        // The last entry: what is behind the one before it.
        b"+" => stream
            .and_then(Stream::last_live_id)
            .and_then(StreamId::prev)
            .unwrap_or(StreamId::MIN),
        b">" => return Err(errors::stream::GREATER_WITHOUT_GROUP),
        text => parse::id(text)?,
    };
    Ok(From::After(id))
}

/// Where reading begins in a stream for an id of XREADGROUP.
fn resolve_in_group(id: &[u8]) -> Result<From, ReplyError> {
    match id {
        b"$" => Err(errors::stream::DOLLAR_IN_XREADGROUP),
        b"+" => Err(errors::stream::PLUS_IN_XREADGROUP),
        b">" => Ok(From::New),
        text => Ok(match parse::id(text)? {
            // Redis takes the greatest id for the sign.
            StreamId::MAX => From::New,
            id => From::After(id),
        }),
    }
}

/// The reply's outer frame: streams with entries, announced when the first is found.
#[derive(Default)]
struct Frame {
    header: Option<resp::Deferred>,
    served: usize,
}

impl Frame {
    fn begin_stream(&mut self, key: &[u8], out: &mut ReplyWriter<'_>) {
        self.header.get_or_insert_with(|| out.deferred_array());
        self.served += 1;
        if out.proto() == Proto::Resp2 {
            out.array(2);
        }
        out.bulk(key);
    }

    /// Ends the reply; whether anything was served. If not, there is none yet.
    fn finish(self, out: &mut ReplyWriter<'_>) -> bool {
        match self.header {
            Some(header) if out.proto() == Proto::Resp2 => out.finish_array(header, self.served),
            Some(header) => out.finish_map(header, self.served),
            None => return false,
        }
        true
    }
}

fn xread(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let request = Request::parse(ctx, args, false)?;
    let mut sources: SmallVec<[_; 4]> = SmallVec::new();
    for (key, id) in request.pairs() {
        let stream = ctx.read_as::<Stream>(key)?;
        sources.push((key, stream, resolve(stream, id)?));
    }
    let mut frame = Frame::default();
    let mut after = Vec::new();
    for (key, stream, from) in sources {
        let From::After(id) = from else { continue };
        if request.block.is_some() {
            after.push(id);
        }
        let Some(stream) = stream else {
            // Redis looks twice, and says twice that there is nothing.
            ctx.find(key);
            continue;
        };
        let Some(start) = id.next() else { continue };
        if stream.last_live_id().is_some_and(|last| last >= start) {
            ctx.takes(new_len(stream, start, request.count), cost::ENTRY_NS)?;
            frame.begin_stream(key, out);
            let entries = stream.range(start, StreamId::MAX, false);
            super::write_entries(entries, request.count, out);
        }
    }
    if !frame.finish(out) {
        // To wait is to change: the queue of who waits.
        ctx.settle(args)?;
        wait(
            ctx,
            args,
            &request,
            |count| Want::Read { after, count },
            out,
        );
    }
    Ok(())
}

/// About how many entries are read from `start` on, at most `count` (0: all).
fn new_len(stream: &Stream, start: StreamId, count: usize) -> usize {
    limited(cost::span(stream, start, StreamId::MAX), count)
}

/// At most `count`, if that is not 0.
fn limited(len: usize, count: usize) -> usize {
    if count == 0 { len } else { len.min(count) }
}

/// Nothing was found: waits, if that is asked for and possible.
fn wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    request: &Request<'_>,
    want: impl FnOnce(usize) -> Want,
    out: &mut ReplyWriter<'_>,
) {
    match request.block {
        Some(deadline) if ctx.may_block() => {
            let count = match request.count {
                0 => WAITING_COUNT,
                count => count,
            };
            let keys = request.pairs().map(|(key, _)| key);
            ctx.block(args, keys, want(count), deadline);
        }
        _ => out.null_array(),
    }
}

/// Serves a waiting XREAD: replies up to `count` entries of a stream behind an id.
///
/// # Errors
/// WRONGTYPE.
pub(crate) fn serve_read(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    after: StreamId,
    count: usize,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let stream = ctx.peek_as::<Stream>(key)?;
    if let (Some(stream), Some(start)) = (stream, after.next()) {
        let mut frame = Frame::default();
        frame.begin_stream(key, out);
        super::write_entries(stream.range(start, StreamId::MAX, false), count, out);
        frame.finish(out);
    }
    Ok(())
}

fn xreadgroup(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let request = Request::parse(ctx, args, true)?;
    let (group, consumer) = request.group.unwrap_or_default();
    let mut sources: SmallVec<[_; 4]> = SmallVec::new();
    for (key, id) in request.pairs() {
        let found = ctx
            .read_as::<Stream>(key)?
            .and_then(|stream| Some((stream, stream.group(group)?)));
        if found.is_none() {
            return Err(errors::stream::nogroup_xreadgroup(key, group));
        }
        let from = resolve_in_group(id)?;
        if let (From::New, Some((stream, group))) = (&from, found) {
            let len = new_len(stream, group.last_id(), request.count);
            ctx.takes(len, cost::DELIVER_NS)?;
        }
        if let (From::After(_), Some((_, group))) = (&from, found) {
            let len = group.consumer(consumer).map_or(0, |c| c.pending_len());
            ctx.takes(limited(len, request.count), cost::PENDING_NS)?;
        }
        sources.push((key, from));
    }
    let mut frame = Frame::default();
    for (key, from) in sources {
        let read = GroupRead {
            group,
            consumer,
            count: request.count,
            no_ack: request.no_ack,
        };
        Delivering { key, read }.run(ctx, from, &mut frame, out);
    }
    if !frame.finish(out) {
        let want = |count| {
            Want::ReadGroup(GroupRead {
                group: group.into(),
                consumer: consumer.into(),
                count,
                no_ack: request.no_ack,
            })
        };
        wait(ctx, args, &request, want, out);
    }
    Ok(())
}

/// Serves a waiting XREADGROUP: delivers what is new in a stream.
///
/// # Errors
/// None.
pub(crate) fn serve_group(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    read: &GroupRead<&[u8]>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let mut frame = Frame::default();
    let read = *read;
    Delivering { key, read }.run(ctx, From::New, &mut frame, out);
    frame.finish(out);
    Ok(())
}

/// Who reads for a group, and how. `K` holds the names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRead<K> {
    /// The group.
    pub(crate) group: K,
    /// Its consumer.
    pub(crate) consumer: K,
    /// Entries of each stream at most; 0 for all.
    pub(crate) count: usize,
    /// Entries count as acknowledged at once.
    pub(crate) no_ack: bool,
}

impl GroupRead<Box<[u8]>> {
    /// The same over borrowed names.
    pub(crate) fn borrowed(&self) -> GroupRead<&[u8]> {
        GroupRead {
            group: &self.group,
            consumer: &self.consumer,
            count: self.count,
            no_ack: self.no_ack,
        }
    }
}

/// One stream of an XREADGROUP.
struct Delivering<'a> {
    key: &'a [u8],
    read: GroupRead<&'a [u8]>,
}

impl Delivering<'_> {
    fn run(&self, ctx: &mut Ctx<'_>, from: From, frame: &mut Frame, out: &mut ReplyWriter<'_>) {
        let now_ms = ctx.now_ms();
        let is_wanted = ctx.server.log.is_wanted();
        let mut key = ctx.write(self.key);
        let has_new = match key.value() {
            Some(ValueRef::Stream(stream)) => stream
                .group(self.read.group)
                .is_some_and(|group| stream.last_live_id() > Some(group.last_id())),
            _ => false,
        };
        if from == From::New && !has_new {
            return key.unchanged();
        }
        let Some(stream) = open_checked::<Stream>(&mut key) else {
            return key.commit_nothing();
        };
        frame.begin_stream(self.key, out);
        let created = stream
            .group_mut(self.read.group)
            .is_some_and(|group| group.see_consumer(self.read.consumer, now_ms));
        let mut claimed = Vec::new();
        match from {
            From::New => self.deliver_new(stream, now_ms, out, |delivery| {
                if is_wanted {
                    claimed.push(delivery);
                }
            }),
            From::After(id) => self.deliver_history(stream, id, now_ms, out),
        }
        let position = stream
            .group(self.read.group)
            .map(|group| (group.last_id(), group.entries_read()));
        if created {
            key.commit(super::CREATED_CONSUMER);
        } else {
            key.commit_silent();
        }
        let position = position.filter(|_| from == From::New);
        self.propagate(ctx, created, &claimed, position);
    }

    fn deliver_new(
        &self,
        stream: &mut Stream,
        now_ms: i64,
        out: &mut ReplyWriter<'_>,
        mut delivered: impl FnMut(Delivery),
    ) {
        let array = out.deferred_array();
        let count = stream.read_new(
            self.read.group,
            self.read.consumer,
            self.read.count,
            self.read.no_ack,
            now_ms,
            |delivery, entries| {
                super::write_entry(delivery.id, delivery.fields, entries, out);
                delivered(*delivery);
            },
        );
        out.finish_array(array, count.unwrap_or(0));
    }

    fn deliver_history(
        &self,
        stream: &mut Stream,
        after: StreamId,
        now_ms: i64,
        out: &mut ReplyWriter<'_>,
    ) {
        let array = out.deferred_array();
        let count = after.next().and_then(|start| {
            stream.read_history(
                self.read.group,
                self.read.consumer,
                start,
                self.read.count,
                now_ms,
                |delivery, entries| match entries {
                    Some(entries) => {
                        super::write_entry(delivery.id, delivery.fields, entries, out);
                    }
                    None => {
                        out.array(2);
                        super::write_id(delivery.id, out);
                        out.null_array();
                    }
                },
            )
        });
        out.finish_array(array, count.unwrap_or(0));
    }

    /// Nothing but what was done goes to the log; reading history again is not worth telling.
    fn propagate(
        &self,
        ctx: &mut Ctx<'_>,
        created: bool,
        claimed: &[Delivery],
        position: Option<(StreamId, Option<i64>)>,
    ) {
        if !ctx.rewrites() {
            ctx.no_propagation();
        }
        if created && (self.read.no_ack || claimed.is_empty()) {
            propagate::new_consumer(ctx, self.key, self.read.group, self.read.consumer);
        }
        if self.read.no_ack {
            if let Some((last_id, read)) = position {
                propagate::position(ctx, self.key, self.read.group, last_id, read);
            }
            return;
        }
        for delivery in claimed {
            let claim = Claimed {
                consumer: self.read.consumer.into(),
                delivery: *delivery,
                last_id: delivery.id,
            };
            claim.propagate(ctx, self.key, self.read.group);
        }
    }
}
