//! Reading with a change: HGETEX, HGETDEL.
//!
//! Values are read before expiries change, under the same lock. What changes goes to the log with
//! absolute times, or as HDEL where the time has passed.

use datatypes::Hash;
use resp::{Args, ReplyWriter, errors};

use super::event;
use super::fields::{self, EXPIRE_AT_MAX_MS, Names};
use crate::collection::{self, reply_item};
use crate::command::flag::{FAST, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::strings::options::{self, Allowed, Expiry};

/// `HGETEX`
pub const HGETEX: Command = Command::new("hgetex", -5, hgetex)
    .group(Group::Hash)
    .since("8.0.0")
    .docs(
        "Returns the values of fields and changes their expiry.",
        "O(N)",
    )
    .flags(WRITE | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW access update")])
    .args(
        "key:key@0 expiration?(seconds:integer=EX | milliseconds:integer=PX | \
         unix-time-seconds:unix-time=EXAT | unix-time-milliseconds:unix-time=PXAT | \
         persist=PERSIST!) fields=FIELDS{numfields:integer field*}",
    );

/// `HGETDEL`
pub const HGETDEL: Command = Command::new("hgetdel", -5, hgetdel)
    .group(Group::Hash)
    .since("8.0.0")
    .docs("Returns the values of fields and deletes them.", "O(N)")
    .flags(WRITE | FAST)
    .categories(category::HASH)
    .keys(&[KeySpec::at(1, "RW access delete")])
    .args("key:key@0 fields=FIELDS{numfields:integer field*}");

/// Replies the values of the fields; returns the names of those that are there.
///
/// # Errors
/// WRONGTYPE.
fn reply_values<'a>(
    ctx: &Ctx<'_>,
    key: &[u8],
    names: Args<'a>,
    out: &mut ReplyWriter<'_>,
) -> Result<Names<'a>, resp::ReplyError> {
    let hash = ctx.read_hash(key)?;
    out.array(names.len());
    let mut found = Names::new();
    for name in names.iter() {
        match hash.and_then(|hash| hash.field(name)) {
            None => out.null(),
            Some(field) => {
                reply_item(field.value, out);
                found.push(name);
            }
        }
    }
    Ok(found)
}

fn hgetex(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let (words, names) = fields::split(args)?;
    let names = fields::parse(names, 1, errors::hash::NUMFIELDS_NOT_POSITIVE)?;
    let allowed = Allowed {
        persist: true,
        ..Allowed::default()
    };
    let expiry = options::parse(ctx, words, allowed)?.expiry;
    if expiry.at().is_some_and(|at_ms| at_ms > EXPIRE_AT_MAX_MS) {
        return Err(errors::invalid_expire(ctx.command().name));
    }
    let found = reply_values(ctx, args.at(1), names, out)?;
    match expiry {
        _ if found.is_empty() => {}
        Expiry::At(at_ms) if fields::is_past(ctx, at_ms) => delete(ctx, args.at(1), &found),
        Expiry::At(at_ms) => set_expiry(ctx, args.at(1), Some(at_ms), &found),
        Expiry::Persist => set_expiry(ctx, args.at(1), None, &found),
        _ => {}
    }
    Ok(())
}

fn hgetdel(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let names = fields::parse(args.from(2), 1, errors::hash::NUMFIELDS_NOT_POSITIVE)?;
    let found = reply_values(ctx, args.at(1), names, out)?;
    if !found.is_empty() {
        delete(ctx, args.at(1), &found);
    }
    Ok(())
}

/// Deletes fields that are there.
fn delete(ctx: &mut Ctx<'_>, name: &[u8], fields: &[&[u8]]) {
    let mut key = ctx.write_hash(name);
    let Ok(Some(hash)) = collection::open::<Hash>(&mut key) else {
        return;
    };
    // A name may have been given twice.
    let deleted = fields.iter().filter(|field| hash.delete(field)).count();
    collection::commit_removal::<Hash>(key, event("hdel"), deleted as u64);
    fields::log_deletion(ctx, name, fields);
}

/// Sets or removes the expiry of fields that are there.
fn set_expiry(ctx: &mut Ctx<'_>, name: &[u8], at_ms: Option<i64>, fields: &[&[u8]]) {
    let mut key = ctx.write_hash(name);
    let Ok(Some(hash)) = collection::open::<Hash>(&mut key) else {
        return;
    };
    let due = hash.next_due();
    let mut changed = Names::new();
    for field in fields {
        if hash.field(field).map(|field| field.expire_at) != Some(at_ms) {
            hash.set_expiry(field, at_ms);
            changed.push(field);
        }
    }
    if changed.is_empty() {
        key.commit_nothing();
        return;
    }
    key.file_fields(due);
    let changes = changed.len() as u64;
    if let Some(at_ms) = at_ms {
        key.commit_n(event("hexpire"), changes);
        fields::log_expiry(ctx, name, at_ms, &changed);
    } else {
        key.commit_n(event("hpersist"), changes);
        fields::log_persist(ctx, name, &changed);
    }
}
