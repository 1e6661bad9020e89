//! BITCOUNT and BITPOS.
//!
//! Ranges in bytes are turned into ranges in bits first, so that both units share one path. Whole
//! words are counted and skipped at a time.

use common::number::parse_i64;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `BITCOUNT`
pub const BITCOUNT: Command = Command::new("bitcount", -2, bitcount)
    .group(Group::Bitmap)
    .since("2.6.0")
    .docs("Counts the bits that are set.", "O(N)")
    .flags(READONLY)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 index?{start:integer end:integer index_unit?^7.0.0(byte=BYTE! | bit=BIT!)}")
    .cost(Cost::Before(cost::walk));

/// `BITPOS`
pub const BITPOS: Command = Command::new("bitpos", -3, bitpos)
    .group(Group::Bitmap)
    .since("2.8.7")
    .docs("Finds the first bit that is set, or clear.", "O(N)")
    .flags(READONLY)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 bit:integer index?{start:integer end_index?{end:integer \
         index_unit?^7.0.0(byte=BYTE! | bit=BIT!)}}",
    )
    .cost(Cost::Before(cost::walk));

/// Bits `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

/// The range that indexes in bytes or bits mean for a string of `len` bytes; `None` if empty.
fn range(len: usize, start: i64, end: i64, in_bits: bool) -> Option<Range> {
    let total = if in_bits { len as i64 * 8 } else { len as i64 };
    let from_end = |index: i64| {
        if index < 0 {
            (total + index).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as u64, end as u64);
    Some(match in_bits {
        true => Range {
            first: start,
            last: end,
        },
        false => Range {
            first: start * 8,
            last: end * 8 + 7,
        },
    })
}

fn in_bits(word: Option<&[u8]>) -> Result<bool, ReplyError> {
    match word {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case(b"BIT") => Ok(true),
        Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Ok(false),
        Some(_) => Err(errors::SYNTAX),
    }
}

/// The byte at `at` with the bits outside of the range cleared.
fn masked(byte: u8, at: u64, range: Range) -> u8 {
    let mut byte = byte;
    if at == range.first >> 3 {
        byte &= 0xFF >> (range.first & 7);
    }
    if at == range.last >> 3 {
        byte &= !(0x7F >> (range.last & 7));
    }
    byte
}

/// Bits set in the range, which lies within `bytes`.
fn count_ones(bytes: &[u8], range: Range) -> u64 {
    let (first, last) = ((range.first >> 3) as usize, (range.last >> 3) as usize);
    let edge = |at: usize| u64::from(masked(bytes[at], at as u64, range).count_ones());
    if first == last {
        return edge(first);
    }
    let (words, rest) = bytes[first + 1..last].as_chunks::<8>();
    let inner: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    edge(first) + inner + rest + edge(last)
}

/// The first bit in the range that equals `bit`.
fn find(bytes: &[u8], bit: bool, range: Range) -> Option<u64> {
    let flip = if bit { 0 } else { 0xFF };
    let (first, last) = (range.first >> 3, range.last >> 3);
    let mut at = first;
    while at <= last {
        let byte = masked(bytes[at as usize] ^ flip, at, range);
        if byte != 0 {
            return Some(at * 8 + u64::from(byte.leading_zeros()));
        }
        at += 1;
        // Whole words without the bit are passed over at once.
        while at + 8 <= last {
            let word = bytes[at as usize..].first_chunk::<8>().copied();
            let plain = if bit { [0; 8] } else { [0xFF; 8] };
            if word != Some(plain) {
                break;
            }
            at += 8;
        }
    }
    None
}

fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut scratch = None;
    let Some(text) = ctx.read_str(args.at(1))? else {
        out.integer(0);
        return Ok(());
    };
    let bytes = text.as_bytes(&mut scratch);
    let range = match args.len() {
        2 => range(bytes.len(), 0, -1, false),
        4 | 5 => {
            let start = parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
            let end = parse_i64(args.at(3)).ok_or(errors::NOT_INTEGER)?;
            if start < 0 && end < 0 && start > end {
                None
            } else {
                range(bytes.len(), start, end, in_bits(args.get(4))?)
            }
        }
        _ => return Err(errors::SYNTAX),
    };
    out.integer(range.map_or(0, |range| count_ones(bytes, range)) as i64);
    Ok(())
}

fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let bit = match parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)? {
        0 => false,
        1 => true,
        _ => return Err(errors::string::BIT_ARGUMENT),
    };
    let mut scratch = None;
    let Some(text) = ctx.read_str(args.at(1))? else {
        // An absent key is endlessly many zeros.
        out.integer(if bit { -1 } else { 0 });
        return Ok(());
    };
    let bytes = text.as_bytes(&mut scratch);
    if args.len() > 6 {
        return Err(errors::SYNTAX);
    }
    let number = |at, default| match args.get(at) {
        None => Ok(default),
        Some(text) => parse_i64(text).ok_or(errors::NOT_INTEGER),
    };
    let start = number(3, 0)?;
    let unit = in_bits(args.get(5))?;
    let end = number(4, -1)?;
    let found = match range(bytes.len(), start, end, unit) {
        None => None,
        Some(range) => match find(bytes, bit, range) {
            // Without an end the zeros behind the string count.
            None if !bit && args.len() <= 4 => Some(bytes.len() as u64 * 8),
            found => found,
        },
    };
    out.integer(found.map_or(-1, |at| at as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes[(at / 8) as usize] & (0x80 >> (at % 8)) != 0
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_looking_at_every_bit(
            bytes in proptest::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 1..64),
            ends in (any::<u16>(), any::<u16>()),
            wanted: bool,
        ) {
            let total = bytes.len() as u64 * 8;
            let (a, b) = (u64::from(ends.0) % total, u64::from(ends.1) % total);
            let range = Range { first: a.min(b), last: a.max(b) };
            let mut bits = range.first..=range.last;
            let ones = bits.clone().filter(|at| bit(&bytes, *at)).count() as u64;
            prop_assert_eq!(count_ones(&bytes, range), ones);
            let found = bits.find(|at| bit(&bytes, *at) == wanted);
            prop_assert_eq!(find(&bytes, wanted, range), found);
        }
    }
}
