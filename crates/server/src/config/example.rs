//! `redis.conf.example`, generated from the registry.
//!
//! A test compares the file in the repository with `text()`; `UPDATE_EXAMPLE=1` makes it write the
//! file instead.

use super::directive::{Directive, HIDDEN, Kind, Support};
use super::numbers;
use super::special::SpecialValue;
use super::table::SECTIONS;
use super::value::{self, Value};
use common::words;

const WIDTH: usize = 80;

const HEAD: &str = "\
Every directive that Corewire knows, with its default, which applies as well without this file. A
directive without # in front shows its default; one with # has none, or is for tests.

A file is given as the first argument: corewire-server /etc/redis/redis.conf. Values with blanks
need quotes: \"two words\". include <path> reads another file in its place; the path may hold
wildcards. The same directives may follow on the command line: --port 7000 --save \"\".";

/// The text of the example file.
pub fn text() -> String {
    let mut out = String::new();
    HEAD.split("\n\n").for_each(|paragraph| {
        comment(&mut out, &paragraph.replace('\n', " "));
        out.push_str("#\n");
    });
    for section in SECTIONS {
        let rule = "#".repeat(WIDTH.saturating_sub(section.title.len() + 6));
        out.push_str(&format!("\n#### {} {rule}\n\n", section.title));
        if !section.intro.is_empty() {
            comment(&mut out, section.intro);
            out.push('\n');
        }
        section
            .directives
            .iter()
            .for_each(|directive| entry(&mut out, directive));
    }
    out
}

fn entry(out: &mut String, directive: &Directive) {
    comment(out, directive.doc);
    if let Support::Accepted(meaning) = directive.support {
        comment(out, &format!("Accepted: {meaning}."));
    }
    if !directive.aliases.is_empty() {
        comment(
            out,
            &format!("Also known as {}.", directive.aliases.join(", ")),
        );
    }
    let (values, is_set) = defaults(directive);
    let mark = if is_set && !directive.has(HIDDEN) {
        ""
    } else {
        "# "
    };
    for value in values {
        out.push_str(&format!("{mark}{} {value}\n", directive.name));
    }
    out.push('\n');
}

/// The lines of the default, without the name, and whether there is a default at all.
fn defaults(directive: &Directive) -> (Vec<String>, bool) {
    let value = value::default_of(directive);
    match &value {
        Value::Text(None) => (vec!["\"\"".to_owned()], false),
        Value::Text(Some(text)) => (vec![quoted(text)], true),
        Value::Special(SpecialValue::Save(points)) => (
            points
                .iter()
                .map(|(seconds, changes)| format!("{seconds} {changes}"))
                .collect(),
            true,
        ),
        Value::Special(SpecialValue::OutputBufferLimit(_)) => {
            let prefix = directive.name.len() + 1;
            let Value::Special(special) = &value else {
                return (Vec::new(), false);
            };
            let lines = special.rewrite(directive.name);
            (
                lines
                    .into_iter()
                    .map(|(line, _)| line[prefix..].to_owned())
                    .collect(),
                true,
            )
        }
        Value::Special(SpecialValue::ReplicaOf(_)) => (vec!["no one".to_owned()], false),
        Value::Special(SpecialValue::KeyspaceEvents(_)) => (vec!["\"\"".to_owned()], true),
        Value::Int(bytes)
            if matches!(directive.kind, Kind::Int { unit, .. }
            if unit == super::directive::Unit::Memory) =>
        {
            (vec![numbers::memory_text(*bytes)], true)
        }
        // The number of processors is no fixed default.
        _ if matches!(directive.kind, Kind::PerCore { .. }) => (vec!["4".to_owned()], false),
        _ => (
            vec![String::from_utf8_lossy(&value::print(directive, &value)).into_owned()],
            true,
        ),
    }
}

fn quoted(text: &[u8]) -> String {
    match text.is_empty() || text.iter().any(|b| !b.is_ascii_graphic() || *b == b'"') {
        true => words::quote(text),
        false => String::from_utf8_lossy(text).into_owned(),
    }
}

/// Appends `text` as comment lines.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Collected, Config, directives};

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../redis.conf.example");

    #[test]
    fn the_example_file_is_up_to_date() {
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(PATH, text()).expect("write");
        }
        let file = std::fs::read_to_string(PATH).unwrap_or_default();
        let differs = file
            .lines()
            .zip(text().lines().map(str::to_owned))
            .find(|(a, b)| a != b);
        assert!(
            file == text(),
            "redis.conf.example is stale, first at {differs:?}; \
             run UPDATE_EXAMPLE=1 cargo nextest run -p corewire-server-lib example"
        );
    }

    #[test]
    fn every_directive_appears_with_its_default() {
        let example = text();
        for directive in directives() {
            let appears = example.lines().any(|line| {
                let line = line.strip_prefix("# ").unwrap_or(line);
                line.split_once(' ')
                    .is_some_and(|(name, _)| name == directive.name)
            });
            assert!(appears, "{}", directive.name);
        }
    }

    #[test]
    fn the_example_sets_nothing_but_defaults() {
        let config = Config::detached();
        config
            .load_text(text().as_bytes(), &mut Collected::default())
            .expect("valid");
        assert_eq!(
            config.get_matching(&[b"*"]),
            Config::detached().get_matching(&[b"*"])
        );
    }

    #[test]
    fn the_ready_made_files_are_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path
                .extension()
                .is_some_and(|extension| extension == "conf")
            {
                let text = std::fs::read(&path).expect("readable");
                // A log file would be opened.
                let lines = text.split_inclusive(|b| *b == b'\n');
                let text: Vec<u8> = lines
                    .filter(|l| !l.starts_with(b"logfile"))
                    .flatten()
                    .copied()
                    .collect();
                let loaded = Config::detached().load_text(&text, &mut Collected::default());
                loaded.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                count += 1;
            }
        }
        assert_eq!(count, 4);
    }
}
