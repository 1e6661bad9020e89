//! What the commands on fields' expiries share: the list of fields, times, what goes to the log.
//!
//! The count of fields is checked against the arguments before the key is looked at, so that
//! nothing is half done when the numbers do not match.

use common::number::I64Text;
use datatypes::hash::EXPIRY_MAX;
use resp::{Args, ReplyError, errors};
use smallvec::SmallVec;

use crate::collection::parse_positive;
use crate::ctx::Ctx;

/// No field expires later, as in Redis.
pub(super) const EXPIRE_AT_MAX_MS: i64 = EXPIRY_MAX >> 2;

/// Names of fields, out of the arguments.
pub(super) type Names<'a> = SmallVec<[&'a [u8]; 8]>;

/// What follows the word FIELDS and the number behind it, which must be right: names, or with
/// `per_field` 2 names and values. `words` begins with FIELDS; `not_positive` is the error for
/// numbers that make no sense.
///
/// # Errors
/// Anything else.
pub(super) fn parse<'a>(
    words: Args<'a>,
    per_field: usize,
    not_positive: ReplyError,
) -> Result<Args<'a>, ReplyError> {
    let is_fields = |word: &[u8]| word.eq_ignore_ascii_case(b"FIELDS");
    let Some(count) = words.get(1).filter(|_| is_fields(words.at(0))) else {
        return Err(errors::hash::FIELDS_MISSING);
    };
    let count = parse_positive(count, not_positive)?;
    let rest = words.from(2);
    if count.checked_mul(per_field) != Some(rest.len()) {
        return Err(errors::hash::NUMFIELDS_MISMATCH);
    }
    Ok(rest)
}

/// Splits the arguments from the third on at the word FIELDS: options, and what [`parse`] takes.
///
/// # Errors
/// No such word.
pub(super) fn split(args: Args<'_>) -> Result<(Args<'_>, Args<'_>), ReplyError> {
    let words = args.as_slice();
    let at = words[2..]
        .iter()
        .position(|word| word.eq_ignore_ascii_case(b"FIELDS"));
    let at = at.ok_or(errors::hash::FIELDS_MISSING)? + 2;
    Ok((Args::new(&words[2..at]), args.from(at)))
}

/// Whether a time has passed, so that fields are deleted rather than given it. Never on behalf of
/// the log or the primary: for those their deletion comes as a command.
pub(super) fn is_past(ctx: &Ctx<'_>, at_ms: i64) -> bool {
    at_ms <= ctx.now_ms() && ctx.session.origin.expires_keys()
}

/// Logs that these fields expire at that time.
pub(super) fn log_expiry(ctx: &mut Ctx<'_>, key: &[u8], at_ms: i64, names: &[&[u8]]) {
    let at_ms = I64Text::new(at_ms);
    log(ctx, &[b"HPEXPIREAT", key, at_ms.as_bytes()], names);
}

/// Logs that these fields do not expire any more.
pub(super) fn log_persist(ctx: &mut Ctx<'_>, key: &[u8], names: &[&[u8]]) {
    log(ctx, &[b"HPERSIST", key], names);
}

/// Logs that these fields are gone.
pub(super) fn log_deletion(ctx: &mut Ctx<'_>, key: &[u8], names: &[&[u8]]) {
    if !names.is_empty() {
        let words: Names<'_> = [b"HDEL", key].iter().chain(names).copied().collect();
        ctx.propagate_as(&words);
    }
}

fn log(ctx: &mut Ctx<'_>, head: &[&[u8]], names: &[&[u8]]) {
    if !names.is_empty() {
        let count = I64Text::new(names.len() as i64);
        let fields: [&[u8]; 2] = [b"FIELDS", count.as_bytes()];
        let words: Names<'_> = head.iter().chain(&fields).chain(names).copied().collect();
        ctx.propagate_as(&words);
    }
}
