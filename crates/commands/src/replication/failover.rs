//! FAILOVER: the primary and one of its replicas change places, without losing a write.
//!
//! Writes pause until a replica has everything; then this server follows it, and asks it with
//! `PSYNC … FAILOVER` to take over.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::pause::PauseFor;
use crate::server::Server;

use super::replicas::Replica;
use super::state::{Replication, State};

/// `FAILOVER`
pub const FAILOVER: Command = Command::new("failover", -1, failover)
    .group(Group::Server)
    .since("6.2.0")
    .docs(
        "Hands the part of the primary to one of its replicas.",
        "O(1)",
    )
    .flags(ADMIN | NOSCRIPT | STALE)
    .args(
        "target=TO?{host port:integer force=FORCE!?} abort=ABORT!? milliseconds:integer=TIMEOUT?",
    );

/// A failover that goes on.
#[derive(Clone, Debug)]
pub(super) struct Failover {
    target: Option<(String, i64)>,
    /// Unix ms.
    deadline_ms: Option<i64>,
    is_forced: bool,
    /// The replica has been asked to take over.
    in_progress: bool,
}

/// `master_failover_state`.
pub(super) fn name(state: &State) -> &'static str {
    match &state.failover {
        None => "no-failover",
        Some(failover) if failover.in_progress => "failover-in-progress",
        Some(_) => "waiting-for-sync",
    }
}

fn notice(server: &Server, text: &str) {
    if let Some(host) = server.host() {
        host.log_notice(text);
    }
}

/// The arguments.
#[derive(Default)]
struct Request {
    timeout_ms: i64,
    target: Option<(String, i64)>,
    is_forced: bool,
}

fn parse(args: Args<'_>) -> Result<Request, resp::ReplyError> {
    let number = |at: usize| common::number::parse_i64(args.at(at)).ok_or(errors::NOT_INTEGER);
    let mut request = Request::default();
    let mut at = 1;
    while at < args.len() {
        let word = args.at(at).to_ascii_lowercase();
        match &word[..] {
            b"timeout" if at + 1 < args.len() && request.timeout_ms == 0 => {
                request.timeout_ms = number(at + 1)?;
                if request.timeout_ms <= 0 {
                    return Err(errors::replication::FAILOVER_TIMEOUT);
                }
                at += 1;
            }
            b"to" if at + 2 < args.len() && request.target.is_none() => {
                let host = String::from_utf8_lossy(args.at(at + 1)).into_owned();
                request.target = Some((host, number(at + 2)?));
                at += 2;
            }
            b"force" if !request.is_forced => request.is_forced = true,
            _ => return Err(errors::SYNTAX),
        }
        at += 1;
    }
    Ok(request)
}

fn find<'s>(state: &'s State, host: &str, port: i64) -> Option<&'s Replica> {
    let mut replicas = state.replicas.iter();
    replicas.find(|r| r.ip().eq_ignore_ascii_case(host) && r.peer.port == port)
}

fn failover(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let replication = &ctx.server.replication;
    if args.len() == 2 && args.at(1).eq_ignore_ascii_case(b"abort") {
        if !replication.is_failing_over() {
            return Err(errors::replication::NO_FAILOVER);
        }
        replication.abort_failover(ctx.server, "Failover manually aborted");
        out.ok();
        return Ok(());
    }
    let request = parse(args)?;
    let mut state = replication.state.lock();
    if state.failover.is_some() {
        return Err(errors::replication::FAILOVER_IN_PROGRESS);
    }
    if state.upstream.is_some() {
        return Err(errors::replication::FAILOVER_ON_REPLICA);
    }
    if state.replicas.is_empty() {
        return Err(errors::replication::FAILOVER_WITHOUT_REPLICAS);
    }
    if request.is_forced && (request.timeout_ms == 0 || request.target.is_none()) {
        return Err(errors::replication::FAILOVER_FORCE);
    }
    let line = match &request.target {
        None => "FAILOVER requested to any replica.".to_owned(),
        Some((host, port)) => {
            let replica =
                find(&state, host, *port).ok_or(errors::replication::FAILOVER_NOT_REPLICA)?;
            if !replica.stage.is_online() {
                return Err(errors::replication::FAILOVER_NOT_ONLINE);
            }
            format!("FAILOVER requested to {host}:{port}.")
        }
    };
    let now_ms = ctx.now_ms();
    state.failover = Some(Failover {
        target: request.target,
        deadline_ms: (request.timeout_ms > 0).then(|| now_ms.saturating_add(request.timeout_ms)),
        is_forced: request.is_forced,
        in_progress: false,
    });
    drop(state);
    notice(ctx.server, &line);
    ctx.server
        .pause
        .begin(PauseFor::Failover, ctx.now_ms(), i64::MAX, true);
    out.ok();
    Ok(())
}

impl Replication {
    /// Whether a failover goes on.
    pub fn is_failing_over(&self) -> bool {
        self.state.lock().failover.is_some()
    }

    /// Whether the primary that is followed is to be asked to become one.
    pub fn asks_for_takeover(&self) -> bool {
        let state = self.state.lock();
        state.failover.as_ref().is_some_and(|f| f.in_progress)
    }

    /// The replica has taken over.
    pub fn failover_done(&self, server: &Server) {
        if self.state.lock().failover.take().is_some() {
            server.pause.end(PauseFor::Failover);
        }
    }

    /// Gives the failover up, for a reason.
    pub fn abort_failover(&self, server: &Server, reason: &str) {
        let Some(failover) = self.state.lock().failover.take() else {
            return;
        };
        let target = match failover.target {
            Some((host, port)) => format!("{host}:{port}"),
            None => "any replica".to_owned(),
        };
        notice(server, &format!("FAILOVER to {target} aborted: {reason}"));
        if failover.in_progress {
            self.unfollow(server);
        }
        server.pause.end(PauseFor::Failover);
    }

    /// Looks after a failover: the time, and whether a replica has everything. Not for workers:
    /// waits for all shards.
    pub(super) fn tick_failover(&self, server: &Server, now_ms: i64) {
        let mut state = self.state.lock();
        let Some(failover) = state.failover.clone().filter(|f| !f.in_progress) else {
            return;
        };
        let is_late = failover.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let (target, line) = if is_late {
            let Some((host, port)) = failover.target.filter(|_| failover.is_forced) else {
                drop(state);
                self.abort_failover(server, "Replica never caught up before timeout");
                return;
            };
            let line = format!("FAILOVER to {host}:{port} time out exceeded, failing over.");
            ((host, port), line)
        } else {
            let offset = self.log.replicated() as i64;
            let replica = match &failover.target {
                Some((host, port)) => find(&state, host, *port),
                None => state.replicas.iter().find(|r| r.ack_offset == offset),
            };
            let Some(replica) = replica.filter(|r| r.ack_offset == offset) else {
                return;
            };
            let (host, port) = (replica.ip().to_owned(), replica.peer.port);
            let line = format!("Failover target {host}:{port} is synced, failing over.");
            ((host, port), line)
        };
        if let Some(failover) = &mut state.failover {
            failover.in_progress = true;
            failover.target = Some(target.clone());
        }
        drop(state);
        notice(server, &line);
        let _locked = server.keyspace.lock_all();
        self.follow(server, target.0, target.1 as u16);
    }
}
