//! ROLE and WAIT: the server's part in replication.
//!
//! Corewire is always a primary without replicas for now; both answer accordingly.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{FAST, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `ROLE`
pub const ROLE: Command = Command::new("role", 1, role)
    .group(Group::Server)
    .since("2.8.12")
    .docs("Returns the server's part in replication.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE | FAST)
    .categories(category::ADMIN | category::DANGEROUS);

/// `WAIT`
pub const WAIT: Command = Command::new("wait", 3, wait)
    .group(Group::Generic)
    .since("3.0.0")
    .docs("Waits until replicas have the client's changes.", "O(1)")
    .flags(NOSCRIPT)
    .categories(category::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args("numreplicas:integer timeout:integer");

fn role(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.array(3);
    out.bulk_str("master");
    out.integer(ctx.server.log.end() as i64);
    out.array(0);
    Ok(())
}

/// There are no replicas to wait for: their number, none, is the answer at once. Redis would sit
/// out the timeout first.
fn wait(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    common::number::parse_i64(args.at(1)).ok_or(errors::NOT_INTEGER)?;
    match common::number::parse_i64(args.at(2)) {
        None => return Err(errors::TIMEOUT_NOT_INTEGER),
        Some(..0) => return Err(errors::TIMEOUT_NEGATIVE),
        Some(_) => out.integer(0),
    }
    Ok(())
}
