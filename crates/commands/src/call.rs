//! Runs one command: lock its keys, run the handler, record what follows from the change.
//!
//! The order is fixed. Locks are taken on the distinct shards of all keys, ascending; a busy shard
//! defers the whole command before anything happened. What the handler changed goes to the log
//! before the locks are released, so that the order of the log is the order of the commits.
//! Statistics and the slow log come last.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{Effects, EventClass, KeyHash, Locked, OnExpired, ShardSet};
use resp::{Args, Mark, ReplyWriter};
use smallvec::SmallVec;

use crate::command::{Command, flag};
use crate::cost;
use crate::ctx::{CmdResult, Ctx, Propagation, Redacted};
use crate::dispatch::{Outcome, Prepared};
use crate::keys;
use crate::origin::Origin;
use crate::server::Server;
use crate::session::{LinkWaker, Session};
use crate::table::CommandId;
use crate::timing;

/// Locks, runs, propagates, unlocks, counts.
pub(crate) fn call(
    server: &Server,
    session: &mut Session,
    id: CommandId,
    args: Args<'_>,
    prepared: Prepared,
    out: &mut ReplyWriter<'_>,
) -> Outcome {
    let entry = server.table.entry(id);
    let link = &session.link;
    let park = || -> Arc<dyn keyspace::Waker> { Arc::new(LinkWaker(Arc::clone(link))) };
    let (locked, hint) = match entry.single_key {
        Some(at) if prepared.hashed => {
            let shard = server.keyspace.shard_of(prepared.hash);
            let locked = server.keyspace.try_lock_one_or_park(shard, park);
            (locked, (args.at(at).as_ptr(), prepared.hash))
        }
        _ => {
            let shards = shards_of(server, session, id, args);
            let locked = server.keyspace.try_lock_or_park(&shards, &park);
            (locked, NO_HINT)
        }
    };
    let Ok(mut locked) = locked else {
        return Outcome::Deferred;
    };
    let may_be_long = entry.is_costly || args.len() >= cost::MANY_ARGS;
    if may_be_long && cost::is_long(server, session, (id, args), &locked) {
        return Outcome::Away;
    }
    if keyspace::pins_are_there()
        && crate::held::must_wait(server, session, (id, args), &mut locked, &park)
    {
        return Outcome::Deferred;
    }
    if server.replication.restricts() && session.origin.is_checked() {
        // The role may have changed since the command was admitted: it counts under the locks.
        let admitted = crate::replication::admit(server, session, entry.command);
        let kept = |error| crate::dispatch::keep_for_exec(session, entry, error);
        if let Err(error) = admitted.or_else(kept) {
            drop(locked);
            return crate::dispatch::refuse(server, session, Some(id), error, out);
        }
    }
    timing::begin(server, session, id);
    let may_pin = session.may_pin && entry.pins;
    let mut ctx = new_ctx(server, session, entry.command, locked, hint);
    if may_pin && !crate::pinned::begin(&mut ctx, id, args) {
        return Outcome::Deferred;
    }
    run(&mut ctx, id, args, out);
    end(ctx)
}

/// The end of a command whose work is done: what the network has to do, and, when the locks are no
/// longer needed, those who waited for what it did.
pub(crate) fn end(ctx: Ctx<'_>) -> Outcome {
    let server = ctx.server;
    if ctx.session.origin == Origin::Primary && !ctx.deferred {
        crate::replication::applied(server, ctx.session, Some(ctx.command));
    }
    let outcome = finish(&ctx);
    if !ctx.effects.ready.is_empty() {
        crate::blocking::serve(ctx);
    }
    outcome
}

/// Where no key is known beforehand.
pub(crate) const NO_HINT: (*const u8, KeyHash) = (std::ptr::null(), KeyHash(0));

/// The surroundings of a command about to run, at its session's time.
#[inline(always)]
pub(crate) fn new_ctx<'a>(
    server: &'a Server,
    session: &'a mut Session,
    command: &'static Command,
    locked: Locked<'a>,
    hint: (*const u8, KeyHash),
) -> Ctx<'a> {
    let effects = effects_for(server, session);
    Ctx {
        server,
        now_us: session.clock_us,
        session,
        locked,
        pinned: None,
        hint,
        command,
        effects,
        propagation: Propagation::Verbatim,
        seldom: Cell::new(None),
        hits: Cell::new(0),
        misses: Cell::new(0),
        deferred: false,
        away: Cell::new(false),
        close: false,
        blocked: false,
        in_exec: false,
        redacted: Redacted::No,
    }
}

