//! How long a command is going to take, as far as that can be told beforehand.
//!
//! A command that takes more than [`LIMIT_NS`] leaves its worker, which serves its other clients
//! meanwhile: an executor runs it from its beginning. Such a command says so in one of two ways,
//! in both before it has changed anything. Either its [`Cost`] is asked for under the locks, before
//! the handler runs; or the handler itself, once it knows how much there is to do, asks
//! [`Ctx::takes`]. The second costs next to nothing and is for commands that are mostly small;
//! their `Cost` is an upper bound, asked for only where they stand in a transaction. Estimates are
//! rough on purpose: to be wrong by a factor of two moves the limit by as much, no more.
//!
//! What only many arguments make long needs neither: [`MANY_ARGS`] holds for all.

use datatypes::Stream;
use datatypes::stream::StreamId;
use keyspace::{Entry, Locked, StrRef, ValueRef};
use resp::{Args, ReplyError, errors};
use smallvec::SmallVec;

use crate::command::Command;
use crate::ctx::{CmdResult, Ctx};
use crate::keys;
use crate::server::Server;
use crate::session::Session;
use crate::table::{CommandId, Entry as TableEntry};

/// Work that may be done in place. To leave costs two wake-ups of threads, some 20 to 50 us, which
/// should be little beside it; and a worker's other clients may wait for several such commands in a
/// row without their 99th percentile reaching 2 ms.
pub const LIMIT_NS: u64 = 500_000;
/// From so many arguments on a command is taken to be long if it does something for each.
pub(crate) const MANY_ARGS: usize = 2048;

// The figures below are the server's own time (`INFO commandstats`) for one command on 100,000
// elements of some 14 bytes, release build, one core of the machine of `benches/results`, the best
// of three; what was measured stands beside each. Memory that is touched for the first time costs
// up to 3 ns a byte there, which is not in them.

/// What one argument is taken to cost: to find an element, to allocate it.
const ARG_NS: u64 = 250;

/// An element that is written to the reply: LRANGE and ZRANGE 11, SMEMBERS 25 to 43, SUNION 29,
/// ZRANGE WITHSCORES 38, HKEYS 43, SSCAN 47, HGETALL 70 for a pair.
pub(crate) const REPLY_NS: u64 = 40;
/// Bytes of a string that are copied to the reply in a nanosecond: 14 to 16 when measured, less
/// when pages are touched for the first time.
const COPIED_IN_1_NS: usize = 10;
/// Bytes in a nanosecond that a string grows by, zeros or a copy of what it was: 11 in memory that
/// was in use before, 0.4 in pages that are touched for the first time.
const GROWN_IN_1_NS: usize = 1;
/// Shorter strings grow in no time.
pub(crate) const GROWS_AT_ONCE: usize = 1 << 18;
/// An element that is looked up elsewhere, or put into another collection: COPY of a set 160,
/// SUNIONSTORE 180, ZINTERSTORE 177 for each member and key.
pub(crate) const MOVE_NS: u64 = 150;
/// An element that is passed over or compared: LPOS 3.4, XTRIM 1.7, XPENDING with IDLE 4; BITCOUNT
/// 8 for 64 bytes.
pub(crate) const WALK_NS: u64 = 8;
/// An entry of a stream in the reply: XRANGE 73 with one field, XINFO STREAM FULL 86, XPENDING 63.
pub(crate) const ENTRY_NS: u64 = 120;
/// An entry that is delivered to a group: XREADGROUP 334.
pub(crate) const DELIVER_NS: u64 = 330;
/// A pending entry that is looked up in its stream: XREADGROUP of a history 1476, XAUTOCLAIM 1390
/// to 1530.
pub(crate) const PENDING_NS: u64 = 1400;
/// A member of a sorted set that is put into another one: ZRANGESTORE 284, ZUNIONSTORE 425, of a
/// set 623.
pub(crate) const SORTED_NS: u64 = 400;
/// A key of the keyspace that is visited: KEYS 13 to 27, SCAN 68.
pub(crate) const KEY_NS: u64 = 40;
/// A connection in CLIENT LIST: 1000.
pub(crate) const CLIENT_NS: u64 = 1000;
/// The registers of a HyperLogLog.
const REGISTERS_NS: u64 = 15_000;

/// Whether a command can take long, and what tells.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    /// It cannot, or only by the number of its arguments.
    Small,
    /// Asked for before the handler runs.
    Before(Estimate),
    /// The handler finds out; this is no less than that.
    AtMost(Estimate),
}

