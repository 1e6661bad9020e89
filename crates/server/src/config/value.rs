//! The value of a directive: parsing what was given, printing what `CONFIG GET` shows, and the
//! lines that `CONFIG REWRITE` writes.
//!
//! Reasons for refusal are Redis's words; `store` and `file` put them into their place.

use super::directive::{Directive, Kind, Unit};
use super::{numbers, special};
use common::words;
use std::borrow::Cow;

/// The buffer in which Redis builds the list of a choice's names, less its NUL.
const CHOICE_ERROR_LEN_MAX: usize = 255;

/// A typed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `yes` or `no`.
    Bool(bool),
    /// A number; a percentage is negative.
    Int(i128),
    /// One of the names, or several or-ed.
    Choice(i64),
    /// A text; `None` where unset.
    Text(Option<Vec<u8>>),
    /// Whatever has a syntax of its own.
    Special(special::SpecialValue),
}

/// Why a value was refused, in Redis's words.
pub(super) type Reason = Cow<'static, str>;

/// The default of `directive`.
pub(super) fn default_of(directive: &Directive) -> Value {
    match directive.kind {
        Kind::Bool(default) => Value::Bool(default),
        Kind::Int { default, .. } => Value::Int(default),
        Kind::PerCore { max } => {
            let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as i128);
            Value::Int(cores.min(max))
        }
        Kind::Choice { default, .. } => Value::Choice(default),
        Kind::Text { default, .. } => Value::Text(default.map(|d| d.as_bytes().to_vec())),
        Kind::Special(kind) => Value::Special(special::default_of(kind)),
    }
}

/// The value that `args` give to `directive`; `old` is what it had (some directives merge), and
/// `append` is set where a repeated `save` line adds to those before it.
pub(super) fn parse(
    directive: &Directive,
    args: &[&[u8]],
    old: &Value,
    append: bool,
) -> Result<Value, Reason> {
    let first = args.first().copied().unwrap_or_default();
    match directive.kind {
        Kind::Bool(_) => parse_bool(first),
        Kind::Int { min, max, unit, .. } => {
            let value = parse_int(first, unit, max)?;
            check_bounds(value, min, max, unit)?;
            Ok(Value::Int(normalised(directive.name, value)))
        }
        Kind::PerCore { max } => {
            let value = parse_int(first, Unit::Plain, max)?;
            check_bounds(value, 1, max, Unit::Plain)?;
            Ok(Value::Int(value))
        }
        Kind::Choice {
            names, many, check, ..
        } => {
            let value = parse_choice(args, names, many)?;
            check.map_or(Ok(()), |check| check(value))?;
            Ok(Value::Choice(value))
        }
        Kind::Text { default, check } => {
            check.map_or(Ok(()), |check| check(first))?;
            let unset = first.is_empty() && default.is_none();
            Ok(Value::Text((!unset).then(|| first.to_vec())))
        }
        Kind::Special(kind) => special::parse(kind, args, old, append).map(Value::Special),
    }
}

/// Values that Redis takes and then brings within bounds, rather than refuse them.
fn normalised(name: &str, value: i128) -> i128 {
    match name {
        "hz" => value.clamp(1, 500),
        "repl-backlog-size" => value.max(16 << 10),
        _ => value,
    }
}

