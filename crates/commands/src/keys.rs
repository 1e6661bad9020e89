//! Which arguments of a command are keys: one answer for locking, routing, ACL and `GETKEYS`.
//!
//! The answer comes from the command's key specs, or from its own finder where the specs cannot
//! express it. Finding keys never fails: arguments that make no sense give fewer keys, and the
//! handler then reports what is wrong with them.

use resp::Args;

use crate::command::{Begin, Command, Find, KeySpec, flag};

/// Calls `found` with the index of each key argument and the flags of its spec.
pub fn for_each(command: &Command, args: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    if let Some(finder) = command.key_finder {
        finder(args, found);
        return;
    }
    for spec in command.keys {
        if let Some(first) = begin(spec, args) {
            take(spec, first, args, found);
        }
    }
}

/// Whether every key spec makes sense for these arguments, as Redis demands before it tells the
/// keys of a command. A finder is taken at its word.
pub fn are_sound(command: &Command, args: Args<'_>) -> bool {
    let is_sound = |spec: &KeySpec| match (begin(spec, args), spec.find, spec.begin) {
        // A keyword may be left out.
        (None, _, Begin::Keyword(..)) => true,
        (None, ..) | (_, Find::Unknown, _) => false,
        (
            Some(first),
            Find::KeyNum {
                keynum,
                first: offset,
                ..
            },
            _,
        ) => {
            let number = args
                .get(first + keynum as usize)
                .and_then(common::number::parse_i64);
            let start = (first + offset as usize) as i64;
            number.is_some_and(|number| number > 0 && start + number <= args.len() as i64)
        }
        (Some(first), Find::Range { last, .. }, _) => {
            first < args.len() && (last < 0 || first + (last as usize) < args.len())
        }
    };
    command.key_finder.is_some() || command.keys.iter().all(is_sound)
}

/// The only key's index where the command has exactly one key at a fixed place: what nearly all
/// hot commands are.
#[inline]
pub const fn single(command: &Command) -> Option<usize> {
    if command.key_finder.is_some()
        || command.keys.len() != 1
        || command.flags & flag::ALL_SHARDS != 0
        || !command.keys[0].is_key()
    {
        return None;
    }
    match (command.keys[0].begin, command.keys[0].find) {
        (Begin::Index(at), Find::Range { last: 0, .. }) => Some(at as usize),
        _ => None,
    }
}

fn begin(spec: &KeySpec, args: Args<'_>) -> Option<usize> {
    match spec.begin {
        Begin::Index(at) => usize::try_from(at).ok(),
        Begin::Unknown => None,
        Begin::Keyword(word, from) => {
            let is_word = |i: &usize| args.at(*i).eq_ignore_ascii_case(word.as_bytes());
            let count = args.len();
            let at = if from >= 0 {
                (from as usize..count.saturating_sub(1)).find(is_word)
            } else {
                let last = count.checked_sub(from.unsigned_abs() as usize)?;
                (1..=last).rev().find(is_word)
            };
            at.map(|at| at + 1)
        }
    }
}

fn take(spec: &KeySpec, first: usize, args: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    let count = args.len();
    let (start, last, step) = match spec.find {
        Find::Unknown => return,
        Find::Range { last, step, limit } => {
            let last = match (last, limit) {
                (-1, 2..) => {
                    first as i64 + ((count - first.min(count)) as i64 / i64::from(limit)) - 1
                }
                (last, _) if last >= 0 => first as i64 + i64::from(last),
                (last, _) => count as i64 + i64::from(last),
            };
            (first, last, step)
        }
        Find::KeyNum {
            keynum,
            first: offset,
            step,
        } => {
            let number = args
                .get(first + keynum as usize)
                .and_then(common::number::parse_i64);
            let Some(number) = number.filter(|n| (0..=count as i64).contains(n)) else {
                return;
            };
            let start = first + offset as usize;
            (start, start as i64 + (number - 1) * i64::from(step), step)
        }
    };
    let mut at = start as i64;
    while at <= last && at < count as i64 && step > 0 {
        found(at as usize, spec.flags);
        at += i64::from(step);
    }
}
