//! XCLAIM and XAUTOCLAIM.
//!
//! The reply is written while entries change owner, in one pass. The log gets one XCLAIM for each
//! entry, with the time and count that it has now.

use datatypes::Stream;
use datatypes::stream::{Claim, ClaimOptions, StreamId};
use keyspace::Write;
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::parse::{self, Ids};
use super::propagate::{self, Claimed};
use crate::collection::open_checked;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `XCLAIM`
pub const XCLAIM: Command = Command::new("xclaim", -6, xclaim)
    .group(Group::Stream)
    .since("5.0.0")
    .docs(
        "Makes a consumer the owner of entries that are pending with others.",
        "O(log N)",
    )
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 group consumer min-idle-time id* ms:integer=IDLE? \
         unix-time-milliseconds:unix-time=TIME? count:integer=RETRYCOUNT? force=FORCE!? \
         justid=JUSTID!? id=LASTID?",
    );

/// `XAUTOCLAIM`
pub const XAUTOCLAIM: Command = Command::new("xautoclaim", -6, xautoclaim)
    .group(Group::Stream)
    .since("6.2.0")
    .docs(
        "Makes a consumer the owner of entries that have been pending for long.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 group consumer min-idle-time start count:integer=COUNT? justid=JUSTID!?")
    .cost(Cost::AtMost(cost::pending));

/// Whether the stream and its group are there.
fn check_group(ctx: &Ctx<'_>, args: Args<'_>) -> Result<(), ReplyError> {
    let stream = ctx.read_as::<Stream>(args.at(1))?;
    if stream.is_none_or(|stream| stream.group(args.at(2)).is_none()) {
        return Err(errors::stream::nogroup(args.at(1), args.at(2)));
    }
    Ok(())
}

/// What claiming did, for the log.
struct Outcome<'a> {
    consumer: &'a [u8],
    is_wanted: bool,
    claimed: Vec<Claimed<'a>>,
    changes: usize,
    created: bool,
}

impl<'a> Outcome<'a> {
    fn new(ctx: &Ctx<'_>, consumer: &'a [u8]) -> Self {
        Self {
            consumer,
            is_wanted: ctx.server.log.is_wanted(),
            claimed: Vec::new(),
            changes: 0,
            created: false,
        }
    }

    fn note(&mut self, claim: Claim, last_id: StreamId) {
        let (consumer, delivery) = match claim {
            Claim::Left => return,
            Claim::Taken(delivery) => (self.consumer.into(), delivery),
            Claim::Gone { owner, delivery } => (owner.into(), delivery),
        };
        self.changes += 1;
        if self.is_wanted {
            self.claimed.push(Claimed {
                consumer,
                delivery,
                last_id,
            });
        }
    }

    fn commit(&self, key: Write<'_>, moved: bool) {
        if self.created {
            key.commit(super::CREATED_CONSUMER);
        } else if self.changes > 0 || moved {
            key.commit_silent();
        } else {
            key.commit_nothing();
        }
    }

    fn propagate(&self, ctx: &mut Ctx<'_>, args: Args<'_>) {
        ctx.no_propagation();
        for claim in &self.claimed {
            claim.propagate(ctx, args.at(1), args.at(2));
        }
    }
}

/// The options of XCLAIM behind the ids.
struct XclaimOptions {
    ids: Ids,
    claim: ClaimOptions,
    last_id: StreamId,
}

impl XclaimOptions {
    fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Self, ReplyError> {
        let now_ms = ctx.now_ms();
        let number = |text, error| common::number::parse_i64(text).ok_or(error);
        let min_idle_ms = number(args.at(4), errors::stream::XCLAIM_MIN_IDLE)?.max(0);
        let words = args.from(5);
        let ids: Ids = words
            .iter()
            .map_while(|text| StreamId::parse(text, 0))
            .collect();
        let (mut time, mut retry_count, mut last_id) = (None, None, StreamId::MIN);
        let (mut force, mut just_id) = (false, false);
        let mut at = ids.len();
        while let Some(word) = words.get(at) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let value = words.get(at + 1);
            at += 2;
            match value {
                _ if is(b"FORCE") => (force, at) = (true, at - 1),
                _ if is(b"JUSTID") => (just_id, at) = (true, at - 1),
                Some(value) if is(b"IDLE") => {
                    let idle = number(value, errors::stream::XCLAIM_IDLE)?;
                    time = Some(now_ms.saturating_sub(idle));
                }
                Some(value) if is(b"TIME") => {
                    time = Some(number(value, errors::stream::XCLAIM_TIME)?);
                }
                Some(value) if is(b"RETRYCOUNT") => {
                    retry_count = Some(number(value, errors::stream::XCLAIM_RETRYCOUNT)?);
                }
                Some(value) if is(b"LASTID") => last_id = parse::id(value)?,
                _ => return Err(errors::stream::xclaim_option(word)),
            }
        }
        // Times out of bounds become now: clients compute them with clocks of their own.
        let sound_time = time.filter(|time| (0..=now_ms).contains(time));
        Ok(Self {
            ids,
            claim: ClaimOptions {
                min_idle_ms,
                now_ms,
                delivery_time_ms: sound_time.unwrap_or(now_ms),
                retry_count: retry_count.and_then(|count| u64::try_from(count).ok()),
                force,
                just_id,
            },
            last_id,
        })
    }
}

