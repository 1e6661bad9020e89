//! From one list to another: LMOVE, RPOPLPUSH, and what BLMOVE and BRPOPLPUSH do once there is
//! something.
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

/// Where an element goes. `K` holds the other list's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move<K> {
    /// The list that it is pushed to.
    pub(crate) destination: K,
    /// The end that it is popped from.
    pub(crate) from: End,
    /// The end that it is pushed to.
    pub(crate) to: End,
    /// What it goes to the log as, if not as it came.
    pub(crate) logged: Option<Logged>,
}

/// The name of a move in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logged {
    /// `LMOVE`
    Lmove,
    /// `RPOPLPUSH`
    Rpoplpush,
}

impl Move<Box<[u8]>> {
    /// The same over a borrowed name.
    pub(crate) fn borrowed(&self) -> Move<&[u8]> {
        Move {
            destination: &self.destination,
            from: self.from,
            to: self.to,
            logged: self.logged,
        }
    }
}

fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let to = Move {
        destination: args.at(2),
        from: parse_end(args.at(3))?,
        to: parse_end(args.at(4))?,
        logged: None,
    };
    move_one(ctx, args.at(1), &to, out)
}

fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let to = Move {
        destination: args.at(2),
        from: End::Tail,
        to: End::Head,
        logged: None,
    };
    move_one(ctx, args.at(1), &to, out)
}

/// Moves an element and replies it, or null where there is none.
///
/// The element is pushed first and popped then, as the order of Redis's events is. Within one list
/// that is the same: what is popped is the element that was read, or its equal just pushed.
///
/// # Errors
/// WRONGTYPE; nothing has changed.
pub(crate) fn move_one(
    ctx: &mut Ctx<'_>,
    from: &[u8],
    to: &Move<&[u8]>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let limits = limits(ctx.server);
    let Some(source) = ctx.peek_as::<List>(from)? else {
        out.null();
        return Ok(());
    };
    let index = if to.from == End::Head { 0 } else { -1 };
    let mark = out.mark();
    let len = source.get(index, |item| {
        reply_item(item, out);
        item.text_len()
    });
    // The reply holds the element: it is copied from there.
    let reply = out.since(mark);
    let element_end = reply.len() - b"\r\n".len();
    let element = &reply[element_end - len.unwrap_or(0)..element_end];
    let mut target = ctx.write(to.destination);
    collection::change(&mut target, |list: &mut List| {
        list.push(to.to, element, &limits);
    })?;
    target.commit_n(pushed(to.to), 0);
    propagate(ctx, from, to);
    let mut source = ctx.write(from);
    if let Some(list) = collection::open::<List>(&mut source)? {
        list.pop(to.from, &limits, |_| ());
        collection::commit_removal::<List>(source, popped(to.from), 1);
    }
    Ok(())
}

fn propagate(ctx: &mut Ctx<'_>, from: &[u8], to: &Move<&[u8]>) {
    let word = |end: End| -> &[u8] {
        match end {
            End::Head => b"LEFT",
            End::Tail => b"RIGHT",
        }
    };
    match to.logged {
        None => {}
        Some(Logged::Rpoplpush) => ctx.propagate_as(&[b"RPOPLPUSH", from, to.destination]),
        Some(Logged::Lmove) => {
            let (out_of, into) = (word(to.from), word(to.to));
            ctx.propagate_as(&[b"LMOVE", from, to.destination, out_of, into]);
        }
    }
}
