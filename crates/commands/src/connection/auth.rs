//! AUTH.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ALLOW_BUSY, FAST, LOADING, NO_AUTH, NOSCRIPT, SENSITIVE, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `AUTH`
pub const AUTH: Command = Command::new("auth", -2, auth)
    .group(Group::Connection)
    .since("1.0.0")
    .docs("Authenticates the connection.", "O(N)")
    .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | SENSITIVE)
    .categories(category::CONNECTION)
    .args("username?^6.0.0 password");

/// Makes the client this user.
///
/// # Errors
/// WRONGPASS.
pub(crate) fn log_in(ctx: &mut Ctx<'_>, name: &[u8], password: &[u8]) -> Result<(), ReplyError> {
    if !ctx.server.users.authenticate(name, password) {
        return Err(errors::client::WRONGPASS);
    }
    ctx.session.authenticated = true;
    ctx.session.state.text.lock().user = String::from_utf8_lossy(name).into_owned();
    Ok(())
}

fn auth(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (name, password) = match args.len() {
        2 => {
            if ctx.server.users.default_is_nopass() {
                return Err(errors::client::AUTH_WITHOUT_PASSWORD);
            }
            (acl::DEFAULT_USER.as_bytes(), args.at(1))
        }
        3 => (args.at(1), args.at(2)),
        _ => return Err(errors::SYNTAX),
    };
    log_in(ctx, name, password)?;
    out.ok();
    Ok(())
}
