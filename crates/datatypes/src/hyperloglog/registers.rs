//! Registers as one byte each: what a merge is computed in (PFMERGE, PFCOUNT of several keys).
//!
//! Writing them back chooses the encoding as Redis does: it shows in STRLEN and in dumps.

use super::{
    Encoding, HEADER_LEN, HllError, REGISTERS, check, dense, estimate, invalidate, sparse, to_dense,
};

/// The union of any number of HyperLogLogs.
#[derive(Clone)]
pub struct Registers(pub(super) Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

impl Registers {
    /// All zero: the empty union.
    #[must_use]
    pub fn new() -> Self {
        let zeros = vec![0; REGISTERS].into_boxed_slice();
        Registers(
            zeros
                .try_into()
                .unwrap_or_else(|_| Box::new([0; REGISTERS])),
        )
    }

    /// Unites with `hll`; says how that one was encoded.
    ///
    /// # Errors
    /// Either [`HllError`]; part of a corrupted one may have been merged.
    pub fn merge(&mut self, hll: &[u8]) -> Result<Encoding, HllError> {
        let encoding = check(hll)?;
        match encoding {
            Encoding::Dense => dense::merge(&hll[HEADER_LEN..], &mut self.0),
            Encoding::Sparse => sparse::merge(&hll[HEADER_LEN..], &mut self.0)?,
        }
        Ok(encoding)
    }

    /// The estimated cardinality of the union.
    #[must_use]
    pub fn count(&self) -> u64 {
        let mut histogram = [0u32; 64];
        for &value in self.0.iter() {
            histogram[usize::from(value & 63)] += 1;
        }
        estimate::cardinality(&histogram)
    }

    /// Writes the union into `hll`, which must itself be part of it. As PFMERGE does: into a dense
    /// one at once, into a sparse one register by register, so that it turns dense when Redis's
    /// would.
    ///
    /// # Errors
    /// Either [`HllError`].
    pub fn store(&self, hll: &mut Vec<u8>, sparse_max_bytes: usize) -> Result<(), HllError> {
        if check(hll)? == Encoding::Sparse {
            for (index, &value) in self.0.iter().enumerate().filter(|(_, value)| **value > 0) {
                sparse::set(hll, index, value, sparse_max_bytes)?;
                if check(hll)? == Encoding::Dense {
                    break;
                }
            }
        }
        if check(hll)? == Encoding::Dense {
            dense::pack(&self.0, &mut hll[HEADER_LEN..]);
        }
        invalidate(hll);
        Ok(())
    }

    /// As [`Registers::store`], but `hll` is made dense first (one of the sources was).
    ///
    /// # Errors
    /// Either [`HllError`].
    pub fn store_dense(&self, hll: &mut Vec<u8>) -> Result<(), HllError> {
        to_dense(hll)?;
        self.store(hll, 0)
    }

    /// All registers (PFDEBUG GETREG).
    #[must_use]
    pub fn bytes(&self) -> &[u8; REGISTERS] {
        &self.0
    }
}
