//! The options that SET, GETEX, MSETEX and INCREX share: expiry and conditions.
//!
//! The rules are Redis's: options may come in any order, each kind at most once, and conflicting
//! ones are a syntax error. Times are checked with the error text of the command that was called.

use common::number::parse_i64;
use resp::{Args, ReplyError, errors};

use crate::ctx::Ctx;

/// What is to become of the key's expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// No option was given.
    #[default]
    Unset,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT or PXAT: Unix time in milliseconds.
    At(i64),
}

impl Expiry {
    /// The time, if one was given.
    pub(crate) fn at(self) -> Option<i64> {
        if let Self::At(at_ms) = self {
            Some(at_ms)
        } else {
            None
        }
    }
}

/// A condition on the current value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// None.
    #[default]
    Always,
    /// NX.
    Absent,
    /// XX.
    Present,
    /// IFEQ.
    Equal(&'a [u8]),
    /// IFNE.
    NotEqual(&'a [u8]),
    /// IFDEQ: the digest of [`super::digest`].
    DigestEqual(u64),
    /// IFDNE.
    DigestNotEqual(u64),
}

/// Which options a command takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    /// KEEPTTL.
    pub(crate) keep_ttl: bool,
    /// PERSIST.
    pub(crate) persist: bool,
    /// NX and XX.
    pub(crate) existence: bool,
    /// IFEQ, IFNE, IFDEQ, IFDNE.
    pub(crate) comparison: bool,
    /// GET.
    pub(crate) get: bool,
}

/// The options given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// Expiry.
    pub(crate) expiry: Expiry,
    /// Condition.
    pub(crate) condition: Condition<'a>,
    /// GET.
    pub(crate) get: bool,
}

/// The units and bases of EX, PX, EXAT and PXAT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeKind {
    /// The number is in seconds.
    pub(crate) seconds: bool,
    /// The number is a Unix time.
    pub(crate) absolute: bool,
}

/// The text of a time, not looked at yet, and how to read it.
pub(crate) type TimeText<'a> = (&'a [u8], TimeKind);

/// The time option of that name.
pub(crate) fn time_kind(word: &[u8]) -> Option<TimeKind> {
    let (seconds, absolute) = match word.len() {
        2 if word.eq_ignore_ascii_case(b"EX") => (true, false),
        2 if word.eq_ignore_ascii_case(b"PX") => (false, false),
        4 if word.eq_ignore_ascii_case(b"EXAT") => (true, true),
        4 if word.eq_ignore_ascii_case(b"PXAT") => (false, true),
        _ => return None,
    };
    Some(TimeKind { seconds, absolute })
}

/// The Unix time in milliseconds that a time argument means.
///
/// # Errors
/// Not an integer; or not positive or too large, with the running command's name.
pub(crate) fn time_at(ctx: &Ctx<'_>, text: &[u8], kind: TimeKind) -> Result<i64, ReplyError> {
    let number = parse_i64(text).ok_or(errors::NOT_INTEGER)?;
    let base = if kind.absolute { 0 } else { ctx.now_ms() };
    let unit = if kind.seconds { 1000 } else { 1 };
    let at_ms = number.checked_mul(unit).and_then(|ms| ms.checked_add(base));
    at_ms
        .filter(|_| number > 0)
        .ok_or_else(|| errors::invalid_expire(ctx.command().name))
}

/// Parses the options in `args`.
///
/// # Errors
/// Syntax errors, bad times, bad digests.
pub(crate) fn parse<'a>(
    ctx: &Ctx<'_>,
    args: Args<'a>,
    allowed: Allowed,
) -> Result<Options<'a>, ReplyError> {
    // The time is checked last, after the syntax of everything.
    let (mut options, time) = parse_words(args, allowed)?;
    if let Some((text, kind)) = time {
        options.expiry = Expiry::At(time_at(ctx, text, kind)?);
    }
    Ok(options)
}

