//! INFO: facts and figures about the server, by section.
//!
//! The text is the host's, which knows the process and the network; this is only the command.

use resp::{Args, ReplyWriter};

use super::keysizes;
use crate::command::flag::{LOADING, STALE, WALKS_SHARDS};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `INFO`
pub const INFO: Command = Command::new("info", -1, info)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Returns facts and figures about the server.", "O(1)")
    .flags(LOADING | STALE | WALKS_SHARDS)
    .categories(category::DANGEROUS)
    .tips(&[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ])
    .args("section?*");

fn info(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let sections = args.from(1);
    let host = super::host(ctx)?;
    // All shards are visited for these: not for who polls one section that does without.
    let keyspace = match host.info_tells_of_keyspace(sections.as_slice()) {
        true => super::keyspace::figures(ctx)?,
        false => Vec::new(),
    };
    let mut text = host.info(ctx.server, &keyspace, sections.as_slice());
    if keysizes::is_wanted(sections.as_slice()) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&keysizes::section(ctx)?);
    }
    out.verbatim(b"txt", text.as_bytes());
    Ok(())
}