/// Nothing has followed yet from what this client does now.
#[inline]
pub(crate) fn effects_for(server: &Server, session: &Session) -> Effects {
    Effects {
        now_ms: session.clock_us / 1000,
        on_expired: match session.origin.expires_keys() {
            false => OnExpired::Keep,
            // Our primary tells when.
            true if server.replication.is_replica() => {
                match server.settings.replica_read_only.load(Relaxed) {
                    true => OnExpired::Hide,
                    false => OnExpired::DeleteOnWrite,
                }
            }
            true => OnExpired::Delete,
        },
        no_touch: session.no_touch,
        tracks: server.tracking.is_on(),
        wants: EventClass(server.settings.notify_keyspace_events.load(Relaxed) as u32),
        ..Effects::default()
    }
}

/// Puts another client, at a moment of its own, in the place of the one whose command is done;
/// returns that.
pub(crate) fn take_over(
    ctx: &mut Ctx<'_>,
    mut session: Session,
    now_us: i64,
    command: &'static Command,
) -> Session {
    session.clock_us = now_us;
    ctx.now_us = now_us;
    ctx.effects = effects_for(ctx.server, &session);
    ctx.command = command;
    ctx.propagation = Propagation::Verbatim;
    ctx.hint = NO_HINT;
    std::mem::replace(ctx.session, session)
}

/// The surroundings of changes that no client asked for: expiry, eviction.
pub(crate) fn internal_ctx<'a>(
    server: &'a Server,
    session: &'a mut Session,
    locked: Locked<'a>,
) -> Ctx<'a> {
    new_ctx(server, session, &crate::expire::INTERNAL, locked, NO_HINT)
}

/// The shards that the command needs.
fn shards_of(server: &Server, session: &Session, id: CommandId, args: Args<'_>) -> ShardSet {
    let entry = server.table.entry(id);
    let mut shards = ShardSet::default();
    if entry.command.has(flag::LOCKS_QUEUE) {
        for queued in session.transaction.iter().flat_map(|t| &t.queue) {
            let refs: SmallVec<[&[u8]; 8]> = queued.args.iter().map(|arg| &**arg).collect();
            add_shards(server, queued.id, Args::new(&refs), true, &mut shards);
        }
        // The watched keys too, so that what EXEC finds out about them holds until it is done.
        for (_, key) in &session.watched {
            shards.insert(server.keyspace.shard_of(server.keyspace.hash(key)));
        }
        return shards;
    }
    add_shards(server, id, args, false, &mut shards);
    shards
}

fn add_shards(
    server: &Server,
    id: CommandId,
    args: Args<'_>,
    in_exec: bool,
    shards: &mut ShardSet,
) {
    let command = server.table.entry(id).command;
    if command.has(flag::ALL_SHARDS)
        || in_exec && command.has(flag::WALKS_SHARDS)
        || command.any_key.is_some_and(|may| may(args))
    {
        *shards = ShardSet::All;
        return;
    }
    keys::for_each(command, args, &mut |at, flags| {
        if flags == "not_key" {
            return;
        }
        let hash = server.keyspace.hash(args.at(at));
        shards.insert(server.keyspace.shard_of(hash));
    });
}

/// Runs the handler under the locks and records everything that follows, statistics included.
pub(crate) fn run(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>, out: &mut ReplyWriter<'_>) {
    let server = ctx.server;
    let before = out.mark();
    let start_us = ctx.session.clock_us;
    ctx.command = server.table.entry(id).command;
    ctx.redacted = if ctx.command.has(flag::SENSITIVE) {
        Redacted::All
    } else {
        Redacted::No
    };
    let command = ctx.command;
    let result = (command.handler)(ctx, args, out);
    ctx.command = command;
    conclude(ctx, (id, start_us), args, (out, before), result);
}

