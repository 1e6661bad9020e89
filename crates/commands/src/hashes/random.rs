//! HRANDFIELD.
//!
//! A positive count gives distinct fields, a negative one may repeat them. RESP3 nests pairs of
//! field and value, RESP2 has them flat.

use datatypes::Hash;
use datatypes::hash::FieldRef;
use resp::{Args, Proto, ReplyWriter, errors};

use crate::collection::{parse_int, parts, reply_item};
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `HRANDFIELD`
pub const HRANDFIELD: Command = Command::new("hrandfield", -2, hrandfield)
    .group(Group::Hash)
    .since("6.2.0")
    .docs("Returns fields of a hash picked at random.", "O(N)")
    .flags(READONLY)
    .categories(category::HASH)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 options?{count:integer withvalues=WITHVALUES!?}")
    .cost(Cost::AtMost(cost::counted));

fn hrandfield(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(count) = args.get(2) else {
        return one(ctx, args, out);
    };
    let count = parse_int(count)?;
    if count == i64::MIN {
        return Err(errors::must_be_between(-i64::MAX, i64::MAX));
    }
    let with_values = match args.get(3) {
        None => false,
        Some(word) if args.len() == 4 && word.eq_ignore_ascii_case(b"WITHVALUES") => true,
        Some(_) => return Err(errors::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(errors::VALUE_OUT_OF_RANGE);
    }
    match ctx.read_hash(args.at(1))? {
        None => out.array(0),
        Some(hash) => {
            ctx.takes_random(hash.len(), count)?;
            hash.with(|hash| some(ctx, hash, count, with_values, out));
        }
    }
    Ok(())
}

fn one(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(hash) = ctx.read_hash(args.at(1))? else {
        out.null();
        return Ok(());
    };
    hash.with(|hash| {
        if let Some(field) = common::random::with(|rng| hash.random(rng)) {
            reply_item(field.name, out);
        }
    });
    Ok(())
}

fn some(ctx: &Ctx<'_>, hash: &Hash, count: i64, with_values: bool, out: &mut ReplyWriter<'_>) {
    let start = out.mark();
    let wanted = count.unsigned_abs() as usize;
    let replied = if count < 0 {
        wanted
    } else {
        wanted.min(hash.len())
    };
    let flat = with_values && out.proto() == Proto::Resp2;
    out.array(if flat { replied * 2 } else { replied });
    let reply = |field: FieldRef<'_>, out: &mut ReplyWriter<'_>| {
        if with_values && !flat {
            out.array(2);
        }
        reply_item(field.name, out);
        if with_values {
            reply_item(field.value, out);
        }
    };
    common::random::with(|rng| {
        if count < 0 {
            for part in parts(wanted) {
                hash.random_many(rng, part, |field| reply(field, out));
                if ctx.is_cut_off(out.len_since(start)) {
                    return;
                }
            }
        } else if replied > 0 {
            hash.random_distinct(rng, replied, |field| reply(field, out));
        }
    });
}
