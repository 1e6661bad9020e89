//! Serving those who wait, by the one who changed their key, before it unlocks the key.
//!
//! The order is Redis's: keys as they became ready, for each key its waiters in order of arrival;
//! what a served BLMOVE pushes makes its key ready in turn, behind the others. A BLMOVE to a shard
//! that is not locked stops the round: the locks are given back, and those of all keys still to be
//! served, its destination included, are taken afresh. In between, others may come first: then they
//! overtake. With one worker there are no others, and the order is exact. Replies are sent when the
//! locks are given back: all that was served has happened at once then, or not yet. While clients
//! wait for several keys, only one serves at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{DbKey, KeyHash, Locked, ShardId, ShardSet};
use parking_lot::MutexGuard;
use resp::{Args, ReplyWriter};

use super::end;
use super::wait::{Verdict, Wait, Want};
use crate::call;
use crate::ctx::{Ctx, Propagation};
use crate::origin::Origin;
use crate::server::Server;
use crate::session::Session;

/// Serves who waits for what this command, now done, has changed.
#[cold]
pub(crate) fn serve(mut ctx: Ctx<'_>) {
    let server = ctx.server;
    let ready = std::mem::take(&mut ctx.effects.ready);
    // The next command's time does not begin before the others are served.
    crate::timing::settle(server, ctx.session);
    ctx.session.clock_us = 0;
    if let Some(rest) = serve_keys(ctx, ready) {
        server.blocking.add_keys(rest);
    }
}

/// Keys still to be served, and the shards to be locked for that.
pub(super) struct Rest {
    pub(super) keys: Vec<DbKey>,
    pub(super) shards: ShardSet,
}

/// Serves the waiters of these keys, in this order. Returns what is left because a shard is busy.
pub(super) fn serve_keys(ctx: Ctx<'_>, keys: impl IntoIterator<Item = DbKey>) -> Option<Rest> {
    let mut serving = Serving {
        alone: ctx.server.blocking.serve_alone(),
        ctx,
        queue: VecDeque::new(),
        answers: Vec::new(),
        served: Vec::new(),
    };
    serving.add(keys);
    serving.run()
}

/// The service of some ready keys, in the surroundings of the command that made them so.
struct Serving<'s> {
    ctx: Ctx<'s>,
    /// Nobody else serves, if that matters.
    alone: Option<MutexGuard<'s, ()>>,
    /// Ready keys, distinct.
    queue: VecDeque<DbKey>,
    /// Served, and not told so yet.
    answers: Vec<Answer>,
    /// Served, and maybe still registered with other keys.
    served: Vec<Arc<Wait>>,
}

/// What a client that was served is sent.
struct Answer {
    wait: Arc<Wait>,
    reply: Vec<u8>,
    /// What it is told besides, behind the reply.
    pushes: Vec<u8>,
}

/// A key in service.
struct Place<'k> {
    key: &'k DbKey,
    shard: ShardId,
    hash: KeyHash,
    /// The frozen time of its service: what is there for a look is there to be taken.
    now_us: i64,
}

/// What is to be done about a key next.
enum Step {
    /// Nobody is left who could be served.
    Done,
    /// Look at the next waiter.
    Skip,
    /// The waiter at this place is over.
    Remove(u64),
    /// This shard must be locked too.
    Lock(ShardId),
    /// Serve this one.
    Serve(Arc<Wait>, usize, Verdict),
}

