//! HyperLogLog, bit for bit Redis's: 16384 registers of 6 bits in a string value.
//!
//! The string starts with a 16-byte header (`HYLL`, encoding, three zero bytes, cached cardinality
//! in little endian whose top bit says that it is stale). Behind it are the registers, either
//! *dense* (packed, 12288 bytes) or *sparse* (run lengths; see [`sparse`]). A new one is sparse and
//! becomes dense when it would outgrow `hll-sparse-max-bytes`, or holds a value above 32.
//!
//! The functions work on the bytes of the string; who keeps them, and what must follow a change, is
//! the caller's business. Input comes from clients (SET, RESTORE) and is never trusted.

mod dense;
mod estimate;
mod hash;
mod registers;
mod selftest;
mod sparse;

pub use registers::Registers;
pub use selftest::self_test;
pub use sparse::{Run, runs};

/// Bits of the hash that choose the register.
const INDEX_BITS: u32 = 14;
/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bytes before the registers.
const HEADER_LEN: usize = 16;
/// Length of every dense HyperLogLog.
pub const DENSE_LEN: usize = HEADER_LEN + REGISTERS * 6 / 8;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const CARDINALITY_AT: usize = 8;
const STALE: u8 = 1 << 7;

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Packed, six bits each.
    Dense,
    /// Run lengths.
    Sparse,
}

/// Why a string cannot be used as a HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HllError {
    /// It is not one: header, encoding or length are wrong.
    NotHyperLogLog,
    /// It looks like one, but its runs do not add up.
    Corrupted,
}

/// An empty HyperLogLog (sparse).
#[must_use]
pub fn create() -> Vec<u8> {
    let mut hll = Vec::with_capacity(HEADER_LEN + 2);
    hll.extend_from_slice(MAGIC);
    hll.push(1);
    hll.resize(HEADER_LEN, 0);
    sparse::push_zeros(&mut hll, REGISTERS);
    hll
}

/// Checks the header; every other function relies on it.
///
/// # Errors
/// [`HllError::NotHyperLogLog`].
pub fn check(hll: &[u8]) -> Result<Encoding, HllError> {
    if hll.len() < HEADER_LEN || !hll.starts_with(MAGIC) {
        return Err(HllError::NotHyperLogLog);
    }
    match hll[ENCODING_AT] {
        0 if hll.len() == DENSE_LEN => Ok(Encoding::Dense),
        1 => Ok(Encoding::Sparse),
        _ => Err(HllError::NotHyperLogLog),
    }
}

/// Adds an element; `true` when a register changed (the cache is then stale). May turn the
/// string dense, by `sparse_max_bytes` (the directive `hll-sparse-max-bytes`).
///
/// # Errors
/// Either [`HllError`]; nothing is changed then.
pub fn add(hll: &mut Vec<u8>, element: &[u8], sparse_max_bytes: usize) -> Result<bool, HllError> {
    let (index, value) = hash::register_of(element);
    match check(hll)? {
        Encoding::Dense => Ok(add_register(hll, index, value)),
        Encoding::Sparse => sparse::set(hll, index, value, sparse_max_bytes),
    }
}

/// Adds an element to a dense HyperLogLog in place; `true` when a register changed.
///
/// # Errors
/// [`HllError::NotHyperLogLog`] also when it is sparse.
pub fn add_dense(hll: &mut [u8], element: &[u8]) -> Result<bool, HllError> {
    if check(hll)? != Encoding::Dense {
        return Err(HllError::NotHyperLogLog);
    }
    let (index, value) = hash::register_of(element);
    Ok(add_register(hll, index, value))
}

fn add_register(hll: &mut [u8], index: usize, value: u8) -> bool {
    let changed = dense::raise(&mut hll[HEADER_LEN..], index, value);
    if changed {
        invalidate(hll);
    }
    changed
}

/// The cached cardinality, unless it is stale.
#[must_use]
pub fn cached(hll: &[u8]) -> Option<u64> {
    let bytes = hll.get(CARDINALITY_AT..HEADER_LEN)?;
    let card = u64::from_le_bytes(bytes.try_into().ok()?);
    (bytes[7] & STALE == 0).then_some(card)
}

/// Stores the cardinality that [`count`] found.
pub fn set_cached(hll: &mut [u8], cardinality: u64) {
    hll[CARDINALITY_AT..HEADER_LEN].copy_from_slice(&cardinality.to_le_bytes());
}

/// Marks the cached cardinality as stale.
pub fn invalidate(hll: &mut [u8]) {
    hll[HEADER_LEN - 1] |= STALE;
}

/// Estimates the cardinality afresh, cache or no cache.
///
/// # Errors
/// Either [`HllError`].
pub fn count(hll: &[u8]) -> Result<u64, HllError> {
    let mut histogram = [0u32; 64];
    let body = &hll[HEADER_LEN.min(hll.len())..];
    match check(hll)? {
        Encoding::Dense => dense::histogram(body, &mut histogram),
        Encoding::Sparse => sparse::histogram(body, &mut histogram)?,
    }
    Ok(estimate::cardinality(&histogram))
}

/// Turns a sparse HyperLogLog dense; `false` when it already was. The cache is kept.
///
/// # Errors
/// Either [`HllError`]; nothing is changed then.
pub fn to_dense(hll: &mut Vec<u8>) -> Result<bool, HllError> {
    if check(hll)? == Encoding::Dense {
        return Ok(false);
    }
    let mut registers = Registers::new();
    registers.merge(hll)?;
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEADER_LEN].copy_from_slice(&hll[..HEADER_LEN]);
    dense[ENCODING_AT] = 0;
    dense::pack(registers.bytes(), &mut dense[HEADER_LEN..]);
    *hll = dense;
    Ok(true)
}

#[cfg(test)]
mod tests;
