//! XTRIM, and the options that it shares with XADD.
//!
//! Approximate trimming takes whole nodes only. What is trimmed exactly, or by a limit, goes to the
//! log as the ID or length that it came to.

use datatypes::Stream;
use datatypes::stream::{Keep, References, Trim};
use resp::{Args, ReplyError, ReplyWriter, errors};
use std::sync::atomic::Ordering::Relaxed;

use super::parse;
use crate::collection::{open_checked, view};
use crate::command::flag::WRITE;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `XTRIM`
pub const XTRIM: Command = Command::new("xtrim", -4, xtrim)
    .group(Group::Stream)
    .since("5.0.0")
    .docs("Deletes entries from the beginning of a stream.", "O(N)")
    .flags(WRITE)
    .categories(category::STREAM)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RW delete")])
    .args(
        "key:key@0 trim{strategy(maxlen=MAXLEN! | minid=MINID!^6.2.0) \
         operator?(equal=\"=\"! | approximately=\"~\"!) threshold \
         count:integer=LIMIT?^6.2.0} \
         condition?^8.2.0(keepref=KEEPREF! | delref=DELREF! | acked=ACKED!)",
    )
    .cost(Cost::Before(cost::trim));

/// The options of XADD and XTRIM.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// What must remain, and in which argument that is.
    pub(super) keep: Option<(Keep, usize)>,
    approximate: bool,
    limit: Option<u64>,
    references: References,
    /// NOMKSTREAM.
    pub(super) only_present: bool,
    /// Where the options end: of XADD, the id.
    pub(super) end: usize,
}

/// Most entries that `~` without LIMIT deletes, in nodes, and its bounds.
const NODES_MAX: u64 = 100;
const LIMIT_FALLBACK: u64 = 10_000;
const LIMIT_MAX: u64 = 1_000_000;

impl Options {
    /// Reads the options from argument 2 on; XADD's end at the first word that is none.
    pub(super) fn parse(args: Args<'_>, is_add: bool) -> Result<Self, ReplyError> {
        let mut options = Self {
            end: 2,
            ..Self::default()
        };
        while let Some(word) = args.get(options.end) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let has_value = options.end + 1 < args.len();
            if has_value && is(b"MAXLEN") {
                options.parse_keep(args, |text| match parse::integer(text)? {
                    len if len < 0 => Err(errors::stream::MAXLEN_NEGATIVE),
                    len => Ok(Keep::Last(len as u64)),
                })?;
            } else if has_value && is(b"MINID") {
                options.parse_keep(args, |text| Ok(Keep::From(parse::id(text)?)))?;
            } else if has_value && is(b"LIMIT") {
                let limit = parse::integer(args.at(options.end + 1))?;
                options.limit =
                    Some(u64::try_from(limit).map_err(|_| errors::stream::LIMIT_NEGATIVE)?);
                options.end += 2;
            } else if is_add && is(b"NOMKSTREAM") {
                options.only_present = true;
                options.end += 1;
            } else if let Some(references) = parse::references(word) {
                options.references = references;
                options.end += 1;
            } else if is_add {
                break;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }

    fn parse_keep(
        &mut self,
        args: Args<'_>,
        read: impl FnOnce(&[u8]) -> Result<Keep, ReplyError>,
    ) -> Result<(), ReplyError> {
        if self.keep.is_some() {
            return Err(errors::stream::MAXLEN_AND_MINID);
        }
        let mut at = self.end + 1;
        let has_operator = at + 1 < args.len() && matches!(args.at(at), b"~" | b"=");
        self.approximate = has_operator && args.at(at) == b"~";
        at += usize::from(has_operator);
        self.keep = Some((read(args.at(at))?, at));
        self.end = at + 1;
        Ok(())
    }

    /// Checks what goes together, and makes the order to trim, if there is one.
    pub(super) fn trim(&self, ctx: &Ctx<'_>, is_add: bool) -> Result<Option<Trim>, ReplyError> {
        let Some((keep, _)) = self.keep else {
            if self.limit.is_some_and(|limit| limit > 0) {
                return Err(errors::stream::LIMIT_WITHOUT_STRATEGY);
            }
            if !is_add {
                return Err(errors::stream::XTRIM_WITHOUT_STRATEGY);
            }
            return Ok(None);
        };
        // What the log brings was written so that it is exact.
        let is_checked = ctx.session.origin.is_checked();
        if is_checked && self.limit.is_some() && !self.approximate {
            return Err(errors::stream::LIMIT_WITHOUT_TILDE);
        }
        let limit = match self.limit {
            _ if !is_checked => 0,
            Some(limit) => limit,
            None if !self.approximate => 0,
            None => {
                let entries = ctx.server.settings.stream_node_max_entries.load(Relaxed);
                match entries.saturating_mul(NODES_MAX) {
                    0 => LIMIT_FALLBACK,
                    limit => limit.min(LIMIT_MAX),
                }
            }
        };
        Ok(Some(Trim {
            keep,
            approximate: self.approximate,
            limit,
            references: self.references,
        }))
    }

    /// What `~` came to, to be propagated: the operator and the value in the place of those sent.
    pub(super) fn exact(&self, stream: &Stream) -> Option<(usize, Vec<u8>)> {
        let (keep, at) = self.keep.filter(|_| self.approximate)?;
        let value = match keep {
            Keep::Last(_) => stream.len().to_string().into_bytes(),
            Keep::From(_) => stream.counters().first_id.text().as_bytes().to_vec(),
        };
        Some((at, value))
    }
}

/// Puts an exact value into arguments that asked for an approximate one.
pub(super) fn rewrite<'a>(words: &mut [&'a [u8]], exact: Option<&'a (usize, Vec<u8>)>) {
    if let Some((at, value)) = exact {
        words[at - 1] = b"=";
        words[*at] = value;
    }
}

fn xtrim(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let options = Options::parse(args, false)?;
    let trim = options.trim(ctx, false)?;
    let mut key = ctx.write(args.at(1));
    view::<Stream>(&key)?;
    let (mut deleted, mut exact) = (0, None);
    if let (Some(stream), Some(trim)) = (open_checked::<Stream>(&mut key), trim) {
        deleted = stream.trim(&trim);
        exact = options.exact(stream);
    }
    if deleted == 0 {
        key.commit_nothing();
    } else {
        key.commit_n(super::event("xtrim"), deleted);
        if exact.is_some() {
            let mut words = args.as_slice().to_vec();
            rewrite(&mut words, exact.as_ref());
            ctx.propagate_as(&words);
        }
    }
    out.integer(deleted as i64);
    Ok(())
}