/// Nanoseconds that the command will take. The number of arguments is acceptable, nothing else
/// about them is checked.
pub type Estimate = fn(&Look<'_, '_>, Args<'_>) -> u64;

/// What an [`Estimate`] can look at.
pub struct Look<'a, 'l> {
    server: &'a Server,
    session: &'a Session,
    command: &'static Command,
    locked: &'a Locked<'l>,
}

impl Look<'_, '_> {
    fn entry(&self, key: &[u8]) -> Option<Entry<'_>> {
        let hash = self.server.keyspace.hash(key);
        let shard = self.server.keyspace.shard_of(hash);
        self.locked.db(shard, self.session.db)?.get(hash, key)
    }

    /// Elements of the collection at `key`; a string counts as one for every 64 bytes.
    fn len(&self, key: &[u8]) -> u64 {
        self.entry(key).map_or(0, |entry| len(&entry))
    }

    /// Calls `f` with the length at every key that is read, and not only overwritten.
    fn each_read(&self, args: Args<'_>, f: &mut dyn FnMut(u64)) {
        keys::for_each(self.command, args, &mut |at, flags| {
            if flags != "not_key" && !flags.starts_with("OW") {
                f(self.len(args.at(at)));
            }
        });
    }

    fn sum(&self, args: Args<'_>) -> u64 {
        let mut sum = 0u64;
        self.each_read(args, &mut |len| sum = sum.saturating_add(len));
        sum
    }

    /// Keys of the selected database, as far as no lock has to be waited for.
    fn keys(&self) -> u64 {
        self.server.keyspace.len_hint(self.session.db, self.locked) as u64
    }
}

fn len(entry: &Entry<'_>) -> u64 {
    match entry.value() {
        ValueRef::Str(text) => text.len() as u64 / 64 + 1,
        ValueRef::List(list) => list.len() as u64,
        ValueRef::Set(set) => set.len() as u64,
        ValueRef::Zset(zset) => zset.len() as u64,
        ValueRef::Hash(hash) => hash.len() as u64,
        ValueRef::Stream(stream) => stream.len(),
    }
}

/// All elements of all keys go to the reply.
pub(crate) fn reply(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(REPLY_NS)
}

/// Entries of streams go to the reply.
pub(crate) fn entries(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(ENTRY_NS)
}

/// All elements of all keys are looked up, or stored in another.
pub(crate) fn move_all(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(MOVE_NS)
}

/// All members of all keys are put into a sorted set.
pub(crate) fn sort_all(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(SORTED_NS)
}

/// LTRIM and XTRIM: what is outside is passed over and taken out.
pub(crate) fn trim(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let len = look.len(args.at(1));
    let number = |at: usize| args.get(at).and_then(common::number::parse_i64);
    let kept = match (number(2), number(3)) {
        (Some(start), Some(stop)) => crate::collection::range_of(start, stop, len as usize).1,
        // XTRIM MAXLEN [=|~] count
        _ if args.at(2).eq_ignore_ascii_case(b"MAXLEN") => number(3)
            .or_else(|| number(4))
            .map_or(0, |n| n.max(0) as usize),
        _ => 0,
    };
    len.saturating_sub(kept as u64).saturating_mul(WALK_NS)
}

/// SETRANGE and SETBIT, whose `unit` offsets make a byte: a string grows up to the offset.
fn grow(look: &Look<'_, '_>, args: Args<'_>, unit: u64) -> u64 {
    let offset = args.get(2).and_then(common::number::parse_u64).unwrap_or(0);
    let patch = args.get(3).map_or(0, <[u8]>::len) as u64;
    let end = (offset / unit).saturating_add(patch);
    match end / GROWN_IN_1_NS as u64 {
        // Short enough to need no look at what there is.
        ns if ns < LIMIT_NS => 0,
        ns if end / 64 > look.len(args.at(1)) => ns,
        _ => 0,
    }
}

/// SETRANGE.
pub(crate) fn grow_bytes(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    grow(look, args, 1)
}

/// SETBIT.
pub(crate) fn grow_bits(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    grow(look, args, 8)
}

/// APPEND: the string may have to be copied.
pub(crate) fn append(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let tail = args.get(2).map_or(0, <[u8]>::len);
    (look.len(args.at(1)) * 64 + tail as u64) / GROWN_IN_1_NS as u64
}

/// XREADGROUP and XAUTOCLAIM: entries that a group knows, or is going to.
pub(crate) fn pending(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(PENDING_NS)
}

/// XADD: what its trimming takes out. `MINID` counts as if nothing were kept.
pub(crate) fn add_trim(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let is = |at: usize, name: &[u8]| args.at(at).eq_ignore_ascii_case(name);
    let trims = |at: &usize| is(*at, b"MAXLEN") || is(*at, b"MINID");
    let Some(at) = (2..args.len().min(6)).find(trims) else {
        return 0;
    };
    let threshold = at + 1 + usize::from(matches!(args.get(at + 1), Some(b"=" | b"~")));
    let kept = args.get(threshold).and_then(common::number::parse_u64);
    let kept = kept.filter(|_| is(at, b"MAXLEN")).unwrap_or(0);
    let len = look.len(args.at(1));
    len.saturating_sub(kept).saturating_mul(WALK_NS)
}

