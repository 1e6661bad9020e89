//! `maxmemory`: makes room before a command that may need memory runs.
//!
//! Victims come from [`keyspace::evict`], which samples a few shards; each is deleted through the
//! usual door, with one shard locked at a time, and logged as DEL or UNLINK before the command.
//!
//! How much must go is settled at the start, and only what the deletions themselves give back
//! counts: what they cost (the log, invalidations, events) is sent and freed before long, while to
//! evict for it would make more of it, until no key is left. Several workers that find the limit
//! passed share the work: what one of them has taken on, the others leave alone.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use keyspace::{Event, EventClass, ShardSet, evict::Policy, evict::Victim};
use resp::{Args, ReplyError, errors};

use crate::call;
use crate::ctx::Ctx;
use crate::origin::Origin;
use crate::pubsub::Own;
use crate::server::Server;
use crate::session::Session;

/// More than what the small commands of one read batch take, whose arguments have come in one read.
const BATCH_BYTES: u64 = 1 << 20;
/// After so many attempts it looks at the clock and at the memory in use.
const ROUND: usize = 16;
/// So long the clock's thread evicts in a row.
const CYCLE_US: i64 = 20_000;
/// Members of a collection that are looked at to tell what its deletion will give back.
const SAMPLES: usize = 5;

/// How evicting fares.
#[derive(Debug, Default)]
pub struct Eviction {
    /// Bytes that are being evicted at this moment.
    under_way: AtomicI64,
    /// Since when the limit is exceeded although keys were evicted, monotonic; 0 if it is not.
    exceeded_since_us: AtomicU64,
    /// The same, of all times before, in microseconds.
    exceeded_us: AtomicU64,
}

impl Eviction {
    /// How long the limit has been exceeded in spite of evicting, in milliseconds: in all, and this
    /// time.
    pub fn exceeded_ms(&self) -> [u64; 2] {
        let now_us = match self.exceeded_since_us.load(Relaxed) {
            0 => 0,
            since_us => common::clock::monotonic_us().saturating_sub(since_us),
        };
        [self.exceeded_us.load(Relaxed) + now_us, now_us].map(|us| us / 1000)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.exceeded_us.store(0, Relaxed);
        self.exceeded_since_us.store(0, Relaxed);
    }

    fn note(&self, is_exceeded: bool) {
        let since_us = self.exceeded_since_us.load(Relaxed);
        if is_exceeded == (since_us != 0) {
            return;
        }
        let now_us = common::clock::monotonic_us();
        self.exceeded_since_us
            .store(if is_exceeded { now_us } else { 0 }, Relaxed);
        if !is_exceeded {
            let exceeded_us = now_us.saturating_sub(since_us);
            self.exceeded_us.fetch_add(exceeded_us, Relaxed);
        }
    }

    /// Takes on what nobody else evicts of an excess.
    fn take_on(&self, excess: i64) -> Share<'_> {
        let others = self.under_way.fetch_add(excess, Relaxed).max(0);
        let share = Share {
            eviction: self,
            left: excess,
        };
        share.done(others.min(excess))
    }
}

/// What somebody has taken on to evict.
struct Share<'a> {
    eviction: &'a Eviction,
    left: i64,
}

impl Share<'_> {
    fn done(mut self, bytes: i64) -> Self {
        self.give_back(bytes);
        self
    }

    fn give_back(&mut self, bytes: i64) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        self.eviction.under_way.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.give_back(self.left);
    }
}

/// What an attempt to evict came to.
enum Attempt {
    /// A key is gone, and so many bytes with it.
    Freed(i64),
    /// The victim was busy or gone.
    Missed,
    /// There is no key that the policy allows.
    NoneLeft,
}

/// Evicts until memory is below the limit. What the client for whose command that is done gets to
/// know of it (invalidations, events) is appended to `own`.
///
/// # Errors
/// OOM where the policy allows no eviction, or nothing is left to evict.
pub(crate) fn make_room(server: &Server, own: &mut Own<'_>) -> Result<(), ReplyError> {
    let Some(excess) = excess(server) else {
        server.eviction.note(false);
        return Ok(());
    };
    let ignores = server.settings.replica_ignore_maxmemory.load(Relaxed);
    if ignores && server.replication.is_replica() {
        return Ok(());
    }
    if server.pause.holds_writes(common::clock::now_ms()) {
        return Ok(());
    }
    let start_us = common::clock::monotonic_us();
    let result = evict(server, own, excess, start_us);
    let us = common::clock::monotonic_us() - start_us;
    server.note_latency("eviction-cycle", us);
    result
}

