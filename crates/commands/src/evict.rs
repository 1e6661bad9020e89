//! `maxmemory`: makes room before a command that may need memory runs.
//!
//! Victims come from [`keyspace::evict`], which samples a few shards; each is deleted through the
//! usual door, with one shard locked at a time, and logged as DEL or UNLINK before the command.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::{Event, EventClass, ShardSet, evict::Policy};
use resp::{Args, ReplyError, errors};

use crate::call;
use crate::origin::Origin;
use crate::pubsub::Own;
use crate::server::Server;
use crate::session::Session;

/// Longest time that one command spends on making room, in milliseconds; what is still over the
/// limit then is left to the commands that follow, as Redis does.
const EVICTION_MS_MAX: i64 = 500;

/// More than what the small commands of one read batch take, whose arguments have come in one read.
const BATCH_BYTES: u64 = 1 << 20;

/// Evicts until memory is below the limit. What the client for whose command that is done gets to
/// know of it (invalidations, events) is appended to `own`.
///
/// # Errors
/// OOM where the policy allows no eviction, or nothing is left to evict.
pub(crate) fn make_room(server: &Server, own: &mut Own<'_>) -> Result<(), ReplyError> {
    if !is_over(server, 0) {
        return Ok(());
    }
    let uncounted = server.replication.uncounted_memory();
    let ignores = server.settings.replica_ignore_maxmemory.load(Relaxed);
    if ignores && server.replication.is_replica() {
        return Ok(());
    }
    let start_ms = common::clock::now_ms();
    if server.pause.holds_writes(start_ms) {
        return Ok(());
    }
    let policy = *server.settings.maxmemory_policy.read();
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    session.id = own.id;
    let mut made = Ok(());
    while is_over(server, uncounted) && common::clock::now_ms() - start_ms <= EVICTION_MS_MAX {
        if !evict_one(server, &mut session, policy) {
            made = Err(errors::OOM);
            break;
        }
    }
    own.out.extend_from_slice(&session.pushes);
    made
}

/// Evicts after the limit was changed, as Redis does at once. Called now and then.
pub fn cycle(server: &Server) {
    let limited = || server.settings.maxmemory.load(Relaxed) != 0;
    if server.settings.evict_now.swap(false, Relaxed) && limited() {
        // Where nothing can be evicted, the next command that needs memory says so.
        let mut nobody = Vec::new();
        let mut own = Own {
            id: 0,
            out: &mut nobody,
        };
        let _ = make_room(server, &mut own);
    }
}

/// Whether the commands of a read batch fit into memory whatever they store, so that none of them
/// need ask.
pub(crate) fn has_room_for_a_batch(server: &Server) -> bool {
    let max = server.settings.maxmemory.load(Relaxed);
    max == 0 || common::memory::used_memory() as u64 + BATCH_BYTES < max
}

/// Whether more is in use than may be, `uncounted` left out.
fn is_over(server: &Server, uncounted: u64) -> bool {
    let used = common::memory::used_memory() as u64;
    used.saturating_sub(uncounted) > server.settings.maxmemory.load(Relaxed)
}

/// Deletes one key; false if there is none that the policy allows.
fn evict_one(server: &Server, session: &mut Session, policy: Policy) -> bool {
    let samples = server.settings.maxmemory_samples.load(Relaxed) as usize;
    let now_us = common::clock::now_us();
    let pick = |rng: &mut _| server.keyspace.victim(policy, samples, now_us / 1000, rng);
    let Some(victim) = common::random::with(pick) else {
        return false;
    };
    let Some(locked) = server.keyspace.try_lock(&ShardSet::one(victim.shard)) else {
        // Busy just now: another victim will do.
        return true;
    };
    session.clock_us = now_us;
    session.set_db(victim.db);
    let mut ctx = call::internal_ctx(server, session, locked);
    let mut key = ctx.write(&victim.key);
    if key.remove() {
        key.commit(Event::new(EventClass::EVICTED, "evicted"));
        server.stats.evicted_keys.fetch_add(1, Relaxed);
    } else {
        key.unchanged();
    }
    let lazy = server.settings.lazyfree_lazy_eviction.load(Relaxed);
    let name: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
    call::drain(&mut ctx, Args::new(&[name, &victim.key]));
    if !ctx.effects.ready.is_empty() {
        crate::blocking::serve(ctx);
    }
    true
}
