//! Randomness that is not secret: one fast generator per thread, seeded from the system, or by a
//! test.

use std::cell::RefCell;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

thread_local! {
    static RNG: RefCell<SmallRng> = RefCell::new(SmallRng::from_os_rng());
}

/// Makes this thread's randomness repeatable.
pub fn seed(seed: u64) {
    RNG.with_borrow_mut(|rng| *rng = SmallRng::seed_from_u64(seed));
}

/// Any 64 bits.
#[inline]
pub fn next_u64() -> u64 {
    RNG.with_borrow_mut(RngCore::next_u64)
}

/// A number below `limit`, which must not be 0.
#[inline]
pub fn below(limit: usize) -> usize {
    RNG.with_borrow_mut(|rng| rng.random_range(0..limit))
}

/// A number from 0 up to, but without, 1.
#[inline]
pub fn unit() -> f64 {
    RNG.with_borrow_mut(Rng::random)
}

/// Fills `bytes`.
pub fn fill(bytes: &mut [u8]) {
    RNG.with_borrow_mut(|rng| rng.fill_bytes(bytes));
}

/// Runs `f` with this thread's generator, for many numbers in a row. `f` must not use this module.
#[inline]
pub fn with<T>(f: impl FnOnce(&mut SmallRng) -> T) -> T {
    RNG.with_borrow_mut(f)
}

/// `len` hexadecimal digits from the system's own randomness: run ids, replication ids, node names.
pub fn hex_id(len: usize) -> String {
    let mut bytes = vec![0; len.div_ceil(2)];
    rand::rng().fill_bytes(&mut bytes);
    let mut text = crate::sha1::to_hex(&bytes);
    text.truncate(len);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        seed(7);
        let first = [next_u64(), next_u64()];
        seed(7);
        assert_eq!(first, [next_u64(), next_u64()]);
        assert!((0..100).all(|_| below(3) < 3));
        assert!((0.0..1.0).contains(&unit()));
    }

    #[test]
    fn ids_are_hexadecimal_and_differ() {
        let id = hex_id(40);
        assert_eq!(id.len(), 40);
        assert!(id.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(id, hex_id(40));
        assert_eq!(hex_id(3).len(), 3);
    }
}