/// The value is passed over: elements are compared, bytes are counted.
pub(crate) fn walk(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    look.sum(args).saturating_mul(WALK_NS)
}

/// The smallest collection is looked up in all others.
pub(crate) fn intersect(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let (mut least, mut count) = (u64::MAX, 0u64);
    look.each_read(args, &mut |len| {
        least = least.min(len);
        count += 1;
    });
    match count {
        0 => 0,
        _ => least.saturating_mul(count).saturating_mul(MOVE_NS),
    }
}

/// SORT: comparisons, and keys looked up by pattern.
pub(crate) fn sort(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let len = look.len(args.at(1));
    let is_pattern =
        |word: &&[u8]| word.eq_ignore_ascii_case(b"BY") || word.eq_ignore_ascii_case(b"GET");
    let patterns = args.from(2).iter().filter(is_pattern).count() as u64;
    let compare = u64::from(len.max(1).ilog2() + 1) * 10 + REPLY_NS;
    len.saturating_mul(compare + patterns * MOVE_NS)
}

/// LCS: a table of both lengths.
pub(crate) fn product(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let mut product = 1u64;
    look.each_read(args, &mut |len| product = product.saturating_mul(len * 64));
    product
}

/// RESTORE: a payload is decoded.
pub(crate) fn payload(_: &Look<'_, '_>, args: Args<'_>) -> u64 {
    args.get(3).map_or(0, |payload| payload.len() as u64 * 4)
}

/// The registers of each HyperLogLog are read.
pub(crate) fn registers(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let mut count = 0;
    look.each_read(args, &mut |_| count += 1);
    if count < 2 { 0 } else { count * REGISTERS_NS }
}

/// KEYS: all keys are visited.
pub(crate) fn all_keys(look: &Look<'_, '_>, _: Args<'_>) -> u64 {
    look.keys() * KEY_NS
}

/// PUBSUB CHANNELS: all channels of both kinds are visited.
pub(crate) fn channels(look: &Look<'_, '_>, _: Args<'_>) -> u64 {
    let pubsub = &look.server.pubsub;
    (pubsub.channel_count() + pubsub.shard_channel_count()) as u64 * KEY_NS
}

/// FLUSHALL and FLUSHDB free in the background, unless they are told not to.
pub(crate) fn flush(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    match args.get(1) {
        Some(word) if word.eq_ignore_ascii_case(b"SYNC") => look.keys() * MOVE_NS,
        _ => 0,
    }
}

/// SCAN and its kin: so many elements as `COUNT` says.
pub(crate) fn scan(_: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let is_count = |at: &usize| args.at(*at).eq_ignore_ascii_case(b"COUNT");
    let count = (2..args.len().saturating_sub(1)).find(is_count);
    let count = count.and_then(|at| common::number::parse_u64(args.at(at + 1)));
    count.unwrap_or(0).saturating_mul(KEY_NS)
}

/// `count` of the argument behind the key, no more than there is.
pub(crate) fn counted(look: &Look<'_, '_>, args: Args<'_>) -> u64 {
    let Some(count) = args.get(2).and_then(common::number::parse_i64) else {
        return 0;
    };
    let count = match count {
        ..0 => count.unsigned_abs(),
        // With few there is nothing to look up.
        0..1024 => count as u64,
        _ => look.len(args.at(1)).min(count as u64),
    };
    count.saturating_mul(MOVE_NS)
}

/// EXEC: all that it will run.
pub(crate) fn queue(look: &Look<'_, '_>, _: Args<'_>) -> u64 {
    let Some(transaction) = &look.session.transaction else {
        return 0;
    };
    let mut sum = transaction.queue.len() as u64 * ARG_NS;
    for queued in &transaction.queue {
        let entry = look.server.table.entry(queued.id);
        if entry.command.cost.is_small() && queued.args.len() < MANY_ARGS {
            continue;
        }
        let refs: SmallVec<[&[u8]; 8]> = queued.args.iter().map(|arg| &**arg).collect();
        let look = Look {
            command: entry.command,
            ..*look
        };
        sum = sum.saturating_add(look.estimate(Args::new(&refs)));
    }
    sum
}

/// About how many entries a range of a stream has, from its times, as if they had come evenly.
pub(crate) fn span(stream: &Stream, start: StreamId, end: StreamId) -> usize {
    let first = stream.nodes().next().map_or(start, |(id, _)| id);
    let last = stream.last_id();
    let (from, to) = (start.max(first), end.min(last));
    if from > to {
        return 0;
    }
    let whole = (last.ms - first.ms) as f64 + 1.0;
    let share = ((to.ms - from.ms) as f64 + 1.0) / whole;
    (stream.len() as f64 * share) as usize
}

