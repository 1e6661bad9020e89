//! WAIT and WAITAOF: a client waits until replicas have its changes, or until they are on disk,
//! here and on replicas.
//!
//! Those who wait are looked at whenever a replica acknowledges, whenever the append-only file got
//! further, and by the clock.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use common::number::parse_i64;
use resp::{Args, Proto, ReplyError, ReplyWriter, errors};

use crate::aof::Gate;
use crate::command::flag::{BLOCKING, NOSCRIPT};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::{ClientLink, ClientState, client_flag};

use super::replicas::Replica;
use super::state::{Replication, State};

/// `WAIT`
pub const WAIT: Command = Command::new("wait", 3, wait)
    .group(Group::Generic)
    .since("3.0.0")
    .docs("Waits until replicas have the client's changes.", "O(1)")
    .flags(NOSCRIPT)
    .categories(category::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args("numreplicas:integer timeout:integer");

/// `WAITAOF`
pub const WAITAOF: Command = Command::new("waitaof", 4, waitaof)
    .group(Group::Generic)
    .since("7.2.0")
    .docs(
        "Waits until the client's changes are on disk, here and on replicas.",
        "O(1)",
    )
    .flags(NOSCRIPT | BLOCKING)
    .categories(category::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args("numlocal:integer numreplicas:integer timeout:integer");

/// What is waited for.
#[derive(Clone, Copy)]
struct Goal {
    /// Replication offset that replicas must have acknowledged, and how many of them.
    offset: u64,
    replicas: i64,
    /// WAITAOF: it must be on their disks, and the log up to this offset on as many of ours.
    disk: Option<(u64, i64)>,
}

/// How far it is.
#[derive(Clone, Copy)]
struct Count {
    replicas: i64,
    /// WAITAOF: 1 if it is on our disk.
    local: Option<i64>,
}

impl Goal {
    fn count(&self, state: &State, gate: &Gate) -> Count {
        let offset = self.offset as i64;
        let has = |replica: &&Replica| match self.disk {
            None => replica.ack_offset >= offset,
            Some(_) => replica.disk_offset.is_some_and(|at| at >= offset),
        };
        let online = state.replicas.iter().filter(|it| it.stage.is_online());
        Count {
            replicas: online.filter(has).count() as i64,
            local: self.disk.map(|(at, _)| i64::from(gate.is_safe(at))),
        }
    }

    fn is_met(&self, count: Count) -> bool {
        let local = self
            .disk
            .is_none_or(|(_, wanted)| count.local >= Some(wanted));
        local && count.replicas >= self.replicas
    }
}

impl Count {
    fn write(self, out: &mut ReplyWriter<'_>) {
        if let Some(local) = self.local {
            out.array(2);
            out.integer(local);
        }
        out.integer(self.replicas);
    }
}

/// A client that waits.
pub(super) struct Waiter {
    id: u64,
    link: Arc<dyn ClientLink>,
    state: Arc<ClientState>,
    goal: Goal,
    /// Unix ms; `None`: it waits for ever.
    deadline_ms: Option<i64>,
}

impl Waiter {
    fn answer(self, reply: Bytes) {
        self.state.flags.fetch_and(!client_flag::BLOCKED, Relaxed);
        self.link.unblock(reply);
    }

    fn answer_count(self, count: Count) {
        let mut reply = Vec::new();
        count.write(&mut ReplyWriter::new(&mut reply, Proto::Resp2));
        self.answer(reply.into());
    }
}

fn wait(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if ctx.server.replication.is_replica() {
        return Err(errors::replication::WAIT_ON_REPLICA);
    }
    let replicas = parse_i64(args.at(1)).ok_or(errors::NOT_INTEGER)?;
    let deadline_ms = deadline(args.at(2))?;
    let goal = Goal {
        offset: ctx.session.replicated_offset,
        replicas,
        disk: None,
    };
    wait_for(ctx, goal, deadline_ms, out);
    Ok(())
}

fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let number = |at: usize| parse_i64(args.at(at)).ok_or(errors::NOT_INTEGER);
    let (local, replicas) = (number(1)?, number(2)?);
    if !(0..=1).contains(&local) {
        return Err(errors::persistence::WAITAOF_LOCAL_RANGE);
    }
    if replicas < 0 {
        return Err(errors::persistence::WAITAOF_REPLICAS_RANGE);
    }
    let deadline_ms = deadline(args.at(3))?;
    if ctx.server.replication.is_replica() {
        return Err(errors::replication::WAITAOF_ON_REPLICA);
    }
    if local > 0 && !ctx.server.aof.is_enabled() {
        return Err(errors::replication::WAITAOF_WITHOUT_AOF);
    }
    let goal = Goal {
        offset: ctx.session.replicated_offset,
        replicas,
        disk: Some((ctx.session.log_offset, local)),
    };
    wait_for(ctx, goal, deadline_ms, out);
    Ok(())
}

/// The moment at which a timeout is over; `None`: never.
fn deadline(timeout: &[u8]) -> Result<Option<i64>, ReplyError> {
    let timeout_ms = match parse_i64(timeout) {
        None => return Err(errors::TIMEOUT_NOT_INTEGER),
        Some(..0) => return Err(errors::TIMEOUT_NEGATIVE),
        Some(0) => return Ok(None),
        Some(ms) => ms,
    };
    let at_ms = common::clock::now_ms().checked_add(timeout_ms);
    at_ms.map(Some).ok_or(errors::TIMEOUT_OUT_OF_RANGE)
}

/// Answers, now or when the goal is met or its time is over.
fn wait_for(ctx: &mut Ctx<'_>, goal: Goal, deadline_ms: Option<i64>, out: &mut ReplyWriter<'_>) {
    let (replication, gate) = (&ctx.server.replication, &ctx.server.aof);
    let mut state = replication.state.lock();
    // Before it counts: what gets on disk from now on is told.
    gate.set_waiting(aof_waiters(&state) + usize::from(goal.disk.is_some()));
    let count = goal.count(&state, gate);
    if goal.is_met(count) || ctx.in_exec || ctx.session.origin != crate::Origin::Client {
        gate.set_waiting(aof_waiters(&state));
        count.write(out);
        return;
    }
    state.waiters.push(Waiter {
        id: ctx.session.id,
        link: Arc::clone(&ctx.session.link),
        state: Arc::clone(&ctx.session.state),
        goal,
        deadline_ms,
    });
    drop(state);
    if goal.replicas > 0 {
        replication.ask_for_acks();
    }
    ctx.session.set_flag(client_flag::BLOCKED, true);
    ctx.wait_without_reply();
}

fn aof_waiters(state: &State) -> usize {
    let waits = |waiter: &&Waiter| waiter.goal.disk.is_some();
    state.waiters.iter().filter(waits).count()
}

/// Answers those who need to wait no longer.
pub(super) fn resolve(state: &mut State, gate: &Gate) {
    answer_where(state, gate, |waiter, count| waiter.goal.is_met(count));
}

/// Answers those whose time has run out. Returns when the next one's will have.
pub(super) fn expire(state: &mut State, gate: &Gate, now_ms: i64) -> Option<i64> {
    answer_where(state, gate, |waiter, _| {
        waiter.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms)
    });
    state.waiters.iter().filter_map(|w| w.deadline_ms).min()
}