impl<'s> Serving<'s> {
    fn server(&self) -> &'s Server {
        self.ctx.server
    }

    fn add(&mut self, keys: impl IntoIterator<Item = DbKey>) {
        for key in keys {
            if !self.queue.contains(&key) {
                self.queue.push_back(key);
            }
        }
    }

    fn shard_of(&self, key: &[u8]) -> ShardId {
        let keyspace = &self.server().keyspace;
        keyspace.shard_of(keyspace.hash(key))
    }

    fn run(mut self) -> Option<Rest> {
        let mut rest = None;
        while let Some(shards) = self.round() {
            // The old locks go before the new ones are asked for.
            self.unlock();
            match self.server().keyspace.try_lock(&shards) {
                Some(locked) => {
                    self.ctx.locked = locked;
                    self.alone = self.server().blocking.serve_alone();
                }
                None => {
                    let keys = std::mem::take(&mut self.queue).into();
                    rest = Some(Rest { keys, shards });
                    break;
                }
            }
        }
        self.unlock();
        for wait in &self.served {
            end::forget(self.server(), wait);
        }
        rest
    }

    /// Lets go of the locks, and tells those who were served. Not before: others would see that
    /// some were served while the time of the next, whose turn it is, runs out.
    fn unlock(&mut self) {
        self.alone = None;
        self.ctx.locked = Locked::none();
        for answer in self.answers.drain(..) {
            answer.wait.answer(answer.reply, answer.pushes);
        }
    }

    /// Serves ready keys until none is left, or returns the shards that are needed to go on.
    fn round(&mut self) -> Option<ShardSet> {
        while let Some(key) = self.queue.pop_front() {
            if let Err(shard) = self.serve_key(&key) {
                self.queue.push_front(key);
                let mut shards = ShardSet::one(shard);
                for key in &self.queue {
                    shards.insert(self.shard_of(&key.key));
                }
                return Some(shards);
            }
        }
        None
    }

    /// Serves a key's waiters as far as it goes, or says which shard is missing.
    fn serve_key(&mut self, key: &DbKey) -> Result<(), ShardId> {
        let hash = self.server().keyspace.hash(&key.key);
        let shard = self.server().keyspace.shard_of(hash);
        let place = Place {
            key,
            shard,
            hash,
            now_us: common::clock::now_us(),
        };
        if !self.ctx.locked.contains(shard) {
            return Err(shard);
        }
        self.expire(&place);
        let mut at = 0;
        loop {
            match self.step(&place, at) {
                Step::Done => return Ok(()),
                Step::Skip => at += 1,
                Step::Lock(shard) => return Err(shard),
                Step::Remove(id) => {
                    if let Some(db) = self.ctx.locked.db_mut(shard, key.db) {
                        db.remove_waiter(&key.key, id);
                    }
                }
                Step::Serve(wait, among, verdict) => {
                    if wait.claim(self.server()) {
                        self.serve_one(&wait, &place, among, verdict);
                    }
                }
            }
        }
    }

    /// Looks at the waiter at a place in a key's queue, and at what the key has for it.
    fn step(&self, place: &Place<'_>, at: usize) -> Step {
        let Place {
            key, shard, hash, ..
        } = *place;
        let Some(db) = self.ctx.locked.db(shard, key.db) else {
            return Step::Done;
        };
        let Some(wait) = db.waiter(&key.key, at).and_then(Wait::of) else {
            return Step::Done;
        };
        if wait.is_gone() {
            // Its own worker finds it over when it takes leave of it.
            wait.claim(self.server());
        }
        if wait.is_claimed() {
            return Step::Remove(keyspace::Waiter::id(&*wait));
        }
        let entry = db.get(hash, &key.key);
        let entry = entry.filter(|entry| !entry.is_expired(place.now_us / 1000));
        let kind = entry.as_ref().map(keyspace::Entry::kind);
        if !Want::may_be_in(kind, self.server().blocking.group_reads()) {
            return Step::Done;
        }
        let among = wait.keys.iter().position(|name| *name == key.key);
        let among = among.unwrap_or(0);
        let verdict = wait.want.verdict(entry.map(|entry| entry.value()), among);
        if matches!(verdict, Verdict::Nothing) {
            return Step::Skip;
        }
        let other = wait.want.other_key().map(|other| self.shard_of(other));
        match other.filter(|shard| !self.ctx.locked.contains(*shard)) {
            Some(shard) => Step::Lock(shard),
            None => Step::Serve(wait, among, verdict),
        }
    }

    /// Deletes a key whose time is over.
    fn expire(&mut self, place: &Place<'_>) {
        let now_ms = place.now_us / 1000;
        let db = self.ctx.locked.db(place.shard, place.key.db);
        let entry = db.and_then(|db| db.get(place.hash, &place.key.key));
        if !entry.is_some_and(|entry| entry.is_expired(now_ms)) {
            return;
        }
        let session = Session::detached(Origin::Internal, self.ctx.session.worker);
        let before = call::take_over(
            &mut self.ctx,
            session,
            place.now_us,
            &crate::expire::INTERNAL,
        );
        self.ctx.write_in(place.key.db, &place.key.key).unchanged();
        call::drain(&mut self.ctx, Args::new(&[]));
        *self.ctx.session = before;
    }

    /// Gives a claimed wait what it waits for, or its error.
    fn serve_one(&mut self, wait: &Arc<Wait>, place: &Place<'_>, among: usize, verdict: Verdict) {
        let server = self.server();
        let start_us = common::clock::now_us();
        let worker = self.ctx.session.worker;
        let command = server.table.entry(wait.command).command;
        let before = call::take_over(&mut self.ctx, wait.session(worker), place.now_us, command);
        let ctx = &mut self.ctx;
        let mut reply = Vec::new();
        let mut out = ReplyWriter::new(&mut reply, wait.proto());
        let start = out.mark();
        let result = match verdict {
            Verdict::Error(error) => Err(error),
            _ => wait.want.take(ctx, &place.key.key, among, &mut out),
        };
        let failed = result.is_err();
        if let Err(error) = result {
            out.truncate(start);
            out.error(&error);
            server.stats.error(error.code());
        }
        if ctx.seldom_if_any().is_some_and(|s| !s.overdue.is_empty()) {
            crate::expire::delete_overdue(ctx);
        }
        if ctx.propagation == Propagation::Verbatim {
            ctx.no_propagation();
        }
        call::log_changes(ctx, Args::new(&[]));
        call::tell_others(ctx);
        self.answers.push(Answer {
            wait: Arc::clone(wait),
            reply,
            pushes: std::mem::take(&mut ctx.session.pushes),
        });
        // Before it is told: until this is on disk it may not be.
        wait.state
            .served_offset
            .fetch_max(ctx.session.log_offset, Relaxed);
        let ready = std::mem::take(&mut ctx.effects.ready);
        let us = (common::clock::now_us() - start_us).max(0) as u64;
        *ctx.session = before;
        self.add(ready);
        end::count(server, wait, worker, us, failed);
        self.served.push(Arc::clone(wait));
    }
}
