//! HOTKEYS: which keys take the most time and traffic, measured while a session is on.
//!
//! Every command's time and bytes are shared out evenly over its keys, so that the shares add up.
//! The heaviest keys are kept exactly; when too many different ones were seen, the light half is
//! forgotten, so that memory is bounded. While no session is on, all that this costs is one load of
//! a flag for each command.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use resp::Args;
use smallvec::SmallVec;

use crate::command::flag;
use crate::ctx::Ctx;

/// Different keys counted at a time, per metric.
const KEYS_MAX: usize = 8192;
/// Keys that stay when there are too many.
const KEYS_KEPT: usize = KEYS_MAX / 2;
/// Longer keys are not counted: they would make the memory's bound too large.
const KEY_BYTES_MAX: usize = 4096;

/// What a session is to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Time spent.
    pub cpu: bool,
    /// Bytes received and sent.
    pub net: bool,
    /// How many keys are shown.
    pub count: usize,
    /// After how many milliseconds it ends by itself; `None`: never.
    pub duration_ms: Option<i64>,
    /// One of how many commands is looked at.
    pub sample: u64,
}

/// A session's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it measures.
    pub plan: Plan,
    /// Whether it is still on.
    pub is_active: bool,
    /// When it began, Unix ms.
    pub start_ms: i64,
    /// For how long it was on.
    pub duration_ms: i64,
    /// Microseconds of all commands.
    pub total_us: u64,
    /// Bytes of all commands.
    pub total_bytes: u64,
    /// System and user time of the process when it began and (if it has) ended, ms.
    pub process_ms: [u64; 2],
    /// The heaviest keys by time, in microseconds.
    pub by_cpu: Vec<(Box<[u8]>, u64)>,
    /// The heaviest keys by bytes.
    pub by_net: Vec<(Box<[u8]>, u64)>,
}

/// Keys by weight.
#[derive(Debug, Default)]
struct Heavy(HashMap<Box<[u8]>, u64>);

impl Heavy {
    fn add(&mut self, key: &[u8], weight: u64) {
        if let Some(sum) = self.0.get_mut(key) {
            *sum += weight;
        } else if weight > 0 && key.len() <= KEY_BYTES_MAX {
            if self.0.len() >= KEYS_MAX {
                self.forget_the_light();
            }
            self.0.insert(key.into(), weight);
        }
    }

    fn forget_the_light(&mut self) {
        let mut weights: Vec<u64> = self.0.values().copied().collect();
        let at = weights.len() - KEYS_KEPT;
        let (_, limit, _) = weights.select_nth_unstable(at);
        let limit = *limit;
        self.0.retain(|_, weight| *weight > limit);
    }

    fn top(&self, count: usize) -> Vec<(Box<[u8]>, u64)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_unstable_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        all.truncate(count);
        all.into_iter().map(|(k, n)| (k.clone(), *n)).collect()
    }
}

#[derive(Debug)]
struct Session {
    plan: Plan,
    start_ms: i64,
    end_ms: Option<i64>,
    total_us: u64,
    total_bytes: u64,
    process_ms: [u64; 2],
    cpu: Heavy,
    net: Heavy,
}

impl Session {
    /// When it is over, or would be if it were stopped now.
    fn end_ms(&self, now_ms: i64) -> i64 {
        let due = self.plan.duration_ms.map(|ms| self.start_ms + ms);
        self.end_ms.unwrap_or(now_ms).min(due.unwrap_or(i64::MAX))
    }

    fn is_active(&self, now_ms: i64) -> bool {
        self.end_ms.is_none() && self.end_ms(now_ms) == now_ms
    }
}

/// The server's session, if there is or was one.
#[derive(Debug, Default)]
pub struct HotKeys {
    is_on: AtomicBool,
    session: Mutex<Option<Session>>,
}

impl HotKeys {
    /// Whether commands are to be recorded: all that the hot path asks.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    /// Whether a session is on.
    pub fn is_active(&self, now_ms: i64) -> bool {
        let session = self.session.lock();
        session.as_ref().is_some_and(|s| s.is_active(now_ms))
    }

    /// Begins a session in the place of one that has ended; false where one is still on.
    /// `process_ms` is the process's system and user time.
    pub fn start(&self, plan: Plan, now_ms: i64, process_ms: [u64; 2]) -> bool {
        let mut session = self.session.lock();
        if session.as_ref().is_some_and(|s| s.is_active(now_ms)) {
            return false;
        }
        *session = Some(Session {
            plan,
            start_ms: now_ms,
            end_ms: None,
            total_us: 0,
            total_bytes: 0,
            process_ms,
            cpu: Heavy::default(),
            net: Heavy::default(),
        });
        self.is_on.store(true, Relaxed);
        true
    }

    /// Ends the session and keeps its figures; false where none is on.
    pub fn stop(&self, now_ms: i64, process_ms: [u64; 2]) -> bool {
        let mut session = self.session.lock();
        let Some(session) = session.as_mut().filter(|s| s.is_active(now_ms)) else {
            return false;
        };
        session.end_ms = Some(now_ms);
        session.process_ms = spent(session.process_ms, process_ms);
        self.is_on.store(false, Relaxed);
        true
    }

    /// Forgets the figures; false where the session is still on.
    pub fn reset(&self, now_ms: i64) -> bool {
        let mut session = self.session.lock();
        if session.as_ref().is_some_and(|s| s.is_active(now_ms)) {
            return false;
        }
        *session = None;
        self.is_on.store(false, Relaxed);
        true
    }