fn answer_where(state: &mut State, gate: &Gate, is_over: impl Fn(&Waiter, Count) -> bool) {
    if state.waiters.is_empty() {
        return;
    }
    for waiter in std::mem::take(&mut state.waiters) {
        let count = waiter.goal.count(state, gate);
        if is_over(&waiter, count) {
            waiter.answer_count(count);
        } else {
            state.waiters.push(waiter);
        }
    }
    gate.set_waiting(aof_waiters(state));
}

/// Nobody can acknowledge any more: this server is a replica now.
pub(super) fn role_changed(waiters: Vec<Waiter>) {
    for waiter in waiters {
        let error = errors::UNBLOCKED_STATE_CHANGED;
        let text = [b"-", error.as_bytes(), b"\r\n"].concat();
        let link = Arc::clone(&waiter.link);
        waiter.answer(Bytes::from(text));
        link.kill(true);
    }
}

/// CLIENT UNBLOCK: ends a client's WAIT, with an error or as if its time had run out. False if it
/// does not wait here.
pub(crate) fn unblock(server: &Server, id: u64, with_error: bool) -> bool {
    let mut state = server.replication.state.lock();
    let Some(at) = state.waiters.iter().position(|waiter| waiter.id == id) else {
        return false;
    };
    let waiter = state.waiters.remove(at);
    if with_error {
        let text = [b"-", errors::UNBLOCKED_BY_CLIENT.as_bytes(), b"\r\n"].concat();
        waiter.answer(Bytes::from(text));
    } else {
        let count = waiter.goal.count(&state, &server.aof);
        waiter.answer_count(count);
    }
    true
}

impl Replication {
    /// The append-only file got further, or is in another state.
    pub fn aof_progressed(&self, gate: &Gate) {
        resolve(&mut self.state.lock(), gate);
    }

    /// A client is gone: it waits no longer.
    pub(crate) fn forget_waiter(&self, id: u64) {
        self.state.lock().waiters.retain(|waiter| waiter.id != id);
    }
}
