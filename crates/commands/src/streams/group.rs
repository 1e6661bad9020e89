//! XGROUP.
//!
//! Groups and consumers are created, moved and destroyed here. Errors name group and key as they
//! came; clients match on their codes.

use datatypes::Stream;
use datatypes::stream::StreamId;
use keyspace::{Value, Write};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::parse;
use crate::collection::{open_checked, view};
use crate::command::flag::{DENYOOM, LOADING, STALE, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `XGROUP`
pub const XGROUP: Command = Command::container(
    "xgroup",
    -2,
    &[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_HELP,
        &XGROUP_SETID,
    ],
)
.group(Group::Stream)
.since("5.0.0")
.docs("Manages consumer groups.", "O(1)");

/// `XGROUP CREATE`
pub const XGROUP_CREATE: Command = Command::new("create", -5, xgroup_create)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Creates a consumer group.", "O(1)")
    .flags(WRITE | DENYOOM)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RW insert")])
    .args(
        "key:key@0 groupname id(id | new_id=\"$\"!) mkstream=MKSTREAM!? \
         entries_read:integer=ENTRIESREAD?",
    );

/// `XGROUP CREATECONSUMER`
pub const XGROUP_CREATECONSUMER: Command = Command::new("createconsumer", 5, xgroup_createconsumer)
    .group(Group::Stream)
    .since("6.2.0")
    .docs("Creates a consumer of a group.", "O(1)")
    .flags(WRITE | DENYOOM)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RW insert")])
    .args("key:key@0 groupname consumername");

/// `XGROUP DELCONSUMER`
pub const XGROUP_DELCONSUMER: Command = Command::new("delconsumer", 5, xgroup_delconsumer)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Removes a consumer of a group.", "O(1)")
    .flags(WRITE)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RW delete")])
    .args("key:key@0 groupname consumername");

/// `XGROUP DESTROY`
pub const XGROUP_DESTROY: Command = Command::new("destroy", 4, xgroup_destroy)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Removes a consumer group.", "O(N)")
    .flags(WRITE)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RW delete")])
    .args("key:key@0 groupname");

/// `XGROUP HELP`
pub const XGROUP_HELP: Command = Command::new("help", 2, xgroup_help)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Describes the subcommands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::STREAM);

/// `XGROUP SETID`
pub const XGROUP_SETID: Command = Command::new("setid", -5, xgroup_setid)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Sets how far a group has read.", "O(1)")
    .flags(WRITE)
    .categories(category::STREAM)
    .keys(&[KeySpec::at(2, "RW update")])
    .args("key:key@0 groupname id(id | new_id=\"$\"!) entries_read:integer=ENTRIESREAD?");

/// MKSTREAM and ENTRIESREAD.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>, is_create: bool) -> Result<Self, ReplyError> {
        let mut options = Self::default();
        let mut at = 5;
        while let Some(word) = args.get(at) {
            if is_create && word.eq_ignore_ascii_case(b"MKSTREAM") {
                options.make_stream = true;
                at += 1;
            } else if word.eq_ignore_ascii_case(b"ENTRIESREAD") && at + 1 < args.len() {
                let read = parse::integer(args.at(at + 1))?;
                if read < -1 {
                    return Err(errors::stream::ENTRIESREAD);
                }
                options.entries_read = Some(read).filter(|read| *read >= 0);
                at += 2;
            } else {
                return Err(errors::subcommand_syntax("xgroup", args.at(1)));
            }
        }
        let most = if is_create { 8 } else { 7 };
        if args.len() > most {
            return Err(errors::subcommand_syntax("xgroup", args.at(1)));
        }
        Ok(options)
    }
}

/// Opens the stream of a subcommand; it must be there.
fn open<'k>(ctx: &'k mut Ctx<'_>, key: &'k [u8]) -> Result<Write<'k>, ReplyError> {
    let key = ctx.write(key);
    if view::<Stream>(&key)?.is_none() {
        return Err(errors::stream::XGROUP_NO_KEY);
    }
    Ok(key)
}

