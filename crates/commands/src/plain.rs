//! The short way of small commands in whose way nothing stands.
//!
//! Nearly every reason to refuse, watch or delay a command is absent nearly always, and each costs
//! a look all the same. [`is_open`] looks at all of them once for a read batch; while it holds, a
//! command that touches one key and cannot change what `is_open` says goes from its arity straight
//! to its handler, and from there to the next command. Whatever is not plain after all leaves the
//! short way where it is noticed, and goes on in [`mod@crate::dispatch`] or in [`call::conclude`].
//!
//! To look once is enough, because the batch had been read before: its commands were sent before
//! anything that was answered later, so that to run them as if they had come before it is right.
//! What must be seen under the locks is looked at there.

use resp::{Args, ReplyWriter};

use crate::call;
use crate::command::{Command, flag};
use crate::cost;
use crate::ctx::{Ctx, Propagation};
use crate::dispatch::{Outcome, Prepared};
use crate::server::Server;
use crate::session::{ReplyMode, Session};
use crate::timing;

/// Flags of commands that change the session or the server, or that are checked in other ways.
const NOT_PLAIN: u64 = flag::ADMIN
    | flag::PUBSUB
    | flag::BLOCKING
    | flag::MAY_REPLICATE
    | flag::MOVABLE_KEYS
    | flag::ALL_SHARDS
    | flag::WALKS_SHARDS
    | flag::NOT_QUEUED
    | flag::SENSITIVE
    | flag::LOCKS_QUEUE
    | flag::RUNS_QUEUE
    | flag::PROTECTED_DEBUG
    | flag::PROTECTED_MODULE;

/// Whether a command may go the short way; only [brief](timing::is_brief) ones may.
pub(crate) fn is_plain(command: &Command, is_brief: bool) -> bool {
    is_brief
        && command.flags & NOT_PLAIN == 0
        && command.subcommands.is_empty()
        && command.any_key.is_none()
        && !command.cost.is_before()
}

/// Whether nothing stands in the way of plain commands of this session: each condition is one of
/// [`mod@crate::admit`], of [`mod@crate::dispatch`] or of [`call::conclude`].
pub(crate) fn is_open(server: &Server, session: &Session) -> bool {
    let client = session.authenticated
        && session.origin == crate::Origin::Client
        && session.reply_mode == ReplyMode::On
        && session.transaction.is_none()
        && session.subscriptions.is_none()
        && session.tracking.is_none()
        && session.peer.is_none()
        && session.pushes.is_empty()
        && !session.paused;
    client
        && crate::evict::has_room_for_a_batch(server)
        && server.aof.error() == 0
        && !server.persistence.saving.denies_writes()
        && !server.persistence.is_loading()
        && !server.pause.is_possible()
        && timing::may_postpone(server)
        && !server.hotkeys.is_on()
}

/// Runs a command if it is plain; `None` if it has to go the long way, and nothing has happened.
/// The session's way must be open.
#[inline]
pub(crate) fn dispatch(
    server: &Server,
    session: &mut Session,
    args: Args<'_>,
    prepared: Prepared,
    out: &mut ReplyWriter<'_>,
) -> Option<Outcome> {
    if !prepared.hashed {
        return None;
    }
    let entry = server.table.entry(prepared.id);
    let key = args.get(entry.single_key?)?;
    let is_long = args.len() >= cost::MANY_ARGS;
    if !entry.is_plain || is_long || !entry.command.arity_ok(args.len()) {
        return None;
    }
    let shard = server.keyspace.shard_of(prepared.hash);
    let locked = server.keyspace.try_lock_one(shard)?;
    let may_be_held = keyspace::pins_are_there() && entry.command.has(flag::WRITE);
    if may_be_held || server.replication.restricts() {
        return None;
    }
    session.ahead = session.ahead.saturating_sub(1);
    session.note_command(prepared.id);
    timing::begin(server, session, prepared.id);
    let hint = (key.as_ptr(), prepared.hash);
    let ctx = call::new_ctx(server, session, entry.command, locked, hint);
    Some(run(ctx, args, prepared, out))
}

#[inline(always)]
fn run(mut ctx: Ctx<'_>, args: Args<'_>, prepared: Prepared, out: &mut ReplyWriter<'_>) -> Outcome {
    let before = out.mark();
    let result = (ctx.command.handler)(&mut ctx, args, out);
    if result.is_ok()
        && is_done(&mut ctx)
        && timing::postpone(&mut ctx, prepared.id, args, out.len_since(before))
    {
        return Outcome::Done;
    }
    let began = (prepared.id, ctx.now_us);
    call::conclude(&mut ctx, began, args, (out, before), result);
    call::end(ctx)
}

/// Whether nothing follows from what the handler did, but changes to be counted.
#[inline]
fn is_done(ctx: &mut Ctx<'_>) -> bool {
    if ctx.effects.followed.is_some()
        || ctx.seldom_if_any().is_some()
        || ctx.propagation != Propagation::Verbatim
        || (ctx.deferred | ctx.close | ctx.blocked | ctx.away.get())
    {
        return false;
    }
    let changes = ctx.effects.dirty;
    if changes > 0 {
        if ctx.server.log.is_wanted() {
            return false;
        }
        let stats = ctx.server.stats.worker(ctx.session.worker);
        stats.changed(changes);
        ctx.effects.dirty = 0;
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::testing::Tester;

    /// Replies to commands of one read batch.
    fn batch(tester: &mut Tester, lines: &[&str]) -> Vec<String> {
        tester.session.ahead = lines.len() as u32;
        tester.session.is_open = super::is_open(&tester.server, &tester.session);
        let mut reply = |line: &&str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            String::from_utf8(tester.run_in_batch(&words)).unwrap()
        };
        let replies = lines.iter().map(&mut reply).collect();
        crate::batch_end(&tester.server, &mut tester.session);
        replies
    }

    #[test]
    fn a_command_that_closes_the_short_way_counts_for_those_behind_it() {
        let mut tester = Tester::new();
        let lines = [
            "SET k 1", "MULTI", "GET k", "EXEC", "GET k", "GET", "LLEN k", "GET k",
        ];
        let replies = batch(&mut tester, &lines);
        let ended: Vec<_> = replies.iter().map(|reply| reply.trim_end()).collect();
        let found = "$1\r\n1";
        assert_eq!(ended[..3], ["+OK", "+OK", "+QUEUED"]);
        assert_eq!(ended[3..5], [&format!("*1\r\n{found}")[..], found]);
        assert!(ended[5].starts_with("-ERR wrong number of arguments"));
        assert!(ended[6].starts_with("-WRONGTYPE"));
        assert_eq!(ended[7], found);
    }

    #[test]
    fn what_ran_the_short_way_is_counted_like_all_else() {
        let mut tester = Tester::new();
        let mut log = tester.server.log.read_from_end();
        batch(
            &mut tester,
            &["SET k 1", "INCR k", "GET k", "GET none", "DEL k"],
        );
        let mut bytes = Vec::new();
        log.read(&mut bytes);
        let log = String::from_utf8(bytes).unwrap();
        assert_eq!(log.matches('*').count(), 4, "{log}");
        assert_eq!(tester.server.stats.processed(), (5, 1, 1));
        assert_eq!(tester.server.stats.changes(), 3);
    }
}
