//! HELLO: protocol version, authentication and name in one round trip.
//!
//! Options are applied in order, as Redis does: authentication may succeed although a later option
//! is wrong. The protocol changes last, so the reply is in the new one.

use resp::{Args, Proto, ReplyWriter, errors};

use super::{auth, client};
use crate::command::flag::{ALLOW_BUSY, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

/// `HELLO`
pub const HELLO: Command = Command::new("hello", -1, hello)
    .group(Group::Connection)
    .since("6.0.0")
    .docs(
        "Greets the server, chooses the protocol, authenticates.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
    .categories(category::CONNECTION)
    .args(
        "arguments?{protover:integer username_password=AUTH?{username password} \
         clientname=SETNAME?}",
    );

/// The version that clients are told: the one whose behaviour is the reference.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

fn hello(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    redact_secrets(ctx, args);
    let proto = match args.get(1) {
        None => None,
        Some(text) => match common::number::parse_i64(text)
            .ok_or(errors::client::PROTOCOL_VERSION_NOT_INTEGER)?
        {
            2 => Some(Proto::Resp2),
            3 => Some(Proto::Resp3),
            _ => return Err(errors::client::NOPROTO),
        },
    };
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let more = args.len() - at - 1;
        if is("AUTH") && more >= 2 {
            auth::log_in(ctx, args.at(at + 1), args.at(at + 2))?;
            at += 3;
        } else if is("SETNAME") && more >= 1 {
            client::set_name(ctx, args.at(at + 1))?;
            at += 2;
        } else {
            return Err(errors::client::hello_option(word));
        }
    }
    if !ctx.session.authenticated {
        return Err(errors::client::HELLO_NOAUTH);
    }
    if let Some(proto) = proto {
        crate::pubsub::change_proto(&ctx.server.pubsub, ctx.session, proto);
        ctx.session.set_proto(proto);
        out.set_proto(proto);
    }
    greet(ctx, out);
    Ok(())
}

/// Hides the user and the password after AUTH, even where another argument is wrong.
fn redact_secrets(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let auth = args
        .iter()
        .position(|arg| arg.eq_ignore_ascii_case(b"AUTH"));
    if let Some(at) = auth {
        (at + 1..args.len().min(at + 3)).for_each(|at| ctx.redact_arg(at));
    }
}

fn greet(ctx: &Ctx<'_>, out: &mut ReplyWriter<'_>) {
    out.map(7);
    for (field, text) in [("server", "redis"), ("version", REDIS_VERSION)] {
        out.bulk_str(field);
        out.bulk_str(text);
    }
    out.bulk_str("proto");
    out.integer(i64::from(ctx.session.proto.version()));
    out.bulk_str("id");
    out.integer(ctx.session.id as i64);
    for (field, text) in [("mode", "standalone"), ("role", "master")] {
        out.bulk_str(field);
        out.bulk_str(text);
    }
    out.bulk_str("modules");
    out.array(0);
}
