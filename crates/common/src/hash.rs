//! The keyed hash of keys and members: aHash's folded multiplication under keys drawn at random
//! when the process starts.
//!
//! Keyed, because clients choose the keys: nobody outside can build colliding ones. Values differ
//! between processes and versions, so they must not be stored.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use ahash::RandomState;

/// The parts of a hash key.
#[derive(Clone)]
pub struct HashKey(RandomState);

impl HashKey {
    /// A fixed one, for tests and simulations.
    pub fn new(k0: u64, k1: u64) -> Self {
        Self(RandomState::with_seeds(k0, k1, !k0, !k1))
    }

    /// One from the system's randomness.
    pub fn random() -> Self {
        let seed = rand::random;
        Self(RandomState::with_seeds(seed(), seed(), seed(), seed()))
    }

    /// The hash of `bytes`.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

static PROCESS_KEY: LazyLock<HashKey> = LazyLock::new(HashKey::random);

/// The hash of `bytes` under this process's key.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    PROCESS_KEY.hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_decides() {
        assert_eq!(hash(b"key"), hash(b"key"));
        assert_ne!(
            HashKey::new(1, 2).hash(b"key"),
            HashKey::new(1, 3).hash(b"key")
        );
        assert_ne!(HashKey::new(1, 2).hash(b"a"), HashKey::new(1, 2).hash(b"b"));
    }

    #[test]
    fn low_bits_spread() {
        let mut buckets = [0u32; 64];
        for i in 0..64_000u32 {
            buckets[(hash(&i.to_le_bytes()) % 64) as usize] += 1;
        }
        assert!(
            buckets.iter().all(|&n| (800..1200).contains(&n)),
            "{buckets:?}"
        );
    }
}
