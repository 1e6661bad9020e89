//! BITOP: bitwise operations between strings.
//!
//! Sources of different lengths count as filled with zeros up to the longest. The destination may
//! be one of the sources: it is stored when the result is there.

use keyspace::{Event, StrValue, Value};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `BITOP`
pub const BITOP: Command = Command::new("bitop", -4, bitop)
    .group(Group::Bitmap)
    .since("2.6.0")
    .docs(
        "Stores the result of a bitwise operation between strings.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::BITMAP)
    .keys(&[
        KeySpec::at(2, "OW update"),
        KeySpec::at(3, "RO access").range(-1, 1, 0),
    ])
    .args("operation destkey:key@0 key:key@1*")
    .cost(Cost::Before(cost::walk));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Set in the first source and in none of the others.
    Diff,
    /// Set in one of the others and not in the first source.
    Diff1,
    /// Set in the first source and in one of the others.
    AndOr,
    /// Set in exactly one source.
    One,
}

impl Operation {
    fn parse(word: &[u8]) -> Result<Self, ReplyError> {
        Ok(match word.to_ascii_lowercase().as_slice() {
            b"and" => Self::And,
            b"or" => Self::Or,
            b"xor" => Self::Xor,
            b"not" => Self::Not,
            b"diff" => Self::Diff,
            b"diff1" => Self::Diff1,
            b"andor" => Self::AndOr,
            b"one" => Self::One,
            _ => return Err(errors::SYNTAX),
        })
    }

    fn check_sources(self, sources: usize) -> Result<(), ReplyError> {
        let name = match self {
            Self::Not if sources != 1 => return Err(errors::string::BITOP_NOT_SINGLE),
            Self::Diff => "DIFF",
            Self::Diff1 => "DIFF1",
            Self::AndOr => "ANDOR",
            _ => return Ok(()),
        };
        if sources < 2 {
            return Err(errors::string::bitop_too_few(name));
        }
        Ok(())
    }
}

/// Combines `into` with a source; bytes past the source's end are combined with zeros.
fn combine(into: &mut [u8], source: &[u8], f: impl Fn(&mut u8, u8)) {
    let (head, tail) = into.split_at_mut(source.len().min(into.len()));
    head.iter_mut()
        .zip(source)
        .for_each(|(into, byte)| f(into, *byte));
    tail.iter_mut().for_each(|into| f(into, 0));
}

fn compute(operation: Operation, sources: &[Vec<u8>]) -> Vec<u8> {
    let len = sources.iter().map(Vec::len).max().unwrap_or(0);
    let mut result = sources[0].clone();
    result.resize(len, 0);
    let others = &sources[1..];
    match operation {
        Operation::Not => result.iter_mut().for_each(|byte| *byte = !*byte),
        Operation::And => others
            .iter()
            .for_each(|s| combine(&mut result, s, |a, b| *a &= b)),
        Operation::Or => others
            .iter()
            .for_each(|s| combine(&mut result, s, |a, b| *a |= b)),
        Operation::Xor => others
            .iter()
            .for_each(|s| combine(&mut result, s, |a, b| *a ^= b)),
        Operation::One => {
            let mut twice = vec![0; len];
            for source in others {
                combine(&mut twice, &result_and(&result, source), |a, b| *a |= b);
                combine(&mut result, source, |a, b| *a |= b);
            }
            combine(&mut result, &twice, |a, b| *a &= !b);
        }
        Operation::Diff | Operation::Diff1 | Operation::AndOr => {
            let mut any = vec![0; len];
            others
                .iter()
                .for_each(|s| combine(&mut any, s, |a, b| *a |= b));
            match operation {
                Operation::Diff => combine(&mut result, &any, |a, b| *a &= !b),
                Operation::Diff1 => combine(&mut result, &any, |a, b| *a = b & !*a),
                _ => combine(&mut result, &any, |a, b| *a &= b),
            }
        }
    }
    result
}

fn result_and(result: &[u8], source: &[u8]) -> Vec<u8> {
    result.iter().zip(source).map(|(a, b)| a & b).collect()
}

fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let operation = Operation::parse(args.at(1))?;
    operation.check_sources(args.len() - 3)?;
    let mut sources = Vec::with_capacity(args.len() - 3);
    for key in args.from(3).iter() {
        sources.push(
            ctx.read_str(key)?
                .map_or_else(Vec::new, |text| text.to_vec()),
        );
    }
    let result = compute(operation, &sources);
    let len = result.len();
    drop(sources);
    ctx.settle(args)?;
    let mut target = ctx.write(args.at(2));
    if len > 0 {
        target.set(Value::Str(StrValue::Buffer(result, true)));
        target.commit(Event::string("set"));
    } else if target.remove() {
        target.commit(Event::generic("del"));
    } else {
        target.unchanged();
    }
    out.integer(len as i64);
    Ok(())
}
