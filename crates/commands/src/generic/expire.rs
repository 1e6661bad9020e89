//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
//!
//! All four compute a Unix time in milliseconds, which is also what goes to the log. A time that
//! has passed deletes the key at once.

use common::number::{I64Text, parse_i64};
use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};
use std::sync::atomic::Ordering::Relaxed;

use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};

/// `EXPIRE`
pub const EXPIRE: Command = Command::new("expire", -3, expire)
    .group(Group::Generic)
    .since("1.0.0")
    .docs("Lets a key expire in a number of seconds.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 seconds:integer condition?^7.0.0(nx=NX! | xx=XX! | gt=GT! | lt=LT!)");

/// `PEXPIRE`
pub const PEXPIRE: Command = Command::new("pexpire", -3, pexpire)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Lets a key expire in a number of milliseconds.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW update")])
    .args("key:key@0 milliseconds:integer condition?^7.0.0(nx=NX! | xx=XX! | gt=GT! | lt=LT!)");

/// `EXPIREAT`
pub const EXPIREAT: Command = Command::new("expireat", -3, expireat)
    .group(Group::Generic)
    .since("1.2.0")
    .docs("Lets a key expire at a Unix time in seconds.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 unix-time-seconds:unix-time \
         condition?^7.0.0(nx=NX! | xx=XX! | gt=GT! | lt=LT!)",
    );

/// `PEXPIREAT`
pub const PEXPIREAT: Command = Command::new("pexpireat", -3, pexpireat)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Lets a key expire at a Unix time in milliseconds.", "O(1)")
    .flags(WRITE | FAST)
    .categories(category::KEYSPACE)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 unix-time-milliseconds:unix-time \
         condition?^7.0.0(nx=NX! | xx=XX! | gt=GT! | lt=LT!)",
    );

fn expire(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let base_ms = ctx.now_ms();
    change(ctx, args, (1000, base_ms), out)
}

fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let base_ms = ctx.now_ms();
    change(ctx, args, (1, base_ms), out)
}

fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    change(ctx, args, (1000, 0), out)
}

fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    change(ctx, args, (1, 0), out)
}

/// NX, XX, GT, LT.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    /// Reads the words.
    ///
    /// # Errors
    /// Unknown ones, and such as exclude each other.
    pub(crate) fn parse(words: Args<'_>) -> Result<Self, ReplyError> {
        let mut this = Self::default();
        for word in words.iter() {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => this.nx = true,
                b"xx" => this.xx = true,
                b"gt" => this.gt = true,
                b"lt" => this.lt = true,
                _ => return Err(errors::keys::expire_unsupported_option(word)),
            }
        }
        if this.nx && (this.xx || this.gt || this.lt) {
            return Err(errors::keys::EXPIRE_NX_AND_OTHERS);
        }
        if this.gt && this.lt {
            return Err(errors::keys::EXPIRE_GT_AND_LT);
        }
        Ok(this)
    }

    /// Whether `at_ms` may take the place of the current expiry; none is infinitely far.
    pub(crate) fn hold(self, current: Option<i64>, at_ms: i64) -> bool {
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && current.is_none_or(|current| at_ms <= current)
            || self.lt && current.is_some_and(|current| at_ms >= current))
    }
}

fn change(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    (unit, base_ms): (i64, i64),
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let conditions = Conditions::parse(args.from(3))?;
    let number = parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let at_ms = number
        .checked_mul(unit)
        .and_then(|ms| ms.checked_add(base_ms));
    let at_ms = at_ms.ok_or_else(|| errors::invalid_expire(ctx.command().name))?;
    let past = at_ms <= ctx.now_ms() && ctx.session.origin.expires_keys();
    let mut key = ctx.write(args.at(1));
    if !key.exists() || !conditions.hold(key.expire_at(), at_ms) {
        key.unchanged();
        out.integer(0);
        return Ok(());
    }
    if past {
        key.remove();
        key.commit(Event::generic("del"));
        let lazy = ctx.server.settings.lazyfree_lazy_expire.load(Relaxed);
        ctx.propagate_as(&[if lazy { b"UNLINK" } else { b"DEL" }, args.at(1)]);
    } else {
        key.set_expiry(Some(at_ms));
        key.commit(Event::generic("expire"));
        ctx.propagate_as(&[b"PEXPIREAT", args.at(1), I64Text::new(at_ms).as_bytes()]);
    }
    out.integer(1);
    Ok(())
}