/// Opens the stream of a subcommand; the group must be there.
fn open_group<'k>(ctx: &'k mut Ctx<'_>, args: Args<'k>) -> Result<Write<'k>, ReplyError> {
    let key = open(ctx, args.at(2))?;
    let stream = view::<Stream>(&key)?;
    if stream.is_none_or(|stream| stream.group(args.at(3)).is_none()) {
        return Err(errors::stream::nogroup_for_key(args.at(3), args.at(2)));
    }
    Ok(key)
}

fn xgroup_create(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options::parse(args, true)?;
    let mut key = ctx.write(args.at(2));
    let stream = view::<Stream>(&key)?;
    if stream.is_none() && !options.make_stream {
        return Err(errors::stream::XGROUP_NO_KEY);
    }
    let id = match args.at(4) {
        b"$" => stream.map_or(StreamId::MIN, Stream::last_id),
        text => parse::id(text)?,
    };
    if stream.is_some_and(|stream| stream.group(args.at(3)).is_some()) {
        return Err(errors::stream::BUSYGROUP);
    }
    if stream.is_none() {
        key.set(Value::Stream(Stream::new()));
    }
    if let Some(stream) = open_checked::<Stream>(&mut key) {
        stream.create_group(args.at(3), id, options.entries_read);
    }
    key.commit(super::event("xgroup-create"));
    out.ok();
    Ok(())
}

fn xgroup_setid(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options::parse(args, false)?;
    let mut key = open_group(ctx, args)?;
    let id = match args.at(4) {
        b"$" => view::<Stream>(&key)?.map_or(StreamId::MIN, Stream::last_id),
        text => StreamId::parse_bound(text, 0).ok_or(errors::stream::INVALID_ID)?,
    };
    if let Some(group) = open_checked::<Stream>(&mut key).and_then(|s| s.group_mut(args.at(3))) {
        group.set_position(id, options.entries_read);
    }
    key.commit(super::event("xgroup-setid"));
    out.ok();
    Ok(())
}

fn xgroup_destroy(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = open(ctx, args.at(2))?;
    let removed = open_checked::<Stream>(&mut key).is_some_and(|s| s.destroy_group(args.at(3)));
    if removed {
        key.commit(super::event("xgroup-destroy"));
    } else {
        key.commit_nothing();
    }
    out.integer(i64::from(removed));
    Ok(())
}

fn xgroup_createconsumer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let now_ms = ctx.now_ms();
    let mut key = open_group(ctx, args)?;
    let group = open_checked::<Stream>(&mut key).and_then(|s| s.group_mut(args.at(3)));
    let created = group.is_some_and(|group| group.create_consumer(args.at(4), now_ms));
    if created {
        key.commit(super::CREATED_CONSUMER);
    } else {
        key.commit_nothing();
    }
    out.integer(i64::from(created));
    Ok(())
}

fn xgroup_delconsumer(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = open_group(ctx, args)?;
    let group = open_checked::<Stream>(&mut key).and_then(|s| s.group_mut(args.at(3)));
    let pending = group.and_then(|group| group.delete_consumer(args.at(4)));
    match pending {
        Some(_) => key.commit(super::event("xgroup-delconsumer")),
        None => key.commit_nothing(),
    }
    out.integer(pending.unwrap_or(0) as i64);
    Ok(())
}

fn xgroup_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "XGROUP",
        &[
            "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
            "    Create a group that has read up to the id; MKSTREAM creates the stream, too.",
            "CREATECONSUMER <key> <group> <consumer>",
            "    Create a consumer of a group.",
            "DELCONSUMER <key> <group> <consumer>",
            "    Remove a consumer and what is pending with it.",
            "DESTROY <key> <group>",
            "    Remove a group.",
            "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
            "    Set how far a group has read.",
        ],
        out,
    );
    Ok(())
}
