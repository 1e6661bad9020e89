//! PING and ECHO.

use resp::{Args, Proto, ReplyWriter, errors};

use crate::command::flag::{FAST, IN_PUBSUB, LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `PING`
pub const PING: Command = Command::new("ping", -1, ping)
    .group(Group::Connection)
    .since("1.0.0")
    .docs("Answers PONG, or what it is given.", "O(1)")
    .flags(FAST | IN_PUBSUB)
    .categories(category::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args("message?");

/// `ECHO`
pub const ECHO: Command = Command::new("echo", 2, echo)
    .group(Group::Connection)
    .since("1.0.0")
    .docs("Answers what it is given.", "O(1)")
    .flags(FAST | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("message");

fn ping(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.session.subscriptions.is_some() && out.proto() == Proto::Resp2 && args.len() <= 2 {
        out.array(2);
        out.bulk_str("pong");
        out.bulk(args.get(1).unwrap_or_default());
        return Ok(());
    }
    match args.len() {
        1 => out.simple("PONG"),
        2 => out.bulk(args.at(1)),
        _ => return Err(errors::wrong_arity(ctx.command().name)),
    }
    Ok(())
}

fn echo(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.bulk(args.at(1));
    Ok(())
}