    /// The figures; `None` where there was no session.
    pub fn report(&self, now_ms: i64, process_ms: [u64; 2]) -> Option<Report> {
        let session = self.session.lock();
        let session = session.as_ref()?;
        let count = session.plan.count;
        Some(Report {
            plan: session.plan,
            is_active: session.is_active(now_ms),
            start_ms: session.start_ms,
            duration_ms: session.end_ms(now_ms) - session.start_ms,
            total_us: session.total_us,
            total_bytes: session.total_bytes,
            process_ms: match session.end_ms {
                Some(_) => session.process_ms,
                None => spent(session.process_ms, process_ms),
            },
            by_cpu: session.cpu.top(count),
            by_net: session.net.top(count),
        })
    }

    fn record(&self, keys: &[&[u8]], us: u64, bytes: u64, now_ms: i64) {
        let mut session = self.session.lock();
        let Some(session) = session.as_mut() else {
            return;
        };
        if !session.is_active(now_ms) {
            self.is_on.store(false, Relaxed);
            return;
        }
        session.total_us += us;
        session.total_bytes += bytes;
        let sample = session.plan.sample;
        if keys.is_empty() || !common::random::next_u64().is_multiple_of(sample) {
            return;
        }
        let count = keys.len() as u64;
        for (at, key) in keys.iter().enumerate() {
            if session.plan.cpu {
                session.cpu.add(key, share(us, count, at as u64));
            }
            if session.plan.net {
                session.net.add(key, share(bytes, count, at as u64));
            }
        }
    }
}

fn spent(before: [u64; 2], now: [u64; 2]) -> [u64; 2] {
    [
        now[0].saturating_sub(before[0]),
        now[1].saturating_sub(before[1]),
    ]
}

/// The share of one of `count` keys: the first ones get what does not divide evenly.
fn share(total: u64, count: u64, at: u64) -> u64 {
    total / count + u64::from(at < total % count)
}

/// Records a command that has been run.
#[cold]
pub(crate) fn record(ctx: &Ctx<'_>, args: Args<'_>, us: u64, reply_bytes: usize) {
    let command = ctx.command();
    // What EXEC runs is recorded one by one.
    if command.has(flag::RUNS_QUEUE) {
        return;
    }
    let mut keys: SmallVec<[&[u8]; 8]> = SmallVec::new();
    crate::keys::for_each(command, args, &mut |at, _| keys.push(args.at(at)));
    let bytes = (request_bytes(args) + reply_bytes) as u64;
    let now_ms = ctx.session.clock_us / 1000;
    ctx.server.hotkeys.record(&keys, us, bytes, now_ms);
}

/// The length of a command as clients send it.
fn request_bytes(args: Args<'_>) -> usize {
    let header = |n: usize| 3 + n.checked_ilog10().map_or(1, |log| log as usize + 1);
    let words = args.iter().map(|arg| header(arg.len()) + arg.len() + 2);
    header(args.len()) + words.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        cpu: true,
        net: true,
        count: 2,
        duration_ms: None,
        sample: 1,
    };

    #[test]
    fn shares_add_up_and_the_heaviest_come_first() {
        let hot = HotKeys::default();
        assert!(hot.start(PLAN, 1000, [5, 7]));
        hot.record(&[b"a", b"b", b"c"], 8, 30, 1001);
        hot.record(&[b"c"], 10, 1, 1002);
        hot.record(&[], 100, 100, 1003);
        assert!(hot.stop(1500, [6, 10]));
        hot.record(&[b"late"], 1000, 1000, 1501);
        let report = hot.report(2000, [90, 90]).unwrap();
        let key = |name: &[u8], n| (Box::from(name), n);
        assert_eq!(report.by_cpu, [key(b"c", 12), key(b"a", 3)]);
        assert_eq!(report.by_net, [key(b"c", 11), key(b"a", 10)]);
        assert_eq!((report.total_us, report.total_bytes), (118, 131));
        assert_eq!((report.duration_ms, report.process_ms), (500, [1, 3]));
    }

    #[test]
    fn a_session_ends_by_itself() {
        let hot = HotKeys::default();
        let duration_ms = Some(100);
        assert!(hot.start(PLAN, 0, [0, 0]) && !hot.start(PLAN, 0, [0, 0]));
        assert!(!hot.reset(0) && hot.stop(0, [0, 0]) && hot.reset(0));
        let plan = Plan {
            duration_ms,
            ..PLAN
        };
        assert!(hot.start(plan, 0, [0, 0]));
        hot.record(&[b"a"], 1, 1, 100);
        assert!(hot.is_on());
        hot.record(&[b"a"], 1, 1, 101);
        assert!(!hot.is_on());
        let report = hot.report(900, [0, 0]).unwrap();
        assert_eq!(
            (report.is_active, report.duration_ms, report.total_us),
            (false, 100, 1)
        );
        assert!(!hot.stop(900, [0, 0]) && hot.reset(900));
        assert_eq!(hot.report(900, [0, 0]), None);
    }

    #[test]
    fn heavy_keys_survive_any_number_of_light_ones() {
        let mut heavy = Heavy::default();
        for i in 0..100_000_u32 {
            heavy.add(&i.to_le_bytes(), 1);
            heavy.add(b"hot", 1);
        }
        assert!(heavy.0.len() <= KEYS_MAX);
        assert_eq!(heavy.top(1), [(Box::from(&b"hot"[..]), 100_000)]);
    }

    #[test]
    fn requests_are_measured_as_they_are_sent() {
        let args: [&[u8]; 2] = [b"GET", b"0123456789"];
        let sent = "*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n";
        assert_eq!(request_bytes(Args::new(&args)), sent.len());
        assert_eq!(request_bytes(Args::new(&[b""])), "*1\r\n$0\r\n\r\n".len());
    }
}
