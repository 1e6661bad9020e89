//! REPLICAOF, under its two names: follow a primary, or become one.
//!
//! The command only changes the role; the link's thread does what follows, and the configuration
//! shows the new primary as if `replicaof` had been set.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, ALL_SHARDS, NO_ASYNC_LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;

/// Locks everything: no write may be under way when the role changes.
const FLAGS: u64 = NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE | ALL_SHARDS;

/// `REPLICAOF`
pub const REPLICAOF: Command = Command::new("replicaof", 3, replicaof)
    .group(Group::Server)
    .since("5.0.0")
    .docs(
        "Makes the server a replica of another, or a primary.",
        "O(1)",
    )
    .flags(FLAGS)
    .args("args(host-port{host port:integer} | no-one{no=NO! one=ONE!})");

/// `SLAVEOF`
pub const SLAVEOF: Command = Command::new("slaveof", 3, replicaof)
    .group(Group::Server)
    .since("1.0.0")
    .docs(
        "Makes the server a replica of another, or a primary.",
        "O(1)",
    )
    .flags(FLAGS)
    .deprecated("5.0.0", "`REPLICAOF`")
    .args("args(host-port{host port:integer} | no-one{no=NO! one=ONE!})");

/// A client's line in CLIENT LIST.
pub(super) fn describe(server: &Server, id: u64) -> String {
    let mut line = String::new();
    if let Some(host) = server.host() {
        host.with_client(id, &mut |client| {
            crate::connection::client::describe(server, client, &mut line);
        });
    }
    line
}

fn notice(ctx: &Ctx<'_>, text: &str) {
    if let Some(host) = ctx.server.host() {
        host.log_notice(text);
    }
}

fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let replication = &ctx.server.replication;
    if replication.is_failing_over() {
        return Err(errors::replication::REPLICAOF_WHILE_FAILOVER);
    }
    let is = |at: usize, word: &str| args.at(at).eq_ignore_ascii_case(word.as_bytes());
    if is(1, "no") && is(2, "one") {
        if replication.unfollow(ctx.server) {
            let client = describe(ctx.server, ctx.session.id);
            notice(
                ctx,
                &format!("MASTER MODE enabled (user request from '{client}')"),
            );
        }
        out.ok();
        return Ok(());
    }
    if ctx
        .session
        .peer
        .as_ref()
        .is_some_and(|peer| peer.is_replica)
    {
        return Err(errors::replication::NOT_FROM_REPLICA);
    }
    let port = common::number::parse_i64(args.at(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(errors::replication::INVALID_MASTER_PORT)?;
    let host = String::from_utf8_lossy(args.at(1)).into_owned();
    if replication.is_following(&host, port) {
        notice(
            ctx,
            "REPLICAOF would result into synchronization with the master we are already connected \
             with. No operation performed.",
        );
        out.simple("OK Already connected to specified master");
        return Ok(());
    }
    replication.follow(ctx.server, host.clone(), port);
    notice(ctx, &format!("Connecting to MASTER {host}:{port}"));
    let client = describe(ctx.server, ctx.session.id);
    notice(
        ctx,
        &format!("REPLICAOF {host}:{port} enabled (user request from '{client}')"),
    );
    out.ok();
    Ok(())
}

impl super::Replication {
    /// Whether this is the primary that is followed.
    fn is_following(&self, host: &str, port: u16) -> bool {
        let state = self.state.lock();
        let upstream = state.upstream.as_ref();
        upstream.is_some_and(|up| up.host.eq_ignore_ascii_case(host) && up.port == port)
    }
}
