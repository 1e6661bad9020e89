//! What PFSELFTEST checks: that registers keep their values, that both encodings agree, and that
//! the error stays within bounds up to ten million elements.
//!
//! Takes about a second, unless shortened as the unit test does.

use super::{
    DENSE_LEN, Encoding, HEADER_LEN, REGISTERS, Registers, add, add_dense, check, count, create,
    dense, to_dense,
};

/// Runs the test with elements derived from `seed`.
///
/// # Errors
/// The text behind `TESTFAILED `.
pub fn self_test(seed: u64, sparse_max_bytes: usize) -> Result<(), String> {
    self_test_up_to(10_000_000, seed, sparse_max_bytes)
}

pub(super) fn self_test_up_to(
    elements: u64,
    seed: u64,
    sparse_max_bytes: usize,
) -> Result<(), String> {
    registers_keep_their_values(seed)?;
    let mut sparse = create();
    let mut packed = create();
    to_dense(&mut packed).map_err(|_| "cannot convert to dense".to_owned())?;
    let mut checkpoint = 1;
    for n in 1..=elements {
        let element = (n ^ seed).to_le_bytes();
        let added =
            add(&mut sparse, &element, sparse_max_bytes).and(add_dense(&mut packed, &element));
        added.map_err(|_| "cannot add".to_owned())?;
        if n == checkpoint {
            verify(n, &sparse, &packed, sparse_max_bytes)?;
            checkpoint *= 10;
        }
    }
    Ok(())
}

fn registers_keep_their_values(seed: u64) -> Result<(), String> {
    let mut expected = Registers::new();
    let mut packed = vec![0; DENSE_LEN - HEADER_LEN];
    for i in 0..REGISTERS {
        let value = ((seed.wrapping_add(i as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as u8;
        dense::raise(&mut packed, i, value);
        expected.0[i] = value;
    }
    let mut found = Registers::new();
    dense::merge(&packed, &mut found.0);
    match (0..REGISTERS).find(|&i| found.0[i] != expected.0[i]) {
        None => Ok(()),
        Some(i) => Err(format!(
            "Register {i} should be {} but is {}",
            expected.0[i], found.0[i]
        )),
    }
}

fn verify(n: u64, sparse: &[u8], packed: &[u8], sparse_max_bytes: usize) -> Result<(), String> {
    if n < sparse_max_bytes as u64 / 2 && check(sparse) != Ok(Encoding::Sparse) {
        return Err("sparse encoding not used".to_owned());
    }
    let estimate = count(packed);
    if estimate != count(sparse) {
        return Err("dense/sparse disagree".to_owned());
    }
    let error = n.abs_diff(estimate.unwrap_or(0));
    let standard = 1.04 / (REGISTERS as f64).sqrt();
    // Ten elements collide now and then, which is more than six standard errors.
    let max = if n == 10 {
        1
    } else {
        (standard * 6.0 * n as f64).ceil() as u64
    };
    if error > max {
        return Err(format!("Too big error. card:{n} abserr:{error}"));
    }
    Ok(())
}