/// Parses the options in `args`, without the time: that comes as it is.
///
/// # Errors
/// Syntax errors, bad digests.
pub(crate) fn parse_words<'a>(
    args: Args<'a>,
    allowed: Allowed,
) -> Result<(Options<'a>, Option<TimeText<'a>>), ReplyError> {
    let mut options = Options::default();
    let mut time = None;
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        if allowed.get && word.eq_ignore_ascii_case(b"GET") {
            options.get = true;
        } else if let Some(condition) = existence(word).filter(|_| allowed.existence) {
            // The same word twice is accepted, as in Redis.
            if options.condition != Condition::Always && options.condition != condition {
                return Err(errors::SYNTAX);
            }
            options.condition = condition;
        } else if let Some(expiry) = keyword_expiry(word, allowed) {
            if time.is_some() || ![Expiry::Unset, expiry].contains(&options.expiry) {
                return Err(errors::SYNTAX);
            }
            options.expiry = expiry;
        } else if let (Some(kind), Some(text)) = (time_kind(word), args.get(at)) {
            if time.is_some() || options.expiry != Expiry::Unset {
                return Err(errors::SYNTAX);
            }
            time = Some((text, kind));
            at += 1;
        } else {
            let compared = if allowed.comparison {
                args.get(at)
            } else {
                None
            };
            let operand = compared.ok_or(errors::SYNTAX)?;
            if options.condition != Condition::Always {
                return Err(errors::SYNTAX);
            }
            options.condition = comparison(word, operand)?;
            at += 1;
        }
    }
    Ok((options, time))
}

fn existence(word: &[u8]) -> Option<Condition<'static>> {
    match word {
        [b'n' | b'N', b'x' | b'X'] => Some(Condition::Absent),
        [b'x' | b'X', b'x' | b'X'] => Some(Condition::Present),
        _ => None,
    }
}

fn keyword_expiry(word: &[u8], allowed: Allowed) -> Option<Expiry> {
    if allowed.keep_ttl && word.eq_ignore_ascii_case(b"KEEPTTL") {
        return Some(Expiry::Keep);
    }
    (allowed.persist && word.eq_ignore_ascii_case(b"PERSIST")).then_some(Expiry::Persist)
}

/// The comparison of that name.
///
/// # Errors
/// No such comparison, or a digest that is not 16 hexadecimal digits.
pub(crate) fn comparison<'a>(word: &[u8], operand: &'a [u8]) -> Result<Condition<'a>, ReplyError> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("IFEQ") {
        Ok(Condition::Equal(operand))
    } else if is("IFNE") {
        Ok(Condition::NotEqual(operand))
    } else if is("IFDEQ") {
        super::digest::parse(operand).map(Condition::DigestEqual)
    } else if is("IFDNE") {
        super::digest::parse(operand).map(Condition::DigestNotEqual)
    } else {
        Err(errors::SYNTAX)
    }
}

impl Condition<'_> {
    /// Whether the condition needs the value, which then must be a string.
    pub(crate) fn compares(&self) -> bool {
        !matches!(self, Self::Always | Self::Absent | Self::Present)
    }

    /// Whether the condition holds for this value; `None` is an absent key.
    pub(crate) fn holds(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Always | Self::NotEqual(_) | Self::DigestNotEqual(_), None) => true,
            (Self::Always, Some(_)) => true,
            (Self::Absent, value) => value.is_none(),
            (Self::Present, value) => value.is_some(),
            (Self::Equal(_) | Self::DigestEqual(_), None) => false,
            (Self::Equal(wanted), Some(value)) => *wanted == value,
            (Self::NotEqual(wanted), Some(value)) => *wanted != value,
            (Self::DigestEqual(wanted), Some(value)) => super::digest::of(value) == *wanted,
            (Self::DigestNotEqual(wanted), Some(value)) => super::digest::of(value) != *wanted,
        }
    }
}
