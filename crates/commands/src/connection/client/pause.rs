//! CLIENT PAUSE and UNPAUSE.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, NOT_PAUSED, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::pause::PauseFor;

/// `CLIENT PAUSE`
pub const CLIENT_PAUSE: Command = Command::new("pause", -3, client_pause)
    .group(Group::Connection)
    .since("2.9.50")
    .docs("Holds the commands of all clients for a while.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NOT_PAUSED)
    .categories(category::CONNECTION)
    .args("timeout:integer mode?^6.2.0(write=WRITE! | all=ALL!)");

/// `CLIENT UNPAUSE`
pub const CLIENT_UNPAUSE: Command = Command::new("unpause", 2, client_unpause)
    .group(Group::Connection)
    .since("6.2.0")
    .docs("Ends the pause of all clients.", "O(N)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NOT_PAUSED)
    .categories(category::CONNECTION);

fn client_pause(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let writes_only = match args.get(3) {
        None => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => true,
        Some(_) => return Err(errors::client::PAUSE_MODE),
    };
    if args.len() > 4 {
        return Err(errors::SYNTAX);
    }
    let ms = common::number::parse_i64(args.at(2)).ok_or(errors::TIMEOUT_NOT_INTEGER)?;
    if ms < 0 {
        return Err(errors::TIMEOUT_NEGATIVE);
    }
    let now_ms = common::clock::now_ms();
    let until_ms = now_ms.checked_add(ms).ok_or(errors::TIMEOUT_OUT_OF_RANGE)?;
    let pause = &ctx.server.pause;
    pause.begin(PauseFor::Client, now_ms, until_ms, writes_only);
    out.ok();
    Ok(())
}

fn client_unpause(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    ctx.server.pause.end(PauseFor::Client);
    out.ok();
    Ok(())
}
