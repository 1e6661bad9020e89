//! How long commands take, for INFO, LATENCY and SLOWLOG, with few readings of the clock.
//!
//! A reading costs a tenth of what a small command does. The end of one command is therefore the
//! start of the next in its read batch, and equal *brief* commands that follow one another in a
//! pipeline (one key, few arguments, a short reply) are timed together, up to [`TOGETHER_MAX`];
//! each is taken to have lasted as long as the others. The last command of a batch always closes
//! its group, so that unpipelined commands are timed one by one. Time stands still for a group.

use std::sync::atomic::Ordering::Relaxed;

use resp::Args;

use crate::command::Command;
use crate::command::flag::{BRIEF, FAST};
use crate::ctx::Ctx;
use crate::server::Server;
use crate::session::Session;
use crate::table::{CommandId, NO_COMMAND};

/// Commands that are timed together, at most.
const TOGETHER_MAX: u32 = 16;
/// More arguments than this are not brief.
const ARGS_MAX: usize = 8;
/// Nor is a reply of more bytes.
const REPLY_BYTES_MAX: usize = 1024;
/// A slow log for shorter times wants each command timed.
const SLOW_US_MIN: u64 = 1000;

/// Commands that ran and are not in the statistics yet: they began at the session's `clock_us`.
#[derive(Debug)]
pub(crate) struct Untimed {
    id: CommandId,
    calls: u32,
    hits: u32,
    misses: u32,
}

impl Default for Untimed {
    fn default() -> Self {
        Self {
            id: NO_COMMAND,
            calls: 0,
            hits: 0,
            misses: 0,
        }
    }
}

/// Whether a command takes so little time that several of it may be timed together.
pub(crate) const fn is_brief(command: &Command, has_single_key: bool) -> bool {
    has_single_key && command.flags & (FAST | BRIEF) != 0
}

/// To be called before a command runs: sees to it that the session's time is near.
#[inline]
pub(crate) fn begin(server: &Server, session: &mut Session, id: CommandId) {
    if session.clock_us == 0 {
        session.clock_us = common::clock::now_us();
    } else if session.untimed.calls > 0 && session.untimed.id != id {
        settle(server, session);
    }
}

/// Whether brief commands may be timed together.
#[inline]
pub(crate) fn may_postpone(server: &Server) -> bool {
    let slow_us = server.settings.slowlog_log_slower_than_us.load(Relaxed);
    slow_us as u64 >= SLOW_US_MIN && !server.monitors.are_there()
}

/// Leaves the brief command that just ran to be timed with the next ones, if it may be.
#[inline]
pub(crate) fn postpone(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>, reply_len: usize) -> bool {
    let untimed = &mut ctx.session.untimed;
    let may_wait = ctx.session.ahead > 0
        && untimed.calls + 1 < TOGETHER_MAX
        && args.len() <= ARGS_MAX
        && reply_len <= REPLY_BYTES_MAX;
    if may_wait {
        untimed.id = id;
        untimed.calls += 1;
        untimed.hits += ctx.hits.take();
        untimed.misses += ctx.misses.take();
    }
    may_wait
}

/// Reads the clock and counts the command that just ran, with those timed together with it.
/// Returns the microseconds that each took.
#[inline]
pub(crate) fn end(ctx: &mut Ctx<'_>, id: CommandId, failed: bool) -> u64 {
    let (server, session) = (ctx.server, &mut *ctx.session);
    if session.untimed.calls > 0 && session.untimed.id != id {
        // Commands inside of another one.
        settle(server, session);
    }
    let untimed = std::mem::take(&mut session.untimed);
    let us = lap(session);
    let stats = server.stats.worker(session.worker);
    let tracked = server.settings.latency_tracking.load(Relaxed) && !ctx.blocked;
    stats.ran(id, 1 + untimed.calls, us, failed, tracked);
    stats.looked_up(
        ctx.hits.take() + untimed.hits,
        ctx.misses.take() + untimed.misses,
    );
    match untimed.calls {
        0 => us,
        calls => us / u64::from(calls + 1),
    }
}

/// Counts the commands that have not been timed, if any.
#[inline]
pub(crate) fn settle(server: &Server, session: &mut Session) {
    if session.untimed.calls > 0 {
        settle_now(server, session);
    }
}

fn settle_now(server: &Server, session: &mut Session) {
    let untimed = std::mem::take(&mut session.untimed);
    let us = lap(session);
    let stats = server.stats.worker(session.worker);
    let tracked = server.settings.latency_tracking.load(Relaxed);
    stats.ran(untimed.id, untimed.calls, us, false, tracked);
    stats.looked_up(untimed.hits, untimed.misses);
}

/// The time since the session's last reading, in microseconds; a new one begins.
#[inline]
fn lap(session: &mut Session) -> u64 {
    let now_us = common::clock::now_us();
    let us = (now_us - session.clock_us).max(0) as u64;
    session.clock_us = now_us;
    us
}

#[cfg(test)]
mod tests {
    use crate::testing::Tester;

    #[test]
    fn commands_timed_together_are_counted_before_another_is_run() {
        let mut tester = Tester::new();
        let get = tester.server.table.find(b"get");
        let set = tester.server.table.find(b"set");
        tester.session.ahead = 100;
        for _ in 0..20 {
            tester.run_in_batch(&[b"GET", b"k"]);
        }
        let calls = |tester: &Tester, id| tester.server.stats.totals(id).calls;
        assert_eq!(calls(&tester, get), 16);
        tester.run_in_batch(&[b"SET", b"k", b"v"]);
        assert_eq!((calls(&tester, get), calls(&tester, set)), (20, 0));
        tester.run_in_batch(&[b"SET", b"k"]);
        assert_eq!(calls(&tester, set), 0);
        crate::batch_end(&tester.server, &mut tester.session);
        assert_eq!(calls(&tester, set), 1);
        assert_eq!(tester.server.stats.processed(), (21, 0, 20));
    }

    #[test]
    fn the_last_of_a_batch_and_what_is_not_brief_are_timed_at_once() {
        let mut tester = Tester::new();
        let get = tester.server.table.find(b"get");
        let long = [b'v'; 2000];
        tester.run(&[b"SET", b"long", &long]);
        tester.session.ahead = 3;
        tester.run_in_batch(&[b"GET", b"k"]);
        assert_eq!(tester.server.stats.totals(get).calls, 0);
        tester.run_in_batch(&[b"GET", b"long"]);
        assert_eq!(tester.server.stats.totals(get).calls, 2);
        tester.run_in_batch(&[b"GET", b"k"]);
        assert_eq!(tester.server.stats.totals(get).calls, 3);
    }
}
