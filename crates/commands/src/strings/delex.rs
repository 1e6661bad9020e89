//! DELEX: deletes a key if its value is, or is not, what the client expects.

use keyspace::Event;
use resp::{Args, ReplyWriter, errors};

use super::options;
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `DELEX`
pub const DELEX: Command = Command::new("delex", -2, delex)
    .group(Group::String)
    .since("8.4.0")
    .docs(
        "Deletes a key if its value or digest compares as given.",
        "O(1)",
    )
    .flags(WRITE | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW delete variable_flags")])
    .args(
        "key:key@0 condition?(ifeq-value=IFEQ | ifne-value=IFNE | ifdeq-digest=IFDEQ | \
         ifdne-digest=IFDNE)",
    );

fn delex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let deletes = match args.len() {
        2 => ctx.peek(args.at(1)).is_some(),
        4 => {
            let condition = options::comparison(args.at(2), args.at(3))?;
            let text = ctx.peek_str(args.at(1))?;
            let mut scratch = None;
            text.is_some_and(|text| condition.holds(Some(text.as_bytes(&mut scratch))))
        }
        _ => return Err(errors::wrong_arity("delex")),
    };
    if deletes {
        let mut key = ctx.write(args.at(1));
        key.remove();
        key.commit(Event::generic("del"));
        ctx.propagate_as(&[b"DEL", args.at(1)]);
    }
    out.integer(i64::from(deletes));
    Ok(())
}
