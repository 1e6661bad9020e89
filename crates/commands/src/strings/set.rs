//! Storing a whole string: SET and its older forms.
//!
//! All forms end in one `store`, which decides, changes and says what goes to the log: relative
//! times become absolute there, and conditions that were decided here are not decided again.

use keyspace::{Event, StrValue, Value};
use resp::{Args, ReplyWriter};

use super::options::{self, Allowed, Condition, Expiry, Options};
use crate::command::flag::{BRIEF, DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SET`
pub const SET: Command = Command::new("set", -3, set)
    .group(Group::String)
    .since("1.0.0")
    .docs("Stores a string at a key, whatever the key held.", "O(1)")
    .flags(WRITE | DENYOOM | BRIEF)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RW access update variable_flags")])
    .flag_finder(set_key_flags)
    .args(
        "key:key@0 value condition?^2.6.12(nx=NX! | xx=XX! | ifeq-value=IFEQ^8.4.0 | \
         ifne-value=IFNE^8.4.0 | ifdeq-digest=IFDEQ^8.4.0 | ifdne-digest=IFDNE^8.4.0) \
         get=GET!?^6.2.0 expiration?(seconds:integer=EX^2.6.12 | milliseconds:integer=PX^2.6.12 | \
         unix-time-seconds:unix-time=EXAT^6.2.0 | unix-time-milliseconds:unix-time=PXAT^6.2.0 | \
         keepttl=KEEPTTL!^6.0.0)",
    );

/// Only with one of these words does SET look at the old value.
fn set_key_flags(args: Args<'_>) -> &'static str {
    let looks = |arg: &[u8]| {
        let words: [&[u8]; 5] = [b"get", b"ifeq", b"ifne", b"ifdeq", b"ifdne"];
        words.iter().any(|word| arg.eq_ignore_ascii_case(word))
    };
    if args.from(3).iter().any(looks) {
        "RW access update"
    } else {
        "OW update"
    }
}

/// `SETNX`
pub const SETNX: Command = Command::new("setnx", 3, setnx)
    .group(Group::String)
    .since("1.0.0")
    .docs("Stores a string at a key that does not exist.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "OW insert")])
    .args("key:key@0 value");

/// `SETEX`
pub const SETEX: Command = Command::new("setex", 4, setex)
    .group(Group::String)
    .since("2.0.0")
    .docs("Stores a string at a key for a number of seconds.", "O(1)")
    .flags(WRITE | DENYOOM)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "OW update")])
    .args("key:key@0 seconds:integer value");

/// `PSETEX`
pub const PSETEX: Command = Command::new("psetex", 4, psetex)
    .group(Group::String)
    .since("2.6.0")
    .docs(
        "Stores a string at a key for a number of milliseconds.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "OW update")])
    .args("key:key@0 milliseconds:integer value");

/// `GETSET`
pub const GETSET: Command = Command::new("getset", 3, getset)
    .group(Group::String)
    .since("1.0.0")
    .docs("Stores a string at a key and returns the old one.", "O(1)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::STRING)
    .deprecated("6.2.0", "`SET` with the `!GET` argument")
    .keys(&[KeySpec::at(1, "RW access update")])
    .args("key:key@0 value")
    .cost(Cost::AtMost(cost::reply));

/// The string at `args.at(at)` as SET stores it: an integer, a large argument's own allocation, or
/// a copy.
#[inline]
pub(crate) fn value_at(args: Args<'_>, at: usize) -> Value<'_> {
    match args.large(at) {
        Some(bytes) => Value::Str(StrValue::Shared(bytes)),
        None => Value::detect(args.at(at)),
    }
}

fn set(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() == 3 {
        let mut key = ctx.write(args.at(1));
        key.set(value_at(args, 2));
        key.commit(Event::string("set"));
        out.ok();
        return Ok(());
    }
    let allowed = Allowed {
        keep_ttl: true,
        existence: true,
        comparison: true,
        get: true,
        persist: false,
    };
    let options = options::parse(ctx, args.from(3), allowed)?;
    if options.get || options.condition.compares() {
        let old = ctx.read_str(args.at(1))?;
        let mut scratch = None;
        let bytes = old.as_ref().map(|old| old.as_bytes(&mut scratch));
        if options.get {
            match bytes {
                None => out.null(),
                Some(bytes) => out.bulk(bytes),
            }
        }
        if options.condition.compares() && !options.condition.holds(bytes) {
            if !options.get {
                out.null();
            }
            return Ok(());
        }
    }
    let done = store(ctx, args, 2, options);
    match (done, options.get) {
        (_, true) => {}
        (true, _) => out.ok(),
        (false, _) => out.null(),
    }
    Ok(())
}

/// Stores `args.at(value)` at `args.at(1)` unless NX or XX forbid it, and rewrites the command for
/// the log where times or the old value were involved. Returns whether it stored.
fn store(ctx: &mut Ctx<'_>, args: Args<'_>, value: usize, options: Options<'_>) -> bool {
    let name = args.at(1);
    let mut key = ctx.write(name);
    let refused = match options.condition {
        Condition::Absent => key.exists(),
        Condition::Present => !key.exists(),
        _ => false,
    };
    if refused {
        key.unchanged();
        return false;
    }
    match options.expiry {
        Expiry::Keep => {
            let kept = key.expire_at();
            key.set_with_expiry(value_at(args, value), kept);
        }
        Expiry::At(at_ms) => key.set_with_expiry(value_at(args, value), Some(at_ms)),
        _ => key.set(value_at(args, value)),
    }
    if options.expiry.at().is_some() {
        key.note(Event::string("set"));
        key.commit(Event::generic("expire"));
    } else {
        key.commit(Event::string("set"));
    }
    propagate(ctx, args, value, options);
    true
}

fn propagate(ctx: &mut Ctx<'_>, args: Args<'_>, value: usize, options: Options<'_>) {
    if let Some(at_ms) = options.expiry.at() {
        let at_ms = common::number::I64Text::new(at_ms);
        ctx.propagate_as(&[
            b"SET",
            args.at(1),
            args.at(value),
            b"PXAT",
            at_ms.as_bytes(),
        ]);
    } else if options.get || options.condition.compares() {
        // What was decided here must not be decided again elsewhere.
        if options.expiry == Expiry::Keep {
            ctx.propagate_as(&[b"SET", args.at(1), args.at(value), b"KEEPTTL"]);
        } else {
            ctx.propagate_as(&[b"SET", args.at(1), args.at(value)]);
        }
    }
}

fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options {
        condition: Condition::Absent,
        ..Options::default()
    };
    let done = store(ctx, args, 2, options);
    out.integer(i64::from(done));
    Ok(())
}

fn setex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    set_for(ctx, args, b"EX", out)
}

fn psetex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    set_for(ctx, args, b"PX", out)
}

fn set_for(ctx: &mut Ctx<'_>, args: Args<'_>, unit: &[u8], out: &mut ReplyWriter<'_>) -> CmdResult {
    let words = [unit, args.at(2)];
    let options = options::parse(ctx, Args::new(&words), Allowed::default())?;
    store(
        ctx,
        args,
        3,
        Options {
            expiry: options.expiry,
            ..Options::default()
        },
    );
    out.ok();
    Ok(())
}

fn getset(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match ctx.read_str(args.at(1))? {
        None => out.null(),
        Some(text) => out.bulk(text.as_bytes(&mut None)),
    }
    let mut key = ctx.write(args.at(1));
    key.set(value_at(args, 2));
    key.commit(Event::string("set"));
    ctx.propagate_as(&[b"SET", args.at(1), args.at(2)]);
    Ok(())
}
