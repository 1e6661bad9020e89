//! GEOADD: ZADD with positions for scores, and propagated as that.
//!
//! Coordinates are checked before the first member changes. A position is kept as a score in a
//! sorted set, and that is also what goes to the log: a ZADD with the scores.

use resp::{Args, ReplyWriter, errors};
use smallvec::SmallVec;

use crate::command::flag::{DENYOOM, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::zsets::add::{self, Options};

/// `GEOADD`
pub const GEOADD: Command = Command::new("geoadd", -5, geoadd)
    .group(Group::Geo)
    .since("3.2.0")
    .docs("Adds members with positions.", "O(log(N))")
    .flags(WRITE | DENYOOM)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "RW update")])
    .args(
        "key:key@0 condition?^6.2.0(nx=NX! | xx=XX!) change=CH!?^6.2.0 \
         longitude_latitude_member*{longitude:double latitude:double member}",
    );

fn geoadd(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut options = Options::default();
    let mut first = 2;
    while let Some(word) = args.get(first) {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"NX") {
            options.only_new = true;
        } else if is(b"XX") {
            options.only_present = true;
        } else if is(b"CH") {
            options.count_changed = true;
        } else {
            break;
        }
        first += 1;
    }
    let words = args.from(first);
    let is_whole = words.len().is_multiple_of(3) && !words.is_empty();
    if !is_whole || options.only_new && options.only_present {
        return Err(errors::SYNTAX);
    }
    let mut scores: SmallVec<[u64; 4]> = SmallVec::with_capacity(words.len() / 3);
    for at in (0..words.len()).step_by(3) {
        let point = super::point(words.at(at), words.at(at + 1))?;
        scores.push(point.encode().unwrap_or_default());
    }
    let pairs = scores
        .iter()
        .enumerate()
        .map(|(i, score)| (*score as f64, words.at(i * 3 + 2)));
    let tally = add::add_pairs(ctx, args.at(1), options, pairs)?;
    if tally.added + tally.rescored > 0 && ctx.server.log.is_wanted() {
        let texts: Vec<String> = scores.iter().map(u64::to_string).collect();
        let mut command: Vec<&[u8]> = vec![b"ZADD"];
        command.extend(&args.as_slice()[1..first]);
        for (i, text) in texts.iter().enumerate() {
            command.extend([text.as_bytes(), words.at(i * 3 + 2)]);
        }
        ctx.propagate_as(&command);
    }
    out.integer(tally.count(options));
    Ok(())
}
