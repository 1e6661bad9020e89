//! CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO: see [`crate::tracking`].
//!
//! Options are checked in Redis's order before anything changes. CLIENT CACHING holds for the next
//! command, or the next transaction.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::session::client_flag;
use crate::tracking::{self, Options, TrackingSession};

/// `CLIENT CACHING`
pub const CLIENT_CACHING: Command = Command::new("caching", 3, client_caching)
    .group(Group::Connection)
    .since("6.0.0")
    .docs("Says whether the next command's keys are tracked.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args("mode(yes=YES! | no=NO!)");

/// `CLIENT GETREDIR`
pub const CLIENT_GETREDIR: Command = Command::new("getredir", 2, client_getredir)
    .group(Group::Connection)
    .since("6.0.0")
    .docs(
        "Returns the client that this one's invalidations are redirected to.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION);

/// `CLIENT TRACKING`
pub const CLIENT_TRACKING: Command = Command::new("tracking", -3, client_tracking)
    .group(Group::Connection)
    .since("6.0.0")
    .docs(
        "Turns messages about changes of what this client has read on or off.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .args(
        "status(on=ON! | off=OFF!) client-id:integer=REDIRECT? prefix=PREFIX?** bcast=BCAST!? \
         optin=OPTIN!? optout=OPTOUT!? noloop=NOLOOP!?",
    );

/// `CLIENT TRACKINGINFO`
pub const CLIENT_TRACKINGINFO: Command = Command::new("trackinginfo", 2, client_trackinginfo)
    .group(Group::Connection)
    .since("6.2.0")
    .docs("Returns how this client tracks.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION);

/// The options behind ON or OFF, and the prefixes.
fn parse<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<(Options, Vec<&'a [u8]>), ReplyError> {
    let (mut options, mut prefixes) = (Options::default(), Vec::new());
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        match (word.to_ascii_lowercase().as_slice(), args.get(at)) {
            (b"redirect", Some(id)) => {
                at += 1;
                if options.redirect != 0 {
                    return Err(errors::client::REDIRECT_TWICE);
                }
                options.redirect = redirect(ctx, id)?;
            }
            (b"prefix", Some(prefix)) => {
                at += 1;
                prefixes.push(prefix);
            }
            (b"bcast", _) => options.broadcast = true,
            (b"optin", _) => options.opt_in = true,
            (b"optout", _) => options.opt_out = true,
            (b"noloop", _) => options.no_loop = true,
            _ => return Err(errors::SYNTAX),
        }
    }
    Ok((options, prefixes))
}

fn redirect(ctx: &Ctx<'_>, id: &[u8]) -> Result<u64, ReplyError> {
    let id = common::number::parse_i64(id).ok_or(errors::NOT_INTEGER)?;
    let id = u64::try_from(id).ok().filter(|id| {
        let host = ctx.server.host();
        host.is_some_and(|host| host.with_client(*id, &mut |_| {}))
    });
    id.ok_or(errors::client::REDIRECT_UNKNOWN)
}

/// Whether the options go together, and with how the client tracks already.
fn check(ctx: &Ctx<'_>, new: Options, prefixes: &[&[u8]]) -> Result<(), ReplyError> {
    use errors::client as e;
    let own = ctx.session.tracking.as_deref();
    let old = own.map_or(new, |own| own.options);
    if !new.broadcast && !prefixes.is_empty() {
        return Err(e::PREFIX_WITHOUT_BCAST);
    }
    if old.broadcast != new.broadcast {
        return Err(e::SWITCH_BCAST);
    }
    if new.broadcast && (new.opt_in || new.opt_out) {
        return Err(e::OPT_WITH_BCAST);
    }
    if new.opt_in && new.opt_out {
        return Err(e::OPTIN_AND_OPTOUT);
    }
    if new.opt_in && old.opt_out || new.opt_out && old.opt_in {
        return Err(e::SWITCH_OPT);
    }
    TrackingSession::check(own, prefixes)
}

fn client_tracking(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (options, prefixes) = parse(ctx, args.from(3))?;
    let server = ctx.server;
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            check(ctx, options, &prefixes)?;
            tracking::turn_on(&server.tracking, ctx.session, options, &prefixes);
        }
        b"off" => tracking::turn_off(&server.tracking, ctx.session),
        _ => return Err(errors::SYNTAX),
    }
    out.ok();
    Ok(())
}

fn client_caching(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let table = &ctx.server.table;
    let container = table.find(args.at(0));
    let Some(tracking) = &mut ctx.session.tracking else {
        return Err(errors::client::CACHING_WITHOUT_TRACKING);
    };
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"yes" if tracking.options.opt_in => {}
        b"yes" => return Err(errors::client::CACHING_YES_WITHOUT_OPTIN),
        b"no" if tracking.options.opt_out => {}
        b"no" => return Err(errors::client::CACHING_NO_WITHOUT_OPTOUT),
        _ => return Err(errors::SYNTAX),
    }
    tracking.caching = Some(Some(container));
    out.ok();
    Ok(())
}

fn redirection(ctx: &Ctx<'_>) -> i64 {
    let tracking = ctx.session.tracking.as_ref();
    tracking.map_or(-1, |tracking| tracking.options.redirect as i64)
}

fn client_getredir(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.integer(redirection(ctx));
    Ok(())
}

fn flags(ctx: &Ctx<'_>) -> Vec<&'static str> {
    let Some(tracking) = &ctx.session.tracking else {
        return vec!["off"];
    };
    let options = tracking.options;
    let caching = tracking.caching.is_some();
    let broken = ctx.session.has_flag(client_flag::TRACKING_BROKEN);
    let all = [
        (true, "on"),
        (options.broadcast, "bcast"),
        (options.opt_in, "optin"),
        (options.opt_in && caching, "caching-yes"),
        (options.opt_out, "optout"),
        (options.opt_out && caching, "caching-no"),
        (options.no_loop, "noloop"),
        (broken, "broken_redirect"),
    ];
    let set = all.iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, name)| *name).collect()
}

fn client_trackinginfo(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let flags = flags(ctx);
    out.map(3);
    out.bulk_str("flags");
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk_str(flag));
    out.bulk_str("redirect");
    out.integer(redirection(ctx));
    out.bulk_str("prefixes");
    let prefixes = ctx.session.tracking.as_ref().map(|t| &t.prefixes);
    out.array(prefixes.map_or(0, |prefixes| prefixes.len()));
    for prefix in prefixes.into_iter().flatten() {
        out.bulk(prefix);
    }
    Ok(())
}
