//! PFMERGE.

use datatypes::hyperloglog::{self, Encoding, Registers};
use resp::{Args, ReplyWriter};

use super::{ADDED, bytes, error, sparse_bytes_max, store};
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `PFMERGE`
pub const PFMERGE: Command = Command::new("pfmerge", -2, pfmerge)
    .group(Group::HyperLogLog)
    .since("2.8.9")
    .docs("Merges HyperLogLogs into one.", "O(N)")
    .flags(WRITE | DENYOOM)
    .categories(category::HYPERLOGLOG)
    .keys(&[
        KeySpec::at(1, "RW access insert"),
        KeySpec::at(2, "RO access").range(-1, 1, 0),
    ])
    .args("destkey:key@0 sourcekey:key@1*")
    .cost(Cost::Before(cost::registers));

fn pfmerge(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut union = Registers::new();
    let mut is_dense = false;
    // The destination is part of the union too.
    for name in args.from(1).iter() {
        if let Some(text) = ctx.read_str(name)? {
            let encoding = union.merge(bytes(text)?).map_err(error)?;
            is_dense |= encoding == Encoding::Dense;
        }
    }
    let sparse_max = sparse_bytes_max(ctx.server);
    let mut key = ctx.write(args.at(1));
    let mut hll = match key.str_value().map_err(wrong_type)? {
        None => hyperloglog::create(),
        Some(text) => text.to_vec(),
    };
    if is_dense {
        union.store_dense(&mut hll).map_err(error)?;
    } else {
        union.store(&mut hll, sparse_max).map_err(error)?;
    }
    store(&mut key, hll);
    key.commit(ADDED);
    out.ok();
    Ok(())
}