fn parse_bool(text: &[u8]) -> Result<Value, Reason> {
    match text.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(Value::Bool(true)),
        b"no" => Ok(Value::Bool(false)),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn parse_int(text: &[u8], unit: Unit, max: i128) -> Result<i128, Reason> {
    if matches!(unit, Unit::Memory | Unit::MemoryOrPercent)
        && let Some(bytes) = numbers::memory(text)
    {
        // A signed C type takes the bits as they are; the bounds then refuse what went negative.
        let unsigned = max > i128::from(i64::MAX);
        return Ok(if unsigned {
            i128::from(bytes)
        } else {
            i128::from(bytes as i64)
        });
    }
    match unit {
        Unit::Plain => numbers::strict(text)
            .map(i128::from)
            .ok_or("argument couldn't be parsed into an integer".into()),
        Unit::Memory => Err("argument must be a memory value".into()),
        Unit::MemoryOrPercent => text
            .strip_suffix(b"%")
            .and_then(numbers::strict)
            .filter(|percent| *percent >= 0)
            .map(|percent| -i128::from(percent))
            .ok_or("argument must be a memory or percent value".into()),
        Unit::Octal => match numbers::lenient(text, 8) {
            Some((value, false)) => Ok(i128::from(value)),
            _ => Err("argument couldn't be parsed as an octal number".into()),
        },
    }
}

fn check_bounds(value: i128, min: i128, max: i128, unit: Unit) -> Result<(), Reason> {
    if unit == Unit::MemoryOrPercent && value < 0 {
        return match value < min {
            true => Err(format!("percentage argument must be less or equal to {}", -min).into()),
            false => Ok(()),
        };
    }
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(match unit {
        Unit::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
        _ => format!("argument must be between {min} and {max} inclusive"),
    }
    .into())
}

fn parse_choice(args: &[&[u8]], names: &[(&str, i64)], many: bool) -> Result<i64, Reason> {
    let value_of = |arg: &&[u8]| {
        let found = names
            .iter()
            .find(|(name, _)| arg.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| *value)
    };
    let count_fits = !args.is_empty() && (many || args.len() == 1);
    let values: Option<Vec<i64>> = args.iter().map(value_of).collect();
    if let Some(values) = values.filter(|_| count_fits) {
        return Ok(values.into_iter().fold(0, |all, value| all | value));
    }
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let mut text = format!(
        "argument(s) must be one of the following: {}",
        names.join(", ")
    );
    text.truncate(CHOICE_ERROR_LEN_MAX);
    Err(text.into())
}

/// The text that `CONFIG GET` shows.
pub(super) fn print(directive: &Directive, value: &Value) -> Vec<u8> {
    match (value, directive.kind) {
        (Value::Text(text), _) => text.clone().unwrap_or_default(),
        (Value::Bool(on), _) => (if *on { "yes" } else { "no" }).into(),
        (
            Value::Int(n),
            Kind::Int {
                unit: Unit::MemoryOrPercent,
                ..
            },
        ) if *n < 0 => format!("{}%", -n).into_bytes(),
        (
            Value::Int(n),
            Kind::Int {
                unit: Unit::Octal, ..
            },
        ) => format!("{n:o}").into_bytes(),
        (Value::Int(n), _) => n.to_string().into_bytes(),
        (Value::Choice(bits), Kind::Choice { names, many, .. }) => {
            choice_text(*bits, names, many).into_bytes()
        }
        (Value::Choice(bits), _) => bits.to_string().into_bytes(),
        (Value::Special(value), _) => value.print(),
    }
}

fn choice_text(bits: i64, names: &[(&str, i64)], many: bool) -> String {
    if let Some((name, _)) = names.iter().find(|(_, value)| *value == bits) {
        return (*name).to_owned();
    }
    let mut left = bits;
    let mut parts = Vec::new();
    for (name, value) in names {
        if many && *value != 0 && left & value == *value {
            parts.push(*name);
            left &= !value;
        }
    }
    if left != 0 || parts.is_empty() {
        "unknown".to_owned()
    } else {
        parts.join(" ")
    }
}

/// What `CONFIG REWRITE` does with a directive.
pub(super) struct Rewrite {
    /// The lines to write, each with whether it must be there even if the file has none yet.
    /// With no lines, those in the file are removed.
    pub lines: Vec<(String, bool)>,
}

/// The lines of `directive` under its primary name.
pub(super) fn rewrite(directive: &Directive, value: &Value) -> Rewrite {
    let name = directive.name;
    let line = match (value, directive.kind) {
        (Value::Special(value), _) => {
            return Rewrite {
                lines: value.rewrite(name),
            };
        }
        (Value::Text(None), _) => return Rewrite { lines: Vec::new() },
        (Value::Text(Some(text)), _) => format!("{name} {}", words::quote(text)),
        (
            Value::Int(n),
            Kind::Int {
                unit: Unit::Memory | Unit::MemoryOrPercent,
                ..
            },
        ) if *n >= 0 => {
            format!("{name} {}", numbers::memory_text(*n))
        }
        _ => format!(
            "{name} {}",
            String::from_utf8_lossy(&print(directive, value))
        ),
    };
    Rewrite {
        lines: vec![(line, *value != default_of(directive))],
    }
}
