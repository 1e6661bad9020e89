//! XDEL, XDELEX and XACKDEL.
//!
//! A stream stays when its last entry goes, unlike other types. What happens to references in
//! pending lists is chosen by the newer commands' policies.

use datatypes::Stream;
use datatypes::stream::{Deleted, References};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::parse::{self, Ids};
use crate::collection::{open_checked, view};
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `XDEL`
pub const XDEL: Command = Command::new("xdel", -3, xdel)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Deletes entries from a stream.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 id*");

/// `XDELEX`
pub const XDELEX: Command = Command::new("xdelex", -5, xdelex)
    .group(Group::Stream)
    .since("8.2.0")
    .docs(
        "Deletes entries from a stream, with a choice of what becomes of references to them.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args(
        "key:key@0 condition?(keepref=KEEPREF! | delref=DELREF! | acked=ACKED!) \
         ids=IDS{numids:integer id*}",
    );

/// `XACKDEL`
pub const XACKDEL: Command = Command::new("xackdel", -6, xackdel)
    .group(Group::Stream)
    .since("8.2.0")
    .docs(
        "Acknowledges entries for a group and deletes them from the stream.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args(
        "key:key@0 group condition?(keepref=KEEPREF! | delref=DELREF! | acked=ACKED!) \
         ids=IDS{numids:integer id*}",
    );

fn xdel(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(args.at(1));
    let exists = view::<Stream>(&key)?.is_some();
    let mut count = 0;
    if exists {
        let ids = parse::ids(args.from(2))?;
        if let Some(stream) = open_checked::<Stream>(&mut key) {
            let is_done = |id: &_| stream.delete(*id, References::Keep) == Deleted::Done;
            count = ids.iter().copied().filter(is_done).count();
        }
    }
    if count == 0 {
        key.commit_nothing();
    } else {
        key.commit_n(super::event("xdel"), count as u64);
    }
    out.integer(count as i64);
    Ok(())
}

/// Reads the choice of references and the ids, from argument `at` on.
fn parse_ids(args: Args<'_>, mut at: usize) -> Result<(References, Ids), ReplyError> {
    let (mut references, mut ids) = (None, None);
    while let Some(word) = args.get(at) {
        if let Some(choice) = parse::references(word)
            && references.is_none()
        {
            references = Some(choice);
            at += 1;
        } else if word.eq_ignore_ascii_case(b"IDS") && ids.is_none() && at + 1 < args.len() {
            let count = common::number::parse_i64(args.at(at + 1))
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count > 0)
                .ok_or(errors::stream::NUMIDS)?;
            let left = args.len() - at - 2;
            if count > left {
                return Err(errors::stream::NUMIDS_MISMATCH);
            }
            ids = Some((at + 2, count));
            at += 2 + count;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    let (first, count) = ids.ok_or(errors::SYNTAX)?;
    let ids = (first..first + count).map(|at| parse::id(args.at(at)));
    Ok((
        references.unwrap_or_default(),
        ids.collect::<Result<_, _>>()?,
    ))
}

fn xdelex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (references, ids) = parse_ids(args, 2)?;
    delete_each(ctx, args.at(1), &ids, out, |stream, id| {
        if !stream.contains(id) {
            return (-1, false);
        }
        match stream.delete(id, references) {
            Deleted::Done => (1, true),
            Deleted::Missing => (-1, false),
            Deleted::Referenced => (2, false),
        }
    })
}

fn xackdel(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (references, ids) = parse_ids(args, 3)?;
    let group = args.at(2);
    delete_each(ctx, args.at(1), &ids, out, |stream, id| {
        let is_pending = stream
            .group_mut(group)
            .is_some_and(|group| group.acknowledge(id));
        match is_pending.then(|| stream.delete(id, references)) {
            None => (-1, false),
            Some(Deleted::Referenced) => (2, true),
            Some(Deleted::Done | Deleted::Missing) => (1, true),
        }
    })
}

/// Answers an array of what `delete` says of each id; its second answer is whether it changed
/// anything.
fn delete_each(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    ids: &Ids,
    out: &mut ReplyWriter<'_>,
    mut delete: impl FnMut(&mut Stream, datatypes::stream::StreamId) -> (i64, bool),
) -> CmdResult {
    let mut key = ctx.write(key);
    view::<Stream>(&key)?;
    let mut changes = 0;
    let before = key.value().and_then(|value| match value {
        keyspace::ValueRef::Stream(stream) => Some(stream.len()),
        _ => None,
    });
    let mut after = before;
    out.array(ids.len());
    match open_checked::<Stream>(&mut key) {
        None => ids.iter().for_each(|_| out.integer(-1)),
        Some(stream) => {
            for id in ids {
                let (answer, changed) = delete(stream, *id);
                changes += u64::from(changed);
                out.integer(answer);
            }
            after = Some(stream.len());
        }
    }
    match changes {
        0 => key.commit_nothing(),
        _ if after == before => key.commit_silent(),
        _ => key.commit_n(super::event("xdel"), changes),
    }
    Ok(())
}
