//! Loading what the commands of a read batch will touch before they run.
//!
//! What leads to a value is read in stages, each of which needs what the one before has brought:
//! bucket, entry, and in a large hash or set the bucket and the entry of the member. Buckets are
//! found without a lock ([`Keyspace::prefetch`]); the other stages lock the key's shard. How far
//! they are apart: [`keyspace::Pace`].

use keyspace::{DbId, KeyHash, Keyspace, Step};

use crate::dispatch::Prepared;
use crate::plain;
use crate::server::Server;
use crate::session::Session;

/// Begins to load what the commands of a batch will touch. To be called before the command `at` of
/// the batch runs, the first time with 0; answers before which one it is to be called again.
pub fn prefetch(server: &Server, session: &mut Session, batch: &[Prepared], at: usize) -> usize {
    let step = server.look_ahead.at(at, batch.len());
    if step.is_first() {
        session.ahead = batch.len() as u32;
        session.is_open = plain::is_open(server, session);
        session.looks_into_values = batch.iter().any(|p| p.member != 0);
        hashes(batch).for_each(|hash| server.keyspace.prefetch(session.db, hash));
    }
    let stages = Stages {
        keyspace: &server.keyspace,
        db: session.db,
        batch,
        step,
    };
    if session.looks_into_values {
        stages.locks(4);
        stages.entries(3);
        stages.values(2, &mut session.in_tables);
        stages.members(1, session.in_tables);
    } else {
        stages.locks(2);
        stages.entries(1);
    }
    step.next()
}

/// One step of all stages. Each takes how many steps it is ahead of the running command.
struct Stages<'a> {
    keyspace: &'a Keyspace,
    db: DbId,
    batch: &'a [Prepared],
    step: Step,
}

impl Stages<'_> {
    fn locks(&self, steps: usize) {
        hashes(&self.batch[self.step.range(steps)])
            .for_each(|hash| self.keyspace.prefetch_lock(hash));
    }

    fn entries(&self, steps: usize) {
        hashes(&self.batch[self.step.range(steps)])
            .for_each(|hash| self.keyspace.prefetch_entry(self.db, hash));
    }

    /// Runs that look at members, each with bits for its commands. (Runs longer than a step may be
    /// cut in one stage where they are not in another.)
    fn with_members(&self, steps: usize) -> impl Iterator<Item = (u64, &[Prepared])> {
        let range = self.step.range(steps);
        let mut next = range.start;
        let numbered = runs(&self.batch[range]).map(move |run| {
            let bits = u64::MAX >> (64 - run.len().min(64));
            let bits = bits.rotate_left(next as u32 & 63);
            next += run.len();
            (bits, run)
        });
        numbered.filter(|(_, run)| members(run).next().is_some())
    }

    /// What leads to members in large values, or small values themselves; notes in `in_tables`
    /// where there is more to come.
    fn values(&self, steps: usize, in_tables: &mut u64) {
        for (bits, run) in self.with_members(steps) {
            let hash = run[0].hash;
            let is_table = self.keyspace.prefetch_value(self.db, hash, members(run));
            *in_tables &= !bits;
            *in_tables |= if is_table { bits } else { 0 };
        }
    }

    fn members(&self, steps: usize, in_tables: u64) {
        for (bits, run) in self.with_members(steps) {
            if in_tables & bits != 0 {
                let hash = run[0].hash;
                self.keyspace.prefetch_members(self.db, hash, members(run));
            }
        }
    }
}

/// Commands on one key in a row: to look at it once, under one lock, does for all of them.
fn runs(batch: &[Prepared]) -> impl Iterator<Item = &[Prepared]> {
    batch.chunk_by(|a, b| a.hash == b.hash && a.hashed == b.hashed)
}

fn hashes(batch: &[Prepared]) -> impl Iterator<Item = KeyHash> {
    let hashed = runs(batch).map(|run| run[0]).filter(|p| p.hashed);
    hashed.map(|p| p.hash)
}

/// Hashes of the members that they name.
fn members(run: &[Prepared]) -> impl Iterator<Item = u64> {
    run.iter().map(|p| p.member).filter(|member| *member != 0)
}
