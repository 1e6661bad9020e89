//! The sparse form: runs of equal registers.
//!
//! | bytes | run |
//! |---|---|
//! | `00llllll` | `l`+1 zeros |
//! | `01llllll llllllll` | `l`+1 zeros (big endian) |
//! | `1vvvvvll` | `l`+1 registers of value `v`+1 |
//!
//! [`set`] edits in place, and merges neighbours only within five runs from the one before the
//! change:
//! the same string must come out as in Redis, so that replicas and dumps agree.

use super::{HEADER_LEN, HllError, REGISTERS, add_register, invalidate, to_dense};

/// Greatest value that a run can have.
const VALUE_MAX: u8 = 32;
/// Longest run of values.
const VALUE_RUN_MAX: usize = 4;
/// Longest run of zeros in one byte.
const SHORT_ZEROS_MAX: usize = 64;

/// One run of the sparse form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Zeros, in one byte.
    Zeros(usize),
    /// Zeros, in two bytes.
    LongZeros(usize),
    /// `len` registers of `value`.
    Values {
        /// 1 to 32.
        value: u8,
        /// 1 to 4.
        len: usize,
    },
}

impl Run {
    /// Decodes the run at the start of `bytes`; a missing second byte counts as zero.
    fn read(bytes: &[u8]) -> Option<Run> {
        let byte = *bytes.first()?;
        Some(match byte >> 6 {
            0 => Run::Zeros(usize::from(byte & 63) + 1),
            1 => {
                let low = bytes.get(1).copied().unwrap_or(0);
                Run::LongZeros((usize::from(byte & 63) << 8 | usize::from(low)) + 1)
            }
            _ => Run::Values {
                value: (byte >> 2 & 31) + 1,
                len: usize::from(byte & 3) + 1,
            },
        })
    }

    /// Registers covered.
    fn len(self) -> usize {
        match self {
            Run::Zeros(len) | Run::LongZeros(len) | Run::Values { len, .. } => len,
        }
    }

    /// Bytes taken.
    fn size(self) -> usize {
        if matches!(self, Run::LongZeros(_)) {
            2
        } else {
            1
        }
    }
}

/// The runs of a sparse HyperLogLog (PFDEBUG DECODE). `hll` includes the header.
pub fn runs(hll: &[u8]) -> impl Iterator<Item = Run> + '_ {
    decode(hll.get(HEADER_LEN..).unwrap_or_default())
}

fn decode(mut body: &[u8]) -> impl Iterator<Item = Run> + '_ {
    std::iter::from_fn(move || {
        let run = Run::read(body)?;
        body = body.get(run.size()..).unwrap_or_default();
        Some(run)
    })
}

/// Calls `f` with the start of each run; fails unless the runs cover all registers exactly.
fn walk(body: &[u8], mut f: impl FnMut(usize, Run)) -> Result<(), HllError> {
    let mut index = 0;
    for run in decode(body) {
        if index + run.len() > REGISTERS {
            return Err(HllError::Corrupted);
        }
        f(index, run);
        index += run.len();
    }
    if index == REGISTERS {
        Ok(())
    } else {
        Err(HllError::Corrupted)
    }
}

pub(super) fn histogram(body: &[u8], histogram: &mut [u32; 64]) -> Result<(), HllError> {
    walk(body, |_, run| match run {
        Run::Zeros(len) | Run::LongZeros(len) => histogram[0] += len as u32,
        Run::Values { value, len } => histogram[usize::from(value)] += len as u32,
    })
}

pub(super) fn merge(body: &[u8], registers: &mut [u8; REGISTERS]) -> Result<(), HllError> {
    walk(body, |index, run| {
        if let Run::Values { value, len } = run {
            for register in &mut registers[index..index + len] {
                *register = (*register).max(value);
            }
        }
    })
}

/// Appends a run of `len` (1 to 16384) zeros, in the short form if that is long enough.
pub(super) fn push_zeros(out: &mut Vec<u8>, len: usize) {
    let coded = (len - 1) as u16;
    if len > SHORT_ZEROS_MAX {
        let [high, low] = coded.to_be_bytes();
        out.extend_from_slice(&[high | 0x40, low]);
    } else {
        out.push(coded as u8);
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Where a register is: its run, where that starts in the string, and the run before it.
struct Place {
    at: usize,
    before: usize,
    first: usize,
    run: Run,
}

fn find(hll: &[u8], index: usize) -> Option<Place> {
    let (mut at, mut before, mut first) = (HEADER_LEN, HEADER_LEN, 0);
    loop {
        let run = Run::read(hll.get(at..)?)?;
        if index < first + run.len() {
            return Some(Place {
                at,
                before,
                first,
                run,
            });
        }
        (before, at, first) = (at, at + run.size(), first + run.len());
    }
}

/// Raises a register to `value`; `Ok(false)` when it is there already. Turns the string dense when
/// the value cannot be written sparsely or the string would outgrow `max_bytes`.
pub(super) fn set(
    hll: &mut Vec<u8>,
    index: usize,
    value: u8,
    max_bytes: usize,
) -> Result<bool, HllError> {
    if value > VALUE_MAX {
        return promote(hll, index, value);
    }
    let place = find(hll, index).ok_or(HllError::Corrupted)?;
    if matches!(place.run, Run::Values { value: old, .. } if old >= value) {
        return Ok(false);
    }
    let mut pieces = Vec::with_capacity(5);
    split(&place, index, value, &mut pieces);
    let old_size = place.run.size().min(hll.len() - place.at);
    if pieces.len() > old_size && hll.len() + pieces.len() - old_size > max_bytes {
        return promote(hll, index, value);
    }
    hll.splice(place.at..place.at + old_size, pieces);
    join(hll, place.before);
    invalidate(hll);
    Ok(true)
}

/// What replaces a run when one of its registers gets another value.
fn split(place: &Place, index: usize, value: u8, pieces: &mut Vec<u8>) {
    let (left, right) = (
        index - place.first,
        place.first + place.run.len() - index - 1,
    );
    let push = |len: usize, pieces: &mut Vec<u8>| match place.run {
        _ if len == 0 => {}
        Run::Values { value, .. } => pieces.push(value_byte(value, len)),
        _ => push_zeros(pieces, len),
    };
    push(left, pieces);
    pieces.push(value_byte(value, 1));
    push(right, pieces);
}

/// Joins neighbouring runs of one value, looking at five runs from `at` on.
fn join(hll: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some(run) = Run::read(&hll[at..]) else {
            return;
        };
        let next = hll.get(at + 1..).and_then(Run::read);
        match (run, next) {
            (
                Run::Values { value, len },
                Some(Run::Values {
                    value: other,
                    len: more,
                }),
            ) if value == other && len + more <= VALUE_RUN_MAX => {
                hll[at + 1] = value_byte(value, len + more);
                hll.remove(at);
            }
            _ => at += run.size(),
        }
        if at >= hll.len() {
            return;
        }
    }
}

fn promote(hll: &mut Vec<u8>, index: usize, value: u8) -> Result<bool, HllError> {
    to_dense(hll)?;
    Ok(add_register(hll, index, value))
}
