//! From one list to another: LMOVE, RPOPLPUSH.
//!
//! Both lists are locked together; source and destination may be the same. The element goes to the
//! other list before the source is deleted for being empty.

use datatypes::List;
use datatypes::list::End;
use resp::{Args, ReplyWriter};

use super::{limits, parse_end, popped, pushed};
use crate::collection::{self, reply_item};
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `LMOVE`
pub const LMOVE: Command = Command::new("lmove", 5, lmove)
    .group(Group::List)
    .since("6.2.0")
    .docs(
        "Moves an element from an end of one list to an end of another, and returns it.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::LIST)
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "RW insert"),
    ])
    .args(
        "source:key@0 destination:key@1 wherefrom(left=LEFT! | right=RIGHT!) \
         whereto(left=LEFT! | right=RIGHT!)",
    );

/// `RPOPLPUSH`
pub const RPOPLPUSH: Command = Command::new("rpoplpush", 3, rpoplpush)
    .group(Group::List)
    .since("1.2.0")
    .docs(
        "Moves the last element of one list to the front of another, and returns it.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::LIST)
    .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
    .keys(&[
        KeySpec::at(1, "RW access delete"),
        KeySpec::at(2, "RW insert"),
    ])
    .args("source:key@0 destination:key@1");

fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (from, to) = (parse_end(args.at(3))?, parse_end(args.at(4))?);
    move_one(ctx, args, from, to, out)
}

fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    move_one(ctx, args, End::Tail, End::Head, out)
}

/// The element is pushed first and popped then, as the order of Redis's events is. Within one list
/// that is the same: what is popped is the element that was read, or its equal just pushed.
fn move_one(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let limits = limits(ctx.server);
    let Some(source) = ctx.peek_as::<List>(args.at(1))? else {
        out.null();
        return Ok(());
    };
    let index = if from == End::Head { 0 } else { -1 };
    let mark = out.mark();
    let len = source.get(index, |item| {
        reply_item(item, out);
        item.text_len()
    });
    // The reply holds the element: it is copied from there.
    let reply = out.since(mark);
    let element_end = reply.len() - b"\r\n".len();
    let element = &reply[element_end - len.unwrap_or(0)..element_end];
    let mut target = ctx.write(args.at(2));
    collection::change(&mut target, |list: &mut List| {
        list.push(to, element, &limits);
    })?;
    target.commit_n(pushed(to), 0);
    let mut source = ctx.write(args.at(1));
    if let Some(list) = collection::open::<List>(&mut source)? {
        list.pop(from, &limits, |_| ());
        collection::commit_removal::<List>(source, popped(from), 1);
    }
    Ok(())
}
