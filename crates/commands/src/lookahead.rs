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
        let hashes = batch.iter().filter(|p| p.hashed).map(|p| p.hash);
        hashes.for_each(|hash| server.keyspace.prefetch(session.db, hash));
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
    fn hashes(&self, steps: usize) -> impl Iterator<Item = KeyHash> {
        let batch = &self.batch[self.step.range(steps)];
        batch.iter().filter(|p| p.hashed).map(|p| p.hash)
    }

    fn locks(&self, steps: usize) {
        self.hashes(steps)
            .for_each(|hash| self.keyspace.prefetch_lock(hash));
    }

    fn entries(&self, steps: usize) {
        self.hashes(steps)
            .for_each(|hash| self.keyspace.prefetch_entry(self.db, hash));
    }

    fn with_members(&self, steps: usize) -> impl Iterator<Item = (u64, &Prepared)> {
        let range = self.step.range(steps);
        let numbered = range.clone().zip(&self.batch[range]);
        numbered
            .filter(|(_, p)| p.member != 0)
            .map(|(i, p)| (1 << (i & 63), p))
    }

    /// What leads to members in large values, or small values themselves; notes in `in_tables`,
    /// a bit for each command, where there is more to come.
    fn values(&self, steps: usize, in_tables: &mut u64) {
        for (bit, p) in self.with_members(steps) {
            let is_table = self.keyspace.prefetch_value(self.db, p.hash, p.member);
            *in_tables = if is_table {
                *in_tables | bit
            } else {
                *in_tables & !bit
            };
        }
    }

    fn members(&self, steps: usize, in_tables: u64) {
        for (_, p) in self
            .with_members(steps)
            .filter(|(bit, _)| in_tables & bit != 0)
        {
            self.keyspace.prefetch_member(self.db, p.hash, p.member);
        }
    }
}
