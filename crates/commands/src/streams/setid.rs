//! XSETID.
//!
//! Sets the last id of a stream, and where given how many entries were ever added and the highest
//! id deleted; it is how a rewrite brings back what XADD alone cannot say.

use datatypes::Stream;
use datatypes::stream::StreamId;
use resp::{Args, ReplyWriter, errors};

use super::parse;
use crate::collection::{open_checked, view};
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `XSETID`
pub const XSETID: Command = Command::new("xsetid", -3, xsetid)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Sets the last id of a stream, and its counters.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 last-id entries_added:integer=ENTRIESADDED?^7.0.0 \
         max_deleted_entry_id=MAXDELETEDID?^7.0.0",
    );

fn xsetid(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let id = parse::id(args.at(2))?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut at = 3;
    while let Some(word) = args.get(at) {
        let value = args.get(at + 1).ok_or(errors::SYNTAX)?;
        if word.eq_ignore_ascii_case(b"ENTRIESADDED") {
            let number = parse::integer(value)?;
            added = Some(u64::try_from(number).map_err(|_| errors::stream::ENTRIES_ADDED)?);
        } else if word.eq_ignore_ascii_case(b"MAXDELETEDID") {
            max_deleted = parse::id(value)?;
            if id < max_deleted {
                return Err(errors::stream::XSETID_BELOW_MAX_DELETED);
            }
        } else {
            return Err(errors::SYNTAX);
        }
        at += 2;
    }
    let mut key = ctx.write(args.at(1));
    let stream = view::<Stream>(&key)?.ok_or(errors::NO_KEY)?;
    if let Some(last) = stream.last_live_id() {
        if id < last {
            return Err(errors::stream::XSETID_BELOW_TOP);
        }
        if added.is_some_and(|added| added < stream.len()) {
            return Err(errors::stream::XSETID_ENTRIES_ADDED);
        }
    }
    if let Some(stream) = open_checked::<Stream>(&mut key) {
        let max_deleted = Some(max_deleted).filter(|id| !id.is_zero());
        stream.set_last_id(id, added, max_deleted);
    }
    key.commit(super::event("xsetid"));
    out.ok();
    Ok(())
}
