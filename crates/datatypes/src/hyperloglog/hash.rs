//! Element to register: MurmurHash64A (Austin Appleby, public domain) with Redis's seed, of which
//! the low 14 bits name the register, and the zeros above them, plus one, are the value.

use super::{INDEX_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const M: u64 = 0xc6a4_a793_5bd1_e995;

/// The register that `element` falls into, and the value (1 to 51) that it must have at least.
pub(super) fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element);
    // The added bit stops the count at 51.
    let rest = hash >> INDEX_BITS | 1 << (64 - INDEX_BITS);
    (
        hash as usize & (REGISTERS - 1),
        rest.trailing_zeros() as u8 + 1,
    )
}

fn murmur64a(data: &[u8]) -> u64 {
    let mut h = SEED ^ (data.len() as u64).wrapping_mul(M);
    let (words, tail) = data.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 47;
        h = (h ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        h = (h ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    h ^= h >> 47;
    h = h.wrapping_mul(M);
    h ^ h >> 47
}
