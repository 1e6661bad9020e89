//! When two replies are the same, in the way that a command wants it.

use super::grammar::{Command, Compare};
use crate::support::Value;

/// Numbers above this are times in milliseconds; seconds from now are fewer.
const TIMES_MS: i64 = 500_000;
/// They may differ by this much.
const NEAR_MS: i64 = 5000;
/// Smaller ones are seconds.
const NEAR: i64 = 5;

/// What Redis 7.0 says, and what later versions say better.
const BETTER: [(&str, &str); 1] = [("ERR timeout is negative", "ERR timeout is out of range")];

/// Whether our reply is what Redis answers.
pub(super) fn is_same(theirs: &Value, ours: &Value, compare: Compare) -> bool {
    if theirs == ours {
        return true;
    }
    if let (Value::Error(theirs), Value::Error(ours)) = (theirs, ours) {
        return BETTER.contains(&(theirs, ours));
    }
    if is_error(theirs) || is_error(ours) {
        return false;
    }
    match compare {
        Compare::Exact => false,
        Compare::Unordered => sorted(theirs, 1) == sorted(ours, 1),
        Compare::Pairs => sorted(theirs, 2) == sorted(ours, 2),
        Compare::Scan => match (theirs, ours) {
            (Value::Array(theirs), Value::Array(ours)) => {
                theirs[0] == ours[0] && sorted(&theirs[1], 1) == sorted(&ours[1], 1)
            }
            _ => false,
        },
        Compare::Near => is_near(theirs, ours),
        Compare::Shape => std::mem::discriminant(theirs) == std::mem::discriminant(ours),
        Compare::Refused => true,
        Compare::Encoding => {
            // In Redis, SORT leaves a sorted set that it has read as a skiplist.
            let older = ["quicklist", "hashtable", "skiplist"];
            older.contains(&theirs.text().as_str()) && ours.text() == "listpack"
        }
    }
}

/// Whether nothing but the sign of zeros makes them different.
pub(super) fn differ_by_signed_zero(theirs: &Value, ours: &Value) -> bool {
    let all = |theirs: &[Value], ours: &[Value]| {
        let mut pairs = theirs.iter().zip(ours);
        theirs.len() == ours.len() && pairs.all(|(a, b)| differ_by_signed_zero(a, b))
    };
    let unsigned = |text: &str| if text == "-0" { "0" } else { text }.to_owned();
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => all(theirs, ours),
        (Value::Aggregate(a, theirs), Value::Aggregate(b, ours)) => a == b && all(theirs, ours),
        (Value::Bulk(_), Value::Bulk(_)) | (Value::Line(..), Value::Line(..)) => {
            unsigned(&theirs.text()) == unsigned(&ours.text())
        }
        _ => theirs == ours,
    }
}

/// The first of EXEC's replies that is not the same; none also if there are not as many.
pub(super) fn first_other(theirs: &Value, ours: &Value, queued: &[Command]) -> Option<usize> {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => {
            let mut all = theirs.iter().zip(ours).zip(queued);
            all.position(|((theirs, ours), command)| !is_same(theirs, ours, command.compare))
        }
        _ => None,
    }
}

/// A reply on one line.
pub(super) fn show(value: &Value) -> String {
    let list = |elements: &[Value]| {
        let shown: Vec<String> = elements.iter().map(show).collect();
        shown.join(" ")
    };
    match value {
        Value::Array(elements) => format!("[{}]", list(elements)),
        Value::Aggregate(kind, elements) => format!("{kind}[{}]", list(elements)),
        Value::Bulk(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::Blob(kind, bytes) => format!("{kind}\"{}\"", bytes.escape_ascii()),
        Value::Integer(number) => number.to_string(),
        Value::Simple(text) => format!("+{text}"),
        Value::Error(text) => format!("-{text}"),
        Value::Line(kind, text) => format!("{kind}{text}"),
        Value::Null => "null".to_owned(),
    }
}

fn is_error(value: &Value) -> bool {
    matches!(value, Value::Error(_))
}

/// The type and, in order, the elements in groups of so many.
fn sorted(value: &Value, each: usize) -> Option<(char, Vec<String>)> {
    let (kind, elements) = match value {
        Value::Array(elements) => ('*', elements),
        Value::Aggregate(kind, elements) => (*kind, elements),
        _ => return None,
    };
    let groups = elements.chunks(each).map(|group| format!("{group:?}"));
    let mut groups: Vec<String> = groups.collect();
    groups.sort();
    Some((kind, groups))
}

fn is_near(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Integer(a), Value::Integer(b)) => {
            let margin = if *a > TIMES_MS { NEAR_MS } else { NEAR };
            (*a < 0) == (*b < 0) && a.abs_diff(*b) <= margin.unsigned_abs()
        }
        (Value::Array(a), Value::Array(b)) => all_near(a, b),
        (Value::Aggregate(k, a), Value::Aggregate(l, b)) => k == l && all_near(a, b),
        _ => theirs == ours,
    }
}

fn all_near(theirs: &[Value], ours: &[Value]) -> bool {
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(a, b)| is_near(a, b))
}
