//! DEL, UNLINK, EXISTS, TOUCH, TYPE.
//!
//! Large values are freed in the background, whichever command deletes them. Expired keys count as
//! absent everywhere.

use keyspace::{Entry, Event};
use resp::{Args, ReplyWriter};

use crate::command::flag::{FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `DEL`
pub const DEL: Command = Command::new("del", -2, del)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Deletes keys.", "O(N)")
    .flags(WRITE)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .keys(&[KeySpec::at(1, "RM delete").range(-1, 1, 0)])
    .args("key:key@0*");

/// `UNLINK`
pub const UNLINK: Command = Command::new("unlink", -2, del)
    .group(Group::Generic)
    .since("4.0.0")
    .docs(
        "Deletes keys and frees their memory in the background.",
        "O(N)",
    )
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .keys(&[KeySpec::at(1, "RM delete").range(-1, 1, 0)])
    .args("key:key@0*");

/// `EXISTS`
pub const EXISTS: Command = Command::new("exists", -2, exists)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Counts how many of the keys exist.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .keys(&[KeySpec::at(1, "RO").range(-1, 1, 0)])
    .args("key:key@0*");

/// `TOUCH`
pub const TOUCH: Command = Command::new("touch", -2, touch)
    .group(Group::Generic)
    .since("3.2.1")
    .docs("Notes an access to keys and counts how many exist.", "O(N)")
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .keys(&[KeySpec::at(1, "RO").range(-1, 1, 0)])
    .args("key:key@0*");

/// `TYPE`
pub const TYPE: Command = Command::new("type", 2, type_of)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Returns the type of a key's value.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

/// Large values are freed in the background either way.
fn del(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut deleted = 0;
    for name in args.from(1).iter() {
        let mut key = ctx.write(name);
        if key.remove() {
            key.commit(Event::generic("del"));
            deleted += 1;
        } else {
            key.unchanged();
        }
    }
    out.integer(deleted);
    Ok(())
}

fn exists(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    // Existence is no access: LRU and LFU stay as they are.
    let found = args
        .from(1)
        .iter()
        .filter(|key| ctx.find(key).is_some())
        .count();
    out.integer(found as i64);
    Ok(())
}

fn touch(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let now_ms = ctx.now_ms();
    let touch = |entry: Entry<'_>| entry.touch(now_ms);
    let found = args
        .from(1)
        .iter()
        .filter_map(|key| ctx.find(key).map(touch))
        .count();
    out.integer(found as i64);
    Ok(())
}

fn type_of(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.simple(
        ctx.find(args.at(1))
            .map_or("none", |entry| entry.kind().name()),
    );
    Ok(())
}
