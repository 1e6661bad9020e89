//! Adding and counting: PFADD, PFCOUNT.
//!
//! PFCOUNT of one key may store the count in the value, which is why it is a write to the keyspace
//! although it is no change that anyone else would notice.

use datatypes::hyperloglog::{self, Encoding, Registers};
use keyspace::Write;
use resp::{Args, ReplyError, ReplyWriter};

use super::{ADDED, bytes, error, sparse_bytes_max, store};
use crate::command::flag::{DENYOOM, FAST, MAY_REPLICATE, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `PFADD`
pub const PFADD: Command = Command::new("pfadd", -2, pfadd)
    .group(Group::HyperLogLog)
    .since("2.8.9")
    .docs("Adds elements to a HyperLogLog.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HYPERLOGLOG)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 element?*");

/// `PFCOUNT`
pub const PFCOUNT: Command = Command::new("pfcount", -2, pfcount)
    .group(Group::HyperLogLog)
    .since("2.8.9")
    .docs(
        "Returns the estimated number of distinct elements of HyperLogLogs together.",
        "O(1)",
    )
    .flags(READONLY | MAY_REPLICATE)
    .categories(category::HYPERLOGLOG)
    .keys(&[KeySpec::at(1, "RW access").range(-1, 1, 0)])
    .args("key:key@0*")
    .cost(Cost::Before(cost::registers));

fn pfadd(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let sparse_max = sparse_bytes_max(ctx.server);
    let mut key = ctx.write(args.at(1));
    let (mut hll, mut updated) = match key.str_value().map_err(wrong_type)? {
        None => (hyperloglog::create(), 1),
        Some(text) => {
            let text = bytes(text)?;
            if hyperloglog::check(text).map_err(error)? == Encoding::Dense {
                return add_dense(key, args, out);
            }
            (text.to_vec(), 0)
        }
    };
    for element in args.from(2).iter() {
        let changed = hyperloglog::add(&mut hll, element, sparse_max).map_err(error)?;
        updated += u64::from(changed);
    }
    if updated > 0 {
        hyperloglog::invalidate(&mut hll);
        store(&mut key, hll);
        key.commit_n(ADDED, updated);
    } else {
        key.unchanged();
    }
    out.integer(i64::from(updated > 0));
    Ok(())
}

fn add_dense(mut key: Write<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let hll = key.raw_mut(0).map_err(wrong_type)?;
    // Its form was checked, so that no element fails.
    let add = |element: &&[u8]| hyperloglog::add_dense(hll, element).unwrap_or(false);
    let updated = args.from(2).iter().filter(add).count();
    if updated > 0 {
        key.commit_n(ADDED, updated as u64);
    } else {
        key.commit_nothing();
    }
    out.integer(i64::from(updated > 0));
    Ok(())
}

fn pfcount(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 2 {
        let count = count_together(ctx, args.from(1))?;
        out.integer(count as i64);
        return Ok(());
    }
    let Some(text) = ctx.read_str(args.at(1))? else {
        out.integer(0);
        return Ok(());
    };
    let hll = bytes(text)?;
    hyperloglog::check(hll).map_err(error)?;
    if let Some(count) = hyperloglog::cached(hll) {
        out.integer(count as i64);
        return Ok(());
    }
    let count = hyperloglog::count(hll).map_err(error)?;
    // The cache is part of the value, so that filling it is a change, though without an event.
    let mut key = ctx.write(args.at(1));
    hyperloglog::set_cached(key.raw_mut(0).map_err(wrong_type)?, count);
    key.commit_silent();
    out.integer(count as i64);
    Ok(())
}

fn count_together(ctx: &Ctx<'_>, keys: Args<'_>) -> Result<u64, ReplyError> {
    let mut union = Registers::new();
    for key in keys.iter() {
        if let Some(text) = ctx.read_str(key)? {
            union.merge(bytes(text)?).map_err(error)?;
        }
    }
    Ok(union.count())
}
