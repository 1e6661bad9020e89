//! HSCAN.

use resp::{Args, ReplyWriter};

use crate::collection::reply_item;
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::generic::scan::{ScanOptions, parse_cursor};

/// `HSCAN`
pub const HSCAN: Command = Command::new("hscan", -3, hscan)
    .group(Group::Hash)
    .since("2.8.0")
    .docs(
        "Iterates over the fields of a hash, a few at a time.",
        "O(1)",
    )
    .flags(READONLY)
    .categories(category::HASH)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT? \
         novalues=NOVALUES!?^7.4.0",
    )
    .cost(Cost::Before(cost::scan));

fn hscan(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let cursor = parse_cursor(args.at(2))?;
    let Some(hash) = ctx.read_hash(args.at(1))? else {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args.from(3), false, true)?;
    out.array(2);
    let mark = out.mark();
    let array = out.deferred_array();
    let mut replied = 0;
    let next = hash.scan(cursor, options.count as usize, |field| {
        if !options.matches(field.name.text(&mut itoa::Buffer::new())) {
            return;
        }
        replied += if options.no_values { 1 } else { 2 };
        reply_item(field.name, out);
        if !options.no_values {
            reply_item(field.value, out);
        }
    });
    out.finish_array(array, replied);
    out.bulk_before(mark, itoa::Buffer::new().format(next).as_bytes());
    Ok(())
}