impl Look<'_, '_> {
    fn estimate(&self, args: Args<'_>) -> u64 {
        let by_args = match args.len() {
            len if len >= MANY_ARGS => len as u64 * ARG_NS,
            _ => 0,
        };
        match self.command.cost {
            Cost::Small => by_args,
            Cost::Before(estimate) | Cost::AtMost(estimate) => estimate(self, args).max(by_args),
        }
    }
}

impl Cost {
    /// Whether it can only be long by the number of its arguments.
    pub(crate) const fn is_small(self) -> bool {
        matches!(self, Self::Small)
    }

    /// Whether it is asked for each time.
    pub(crate) const fn is_before(self) -> bool {
        matches!(self, Self::Before(_))
    }
}

/// Whether the command is to leave its worker. Nothing has been done for it yet but to lock.
#[cold]
pub(crate) fn is_long(
    server: &Server,
    session: &Session,
    (id, args): (CommandId, Args<'_>),
    locked: &Locked<'_>,
) -> bool {
    let entry: &TableEntry = server.table.entry(id);
    if !session.may_leave {
        return false;
    }
    let look = Look {
        server,
        session,
        command: entry.command,
        locked,
    };
    look.estimate(args) >= server.debug.limit_ns()
}

impl Ctx<'_> {
    /// To be called before anything is changed, with how many elements are to be dealt with, and
    /// what one of them takes.
    ///
    /// # Errors
    /// Where that is too much for a worker: the handler must return this error at once, its reply
    /// is dropped and the command runs again, from its beginning, on an executor.
    #[inline]
    pub(crate) fn takes(&self, count: usize, each_ns: u64) -> CmdResult {
        if (count as u64).saturating_mul(each_ns) < self.server.debug.limit_ns() {
            return Ok(());
        }
        self.leave()
    }

    /// [`takes`](Self::takes) where `bytes` of a string are copied to the reply.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn takes_bytes(&self, bytes: usize) -> CmdResult {
        self.takes(bytes / COPIED_IN_1_NS, 1)
    }

    /// [`takes`](Self::takes) where a string of `len` bytes is to have `wanted`.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn takes_growth(&self, len: usize, wanted: usize) -> CmdResult {
        match wanted > len {
            true => self.takes(wanted / GROWN_IN_1_NS, 1),
            false => Ok(()),
        }
    }

    /// [`takes_bytes`](Self::takes_bytes) of a whole string.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn takes_text(&self, text: Option<StrRef<'_>>) -> CmdResult {
        match text {
            Some(StrRef::Raw(bytes)) => self.takes_bytes(bytes.len()),
            _ => Ok(()),
        }
    }

    /// [`takes`](Self::takes) where up to `count` elements of a key are taken out.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn takes_some(&self, key: &[u8], count: usize) -> CmdResult {
        if (count as u64).saturating_mul(MOVE_NS) < self.server.debug.limit_ns() {
            return Ok(());
        }
        let len = self.peek(key).map_or(0, |entry| len(&entry));
        self.takes(count.min(len as usize), MOVE_NS)
    }

    /// [`takes`](Self::takes) where `count` of `len` elements are picked; with a negative count
    /// they may repeat.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn takes_random(&self, len: usize, count: i64) -> CmdResult {
        let wanted = count.unsigned_abs() as usize;
        let picked = if count < 0 { wanted } else { wanted.min(len) };
        self.takes(picked, MOVE_NS)
    }

    /// [`takes`](Self::takes) where `samples` elements of a value are looked at (0: all).
    ///
    /// # Errors
    /// As there.
    pub(crate) fn takes_samples(&self, entry: &Entry<'_>, samples: usize) -> CmdResult {
        let len = len(entry) as usize;
        self.takes(if samples == 0 { len } else { samples.min(len) }, WALK_NS)
    }

    /// How much the command may do before it has to leave, for handlers that hold a key open when
    /// they know how much it is; what exceeds it must be answered with [`leave`](Self::leave).
    pub(crate) fn budget_ns(&self) -> u64 {
        match self.may_leave() {
            true => self.server.debug.limit_ns(),
            false => u64::MAX,
        }
    }

    fn may_leave(&self) -> bool {
        self.session.may_leave && !self.in_exec
    }

    /// Sends the command to an executor, if it is on a worker and may go.
    ///
    /// # Errors
    /// If so.
    #[cold]
    pub(crate) fn leave(&self) -> Result<(), ReplyError> {
        if !self.may_leave() {
            return Ok(());
        }
        self.away.set(true);
        Err(errors::DEFERRED)
    }
}

#[cfg(test)]
mod tests;
