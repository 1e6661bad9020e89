//! The key's hash and which of its 64 bits serve what.
//!
//! Bits 63..32 place an entry in its table (and are what SCAN cursors and the expiry index
//! remember), bits 8..20 choose the shard, bits 0..8 are the fingerprint in the bucket.

/// Bits of a hash that may choose the shard.
pub(crate) const SHARD_BITS: u32 = 12;

/// The keyed hash of a key, random per process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHash(pub u64);

impl KeyHash {
    /// Hashes a key.
    #[inline]
    pub fn of(key: &[u8]) -> Self {
        Self(common::hash::hash(key))
    }

    /// The bits that choose the shard.
    #[inline]
    pub(crate) fn shard_bits(self) -> usize {
        (self.0 >> 8) as usize & ((1 << SHARD_BITS) - 1)
    }

    /// The bits that the expiry index remembers.
    #[inline]
    pub(crate) fn prefix(self) -> u32 {
        (self.0 >> 32) as u32
    }
}
