//! What a client says about itself: CLIENT ID, REPLY, NO-EVICT, NO-TOUCH, MAINT_NOTIFICATIONS.
//!
//! These change the session only. CLIENT REPLY takes effect in `dispatch`, which drops what was
//! written; nothing else has to know of it.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::session::{ReplyMode, client_flag};

/// `CLIENT ID`
pub const CLIENT_ID: Command = Command::new("id", 2, client_id)
    .group(Group::Connection)
    .since("5.0.0")
    .docs("Returns the connection's id.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION);

/// `CLIENT REPLY`
pub const CLIENT_REPLY: Command = Command::new("reply", 3, client_reply)
    .group(Group::Connection)
    .since("3.2.0")
    .docs("Chooses whether the connection gets replies.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("on_off_skip(on=ON! | off=OFF! | skip=SKIP!)");

/// `CLIENT NO-EVICT`
pub const CLIENT_NO_EVICT: Command = Command::new("no-evict", 3, client_no_evict)
    .group(Group::Connection)
    .since("7.0.0")
    .docs("Protects the connection from client eviction.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("enabled(on=ON! | off=OFF!)");

/// `CLIENT NO-TOUCH`
pub const CLIENT_NO_TOUCH: Command = Command::new("no-touch", 3, client_no_touch)
    .group(Group::Connection)
    .since("7.2.0")
    .docs(
        "Lets commands leave the access times of keys alone.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("enabled(on=ON! | off=OFF!)");

/// `CLIENT MAINT_NOTIFICATIONS`, which newer clients send when they connect.
pub const CLIENT_MAINT_NOTIFICATIONS: Command =
    Command::new("maint_notifications", -3, client_maint_notifications)
        .group(Group::Connection)
        .since("8.2.0")
        .docs(
            "Asks for notices of maintenance; this server never sends any.",
            "O(1)",
        )
        .flags(NOSCRIPT | LOADING | STALE)
        .categories(category::CONNECTION)
        .args("enabled(on=ON! | off=OFF!) parameter?*");

fn client_id(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(ctx.session.id as i64);
    Ok(())
}

fn client_reply(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mode = &mut ctx.session.reply_mode;
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            *mode = ReplyMode::On;
            out.ok();
        }
        b"off" => *mode = ReplyMode::Off,
        b"skip" if *mode == ReplyMode::Off => {}
        b"skip" => *mode = ReplyMode::SkipNext,
        _ => return Err(errors::SYNTAX),
    }
    Ok(())
}

/// The argument as ON or OFF.
fn on_off(arg: &[u8]) -> Result<bool, ReplyError> {
    match arg {
        [b'o' | b'O', b'n' | b'N'] => Ok(true),
        off if off.eq_ignore_ascii_case(b"off") => Ok(false),
        _ => Err(errors::SYNTAX),
    }
}

fn client_no_evict(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    ctx.session
        .set_flag(client_flag::NO_EVICT, on_off(args.at(2))?);
    out.ok();
    Ok(())
}

fn client_no_touch(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let on = on_off(args.at(2))?;
    ctx.session.set_flag(client_flag::NO_TOUCH, on);
    ctx.session.no_touch = on;
    out.ok();
    Ok(())
}

fn client_maint_notifications(
    _: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    on_off(args.at(2))?;
    out.ok();
    Ok(())
}
