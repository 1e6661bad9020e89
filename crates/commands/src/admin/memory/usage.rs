//! MEMORY USAGE: the bytes of one key.

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `MEMORY USAGE`
pub const MEMORY_USAGE: Command = Command::new("usage", -3, memory_usage)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Returns the bytes that a key and its value take.", "O(1)")
    .flags(READONLY)
    .keys(&[KeySpec::at(2, "RO")])
    .args("key:key@0 count:integer=SAMPLES?")
    .cost(Cost::AtMost(cost::walk));

/// Members of a collection that are looked at unless told otherwise.
const SAMPLES_DEFAULT: i64 = 5;

/// How many members to look at: 0 for all. The last SAMPLES counts.
fn samples(args: Args<'_>) -> Result<usize, ReplyError> {
    let mut samples = SAMPLES_DEFAULT;
    for option in args.as_slice().chunks(2) {
        let [word, count] = option else {
            return Err(errors::SYNTAX);
        };
        if !word.eq_ignore_ascii_case(b"samples") {
            return Err(errors::SYNTAX);
        }
        samples = common::number::parse_i64(count).ok_or(errors::NOT_INTEGER)?;
        if samples < 0 {
            return Err(errors::SYNTAX);
        }
    }
    Ok(samples as usize)
}

fn memory_usage(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let samples = samples(args.from(3))?;
    match ctx.peek(args.at(2)) {
        None => out.null(),
        Some(entry) => {
            ctx.takes_samples(&entry, samples)?;
            out.integer(entry.memory(samples) as i64);
        }
    }
    Ok(())
}
