//! ZSCAN.

use resp::{Args, ReplyWriter};

use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::generic::scan::{ScanOptions, parse_cursor};

/// `ZSCAN`
pub const ZSCAN: Command = Command::new("zscan", -3, zscan)
    .group(Group::SortedSet)
    .since("2.8.0")
    .docs("Iterates over members and scores, a few at a time.", "O(1)")
    .flags(READONLY)
    .categories(category::SORTEDSET)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT?")
    .cost(Cost::Before(cost::scan));

fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let cursor = parse_cursor(args.at(2))?;
    let Some(zset) = super::read(ctx, args.at(1))? else {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args.from(3), false, false)?;
    // The cursor goes before the members, but is known only behind them.
    let (mut next, mut visited, mut steps) = (Some(cursor), 0, 0);
    let mut members = Vec::new();
    let mut found = 0;
    let mut buffer = itoa::Buffer::new();
    let mut reply = ReplyWriter::new(&mut members, out.proto());
    while let Some(at) = next {
        next = zset.scan(at, |member, score| {
            visited += 1;
            let text = member.text(&mut buffer);
            if options.matches(text) {
                found += 2;
                reply.bulk(text);
                reply.bulk(common::number::format_reply_f64(score).as_bytes());
            }
        });
        steps += 1;
        // Empty places count too, so that no call takes long.
        if visited >= options.count || steps >= options.count.saturating_mul(10) {
            break;
        }
    }
    out.array(2);
    out.bulk(next.unwrap_or(0).to_string().as_bytes());
    out.array(found);
    out.raw(&members);
    Ok(())
}
