//! SYNC and PSYNC: a client becomes a replica.
//!
//! Where the backlog still has what it misses, it continues from there; else it waits for a
//! snapshot, and gets the stream from the snapshot's offset on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use replication::history::{Answer, Refusal, decide};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::session::client_flag;

use super::replicas::{self, Replica, Stage, without_port};
use super::state::State;

/// How long a takeover waits for the rest of the stream, and how often it looks.
const AWAIT_MS: i64 = 500;
const AWAIT_STEP_MS: i64 = 5;

/// `PSYNC`
pub const PSYNC: Command = Command::new("psync", -3, sync)
    .group(Group::Server)
    .since("2.8.0")
    .docs("Begins or continues replication. For replicas only.", "")
    .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT)
    .args("replicationid offset:integer");

/// `SYNC`
pub const SYNC: Command = Command::new("sync", 1, sync)
    .group(Group::Server)
    .since("1.0.0")
    .docs("Begins replication. For replicas only.", "")
    .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT);

fn notice(ctx: &Ctx<'_>, text: &str) {
    if let Some(host) = ctx.server.host() {
        host.log_notice(text);
    }
}

fn sync(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let peer = (**ctx.session.peer.get_or_insert_default()).clone();
    if peer.is_replica {
        return Ok(());
    }
    let replication = &ctx.server.replication;
    if args
        .get(3)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"failover"))
    {
        await_stream(ctx, args)?;
        take_over(ctx, args.at(1))?;
    }
    if replication.is_failing_over() {
        return Err(errors::replication::NOMASTERLINK_FAILOVER);
    }
    if replication.is_link_down() {
        return Err(errors::replication::NOMASTERLINK);
    }
    if peer.is_filtered() && !peer.takes_marks {
        return Err(errors::replication::FILTERED_NEEDS_EOF);
    }
    let address = without_port(&ctx.session.address);
    let name = replicas::name(&address, &peer, ctx.session.id);
    notice(ctx, &format!("Replica {name} asks for synchronization"));
    let is_old = args.len() < 3;
    let offset = offset(ctx, args.get(2), &name)?;
    let now_ms = common::clock::now_ms();
    let mut replica = Replica {
        id: ctx.session.id,
        link: Arc::clone(&ctx.session.link),
        address,
        peer,
        stage: Stage::Waiting,
        is_old,
        cursor: 0,
        ack_offset: 0,
        disk_offset: None,
        ack_ms: now_ms,
        since_ms: now_ms,
    };
    let mut state = replication.state.lock();
    replication.feed_locked(&mut state);
    let id = args.get(1).unwrap_or(b"?");
    if !is_old && let Some(from) = partial(ctx, &state, &name, (id, offset)) {
        out.simple(&match replica.peer.wants_id {
            true => format!("CONTINUE {}", state.history.id),
            false => "CONTINUE".to_owned(),
        });
        replica.stage = Stage::Online { awaits_ack: false };
        replica.cursor = from;
        replication.partial_syncs.fetch_add(1, Relaxed);
    } else {
        if !is_old && id.first() != Some(&b'?') {
            replication.partial_refusals.fetch_add(1, Relaxed);
        }
        replication.full_syncs.fetch_add(1, Relaxed);
        full(ctx, &mut state, &mut replica);
    }
    state.replicas.push(replica);
    drop(state);
    if let Some(peer) = &mut ctx.session.peer {
        peer.is_replica = true;
    }
    ctx.session.set_flag(client_flag::REPLICA, true);
    // Whoever feeds replicas has something to do.
    ctx.server.log.nudge();
    Ok(())
}

/// From where a replica wants to continue; -1 where it does not say.
fn offset(ctx: &Ctx<'_>, given: Option<&[u8]>, name: &str) -> Result<i64, ReplyError> {
    let Some(given) = given else { return Ok(-1) };
    common::number::parse_i64(given).ok_or_else(|| {
        if let Some(host) = ctx.server.host() {
            host.log_warning(&format!(
                "Replica {name} asks for synchronization but with a wrong offset"
            ));
        }
        errors::NOT_INTEGER
    })
}

