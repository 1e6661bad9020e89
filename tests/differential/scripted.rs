//! Commands that are tricky in one way or another, from `tests/data/scripted.txt`: corners of
//! arguments, order of checks, shapes of empty answers, states that refuse.
//!
//! What random commands find goes there too, as the few lines that show it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::grammar::{Compare, words_of};
use super::reply;
use crate::support::{RawClient, Server};

/// A line: who sends it, how replies are compared, the command.
fn line(line: &str) -> (&str, Compare, Vec<String>) {
    let (client, rest) = line
        .split_once("> ")
        .filter(|(client, _)| client.len() == 1)
        .unwrap_or(("a", line));
    for (note, compare) in [
        ("shape: ", Compare::Shape),
        ("near: ", Compare::Near),
        ("unordered: ", Compare::Unordered),
    ] {
        if let Some(command) = rest.strip_prefix(note) {
            return (client, compare, words_of(command));
        }
    }
    (client, Compare::Exact, words_of(rest))
}

/// Sends a section to both, and tells what differs.
fn differences(section: &str) -> Option<String> {
    let args = ["--enable-debug-command", "yes"];
    let servers = [Server::start_redis(&args)?, Server::start(&args)];
    let mut clients: BTreeMap<&str, [RawClient; 2]> = BTreeMap::new();
    let mut text = String::new();
    for command in section.lines().skip(1) {
        if command.is_empty() || command.starts_with('#') {
            continue;
        }
        let (client, compare, words) = line(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let pair = clients
            .entry(client)
            .or_insert_with(|| servers.each_ref().map(Server::raw));
        let [theirs, ours] = pair.each_mut().map(|side| side.call_args(&words));
        if !reply::is_same(&theirs, &ours, compare) {
            let [theirs, ours] = [theirs, ours].map(|reply| reply::show(&reply));
            let _ = writeln!(text, "{command}\n  - {theirs}\n  + {ours}");
        }
    }
    Some(text)
}

#[test]
fn scripted_commands_are_answered_as_redis_answers_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/scripted.txt");
    let script = std::fs::read_to_string(path).expect("the script");
    let all: Option<String> = script.split("\n## ").skip(1).map(differences).collect();
    let all = all.unwrap_or_default();
    assert!(
        all.is_empty(),
        "redis-server (-) and ours (+) differ:\n{all}"
    );
}
