//! Several keys at once: MSET, MSETNX, MSETEX.
//!
//! All keys are locked together, so that nobody sees a part of it. MSETNX and MSETEX look at every
//! key before the first one is stored.

use keyspace::Event;
use resp::{Args, ReplyWriter, errors};

use super::options::{self, Allowed, Condition, Expiry};
use super::set::value_at;
use crate::command::flag::{DENYOOM, MOVABLE_KEYS, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `MSET`
pub const MSET: Command = Command::new("mset", -3, mset)
    .group(Group::String)
    .since("1.0.1")
    .docs("Stores strings at several keys.", "O(N)")
    .flags(WRITE | DENYOOM)
    .categories(category::STRING)
    .tips(&[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ])
    .keys(&[KeySpec::at(1, "OW update").range(-1, 2, 0)])
    .args("key_value*{key:key@0 value}");

/// `MSETNX`
pub const MSETNX: Command = Command::new("msetnx", -3, msetnx)
    .group(Group::String)
    .since("1.0.1")
    .docs(
        "Stores strings at several keys if none of them exists.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::STRING)
    .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
    .keys(&[KeySpec::at(1, "OW insert").range(-1, 2, 0)])
    .args("key_value*{key:key@0 value}");

/// `MSETEX`
pub const MSETEX: Command = Command::new("msetex", -4, msetex)
    .group(Group::String)
    .since("8.4.0")
    .docs(
        "Stores strings at several keys with one expiry, all or none.",
        "O(N)",
    )
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "OW update").keynum(0, 1, 2)])
    .args(
        "numkeys:integer data*{key:key@0 value} condition?(nx=NX! | xx=XX!) \
         expiration?(seconds:integer=EX | milliseconds:integer=PX | \
         unix-time-seconds:unix-time=EXAT | unix-time-milliseconds:unix-time=PXAT | \
         keepttl=KEEPTTL!)",
    );

fn mset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(errors::wrong_arity("mset"));
    }
    store(ctx, args, 1, args.len(), Expiry::Unset);
    out.ok();
    Ok(())
}

fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(errors::wrong_arity("msetnx"));
    }
    let none = (1..args.len())
        .step_by(2)
        .all(|at| ctx.peek(args.at(at)).is_none());
    if none {
        store(ctx, args, 1, args.len(), Expiry::Unset);
    }
    out.integer(i64::from(none));
    Ok(())
}

fn msetex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let numkeys = common::number::parse_i64(args.at(1)).ok_or(errors::INVALID_NUMKEYS)?;
    let numkeys = usize::try_from(numkeys)
        .ok()
        .filter(|n| *n > 0 && *n <= i32::MAX as usize);
    let end = 2 + 2 * numkeys.ok_or(errors::INVALID_NUMKEYS)?;
    if end > args.len() {
        return Err(errors::wrong_arity("msetex"));
    }
    let allowed = Allowed {
        keep_ttl: true,
        existence: true,
        ..Allowed::default()
    };
    let options = options::parse(ctx, args.from(end), allowed)?;
    let mut names = (2..end).step_by(2);
    let allows = match options.condition {
        Condition::Absent => names.all(|at| ctx.peek(args.at(at)).is_none()),
        Condition::Present => names.all(|at| ctx.peek(args.at(at)).is_some()),
        _ => true,
    };
    if allows {
        store(ctx, args, 2, end, options.expiry);
        rewrite(ctx, args, end, options.expiry);
    }
    out.integer(i64::from(allows));
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, args: Args<'_>, from: usize, end: usize, expiry: Expiry) {
    for at in (from..end).step_by(2) {
        let mut key = ctx.write(args.at(at));
        match expiry {
            Expiry::Keep => {
                let kept = key.expire_at();
                key.set_with_expiry(value_at(args, at + 1), kept);
            }
            Expiry::At(at_ms) => {
                key.set_with_expiry(value_at(args, at + 1), Some(at_ms));
                key.note(Event::generic("expire"));
            }
            _ => key.set(value_at(args, at + 1)),
        }
        key.commit(Event::string("set"));
    }
}

/// Relative times become absolute for the log.
fn rewrite(ctx: &mut Ctx<'_>, args: Args<'_>, end: usize, expiry: Expiry) {
    let Some(at_ms) = expiry.at() else { return };
    let at_ms = common::number::I64Text::new(at_ms);
    let mut words: Vec<&[u8]> = args.iter().take(end).collect();
    words.extend([b"PXAT".as_slice(), at_ms.as_bytes()]);
    ctx.propagate_as(&words);
}