/// A primary that hands over may have sent more than we have applied so far: that comes first,
/// if it comes soon.
fn await_stream(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = common::number::parse_i64(args.at(2)).unwrap_or_default();
    let is_behind = wanted > ctx.server.log.replicated() as i64 + 1;
    let now_ms = common::clock::now_ms();
    let peer = ctx.session.peer.get_or_insert_default();
    if peer.takeover_ms == 0 {
        peer.takeover_ms = now_ms;
    }
    if is_behind && ctx.server.replication.is_replica() && now_ms - peer.takeover_ms < AWAIT_MS {
        ctx.session.link.wake_at(now_ms + AWAIT_STEP_MS);
        return Err(ctx.defer());
    }
    Ok(())
}

/// A primary that fails over asks us, its replica, to take its place.
fn take_over(ctx: &Ctx<'_>, id: &[u8]) -> CmdResult {
    let replication = &ctx.server.replication;
    if let Some(host) = ctx.server.host() {
        let id = String::from_utf8_lossy(id);
        host.log_warning(&format!("Failover request received for replid {id}."));
    }
    if !replication.is_replica() {
        return Err(errors::replication::PSYNC_FAILOVER_TO_MASTER);
    }
    if !id.eq_ignore_ascii_case(replication.history().id.as_bytes()) {
        return Err(errors::replication::PSYNC_FAILOVER_ID);
    }
    replication.unfollow(ctx.server);
    let client = super::replicaof::describe(ctx.server, ctx.session.id);
    notice(
        ctx,
        &format!("MASTER MODE enabled (failover request from '{client}')"),
    );
    Ok(())
}

/// Where a replica can continue, if it can.
fn partial(ctx: &Ctx<'_>, state: &State, name: &str, (id, offset): (&[u8], i64)) -> Option<u64> {
    let backlog = state.kept.as_ref().map(|kept| &kept.backlog);
    let history = &state.history;
    let refusal = match decide(history, backlog, id, offset) {
        Answer::Continue(from) => {
            let bytes = backlog.map_or(0, |backlog| backlog.end() - from);
            notice(
                ctx,
                &format!(
                    "Partial resynchronization request from {name} accepted. Sending {bytes} \
                     bytes of backlog starting from offset {offset}."
                ),
            );
            return Some(from);
        }
        Answer::Full(refusal) => refusal,
    };
    notice(
        ctx,
        &match refusal {
            Refusal::Asked => format!("Full resync requested by replica {name}"),
            Refusal::OtherHistory => format!(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked \
                 for '{}', my replication IDs are '{}' and '{}')",
                String::from_utf8_lossy(id),
                history.id,
                history.second_id
            ),
            Refusal::Diverged => format!(
                "Partial resynchronization not accepted: Requested offset for second ID was \
                 {offset}, but I can reply up to {}",
                history.second_offset
            ),
            Refusal::NotKept => format!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica \
                 request was: {offset})."
            ),
        },
    );
    if refusal == Refusal::NotKept
        && offset > ctx.server.log.replicated() as i64
        && let Some(host) = ctx.server.host()
    {
        host.log_warning(&format!(
            "Warning: replica {name} tried to PSYNC with an offset that is greater than the \
             master replication offset."
        ));
    }
    None
}

/// A snapshot is needed: the one that is being written, or the next.
fn full(ctx: &Ctx<'_>, state: &mut State, replica: &mut Replica) {
    let (replication, settings) = (&ctx.server.replication, &ctx.server.settings);
    if settings.repl_disable_tcp_nodelay.load(Relaxed) {
        replica.link.gather();
    }
    if state.replicas.is_empty() && state.kept.is_none() {
        // What is known of the past is worth nothing without a backlog.
        state.history.restart_as(common::random::hex_id(40));
        replication.keep(state, settings.repl_backlog_size.load(Relaxed));
        notice(
            ctx,
            &format!(
                "Replication backlog created, my new replication IDs are '{}' and '{}'",
                state.history.id, state.history.second_id
            ),
        );
    }
    let filter = (replica.peer.without_data, replica.peer.without_functions);
    match state.job {
        Some(job) if job.is_open && job.filter == filter => {
            replica.stage = Stage::Preparing;
            replica.cursor = job.offset;
            super::syncing::announce(&state.history, job.offset, replica);
            notice(ctx, "Waiting for end of BGSAVE for SYNC");
        }
        Some(job) if job.is_open => notice(
            ctx,
            "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC",
        ),
        Some(_) => notice(
            ctx,
            "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC",
        ),
        None if replica.may_wait(settings) => {
            notice(ctx, "Delay next BGSAVE for diskless SYNC");
        }
        None => {}
    }
}
