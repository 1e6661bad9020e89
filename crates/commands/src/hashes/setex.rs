//! HSETEX: setting fields together with their expiry.
//!
//! Conditions are about all fields together and are decided before the first one is stored.
//! Relative times become absolute for the log.

use common::number::I64Text;
use datatypes::Hash;
use datatypes::hash::Expiry as FieldExpiry;
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::fields::{self, EXPIRE_AT_MAX_MS, Names};
use super::{event, limits};
use crate::collection;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::strings::options::{self, Allowed, Expiry};

/// `HSETEX`
pub const HSETEX: Command = Command::new("hsetex", -6, hsetex)
    .group(Group::Hash)
    .since("8.0.0")
    .docs("Sets fields of a hash and their expiry.", "O(N)")
    .flags(WRITE | DENYOOM | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 condition?(fnx=FNX! | fxx=FXX!) expiration?(seconds:integer=EX | \
         milliseconds:integer=PX | unix-time-seconds:unix-time=EXAT | \
         unix-time-milliseconds:unix-time=PXAT | keepttl=KEEPTTL!) \
         fields=FIELDS{numfields:integer data*{field value}}",
    );

/// FNX: none of the fields may be there, or FXX: all must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Absent,
    Present,
}

/// Takes FNX and FXX out of the options; the rest is as for SET.
///
/// # Errors
/// Both.
fn condition<'a>(words: Args<'a>) -> Result<(Option<Condition>, Names<'a>), ReplyError> {
    let (mut condition, mut rest) = (None, Names::new());
    for word in words.iter() {
        let this = if word.eq_ignore_ascii_case(b"FNX") {
            Condition::Absent
        } else if word.eq_ignore_ascii_case(b"FXX") {
            Condition::Present
        } else {
            rest.push(word);
            continue;
        };
        if condition.replace(this).is_some() {
            return Err(errors::SYNTAX);
        }
    }
    Ok((condition, rest))
}

fn hsetex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (words, pairs) = fields::split(args)?;
    let pairs = fields::parse(pairs, 2, errors::hash::NUMFIELDS_NOT_POSITIVE)?;
    let (condition, words) = condition(words)?;
    let allowed = Allowed {
        keep_ttl: true,
        ..Allowed::default()
    };
    let expiry = options::parse(ctx, Args::new(&words), allowed)?.expiry;
    if expiry.at().is_some_and(|at_ms| at_ms > EXPIRE_AT_MAX_MS) {
        return Err(errors::invalid_expire(ctx.command().name));
    }
    let done = store(ctx, args.at(1), pairs, condition, expiry)?;
    out.integer(i64::from(done));
    Ok(())
}

fn store(
    ctx: &mut Ctx<'_>,
    name: &[u8],
    pairs: Args<'_>,
    condition: Option<Condition>,
    expiry: Expiry,
) -> Result<bool, ReplyError> {
    let limits = limits(ctx.server);
    let past = expiry.at().is_some_and(|at_ms| fields::is_past(ctx, at_ms));
    let pairs_of = || {
        pairs
            .as_slice()
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
    };
    let field_expiry = match expiry {
        Expiry::At(at_ms) => FieldExpiry::At(at_ms),
        Expiry::Keep => FieldExpiry::Keep,
        _ => FieldExpiry::Clear,
    };
    let mut key = ctx.write_hash(name);
    let hash = collection::view::<Hash>(&key)?;
    let has = |field: &[u8]| hash.is_some_and(|hash| hash.contains(field));
    let holds = match condition {
        None => true,
        Some(Condition::Absent) => !pairs_of().any(|(field, _)| has(field)),
        Some(Condition::Present) => pairs_of().all(|(field, _)| has(field)),
    };
    if !holds {
        return Ok(false);
    }
    let due = hash.and_then(Hash::next_due);
    collection::change(&mut key, |hash: &mut Hash| {
        hash.prepare(pairs.iter(), &limits);
        for (field, value) in pairs_of() {
            hash.put(field, value, field_expiry, &limits);
        }
    })?;
    let changes = pairs.len() as u64 / 2;
    if past {
        key.note(event("hset"));
        if let Some(hash) = collection::open::<Hash>(&mut key)? {
            pairs_of().for_each(|(field, _)| {
                hash.delete(field);
            });
        }
        collection::commit_removal::<Hash>(key, event("hdel"), changes);
        let names: Names<'_> = pairs_of().map(|(field, _)| field).collect();
        fields::log_deletion(ctx, name, &names);
        return Ok(true);
    }
    if expiry.at().is_some() {
        key.note(event("hset"));
        key.file_fields(due);
        key.commit_n(event("hexpire"), changes);
    } else {
        key.commit_n(event("hset"), changes);
    }
    log(ctx, name, pairs, expiry);
    Ok(true)
}

/// The condition is not tested again elsewhere, and times are absolute there.
fn log(ctx: &mut Ctx<'_>, name: &[u8], pairs: Args<'_>, expiry: Expiry) {
    let count = I64Text::new(pairs.len() as i64 / 2);
    let at_ms = I64Text::new(expiry.at().unwrap_or(0));
    let mut words: Names<'_> = Names::from_slice(&[b"HSETEX", name]);
    match expiry {
        Expiry::At(_) => words.extend([&b"PXAT"[..], at_ms.as_bytes()]),
        Expiry::Keep => words.push(b"KEEPTTL"),
        _ => {}
    }
    words.extend([&b"FIELDS"[..], count.as_bytes()]);
    words.extend(pairs.iter());
    ctx.propagate_as(&words);
}
