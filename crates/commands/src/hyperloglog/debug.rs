//! For tests: PFDEBUG, PFSELFTEST.
//!
//! These look at and convert the representation; ordinary clients have no use for them. The self-
//! test is Redis's procedure: it compares estimates with known cardinalities.

use std::io::Write as _;

use datatypes::hyperloglog::{self, Encoding, Registers, Run};
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::{bytes, error, sparse_bytes_max, store};
use crate::command::flag::{ADMIN, DENYOOM, SYSCMD, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `PFDEBUG`
pub const PFDEBUG: Command = Command::new("pfdebug", 3, pfdebug)
    .group(Group::HyperLogLog)
    .since("2.8.9")
    .docs("Looks into a HyperLogLog; for tests.", "")
    .flags(WRITE | DENYOOM | ADMIN | SYSCMD)
    .categories(category::HYPERLOGLOG)
    .keys(&[KeySpec::at(2, "RW access")])
    .args("subcommand key:key@0");

/// `PFSELFTEST`
pub const PFSELFTEST: Command = Command::new("pfselftest", 1, pfselftest)
    .group(Group::HyperLogLog)
    .since("2.8.9")
    .docs("Checks the implementation of HyperLogLogs; for tests.", "")
    .flags(ADMIN | SYSCMD)
    .categories(category::HYPERLOGLOG);

fn pfdebug(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let name = args.at(2);
    let text = ctx.peek_str(name)?.ok_or(errors::string::HLL_NO_KEY)?;
    let hll = bytes(text)?;
    let encoding = hyperloglog::check(hll).map_err(error)?;
    let is = |word: &str| args.at(1).eq_ignore_ascii_case(word.as_bytes());
    if is("GETREG") {
        let mut registers = Registers::new();
        registers.merge(hll).map_err(error)?;
        make_dense(ctx, name)?;
        out.array(hyperloglog::REGISTERS);
        let values = registers.bytes().iter();
        values.for_each(|value| out.integer((*value).into()));
    } else if is("DECODE") {
        if encoding != Encoding::Sparse {
            return Err(errors::string::HLL_NOT_SPARSE);
        }
        out.bulk(&decoded(hll));
    } else if is("ENCODING") {
        out.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        });
    } else if is("TODENSE") {
        let converted = make_dense(ctx, name)?;
        out.integer(i64::from(converted));
    } else {
        return Err(errors::string::pfdebug_unknown(args.at(1)));
    }
    Ok(())
}

/// Turns a sparse one dense; whether it was sparse.
fn make_dense(ctx: &mut Ctx<'_>, name: &[u8]) -> Result<bool, ReplyError> {
    let mut key = ctx.write(name);
    let Some(text) = key.str_value().map_err(wrong_type)? else {
        return Ok(false);
    };
    let hll = bytes(text)?;
    if hyperloglog::check(hll) == Ok(Encoding::Dense) {
        key.unchanged();
        return Ok(false);
    }
    let mut hll = hll.to_vec();
    hyperloglog::to_dense(&mut hll).map_err(error)?;
    store(&mut key, hll);
    key.commit_silent();
    Ok(true)
}

/// The runs of a sparse one, as text.
fn decoded(hll: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for run in hyperloglog::runs(hll) {
        if !text.is_empty() {
            text.push(b' ');
        }
        // Writing to a vector does not fail.
        let _ = match run {
            Run::Zeros(len) => write!(text, "z:{len}"),
            Run::LongZeros(len) => write!(text, "Z:{len}"),
            Run::Values { value, len } => write!(text, "v:{value},{len}"),
        };
    }
    text
}

fn pfselftest(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let seed = common::random::next_u64();
    hyperloglog::self_test(seed, sparse_bytes_max(ctx.server))
        .map_err(|reason| errors::string::hll_test_failed(&reason))?;
    out.ok();
    Ok(())
}
