//! ROLE: this server's part, and how far the others are.

use resp::{Args, ReplyWriter};

use crate::command::flag::{FAST, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

use super::Phase;

/// `ROLE`
pub const ROLE: Command = Command::new("role", 1, role)
    .group(Group::Server)
    .since("2.8.12")
    .docs("Returns the server's part in replication.", "O(1)")
    .flags(NOSCRIPT | LOADING | STALE | FAST)
    .categories(category::ADMIN | category::DANGEROUS);

fn role(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let figures = ctx.server.replication.figures();
    if let Some(primary) = figures.primary {
        out.array(5);
        out.bulk_str("slave");
        out.bulk_str(&primary.host);
        out.integer(i64::from(primary.port));
        out.bulk_str(match primary.phase {
            Phase::Connect => "connect",
            Phase::Connecting => "connecting",
            Phase::Handshake => "handshake",
            Phase::Transfer => "sync",
            Phase::Connected => "connected",
        });
        out.integer(match primary.phase {
            Phase::Connected => primary.offset,
            _ => -1,
        });
        return Ok(());
    }
    out.array(3);
    out.bulk_str("master");
    out.integer(figures.offset as i64);
    let is_online = |replica: &&super::ReplicaFigures| replica.state == "online";
    let online: Vec<_> = figures.replicas.iter().filter(is_online).collect();
    out.array(online.len());
    for replica in online {
        out.array(3);
        out.bulk_str(&replica.ip);
        out.bulk_i64(replica.port);
        out.bulk_i64(replica.offset);
    }
    Ok(())
}
