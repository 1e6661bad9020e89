//! SSCAN.

use datatypes::Set;
use resp::{Args, ReplyWriter};

use crate::collection::reply_item;
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::generic::scan::{ScanOptions, parse_cursor};

/// `SSCAN`
pub const SSCAN: Command = Command::new("sscan", -3, sscan)
    .group(Group::Set)
    .since("2.8.0")
    .docs(
        "Iterates over the members of a set, a few at a time.",
        "O(1)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT?")
    .cost(Cost::Before(cost::scan));

fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let cursor = parse_cursor(args.at(2))?;
    let Some(set) = ctx.read_as::<Set>(args.at(1))? else {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args.from(3), false, false)?;
    out.array(2);
    let mark = out.mark();
    let array = out.deferred_array();
    let mut replied = 0;
    let next = set.scan(cursor, options.count as usize, |member| {
        if options.matches(member.text(&mut itoa::Buffer::new())) {
            reply_item(member, out);
            replied += 1;
        }
    });
    out.finish_array(array, replied);
    out.bulk_before(mark, itoa::Buffer::new().format(next).as_bytes());
    Ok(())
}