fn evict(server: &Server, own: &mut Own<'_>, excess: i64, start_us: u64) -> Result<(), ReplyError> {
    let policy = *server.settings.maxmemory_policy.read();
    if policy == Policy::NoEviction {
        server.eviction.note(true);
        return Err(errors::OOM);
    }
    let limit_us = time_limit_us(server.settings.maxmemory_eviction_tenacity.load(Relaxed));
    let is_late = || common::clock::monotonic_us() - start_us > limit_us;
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    session.id = own.id;
    let mut share = server.eviction.take_on(excess);
    let (mut result, mut attempts) = (Ok(()), 0);
    while share.left > 0 {
        match evict_one(server, &mut session, policy) {
            Attempt::Freed(bytes) => share.give_back(bytes),
            Attempt::Missed => {}
            Attempt::NoneLeft if comes_free(server, &is_late) => break,
            Attempt::NoneLeft => {
                result = Err(errors::OOM);
                break;
            }
        }
        attempts += 1;
        if attempts % ROUND == 0 {
            if self::excess(server).is_none() {
                break;
            }
            if is_late() {
                // The clock's thread goes on.
                server.settings.evict_now.store(true, Relaxed);
                break;
            }
        }
    }
    let unfinished = share.left > 0 && self::excess(server).is_some();
    server.eviction.note(result.is_err() || unfinished);
    own.out.extend_from_slice(&session.pushes);
    result
}

/// Nothing is left to evict: whether what is being freed elsewhere is enough.
fn comes_free(server: &Server, is_late: &dyn Fn() -> bool) -> bool {
    if keyspace::free::pending() > 0 {
        common::priority::lift_all();
    }
    while keyspace::free::pending() > 0 && !is_late() {
        if excess(server).is_none() {
            return true;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    excess(server).is_none()
}

/// `maxmemory-eviction-tenacity`: for how long one command evicts, as in Redis; what is still over
/// the limit then is left to the clock's thread and to the commands that follow.
fn time_limit_us(tenacity: u64) -> u64 {
    match tenacity {
        0..=10 => 50 * tenacity,
        11..=99 => (500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

/// Evicts after the limit was changed, as Redis does at once, and what commands had no time for.
/// Called now and then.
pub fn cycle(server: &Server) {
    let limited = || server.settings.maxmemory.load(Relaxed) != 0;
    let end_us = common::clock::now_us() + CYCLE_US;
    while server.settings.evict_now.swap(false, Relaxed) && limited() {
        // Where nothing can be evicted, the next command that needs memory says so.
        let mut nobody = Vec::new();
        let mut own = Own {
            id: 0,
            out: &mut nobody,
        };
        let _ = make_room(server, &mut own);
        if common::clock::now_us() >= end_us {
            return;
        }
    }
}

/// Whether the commands of a read batch fit into memory whatever they store, so that none of them
/// need ask.
pub(crate) fn has_room_for_a_batch(server: &Server) -> bool {
    let max = server.settings.maxmemory.load(Relaxed);
    max == 0 || common::memory::used_memory() as u64 + BATCH_BYTES < max
}

/// How much more is in use than may be; none if it is not.
fn excess(server: &Server) -> Option<i64> {
    let max = server.settings.maxmemory.load(Relaxed);
    if common::memory::used_memory() as u64 <= max {
        return None;
    }
    let counted = server.replication.used_memory().counted();
    (counted > max).then(|| (counted - max) as i64)
}

/// Deletes one key.
fn evict_one(server: &Server, session: &mut Session, policy: Policy) -> Attempt {
    let samples = server.settings.maxmemory_samples.load(Relaxed) as usize;
    let now_us = common::clock::now_us();
    let pick = |rng: &mut _| server.keyspace.victim(policy, samples, now_us / 1000, rng);
    let Some(victim) = common::random::with(pick) else {
        return Attempt::NoneLeft;
    };
    let Some(locked) = server.keyspace.try_lock(&ShardSet::one(victim.shard)) else {
        // Busy just now: another victim will do.
        return Attempt::Missed;
    };
    session.clock_us = now_us;
    session.set_db(victim.db);
    let mut ctx = call::internal_ctx(server, session, locked);
    let mut key = ctx.write(&victim.key);
    let size = key.entry().map_or(0, |entry| entry.memory(SAMPLES)) as i64;
    let before = common::memory::balance_of_thread();
    let mut attempt = if key.remove() {
        // What is freed elsewhere, or kept for a snapshot, has not come back yet.
        let freed = before - common::memory::balance_of_thread();
        key.commit(Event::new(EventClass::EVICTED, "evicted"));
        server.stats.evicted_keys.fetch_add(1, Relaxed);
        Attempt::Freed((freed as i64).max(size))
    } else {
        key.unchanged();
        Attempt::Missed
    };
    let us = (common::clock::now_us() - now_us).max(0) as u64;
    server.note_latency("eviction-del", us);
    let lazy = server.settings.lazyfree_lazy_eviction.load(Relaxed);
    let name: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
    call::drain(&mut ctx, Args::new(&[name, &victim.key]));
    if let Attempt::Freed(freed) = &mut attempt {
        *freed += release_if_empty(&mut ctx, &victim);
    }
    if !ctx.effects.ready.is_empty() {
        crate::blocking::serve(ctx);
    }
    attempt
}

/// Of a shard's last key its expiry index is left: with many shards, more than the keys took.
fn release_if_empty(ctx: &mut Ctx<'_>, victim: &Victim) -> i64 {
    let before = common::memory::balance_of_thread();
    if let Some(db) = ctx.locked().db_mut(victim.shard, victim.db) {
        db.release_if_empty();
    }
    (before - common::memory::balance_of_thread()) as i64
}
