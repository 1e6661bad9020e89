//! XADD.
//!
//! The ID and the trimming options are checked before the stream is created. The log gets the ID
//! that was given, and an exact form of a trimming that was approximate.

use datatypes::Stream;
use datatypes::stream::{AppendError, Keep, NewId, NodeLimits, StreamId, Trim};
use keyspace::Value;
use resp::{Args, ReplyError, ReplyWriter, errors};
use std::sync::atomic::Ordering::Relaxed;

use super::trim::{self, Options};
use crate::collection::{open_checked, view};
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;

/// `XADD`
pub const XADD: Command = Command::new("xadd", -5, xadd)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Adds an entry to the end of a stream.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 nomkstream=NOMKSTREAM!?^6.2.0 \
         condition?^8.2.0(keepref=KEEPREF! | delref=DELREF! | acked=ACKED!) \
         trim?{strategy(maxlen=MAXLEN! | \
         minid=MINID!^6.2.0) operator?(equal=\"=\"! | approximately=\"~\"!) threshold \
         count:integer=LIMIT?^6.2.0} id_or_auto(auto_id=\"*\"! | id) field_value*{field \
         value}",
    )
    .cost(Cost::AtMost(cost::add_trim));

fn limits(server: &Server) -> NodeLimits {
    NodeLimits {
        bytes_max: server.settings.stream_node_max_bytes.load(Relaxed) as usize,
        entries_max: server.settings.stream_node_max_entries.load(Relaxed) as usize,
    }
}

fn append_error(error: AppendError) -> ReplyError {
    match error {
        AppendError::IdTooSmall => errors::stream::XADD_SMALL_ID,
        AppendError::TooLarge => errors::stream::TOO_LARGE,
    }
}

/// About how many entries a trimming is going to take out.
fn excess(stream: &Stream, trim: &Trim) -> usize {
    let excess = match trim.keep {
        Keep::Last(kept) => stream.len().saturating_sub(kept) as usize,
        Keep::From(id) => cost::span(stream, StreamId::MIN, id),
    };
    match trim.limit {
        0 => excess,
        limit => excess.min(limit as usize),
    }
}

fn xadd(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options::parse(args, true)?;
    let Some(id_text) = args.get(options.end) else {
        return Err(errors::wrong_arity("xadd"));
    };
    let now_ms = ctx.now_ms().max(0) as u64;
    let new_id = NewId::parse(id_text, now_ms).ok_or(errors::stream::INVALID_ID)?;
    let trim = options.trim(ctx, true)?;
    let pairs = args.from(options.end + 1);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(errors::wrong_arity("xadd"));
    }
    if new_id == NewId::Exact(StreamId::MIN) {
        return Err(errors::stream::XADD_ZERO_ID);
    }
    if let (Some(trim), Some(stream)) = (&trim, ctx.peek_as::<Stream>(args.at(1))?) {
        ctx.takes(excess(stream, trim), cost::WALK_NS)?;
    }
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let last_id = view::<Stream>(&key)?.map(Stream::last_id);
    if last_id.is_none() && options.only_present {
        key.unchanged();
        out.null();
        return Ok(());
    }
    if last_id == Some(StreamId::MAX) {
        return Err(errors::stream::EXHAUSTED);
    }
    let appended = match open_checked::<Stream>(&mut key) {
        Some(stream) => stream.append(new_id, pairs.as_slice(), limits),
        None => {
            let mut stream = Stream::new();
            let appended = stream.append(new_id, pairs.as_slice(), limits);
            if appended.is_ok() {
                key.set(Value::Stream(stream));
            }
            appended
        }
    };
    let id = match appended {
        Ok(id) => id,
        Err(error) => {
            key.commit_nothing();
            return Err(append_error(error));
        }
    };
    super::write_id(id, out);
    let (mut trimmed, mut exact) = (0, None);
    if let Some(trim) = trim
        && let Some(stream) = open_checked::<Stream>(&mut key)
    {
        trimmed = stream.trim(&trim);
        exact = options.exact(stream);
    }
    if trimmed > 0 {
        key.note(super::event("xadd"));
        key.commit(super::event("xtrim"));
    } else {
        key.commit(super::event("xadd"));
    }
    if exact.is_some() || !matches!(new_id, NewId::Exact(_)) {
        propagate(ctx, args, options.end, id, exact.as_ref());
    }
    Ok(())
}

/// The log gets the id that was made, and an exact limit.
fn propagate(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    id_at: usize,
    id: StreamId,
    exact: Option<&(usize, Vec<u8>)>,
) {
    if !ctx.server.log.is_wanted() {
        return;
    }
    let text = id.text();
    let mut words = args.as_slice().to_vec();
    words[id_at] = text.as_bytes();
    trim::rewrite(&mut words, exact);
    ctx.propagate_as(&words);
}
