//! Values that are not to be changed now: large ones that a snapshot or a long command is reading,
//! and keys that are on their way to another server. Who wants to change one waits.
//!
//! With readers nothing is wrong with going ahead: the value would be copied first, with its
//! shard locked the while. So this is asked before the handler runs, and only while there are some;
//! what it does not foresee (keys that a script did not declare) is copied. Commands that
//! overwrite or remove a value do not wait: the snapshot keeps what they took away. Only when it
//! keeps more than it may (`keyspace::set_held_budget`) does everybody wait who would add to that.

use std::sync::Arc;

use keyspace::{KeyHash, Locked, ShardId, Waker};
use resp::Args;
use smallvec::SmallVec;

use crate::command::{Command, flag};
use crate::keys;
use crate::server::Server;
use crate::session::Session;
use crate::table::CommandId;

/// Whether the command has to wait; if so, the waker that `park` makes has been registered.
#[cold]
pub(crate) fn must_wait(
    server: &Server,
    session: &Session,
    (id, args): (CommandId, Args<'_>),
    locked: &mut Locked<'_>,
    park: &dyn Fn() -> Arc<dyn Waker>,
) -> bool {
    let is_read = |locked: &mut Locked<'_>| {
        any(server, session, (id, args), &mut |command, args| {
            // What stores a result overwrites, also where Redis's flags do not say so.
            let overwrites = command.has(flag::SETTLES);
            let is_held = &mut |flags: &str, (hash, shard), key: &[u8]| {
                let db = locked.db_mut(shard, session.db);
                flags.starts_with("RW") && !overwrites && db.is_some_and(|db| db.is_held(hash, key))
            };
            changes(server, (command, args), is_held)
        })
    };
    let adds = |locked: &mut Locked<'_>| {
        any(server, session, (id, args), &mut |command, args| {
            let is_pinned = &mut |_: &str, (hash, shard), key: &[u8]| {
                let db = locked.db_mut(shard, session.db);
                db.is_some_and(|db| db.is_pinned(hash, key))
            };
            changes(server, (command, args), is_pinned)
        })
    };
    // Between two looks the value may have been let go of.
    if is_read(locked) {
        keyspace::wait_for_pins(park());
        if is_read(locked) {
            return true;
        }
    }
    if keyspace::is_over_held_budget() && adds(locked) {
        keyspace::wait_for_budget(park());
        if keyspace::is_over_held_budget() {
            return true;
        }
    }
    let moving = || {
        any(server, session, (id, args), &mut |command, args| {
            changes_moving(server, session, (command, args))
        })
    };
    if moving() {
        server.migrations.moving.wait(park());
        return moving();
    }
    false
}

/// Whether `f` holds for the command, or, where it is EXEC, for a queued one.
fn any(
    server: &Server,
    session: &Session,
    (id, args): (CommandId, Args<'_>),
    f: &mut dyn FnMut(&Command, Args<'_>) -> bool,
) -> bool {
    let command = server.table.entry(id).command;
    if !command.has(flag::LOCKS_QUEUE) {
        return f(command, args);
    }
    let queue = session.transaction.iter().flat_map(|t| &t.queue);
    queue.into_iter().any(|queued| {
        let refs: SmallVec<[&[u8]; 8]> = queued.args.iter().map(|arg| &**arg).collect();
        f(server.table.entry(queued.id).command, Args::new(&refs))
    })
}

/// Whether the command changes a key that is on its way to another server.
fn changes_moving(
    server: &Server,
    session: &Session,
    (command, args): (&Command, Args<'_>),
) -> bool {
    let moving = &server.migrations.moving;
    if !command.has(flag::WRITE) {
        return false;
    }
    if command.has(flag::ALL_SHARDS) {
        return moving.are_any(session.id);
    }
    let mut found = false;
    keys::for_each(command, args, &mut |at, flags| {
        found |= !flags.starts_with("RO")
            && flags != "not_key"
            && moving.is_moving(session.id, session.db, args.at(at));
    });
    found
}

/// What is asked of a key: given its flags, its hash and shard, and itself.
type Ask<'a> = &'a mut dyn FnMut(&str, (KeyHash, ShardId), &[u8]) -> bool;

/// Whether `f` holds for a key that the command changes.
fn changes(server: &Server, (command, args): (&Command, Args<'_>), f: Ask<'_>) -> bool {
    if !command.has(flag::WRITE) {
        return false;
    }
    let told = command.flag_finder.map(|finder| finder(args));
    let mut found = false;
    keys::for_each(command, args, &mut |at, flags| {
        let flags = told.unwrap_or(flags);
        if flags.starts_with("RO") || flags == "not_key" {
            return;
        }
        let hash = server.keyspace.hash(args.at(at));
        let shard = server.keyspace.shard_of(hash);
        found |= f(flags, (hash, shard), args.at(at));
    });
    found
}
