//! COMMAND and COMMAND DOCS against the stored answers of a real server, for every command that
//! both have.

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::expect;
use resp::Proto;

use crate::docs;
use crate::testing::{Tester, check};

const INFO_7_0: &str = include_str!("../../../../../tests/data/command-7.0.15.json");
const DOCS_7_0: &str = include_str!("../../../../../tests/data/command-docs-7.0.15.json");

/// Commands whose arguments later versions added to.
const ARGUMENTS_GREW: &[&str] = &[
    "client|kill",
    "hscan",
    "set",
    "xadd",
    "xtrim",
    "zinter",
    "zinterstore",
    "zrank",
    "zrevrank",
    "zunion",
    "zunionstore",
];

/// Commands that later versions made to take more arguments than 7.0.15 admits.
const ARITY_GREW: &[&str] = &["zrank", "zrevrank"];

/// A reply in RESP3, as the stored answers are written.
struct Reply<'a>(&'a [u8]);

impl Reply<'_> {
    fn line(&mut self) -> (u8, String) {
        let end = self.0.iter().position(|b| *b == b'\n').unwrap();
        let text = String::from_utf8(self.0[1..end - 1].to_vec()).unwrap();
        let kind = self.0[0];
        self.0 = &self.0[end + 1..];
        (kind, text)
    }

    fn text(&mut self) -> String {
        let (kind, text) = self.line();
        if kind == b'+' {
            return text;
        }
        assert_eq!(kind, b'$');
        let len: usize = text.parse().unwrap();
        let bulk = String::from_utf8(self.0[..len].to_vec()).unwrap();
        self.0 = &self.0[len + 2..];
        bulk
    }

    /// The next value as JSON; prose is left out.
    fn json(&mut self) -> String {
        if matches!(self.0[0], b'+' | b'$') {
            return quote(&self.text());
        }
        let (kind, text) = self.line();
        match kind {
            b':' => text,
            b'%' => {
                let pairs = (0..text.parse().unwrap()).map(|_| (self.text(), self.json()));
                let shown = pairs.filter(|(name, _)| !is_prose(name));
                let shown = shown.map(|(name, value)| format!("{}:{value}", quote(&name)));
                format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
            }
            _ => {
                let items = (0..text.parse().unwrap()).map(|_| self.json());
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
        }
    }
}

fn is_prose(name: &str) -> bool {
    ["summary", "complexity", "history", "notes"].contains(&name)
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn stored(file: &str) -> BTreeMap<&str, &str> {
    let lines = file
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.split_once("\":"));
    lines
        .map(|(name, value)| (name, value.trim_end_matches(',')))
        .collect()
}

/// Every command and subcommand of ours that 7.0.15 has, too.
fn common_names(tester: &Tester, known: &BTreeMap<&str, &str>) -> Vec<String> {
    let table = &tester.server.table;
    let names = (0..table.len()).map(|id| table.entry(id as u16).full_name.clone());
    names
        .filter(|name| known.contains_key(name.as_str()))
        .collect()
}

/// Our answer to `COMMAND <what> <name>`, for each name, where it differs from the stored one.
fn differences(what: &str, file: &str, skip: &[&str], cut: fn(&str) -> String) -> String {
    let mut tester = Tester::new();
    tester.session.proto = Proto::Resp3;
    let known = stored(file);
    let mut report = String::new();
    for name in common_names(&tester, &known) {
        let reply = tester.run(&[b"COMMAND", what.as_bytes(), name.as_bytes()]);
        let (ours, theirs) = (cut(&Reply(&reply).json()), cut(known[name.as_str()]));
        if ours != theirs && !skip.contains(&name.as_str()) {
            let _ = writeln!(report, "{name}\n  ours   {ours}\n  theirs {theirs}");
        }
    }
    report
}

/// What stands before the subcommands: ours may have more, each is compared by itself.
fn without_subcommands(info: &str) -> String {
    let info = info
        .strip_prefix('[')
        .filter(|info| info.starts_with('['))
        .unwrap_or(info);
    let mut depth = 0;
    let mut last = 0;
    for (at, c) in info.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 1 => last = at,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    info[..last].to_owned()
}

/// The arguments, with what else is said about the command before them.
fn without_name(docs: &str) -> String {
    let own = match docs.strip_prefix("{\"") {
        // Ours comes as a map from the name.
        Some(rest) if !docs.starts_with("{\"since\"") => {
            let at = rest.find(":{").map_or(0, |at| at + 1);
            rest[at..rest.len() - 1].to_owned()
        }
        _ => docs.to_owned(),
    };
    match own.find(",\"subcommands\":") {
        Some(at) => own[..at].to_owned() + "}",
        None => own,
    }
}

#[test]
fn command_info_is_that_of_redis() {
    expect![""].assert_eq(&differences(
        "INFO",
        INFO_7_0,
        ARITY_GREW,
        without_subcommands,
    ));
}

#[test]
fn command_docs_are_those_of_redis() {
    expect![""].assert_eq(&differences("DOCS", DOCS_7_0, ARGUMENTS_GREW, without_name));
}

#[test]
fn every_commands_arguments_are_written_in_the_notation() {
    let tester = Tester::new();
    let table = &tester.server.table;
    for entry in (0..table.len()).map(|id| table.entry(id as u16)) {
        assert!(
            docs::parse(entry.command.args).is_ok(),
            "{}: {}",
            entry.full_name,
            entry.command.args
        );
    }
}

#[test]
fn keys_are_picked_out_of_commands() {
    check(
        "COMMAND GETKEYS MSET a 1 b 2
         COMMAND GETKEYS GET
         COMMAND GETKEYS GET a b
         COMMAND GETKEYS NOSUCH a
         COMMAND GETKEYS PING a
         COMMAND GETKEYS CONFIG GET a
         COMMAND GETKEYS MEMORY USAGE k
         COMMAND GETKEYSANDFLAGS MEMORY USAGE k
         COMMAND GETKEYSANDFLAGS SET a b
         COMMAND GETKEYSANDFLAGS SET a b GET
         COMMAND GETKEYSANDFLAGS BITFIELD a GET u8 0",
        &expect![[r#"
            *2
            $1
            a
            $1
            b
            -ERR wrong number of arguments for 'command|getkeys' command
            -ERR Invalid number of arguments specified for command
            -ERR Invalid command specified
            -ERR The command has no key arguments
            -ERR The command has no key arguments
            *1
            $1
            k
            *1
            *2
            $1
            k
            *1
            +RO
            *1
            *2
            $1
            a
            *2
            +OW
            +update
            *1
            *2
            $1
            a
            *3
            +RW
            +access
            +update
            *1
            *2
            $1
            a
            *2
            +RO
            +access"#]],
    );
}

#[test]
fn lists_can_be_filtered() {
    check(
        "COMMAND LIST FILTERBY PATTERN slowlog*
         COMMAND LIST FILTERBY ACLCAT nosuch
         COMMAND LIST FILTERBY MODULE x
         COMMAND LIST FILTERBY PATTERN
         COMMAND LIST FILTERBY NOSUCH x
         COMMAND LIST x",
        &expect![[r#"
            *5
            $7
            slowlog
            $11
            slowlog|get
            $12
            slowlog|help
            $11
            slowlog|len
            $13
            slowlog|reset
            *0
            *0
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error"#]],
    );
}

#[test]
fn unknown_commands_are_null_in_info_and_left_out_of_docs() {
    check(
        "COMMAND INFO nosuch config|nosuch
         COMMAND DOCS nosuch",
        &expect![[r#"
            *2
            $-1
            $-1
            *0"#]],
    );
}
