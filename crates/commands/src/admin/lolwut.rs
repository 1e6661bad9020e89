//! LOLWUT: a drawing for no reason, different each time, and the version.
//!
//! `LOLWUT [VERSION n] [columns] [rows]`. The drawing is a weave of diagonal wires: every cell is
//! one of two diagonals by the toss of a coin, and the eye finds the paths (Truchet, 1704).

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

/// Largest drawing.
const COLUMNS_MAX: i64 = 160;
const ROWS_MAX: i64 = 50;

/// `LOLWUT`
pub const LOLWUT: Command = Command::new("lolwut", -1, lolwut)
    .group(Group::Server)
    .since("5.0.0")
    .docs("Draws something, and says the version.", "")
    .flags(READONLY | FAST)
    .args("version:integer=VERSION?");

fn lolwut(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let versioned = args.len() >= 3 && args.at(1).eq_ignore_ascii_case(b"version");
    if versioned {
        // Every version draws the same thing; the number must be one.
        common::number::parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    }
    let rest = args.from(if versioned { 3 } else { 1 });
    let columns = size(rest.get(0), 66, COLUMNS_MAX, versioned)?;
    let rows = size(rest.get(1), 10, ROWS_MAX, versioned)?;
    out.verbatim(b"txt", draw(columns, rows).as_bytes());
    Ok(())
}

/// Without a version what is no number is overlooked, as Redis 7 does.
fn size(text: Option<&[u8]>, default: i64, max: i64, strict: bool) -> Result<usize, ReplyError> {
    let given = text.map(|text| common::number::parse_i64(text).ok_or(errors::NOT_INTEGER));
    match given {
        Some(Err(error)) if strict => Err(error),
        Some(Ok(size)) => Ok(size.clamp(1, max) as usize),
        _ => Ok(default as usize),
    }
}

fn draw(columns: usize, rows: usize) -> String {
    let mut text = String::new();
    for _ in 0..rows {
        text.extend((0..columns).map(|_| {
            if common::random::below(2) == 0 {
                '╱'
            } else {
                '╲'
            }
        }));
        text.push('\n');
    }
    text.push_str("\nEvery wire has two ends. Corewire, one path at a time.\n");
    text.push_str("Redis ver. 7.0.15\n");
    text
}

#[cfg(test)]
mod tests {
    use crate::testing::Tester;

    #[test]
    fn the_drawing_has_the_size_asked_for_and_ends_in_the_version() {
        let reply = Tester::new().run(&[b"LOLWUT", b"VERSION", b"5", b"7", b"3"]);
        let text = String::from_utf8(reply).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1..4].iter().all(|line| line.chars().count() == 7));
        assert_eq!(lines[lines.len() - 2..], ["Redis ver. 7.0.15", ""]);
    }

    #[test]
    fn sizes_must_be_numbers() {
        for line in [
            "LOLWUT VERSION x",
            "LOLWUT VERSION 5 x",
            "LOLWUT VERSION 5 5 x",
        ] {
            let reply = Tester::new().line(line);
            assert_eq!(
                reply, "-ERR value is not an integer or out of range",
                "{line}"
            );
        }
    }
}