/// Moves what the group has read forward; whether it moved.
fn move_group(stream: &mut Stream, group: &[u8], last_id: StreamId) -> bool {
    match stream.group_mut(group) {
        Some(group) if last_id > group.last_id() => {
            group.set_position(last_id, group.entries_read());
            true
        }
        _ => false,
    }
}

fn xclaim(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    check_group(ctx, args)?;
    let options = XclaimOptions::parse(ctx, args)?;
    let (group, consumer) = (args.at(2), args.at(3));
    let mut outcome = Outcome::new(ctx, consumer);
    let mut key = ctx.write(args.at(1));
    let Some(stream) = open_checked::<Stream>(&mut key) else {
        key.commit_nothing();
        return Err(errors::stream::nogroup(args.at(1), group));
    };
    let moved = move_group(stream, group, options.last_id);
    let position = stream
        .group(group)
        .map(|group| (group.last_id(), group.entries_read()))
        .unwrap_or_default();
    let array = out.deferred_array();
    let mut taken = 0;
    for id in &options.ids {
        let Some((claim, created)) = stream.claim(group, consumer, *id, &options.claim) else {
            break;
        };
        outcome.created |= created;
        if matches!(claim, Claim::Taken(_)) {
            taken += 1;
            match stream.get(*id) {
                Some((entry, mut entries)) if !options.claim.just_id => {
                    super::write_entry(*id, entry.fields, &mut entries, out);
                }
                _ => super::write_id(*id, out),
            }
        }
        outcome.note(claim, position.0);
    }
    out.finish_array(array, taken);
    outcome.commit(key, moved);
    outcome.propagate(ctx, args);
    if moved && outcome.changes == 0 {
        propagate::position(ctx, args.at(1), group, position.0, position.1);
    }
    Ok(())
}

/// COUNT and JUSTID of XAUTOCLAIM.
fn xautoclaim_options(args: Args<'_>) -> Result<(usize, bool), ReplyError> {
    /// Ids of so many entries are kept, and ten times as many entries are looked at.
    const COUNT_MAX: i64 = i64::MAX / 16;
    let (mut count, mut just_id) = (100, false);
    let mut at = 6;
    while let Some(word) = args.get(at) {
        if word.eq_ignore_ascii_case(b"JUSTID") {
            just_id = true;
            at += 1;
        } else if let (true, Some(text)) = (word.eq_ignore_ascii_case(b"COUNT"), args.get(at + 1)) {
            count = common::number::parse_i64(text)
                .filter(|count| (1..=COUNT_MAX).contains(count))
                .ok_or(errors::stream::COUNT_NOT_POSITIVE)? as usize;
            at += 2;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    Ok((count, just_id))
}

fn xautoclaim(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let min_idle_ms = common::number::parse_i64(args.at(4))
        .ok_or(errors::stream::XAUTOCLAIM_MIN_IDLE)?
        .max(0);
    let start = parse::start(args.at(5))?;
    let (count, just_id) = xautoclaim_options(args)?;
    check_group(ctx, args)?;
    let pending = ctx
        .peek_as::<Stream>(args.at(1))?
        .and_then(|stream| stream.group(args.at(2)))
        .map_or(0, |group| group.pending_len());
    ctx.takes(pending.min(count), cost::PENDING_NS)?;
    let now_ms = ctx.now_ms();
    let options = ClaimOptions {
        min_idle_ms,
        now_ms,
        delivery_time_ms: now_ms,
        retry_count: None,
        force: false,
        just_id,
    };
    let (group, consumer) = (args.at(2), args.at(3));
    let mut outcome = Outcome::new(ctx, consumer);
    let mut key = ctx.write(args.at(1));
    let Some(stream) = open_checked::<Stream>(&mut key) else {
        key.commit_nothing();
        return Err(errors::stream::nogroup(args.at(1), group));
    };
    let last_id = stream.group(group).map_or(StreamId::MIN, |g| g.last_id());
    // The cursor goes before the entries, but is known only behind them.
    let (mut entries_reply, mut taken, mut gone) = (Vec::new(), 0, Vec::new());
    let mut reply = ReplyWriter::new(&mut entries_reply, out.proto());
    let claimed = stream.auto_claim(group, consumer, start, count, &options, |claim, entries| {
        match (claim, entries) {
            (Claim::Taken(delivery), Some(entries)) if !just_id => {
                super::write_entry(delivery.id, delivery.fields, entries, &mut reply);
            }
            (Claim::Taken(delivery), _) => super::write_id(delivery.id, &mut reply),
            (Claim::Gone { delivery, .. }, _) => gone.push(delivery.id),
            (Claim::Left, _) => {}
        }
        taken += usize::from(matches!(claim, Claim::Taken(_)));
        outcome.note(claim.clone(), last_id);
    });
    let claimed = claimed.unwrap_or_default();
    outcome.created = claimed.created_consumer;
    outcome.commit(key, false);
    out.array(3);
    super::write_id(claimed.next, out);
    out.array(taken);
    out.raw(&entries_reply);
    out.array(gone.len());
    gone.iter().for_each(|id| super::write_id(*id, out));
    outcome.propagate(ctx, args);
    Ok(())
}
