//! CLIENT SETNAME, GETNAME, SETINFO.
//!
//! Names must be printable ASCII without blanks, because CLIENT LIST puts them between blanks. An
//! empty name takes the name away.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `CLIENT SETNAME`
pub const CLIENT_SETNAME: Command = Command::new("setname", 3, client_setname)
    .group(Group::Connection)
    .since("2.6.9")
    .docs("Names the connection.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("connection-name");

/// `CLIENT GETNAME`
pub const CLIENT_GETNAME: Command = Command::new("getname", 2, client_getname)
    .group(Group::Connection)
    .since("2.6.9")
    .docs("Returns the connection's name.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION);

/// `CLIENT SETINFO`
pub const CLIENT_SETINFO: Command = Command::new("setinfo", 4, client_setinfo)
    .group(Group::Connection)
    .since("7.2.0")
    .docs("Tells about the client library.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("attr(libname=LIB-NAME | libver=LIB-VER)");

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

/// Names the client; an empty name takes the name away.
///
/// # Errors
/// Spaces, line ends or bytes that are not ASCII.
pub(crate) fn set_name(ctx: &mut Ctx<'_>, name: &[u8]) -> Result<(), ReplyError> {
    if !is_plain(name) {
        return Err(errors::client::INVALID_NAME);
    }
    ctx.session.state.text.lock().name = String::from_utf8_lossy(name).into_owned();
    Ok(())
}

fn client_setname(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    set_name(ctx, args.at(2))?;
    out.ok();
    Ok(())
}

fn client_getname(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let text = ctx.session.state.text.lock();
    if text.name.is_empty() {
        out.null();
    } else {
        out.bulk_str(&text.name);
    }
    Ok(())
}

fn client_setinfo(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (attribute, value) = (args.at(2), args.at(3));
    let name = attribute.eq_ignore_ascii_case(b"LIB-NAME");
    if !name && !attribute.eq_ignore_ascii_case(b"LIB-VER") {
        return Err(errors::client::setinfo_option(attribute));
    }
    if !is_plain(value) {
        let what = if name { "lib-name" } else { "lib-ver" };
        return Err(errors::client::setinfo_value(what));
    }
    let value = String::from_utf8_lossy(value).into_owned();
    let mut text = ctx.session.state.text.lock();
    if name {
        text.lib_name = value;
    } else {
        text.lib_ver = value;
    }
    out.ok();
    Ok(())
}
