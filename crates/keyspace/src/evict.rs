//! Eviction: which key goes when memory is short.
//!
//! Samples whole buckets of a few shards, one lock at a time and busy shards passed over, and
//! names the best victim seen; the caller deletes it through the usual door. `maxmemory-samples`
//! is the number of keys compared.

use crate::clock;
use crate::db::Db;
use crate::entry::{Entry, pins_are_there};
use crate::hash::KeyHash;
use crate::keyspace::Keyspace;
use crate::lock::ShardSet;
use crate::{DbId, ShardId};
use rand::RngCore;

/// `maxmemory-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing is evicted; writes are refused.
    #[default]
    NoEviction,
    /// The least recently used key.
    AllkeysLru,
    /// The least frequently used key.
    AllkeysLfu,
    /// The least recently modified key.
    AllkeysLrm,
    /// Any key.
    AllkeysRandom,
    /// The least recently used of the volatile keys.
    VolatileLru,
    /// The least frequently used of the volatile keys.
    VolatileLfu,
    /// The least recently modified of the volatile keys.
    VolatileLrm,
    /// Any volatile key.
    VolatileRandom,
    /// The volatile key that expires first.
    VolatileTtl,
}

impl Policy {
    /// Whether only volatile keys go.
    pub fn is_volatile(self) -> bool {
        use Policy::{VolatileLfu, VolatileLrm, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(
            self,
            VolatileLru | VolatileLfu | VolatileLrm | VolatileRandom | VolatileTtl
        )
    }

    /// Whether victims are chosen by their access clocks.
    pub fn uses_clock(self) -> bool {
        use Policy::{AllkeysRandom, NoEviction, VolatileRandom, VolatileTtl};
        !matches!(
            self,
            NoEviction | AllkeysRandom | VolatileRandom | VolatileTtl
        )
    }

    /// What access clocks must mean for this policy.
    pub fn clock_mode(self) -> clock::ClockMode {
        match self {
            Self::AllkeysLfu | Self::VolatileLfu => clock::ClockMode::Lfu,
            Self::AllkeysLrm | Self::VolatileLrm => clock::ClockMode::Lrm,
            _ => clock::ClockMode::Lru,
        }
    }

    /// How gladly an entry is evicted: the higher the sooner.
    fn score(self, entry: &Entry<'_>, now_ms: i64) -> u64 {
        match self {
            Self::AllkeysLru | Self::VolatileLru | Self::AllkeysLrm | Self::VolatileLrm => {
                u64::from(clock::idle_seconds(entry.clock(), now_ms))
            }
            Self::AllkeysLfu | Self::VolatileLfu => {
                255 - u64::from(clock::lfu_counter(entry.clock(), now_ms))
            }
            Self::VolatileTtl => u64::MAX - entry.expire_at().unwrap_or(i64::MAX).max(0) as u64,
            Self::NoEviction | Self::AllkeysRandom | Self::VolatileRandom => 0,
        }
    }
}

/// A key to be evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Its shard.
    pub shard: ShardId,
    /// Its database.
    pub db: DbId,
    /// Its hash.
    pub hash: KeyHash,
    /// The key.
    pub key: Box<[u8]>,
}

/// The best victim seen so far.
#[derive(Default)]
struct Best {
    score: u64,
    seen: usize,
    victim: Option<(DbId, Vec<u8>)>,
}

impl Best {
    fn offer(&mut self, policy: Policy, db: DbId, entry: &Entry<'_>, now_ms: i64) {
        self.seen += 1;
        // What is read without its lock would stay in memory: it goes only if nothing else can.
        let is_kept = pins_are_there() && entry.is_pinned() && entry.is_dear();
        let score = match is_kept {
            true => 0,
            false => policy.score(entry, now_ms).saturating_add(1),
        };
        if self.victim.is_none() || score > self.score {
            self.score = score;
            self.victim = Some((db, entry.key().to_vec()));
        }
    }
}

/// Shards sampled for one victim, where there are keys.
const SHARDS: usize = 3;

impl Keyspace {
    /// The best key to evict among about `samples` looked at; `None` if the policy allows none.
    pub fn victim(
        &self,
        policy: Policy,
        samples: usize,
        now_ms: i64,
        rng: &mut impl RngCore,
    ) -> Option<Victim> {
        if policy == Policy::NoEviction {
            return None;
        }
        let samples = samples.max(1);
        let mut best = Best::default();
        let mut shards_hit = 0;
        let start = rng.next_u64() as usize;
        // Steps by an odd number reach every shard once.
        let step = (rng.next_u64() as usize) | 1;
        for i in 0..self.shards() {
            let index = start.wrapping_add(step.wrapping_mul(i)) & (self.shards() - 1);
            let set = ShardSet::one(ShardId(index as u32));
            let Some(locked) = self.try_lock(&set) else {
                continue;
            };
            let before = best.seen;
            for db in (0..self.databases() as u32).map(DbId) {
                if let Some(db) = locked.db(ShardId(index as u32), db) {
                    sample(db, policy, samples, now_ms, rng.next_u64(), &mut best);
                }
            }
            shards_hit += usize::from(best.seen > before);
            if shards_hit >= SHARDS && best.seen >= samples {
                break;
            }
        }
        let (db, key) = best.victim?;
        let hash = self.hash(&key);
        Some(Victim {
            shard: self.shard_of(hash),
            db,
            hash,
            key: key.into(),
        })
    }
}

fn sample(db: &Db, policy: Policy, samples: usize, now_ms: i64, random: u64, best: &mut Best) {
    let mut left = samples.div_ceil(2);
    if policy.is_volatile() {
        db.volatile.sample(&db.table, random, |entry| {
            best.offer(policy, db.id(), &entry, now_ms);
            left -= 1;
            left > 0
        });
    } else {
        db.table.sample(random, 64, |entry| {
            best.offer(policy, db.id(), &entry, now_ms);
            left -= 1;
            left > 0
        });
    }
}