/// The second half of [`run`]: what follows from a handler's work, which began at `start_us` and
/// wrote its reply behind `before`.
pub(crate) fn conclude(
    ctx: &mut Ctx<'_>,
    (id, start_us): (CommandId, i64),
    args: Args<'_>,
    (out, before): (&mut ReplyWriter<'_>, Mark),
    result: CmdResult,
) {
    let server = ctx.server;
    if ctx.deferred || ctx.away.get() {
        out.truncate(before);
        return;
    }
    let failed = result.is_err();
    if let Err(error) = result {
        out.truncate(before);
        server.stats.error(error.code());
        out.error(&error);
    }
    let handled = ctx.effects.events.len();
    if let Some(seldom) = ctx.seldom_if_any() {
        let is_missing = !seldom.missed.is_empty();
        if !seldom.overdue.is_empty() {
            crate::expire::delete_overdue(ctx);
        }
        if is_missing {
            crate::notify::keys_missed(ctx, handled);
        }
    }
    if failed && ctx.effects.is_empty() {
        ctx.propagation = Propagation::Verbatim;
    }
    if server.replication.is_replica() && ctx.effects.dirty > 0 {
        crate::replication::note_expiries(ctx, args);
    }
    // What the handler wants in the log goes there even if nothing changed here.
    if !ctx.effects.is_empty() || ctx.propagation != Propagation::Verbatim {
        drain(ctx, args);
    }
    crate::tracking::end_unit(ctx);
    if ctx.session.tracking.is_some() {
        if ctx.pinned.is_none() {
            crate::tracking::remember(ctx, args);
        }
        crate::tracking::end_command(ctx, id);
    }
    if !failed
        && server.table.entry(id).is_brief
        && !ctx.in_exec
        && timing::may_postpone(server)
        && timing::postpone(ctx, id, args, out.len_since(before))
    {
        return;
    }
    let us = timing::end(ctx, id, failed);
    if server.monitors.are_there() {
        crate::monitor::show(ctx, start_us, args);
    }
    if server.hotkeys.is_on() {
        crate::hotkeys::record(ctx, args, us, out.len_since(before));
    }
    if us >= 1000 || ctx.blocked || server.settings.is_slow(us) {
        record_slow(ctx, args, us);
    }
}

/// Sends what changed to the log and to those who watch, and forgets it; those who wait are still
/// to be served.
pub(crate) fn drain(ctx: &mut Ctx<'_>, args: Args<'_>) {
    log_changes(ctx, args);
    tell_others(ctx);
}

/// The first half of [`drain`]: counts the changes and sends them to the log.
pub(crate) fn log_changes(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let server = ctx.server;
    let dirty = ctx.effects.dirty;
    server.stats.worker(ctx.session.worker).changed(dirty);
    if !ctx.effects.expired.is_empty() || !ctx.effects.expired_fields.is_empty() {
        crate::expire::record(ctx);
    }
    let propagation = std::mem::take(&mut ctx.propagation);
    if server.log.is_wanted() && ctx.session.origin.is_propagated() {
        propagate(ctx, propagation, args, dirty);
        ctx.session.replicated_offset = server.log.replicated();
    }
}

/// The second half of [`drain`].
pub(crate) fn tell_others(ctx: &mut Ctx<'_>) {
    crate::tracking::drain(ctx);
    crate::notify::drain(ctx);
    ctx.effects.clear();
}

fn propagate(ctx: &mut Ctx<'_>, propagation: Propagation, args: Args<'_>, dirty: u64) {
    let db = ctx.session.db;
    match propagation {
        Propagation::Verbatim if dirty == 0 => {}
        Propagation::Verbatim => match ctx.unit() {
            Some(unit) => unit.push((db, args.iter().map(<[u8]>::to_vec).collect())),
            None => {
                let (log, audience) = (&ctx.server.log, ctx.server.audience());
                let command = args.as_slice().iter().copied();
                ctx.session.log_offset = log.append_for(audience, db.0 as u16, command);
            }
        },
        Propagation::Rewritten(commands) => {
            let commands = commands.into_iter().map(|command| (db, command));
            match ctx.unit() {
                Some(unit) => unit.extend(commands),
                None => ctx.session.log_offset = ctx.server.append_to_log(commands.collect()),
            }
        }
    }
}

#[cold]
fn record_slow(ctx: &Ctx<'_>, args: Args<'_>, us: u64) {
    let server = ctx.server;
    let event = if ctx.command.has(flag::FAST) {
        "fast-command"
    } else {
        "command"
    };
    server.note_latency(event, us);
    if ctx.blocked {
        // It is recorded when it is over.
        if let Some(wait) = &*ctx.session.state.wait.lock() {
            wait.spent_us.store(us, Relaxed);
        }
    } else if server.settings.is_slow(us) && !ctx.command.has(flag::SKIP_SLOWLOG) {
        let name = ctx.session.state.text.lock().name.clone();
        let max_len = server.settings.slowlog_max_len.load(Relaxed);
        let room = server.settings.slowlog_room();
        let shown = crate::slowlog::shorten(Args::new(&ctx.shown_args(args)), room);
        server
            .slowlog
            .push(shown, us, (&ctx.session.address, &name), max_len);
    }
}

fn finish(ctx: &Ctx<'_>) -> Outcome {
    match (ctx.deferred, ctx.blocked, ctx.close) {
        _ if ctx.away.get() => Outcome::Away,
        (true, ..) => Outcome::Deferred,
        (_, true, _) => Outcome::Blocked,
        (_, _, true) => Outcome::Close,
        _ => Outcome::Done,
    }
}
