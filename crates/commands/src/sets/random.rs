//! Random members: SPOP, SRANDMEMBER.
//!
//! What SPOP takes goes to the log as SREM of exactly these members. A positive count gives
//! distinct members, a negative one may repeat them.

use datatypes::Set;
use resp::{Args, ReplyWriter, errors};

use super::event;
use crate::collection::{self, parse_count, parse_int, parts, reply_item};
use crate::command::flag::{FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SPOP`
pub const SPOP: Command = Command::new("spop", -2, spop)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Returns and removes members of a set picked at random.", "")
    .flags(WRITE | FAST)
    .categories(category::SET)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 count:integer?^3.2.0")
    .cost(Cost::AtMost(cost::counted));

/// `SRANDMEMBER`
pub const SRANDMEMBER: Command = Command::new("srandmember", -2, srandmember)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Returns members of a set picked at random.", "")
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 count:integer?^2.6.0")
    .cost(Cost::AtMost(cost::counted));

fn spop(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match args.len() {
        2 => {}
        3 => return spop_some(ctx, args, out),
        _ => return Err(errors::SYNTAX),
    }
    let is_logged = ctx.server.log.is_wanted();
    let mut key = ctx.write(args.at(1));
    let Some(set) = collection::open::<Set>(&mut key)? else {
        out.null();
        return Ok(());
    };
    let popped = common::random::with(|rng| {
        set.pop_random(rng, |member| {
            reply_item(member, out);
            is_logged.then(|| member.to_vec())
        })
    });
    collection::commit_removal::<Set>(key, event("spop"), 1);
    if let Some(member) = popped.flatten() {
        ctx.propagate_as(&[b"SREM", args.at(1), &member]);
    }
    Ok(())
}

fn spop_some(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let count = parse_count(args.at(2), errors::MUST_BE_POSITIVE)?;
    ctx.takes_some(args.at(1), count)?;
    let is_logged = ctx.server.log.is_wanted();
    let mut key = ctx.write(args.at(1));
    let len = collection::view::<Set>(&key)?.map_or(0, Set::len);
    out.set(count.min(len));
    if count == 0 || len == 0 {
        key.unchanged();
        return Ok(());
    }
    if count >= len {
        if let Some(set) = collection::view::<Set>(&key)? {
            set.for_each(|member| reply_item(member, out));
        }
        key.note(event("spop"));
        key.remove();
        key.commit_n(keyspace::Event::generic("del"), len as u64);
        ctx.propagate_as(&[b"DEL", args.at(1)]);
        return Ok(());
    }
    let mut popped = Vec::new();
    if let Some(set) = collection::open::<Set>(&mut key)? {
        for _ in 0..count {
            common::random::with(|rng| {
                set.pop_random(rng, |member| {
                    reply_item(member, out);
                    if is_logged {
                        popped.push(member.to_vec());
                    }
                })
            });
        }
    }
    key.commit_n(event("spop"), count as u64);
    for member in popped {
        ctx.propagate_as(&[b"SREM", args.at(1), &member]);
    }
    Ok(())
}

fn srandmember(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match args.len() {
        2 => {}
        3 => return srandmember_some(ctx, args, out),
        _ => return Err(errors::SYNTAX),
    }
    let set = ctx.read_as::<Set>(args.at(1))?;
    match common::random::with(|rng| set.and_then(|set| set.random(rng))) {
        None => out.null(),
        Some(member) => reply_item(member, out),
    }
    Ok(())
}

/// With a negative count members may come several times, and in random order.
fn srandmember_some(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let count = parse_int(args.at(2))?;
    if count == i64::MIN {
        return Err(errors::must_be_between(-i64::MAX, i64::MAX));
    }
    let wanted = count.unsigned_abs() as usize;
    let set = ctx.read_as::<Set>(args.at(1))?.filter(|_| count != 0);
    let Some(set) = set else {
        out.array(0);
        return Ok(());
    };
    ctx.takes_random(set.len(), count)?;
    if count < 0 {
        let start = out.mark();
        out.array(wanted);
        common::random::with(|rng| {
            for part in parts(wanted) {
                set.random_many(rng, part, |member| reply_item(member, out));
                if ctx.is_cut_off(out.len_since(start)) {
                    return;
                }
            }
        });
    } else {
        out.array(wanted.min(set.len()));
        common::random::with(|rng| {
            set.random_distinct(rng, wanted, |member| reply_item(member, out));
        });
    }
    Ok(())
}
