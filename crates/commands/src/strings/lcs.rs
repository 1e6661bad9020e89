//! LCS: the longest common subsequence of two strings.
//!
//! The classic dynamic programme over a table of (a+1) x (b+1) 32-bit lengths, walked back from
//! the end; ties go the way Redis's walk goes, so that the same one of several answers is given.

use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `LCS`
pub const LCS: Command = Command::new("lcs", -3, lcs)
    .group(Group::String)
    .since("7.0.0")
    .docs(
        "Finds the longest common subsequence of two strings.",
        "O(N*M)",
    )
    .flags(READONLY)
    .categories(category::STRING)
    .keys(&[KeySpec::at(1, "RO access").range(1, 1, 0)])
    .args(
        "key1:key@0 key2:key@0 len=LEN!? idx=IDX!? len:integer=MINMATCHLEN? \
         withmatchlen=WITHMATCHLEN!?",
    )
    .cost(Cost::Before(cost::product));

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

/// A run of equal bytes: where it begins in each string, and its length.
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

fn parse(args: Args<'_>) -> Result<Options, ReplyError> {
    let mut options = Options::default();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("IDX") {
            options.idx = true;
        } else if is("LEN") {
            options.len = true;
        } else if is("WITHMATCHLEN") {
            options.with_match_len = true;
        } else if let (true, Some(text)) = (is("MINMATCHLEN"), args.get(at)) {
            let min = common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)?;
            options.min_match_len = min.max(0);
            at += 1;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    if options.idx && options.len {
        Err(errors::string::LCS_LEN_AND_IDX)
    } else {
        Ok(options)
    }
}

fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let text = |key| {
        ctx.read_str(key)
            .map_err(|_| errors::string::LCS_NOT_STRINGS)
    };
    let (a, b) = (text(args.at(1))?, text(args.at(2))?);
    let (mut scratch_a, mut scratch_b) = (None, None);
    let a = a.as_ref().map_or(&b""[..], |a| a.as_bytes(&mut scratch_a));
    let b = b.as_ref().map_or(&b""[..], |b| b.as_bytes(&mut scratch_b));
    let options = parse(args.from(3))?;
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > ctx.server.settings.proto_max_bulk_len.load(Relaxed) {
        return Err(errors::string::LCS_TRANSIENT_MEMORY);
    }
    let table = table(a, b);
    let len = table[table.len() - 1];
    if options.len {
        out.integer(i64::from(len));
    } else if options.idx {
        reply_matches(&matches(a, b, &table), len, &options, out);
    } else {
        let mut runs = matches(a, b, &table);
        runs.reverse();
        let text: Vec<u8> = runs
            .iter()
            .flat_map(|m| &a[m.a..m.a + m.len])
            .copied()
            .collect();
        out.bulk(&text);
    }
    Ok(())
}

/// Lengths of the longest common subsequences of all pairs of prefixes.
fn table(a: &[u8], b: &[u8]) -> Vec<u32> {
    let width = b.len() + 1;
    let mut table = vec![0_u32; (a.len() + 1) * width];
    for (i, byte_a) in a.iter().enumerate() {
        let (above, row) = table[i * width..(i + 2) * width].split_at_mut(width);
        for (j, byte_b) in b.iter().enumerate() {
            row[j + 1] = if byte_a == byte_b {
                above[j] + 1
            } else {
                above[j + 1].max(row[j])
            };
        }
    }
    table
}

/// The runs of one longest common subsequence, last first.
fn matches(a: &[u8], b: &[u8], table: &[u32]) -> Vec<Match> {
    let width = b.len() + 1;
    let (mut i, mut j) = (a.len(), b.len());
    let mut runs: Vec<Match> = Vec::new();
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            match runs
                .last_mut()
                .filter(|run| run.a == i + 1 && run.b == j + 1)
            {
                Some(run) => (run.a, run.b, run.len) = (i, j, run.len + 1),
                None => runs.push(Match { a: i, b: j, len: 1 }),
            }
        } else if table[(i - 1) * width + j] > table[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    runs
}

fn reply_matches(runs: &[Match], len: u32, options: &Options, out: &mut ReplyWriter<'_>) {
    let shown = || {
        runs.iter()
            .filter(|run| run.len as i64 >= options.min_match_len)
    };
    out.map(2);
    out.bulk_str("matches");
    out.array(shown().count());
    for run in shown() {
        out.array(2 + usize::from(options.with_match_len));
        for start in [run.a, run.b] {
            out.array(2);
            out.integer(start as i64);
            out.integer((start + run.len - 1) as i64);
        }
        if options.with_match_len {
            out.integer(run.len as i64);
        }
    }
    out.bulk_str("len");
    out.integer(i64::from(len));
}
