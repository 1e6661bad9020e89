//! What stays out of code that is not a test: unfinished places, `unwrap`, and `unsafe` outside its
//! rooms.
//!
//! `expect` with the invariant that it relies on is allowed; on anything from outside it is a bug
//! that review has to find.

use super::{Rule, Source, hold};

const PANICS: &[&str] = &["todo!(", "unimplemented!(", ".unwrap()", "TODO", "FIXME"];

/// Where `unsafe` is at home: the encodings and the entry.
const UNSAFE_ROOMS: &[&str] = &["crates/datatypes/src/", "crates/keyspace/src/entry"];

/// The lines of code, numbered from 1: without comments.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let numbered = source.product().iter().enumerate();
    numbered.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

#[test]
fn nothing_is_left_unfinished_or_unwrapped() {
    hold(Rule::Panics, |source| {
        let found = |line: &str| PANICS.iter().find(|panic| line.contains(**panic)).copied();
        let hits = code(source).filter_map(|(at, line)| Some((at, found(line)?)));
        hits.map(|(at, what)| format!("line {at}: {what}"))
            .collect()
    });
}

#[test]
fn unsafe_stays_in_its_rooms() {
    hold(Rule::Unsafe, |source| {
        let at_home = UNSAFE_ROOMS
            .iter()
            .any(|room| source.path.starts_with(room));
        // Elsewhere only for system calls, by an exception that gives its reason.
        let system_call = source.lines.iter().any(|line| line.contains("libc::"))
            && source.lines.iter().any(|line| line.contains("unsafe_code"));
        if at_home || system_call {
            return Vec::new();
        }
        let opens = |line: &str| {
            ["unsafe {", "unsafe fn", "unsafe impl"]
                .iter()
                .any(|u| line.contains(u))
        };
        code(source)
            .filter(|(_, line)| opens(line))
            .map(|(at, _)| format!("line {at}"))
            .collect()
    });
}
