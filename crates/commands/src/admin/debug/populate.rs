//! DEBUG POPULATE: many keys at once.

use keyspace::Value;
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::ctx::{CmdResult, Ctx};

fn count(text: &[u8]) -> Result<usize, ReplyError> {
    match common::number::parse_i64(text) {
        None => Err(errors::NOT_INTEGER),
        Some(n) => usize::try_from(n).map_err(|_| errors::MUST_BE_POSITIVE),
    }
}

/// Existing keys stay as they are.
pub(super) fn populate(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let keys = count(args.at(2))?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = args.get(4).map(count).transpose()?.unwrap_or(0);
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for number in 0..keys {
        name(&mut key, prefix, number);
        name(&mut value, b"value", number);
        if size != 0 {
            value.resize(size, 0);
        }
        let mut slot = ctx.write(&key);
        if slot.exists() {
            slot.unchanged();
        } else {
            slot.set(Value::plain(&value));
            slot.commit_silent();
        }
    }
    ctx.no_propagation();
    out.ok();
    Ok(())
}

fn name(out: &mut Vec<u8>, prefix: &[u8], number: usize) {
    out.clear();
    out.extend_from_slice(prefix);
    out.push(b':');
    common::number::write_i64(out, number as i64);
}
