//! Single members: SADD, SREM, SISMEMBER, SMISMEMBER, SMEMBERS, SCARD.
//!
//! Members are added to the smallest encoding that takes them, by the limits in the settings. A set
//! that loses its last member is deleted.

use datatypes::Set;
use resp::{Args, ReplyWriter};

use super::{event, limits};
use crate::collection::{self, reply_item};
use crate::command::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SADD`
pub const SADD: Command = Command::new("sadd", -3, sadd)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Adds members to a set.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RW insert")])
    .args("key:key@0 member*");

/// `SREM`
pub const SREM: Command = Command::new("srem", -3, srem)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Removes members of a set.", "O(N)")
    .flags(WRITE | FAST)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RW delete")])
    .args("key:key@0 member*");

/// `SISMEMBER`
pub const SISMEMBER: Command = Command::new("sismember", 3, sismember)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Tells whether a set has a member.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0 member");

/// `SMISMEMBER`
pub const SMISMEMBER: Command = Command::new("smismember", -3, smismember)
    .group(Group::Set)
    .since("6.2.0")
    .docs(
        "Tells of each of several members whether a set has it.",
        "O(N)",
    )
    .flags(READONLY | FAST)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member*");

/// `SMEMBERS`
pub const SMEMBERS: Command = Command::new("smembers", 2, smembers)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Returns all members of a set.", "O(N)")
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::AtMost(cost::reply));

/// `SCARD`
pub const SCARD: Command = Command::new("scard", 2, scard)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Returns the number of members of a set.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::SET)
    .keys(&[KeySpec::at(1, "RO")])
    .args("key:key@0");

fn sadd(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let limits = limits(ctx.server);
    let mut key = ctx.write(args.at(1));
    let added = collection::change(&mut key, |set: &mut Set| {
        let members = args.from(2);
        members.iter().filter(|text| set.add(text, &limits)).count()
    })?;
    if added > 0 {
        key.commit_n(event("sadd"), added as u64);
    } else {
        key.commit_nothing();
    }
    out.integer(added as i64);
    Ok(())
}

fn srem(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut key = ctx.write(args.at(1));
    let removed = match collection::open::<Set>(&mut key)? {
        None => 0,
        Some(set) => {
            let members = args.from(2);
            let removed = members.iter().filter(|text| set.remove(text)).count();
            if removed > 0 {
                collection::commit_removal::<Set>(key, event("srem"), removed as u64);
            } else {
                key.commit_nothing();
            }
            removed
        }
    };
    out.integer(removed as i64);
    Ok(())
}

fn sismember(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let set = ctx.read_as::<Set>(args.at(1))?;
    let has = set.is_some_and(|set| set.contains(args.at(2)));
    out.integer(i64::from(has));
    Ok(())
}

fn smismember(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let set = ctx.read_as::<Set>(args.at(1))?;
    let members = args.from(2);
    out.array(members.len());
    for text in members.iter() {
        out.integer(i64::from(set.is_some_and(|set| set.contains(text))));
    }
    Ok(())
}

fn smembers(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(set) = ctx.read_as::<Set>(args.at(1))? else {
        out.set(0);
        return Ok(());
    };
    ctx.takes(set.len(), cost::REPLY_NS)?;
    out.set(set.len());
    set.for_each(|member| reply_item(member, out));
    Ok(())
}

fn scard(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let len = ctx.read_as::<Set>(args.at(1))?.map_or(0, Set::len);
    out.integer(len as i64);
    Ok(())
}
