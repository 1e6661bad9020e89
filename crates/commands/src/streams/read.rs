//! XREAD and XREADGROUP.
//!
//! All keys, groups and ids are checked before the first stream is served, since serving a group
//! changes it.

use datatypes::Stream;
use datatypes::stream::{Delivery, StreamId};
use keyspace::ValueRef;
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;

use super::parse;
use super::propagate::{self, Claimed};
use crate::command::flag::{BLOCKING, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::origin::Origin;

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
    .args("count:integer=COUNT? milliseconds:integer=BLOCK? streams=STREAMS{key:key@0* id*}");

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
    );

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
    block: bool,
    /// Keys, and as many ids.
    streams: Args<'a>,
}

impl<'a> Request<'a> {
    fn parse(ctx: &Ctx<'_>, args: Args<'a>, is_group: bool) -> Result<Self, ReplyError> {
        let mut request = Self {
            group: None,
            count: 0,
            no_ack: false,
            block: false,
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
                check_timeout(args.at(at + 1))?;
                request.block = true;
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

fn check_timeout(text: &[u8]) -> Result<(), ReplyError> {
    let timeout = common::number::parse_i64(text).ok_or(errors::TIMEOUT_NOT_INTEGER)?;
    if timeout < 0 {
        return Err(errors::TIMEOUT_NEGATIVE);
    }
    Ok(())
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
        text => parse::id(text).map(From::After),
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

    /// Ends the reply; nothing served is an error where the client would wait.
    fn finish(self, ctx: &Ctx<'_>, block: bool, out: &mut ReplyWriter<'_>) -> CmdResult {
        match self.header {
            Some(header) if out.proto() == Proto::Resp2 => out.finish_array(header, self.served),
            Some(header) => out.finish_map(header, self.served),
            None if block && !ctx.in_transaction() && ctx.session.origin.is_checked() => {
                return Err(errors::stream::BLOCK_UNSUPPORTED);
            }
            None => out.null_array(),
        }
        Ok(())
    }
}

fn xread(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let request = Request::parse(ctx, args, false)?;
    let mut sources: SmallVec<[_; 4]> = SmallVec::new();
    for (key, id) in request.pairs() {
        let stream = super::read(ctx, key)?;
        sources.push((key, stream, resolve(stream, id)?));
    }
    let mut frame = Frame::default();
    for (key, stream, from) in sources {
        let (Some(stream), From::After(id)) = (stream, from) else {
            continue;
        };
        let Some(start) = id.next() else { continue };
        if stream.last_live_id().is_some_and(|last| last >= start) {
            frame.begin_stream(key, out);
            let entries = stream.range(start, StreamId::MAX, false);
            super::write_entries(entries, request.count, out);
        }
    }
    frame.finish(ctx, request.block, out)
}

fn xreadgroup(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let request = Request::parse(ctx, args, true)?;
    let (group, consumer) = request.group.unwrap_or_default();
    let mut sources: SmallVec<[_; 4]> = SmallVec::new();
    for (key, id) in request.pairs() {
        let found = super::read(ctx, key)?.and_then(|stream| stream.group(group));
        if found.is_none() {
            return Err(errors::stream::nogroup_xreadgroup(key, group));
        }
        sources.push((key, resolve_in_group(id)?));
    }
    let mut frame = Frame::default();
    for (key, from) in sources {
        let delivery = Delivering {
            key,
            group,
            consumer,
            count: request.count,
            no_ack: request.no_ack,
        };
        delivery.run(ctx, from, &mut frame, out);
    }
    frame.finish(ctx, request.block, out)
}

/// One stream of an XREADGROUP.
struct Delivering<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    count: usize,
    no_ack: bool,
}

impl Delivering<'_> {
    fn run(&self, ctx: &mut Ctx<'_>, from: From, frame: &mut Frame, out: &mut ReplyWriter<'_>) {
        let now_ms = ctx.now_ms();
        let is_wanted = ctx.server.log.is_wanted();
        let mut key = ctx.write(self.key);
        let has_new = match key.value() {
            Some(ValueRef::Stream(stream)) => stream
                .group(self.group)
                .is_some_and(|group| stream.last_live_id() > Some(group.last_id())),
            _ => false,
        };
        if from == From::New && !has_new {
            return key.unchanged();
        }
        let Some(stream) = super::value_mut(&mut key) else {
            return key.commit_nothing();
        };
        frame.begin_stream(self.key, out);
        let created = stream
            .group_mut(self.group)
            .is_some_and(|group| group.see_consumer(self.consumer, now_ms));
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
            .group(self.group)
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
            self.group,
            self.consumer,
            self.count,
            self.no_ack,
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
                self.group,
                self.consumer,
                start,
                self.count,
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
        if created && (self.no_ack || claimed.is_empty()) {
            propagate::new_consumer(ctx, self.key, self.group, self.consumer);
        }
        if self.no_ack {
            if let Some((last_id, read)) = position {
                propagate::position(ctx, self.key, self.group, last_id, read);
            }
            return;
        }
        for delivery in claimed {
            let claim = Claimed {
                consumer: self.consumer.into(),
                delivery: *delivery,
                last_id: delivery.id,
            };
            claim.propagate(ctx, self.key, self.group);
        }
    }
}
