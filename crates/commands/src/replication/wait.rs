//! WAIT: a client waits until replicas have its changes.
//!
//! Those who wait are looked at whenever a replica acknowledges, and by the clock.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use common::number::parse_i64;
use resp::{Args, ReplyWriter, errors};

use crate::command::flag::NOSCRIPT;
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::{ClientLink, ClientState, client_flag};

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

/// A client that waits.
pub(super) struct Waiter {
    id: u64,
    link: Arc<dyn ClientLink>,
    state: Arc<ClientState>,
    /// What replicas must have acknowledged, and how many of them.
    offset: u64,
    replicas: i64,
    /// Unix ms; `None`: it waits for ever.
    deadline_ms: Option<i64>,
}

impl Waiter {
    fn answer(self, reply: Bytes) {
        self.state.flags.fetch_and(!client_flag::BLOCKED, Relaxed);
        self.link.unblock(reply);
    }

    fn answer_count(self, count: i64) {
        self.answer(Bytes::from(format!(":{count}\r\n")));
    }
}

/// Online replicas that have acknowledged an offset.
fn acknowledged(state: &State, offset: u64) -> i64 {
    let has = state
        .replicas
        .iter()
        .filter(|replica| replica.stage.is_online() && replica.ack_offset >= offset as i64);
    has.count() as i64
}

fn wait(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let replication = &ctx.server.replication;
    if replication.is_replica() {
        return Err(errors::replication::WAIT_ON_REPLICA);
    }
    let replicas = parse_i64(args.at(1)).ok_or(errors::NOT_INTEGER)?;
    let timeout_ms = match parse_i64(args.at(2)) {
        None => return Err(errors::TIMEOUT_NOT_INTEGER),
        Some(..0) => return Err(errors::TIMEOUT_NEGATIVE),
        Some(ms) => ms,
    };
    let now_ms = common::clock::now_ms();
    let deadline_ms = match timeout_ms {
        0 => None,
        ms => Some(now_ms.checked_add(ms).ok_or(errors::TIMEOUT_OUT_OF_RANGE)?),
    };
    let offset = ctx.session.replicated_offset;
    let mut state = replication.state.lock();
    let count = acknowledged(&state, offset);
    if count >= replicas || ctx.in_exec || ctx.session.origin != crate::Origin::Client {
        out.integer(count);
        return Ok(());
    }
    state.waiters.push(Waiter {
        id: ctx.session.id,
        link: Arc::clone(&ctx.session.link),
        state: Arc::clone(&ctx.session.state),
        offset,
        replicas,
        deadline_ms,
    });
    drop(state);
    replication.ask_for_acks();
    ctx.session.set_flag(client_flag::BLOCKED, true);
    ctx.wait_without_reply();
    Ok(())
}

/// Answers those who need to wait no longer.
pub(super) fn resolve(state: &mut State) {
    if state.waiters.is_empty() {
        return;
    }
    let waiters = std::mem::take(&mut state.waiters);
    for waiter in waiters {
        match acknowledged(state, waiter.offset) {
            count if count >= waiter.replicas => waiter.answer_count(count),
            _ => state.waiters.push(waiter),
        }
    }
}

/// Answers those whose time has run out. Returns when the next one's will have.
pub(super) fn expire(state: &mut State, now_ms: i64) -> Option<i64> {
    let waiters = std::mem::take(&mut state.waiters);
    for waiter in waiters {
        if waiter.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            let count = acknowledged(state, waiter.offset);
            waiter.answer_count(count);
        } else {
            state.waiters.push(waiter);
        }
    }
    state.waiters.iter().filter_map(|w| w.deadline_ms).min()
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
        let count = acknowledged(&state, waiter.offset);
        waiter.answer_count(count);
    }
    true
}

impl Replication {
    /// A client is gone: it waits no longer.
    pub(crate) fn forget_waiter(&self, id: u64) {
        self.state.lock().waiters.retain(|waiter| waiter.id != id);
    }
}
