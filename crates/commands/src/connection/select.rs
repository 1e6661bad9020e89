//! SELECT, QUIT and RESET.
//!
//! RESET gives up everything that the connection had: transaction, watches, name, protocol,
//! authentication. QUIT's reply is sent before the connection ends.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::DbId;
use resp::{Args, Proto, ReplyWriter};

use crate::command::flag::{
    ALLOW_BUSY, FAST, IN_PUBSUB, LOADING, LOCKS_QUEUE, NO_AUTH, NOSCRIPT, NOT_PAUSED, NOT_QUEUED,
    STALE,
};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::session::{ReplyMode, client_flag};

/// `SELECT`
pub const SELECT: Command = Command::new("select", 2, select)
    .group(Group::Connection)
    .since("1.0.0")
    .docs("Chooses the connection's database.", "O(1)")
    .flags(LOADING | STALE | FAST)
    .categories(category::CONNECTION)
    .args("index:integer");

/// `QUIT`
pub const QUIT: Command = Command::new("quit", -1, quit)
    .group(Group::Connection)
    .since("1.0.0")
    .docs("Closes the connection.", "O(1)")
    .flags(
        ALLOW_BUSY
            | NOSCRIPT
            | LOADING
            | STALE
            | FAST
            | NO_AUTH
            | NOT_QUEUED
            | NOT_PAUSED
            | IN_PUBSUB,
    )
    .categories(category::CONNECTION);

/// `RESET`
pub const RESET: Command = Command::new("reset", 1, reset)
    .group(Group::Connection)
    .since("6.2.0")
    .docs("Makes the connection as good as new.", "O(1)")
    .flags(
        NOSCRIPT
            | LOADING
            | STALE
            | FAST
            | NO_AUTH
            | ALLOW_BUSY
            | NOT_QUEUED
            | LOCKS_QUEUE
            | IN_PUBSUB,
    )
    .categories(category::CONNECTION);

fn select(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let db = crate::generic::copy::database(ctx, args.at(1))?;
    ctx.session.set_db(db);
    out.ok();
    Ok(())
}

fn quit(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.ok();
    ctx.close_after_reply();
    Ok(())
}

fn reset(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::transactions::leave(ctx);
    crate::transactions::unwatch(ctx);
    ctx.server.monitors.remove_if(ctx.session);
    crate::pubsub::leave(&ctx.server.pubsub, ctx.session);
    crate::tracking::leave(&ctx.server.tracking, ctx.session);
    let nopass = ctx.server.users.default_is_nopass();
    let session = &mut *ctx.session;
    session.set_db(DbId(0));
    session.set_proto(Proto::Resp2);
    session.authenticated = nopass;
    session.reply_mode = ReplyMode::On;
    session.no_touch = false;
    let kept = client_flag::UNIX_SOCKET;
    session.state.flags.fetch_and(kept, Relaxed);
    let mut text = session.state.text.lock();
    text.name.clear();
    acl::DEFAULT_USER.clone_into(&mut text.user);
    drop(text);
    out.set_proto(Proto::Resp2);
    out.simple("RESET");
    Ok(())
}
