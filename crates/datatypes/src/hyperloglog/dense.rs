//! The dense form: registers of six bits, packed from the least significant bit of each byte on.
//!
//! Six bytes hold eight registers; they are spread to, and packed from, the eight bytes of a word
//! with three shifts each, which compilers turn into vector code.

use super::REGISTERS;

/// Raises a register to `value`; `false` when it is there already.
pub(super) fn raise(packed: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    // The last register ends with the last byte: there is no next one to read.
    let next = packed.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([packed[at], next]);
    if (pair >> shift) as u8 & 63 >= value {
        return false;
    }
    let [low, high] = (pair & !(63 << shift) | u16::from(value) << shift).to_le_bytes();
    packed[at] = low;
    if let Some(byte) = packed.get_mut(at + 1) {
        *byte = high;
    }
    true
}

/// Raises each byte of `registers` to the packed register of its number.
pub(super) fn merge(packed: &[u8], registers: &mut [u8; REGISTERS]) {
    for (six, eight) in packed
        .as_chunks::<6>()
        .0
        .iter()
        .zip(registers.as_chunks_mut::<8>().0)
    {
        let values = spread(six).to_le_bytes();
        for (register, value) in eight.iter_mut().zip(values) {
            *register = (*register).max(value);
        }
    }
}

/// Packs registers that are bytes.
pub(super) fn pack(registers: &[u8; REGISTERS], packed: &mut [u8]) {
    for (eight, six) in registers
        .as_chunks::<8>()
        .0
        .iter()
        .zip(packed.as_chunks_mut::<6>().0)
    {
        six.copy_from_slice(&gather(u64::from_le_bytes(*eight)).to_le_bytes()[..6]);
    }
}

/// Counts how many registers have each value.
pub(super) fn histogram(packed: &[u8], histogram: &mut [u32; 64]) {
    // Two tables, so that a run of equal registers does not wait for its own counter.
    let mut other = [0u32; 64];
    for six in packed.as_chunks::<6>().0 {
        for pair in spread(six).to_le_bytes().as_chunks::<2>().0 {
            histogram[usize::from(pair[0] & 63)] += 1;
            other[usize::from(pair[1] & 63)] += 1;
        }
    }
    for (total, count) in histogram.iter_mut().zip(other) {
        *total += count;
    }
}

fn spread(six: &[u8; 6]) -> u64 {
    let mut x = u64::from_le_bytes([six[0], six[1], six[2], six[3], six[4], six[5], 0, 0]);
    x = x & 0x0000_0000_00ff_ffff | (x & 0x0000_ffff_ff00_0000) << 8;
    x = x & 0x0000_0fff_0000_0fff | (x & 0x00ff_f000_00ff_f000) << 4;
    x & 0x003f_003f_003f_003f | (x & 0x0fc0_0fc0_0fc0_0fc0) << 2
}

fn gather(eight: u64) -> u64 {
    let mut x = eight & 0x003f_003f_003f_003f | (eight & 0x3f00_3f00_3f00_3f00) >> 2;
    x = x & 0x0000_0fff_0000_0fff | (x & 0x0fff_0000_0fff_0000) >> 4;
    x & 0x0000_0000_00ff_ffff | (x & 0x00ff_ffff_0000_0000) >> 8
}
