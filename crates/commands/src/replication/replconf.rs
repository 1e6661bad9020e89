//! REPLCONF: what replicas and primaries tell each other beside the stream.
//!
//! A replica introduces itself with it before PSYNC, and acknowledges what it has applied each
//! second; a primary asks for that with GETACK, inside the stream.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::aof::Gate;
use crate::command::flag::{ADMIN, ALLOW_BUSY, LOADING, NOSCRIPT, STALE, SYSCMD};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::origin::Origin;

use super::replicas::{Peer, Stage};

/// Redis's limit on host names.
const HOST_LEN_MAX: usize = 256;

/// `REPLCONF`
pub const REPLCONF: Command = Command::new("replconf", -1, replconf)
    .group(Group::Server)
    .since("3.0.0")
    .docs("Configures a replication link. For servers only.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY | SYSCMD);

fn replconf(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(errors::SYNTAX);
    }
    for at in (1..args.len()).step_by(2) {
        let (name, value) = (args.at(at).to_ascii_lowercase(), args.at(at + 1));
        match &name[..] {
            // Neither has a reply.
            b"ack" => {
                let more = args.from(at + 2);
                let on_disk = more
                    .get(0)
                    .filter(|name| name.eq_ignore_ascii_case(b"fack"));
                acknowledge(ctx, value, on_disk.and_then(|_| more.get(1)));
                return Ok(());
            }
            b"getack" => {
                ctx.session.ack_wanted = ctx.session.origin == Origin::Primary;
                return Ok(());
            }
            _ => {
                let peer = ctx.session.peer.get_or_insert_default();
                option(peer, &name, args.at(at), value)?;
            }
        }
    }
    out.ok();
    Ok(())
}

fn option(peer: &mut Peer, name: &[u8], given: &[u8], value: &[u8]) -> Result<(), ReplyError> {
    let number = || common::number::parse_i64(value).ok_or(errors::NOT_INTEGER);
    match name {
        b"listening-port" => peer.port = number()?,
        b"ip-address" if value.len() >= HOST_LEN_MAX => {
            return Err(errors::replication::ip_address_too_long(value.len()));
        }
        b"ip-address" => peer.ip = Some(String::from_utf8_lossy(value).into_owned()),
        b"capa" => {
            // What we do not know is of no interest.
            peer.takes_marks |= value.eq_ignore_ascii_case(b"eof");
            peer.wants_id |= value.eq_ignore_ascii_case(b"psync2");
        }
        b"rdb-only" => match number()? {
            only @ (0 | 1) => peer.snapshot_only = only == 1,
            _ => return Err(errors::NOT_INTEGER),
        },
        b"rdb-filter-only" => filter(peer, value)?,
        _ => return Err(errors::replication::replconf_option(given)),
    }
    Ok(())
}

fn filter(peer: &mut Peer, value: &[u8]) -> Result<(), ReplyError> {
    let words = common::words::split(value).ok_or(errors::replication::RDB_FILTER_VALUES)?;
    (peer.without_data, peer.without_functions) = (true, true);
    for word in words {
        if !word.eq_ignore_ascii_case(b"functions") {
            return Err(errors::replication::rdb_filter_option(&word));
        }
        peer.without_functions = false;
    }
    Ok(())
}

/// `on_disk`: what is in its append-only file and synced (`FACK`, from Redis 7.2 on).
fn acknowledge(ctx: &Ctx<'_>, value: &[u8], on_disk: Option<&[u8]>) {
    let is_replica = ctx.session.peer.as_ref().is_some_and(|p| p.is_replica);
    if let (true, Some(offset)) = (is_replica, common::number::parse_i64(value)) {
        let on_disk = on_disk.and_then(common::number::parse_i64);
        let server = ctx.server;
        server
            .replication
            .acknowledged(ctx.session.id, (offset, on_disk), &server.aof);
    }
}

impl super::Replication {
    /// A replica has applied the stream up to an offset.
    fn acknowledged(&self, id: u64, (offset, on_disk): (i64, Option<i64>), gate: &Gate) {
        let mut state = self.state.lock();
        let Some(replica) = state.replicas.iter_mut().find(|replica| replica.id == id) else {
            return;
        };
        replica.ack_offset = offset.max(replica.ack_offset);
        if on_disk > replica.disk_offset {
            replica.disk_offset = on_disk;
        }
        replica.ack_ms = common::clock::now_ms();
        if replica.stage == (Stage::Online { awaits_ack: true }) {
            replica.stage = Stage::Online { awaits_ack: false };
            self.feed_locked(&mut state);
        }
        super::wait::resolve(&mut state, gate);
    }
}
