//! The shape of files: headers, length, width, and the length of functions.
//!
//! Function bounds are found by indentation, which rustfmt guarantees.

use super::{Rule, Source, hold};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const HEADER_LINES_MAX: usize = 15;
const SHORT_FILE_LINES: usize = 60;

#[test]
fn files_stay_below_800_lines_without_their_tests() {
    hold(Rule::FileLength, |source| {
        let lines = source.product().len();
        let long = lines > FILE_LINES_MAX;
        long.then(|| format!("{lines} lines; split by idea"))
            .into_iter()
            .collect()
    });
}

#[test]
fn files_open_with_3_to_15_lines_on_what_they_hold() {
    hold(Rule::Header, |source| {
        let header = source
            .lines
            .iter()
            .take_while(|line| line.starts_with("//!"))
            .count();
        // Tests and very short files say in one line what they hold.
        let short = source.product().len() <= SHORT_FILE_LINES;
        let at_least = if short { 1 } else { 3 };
        let fits = (at_least..=HEADER_LINES_MAX).contains(&header);
        (!fits)
            .then(|| format!("{header} lines of //!"))
            .into_iter()
            .collect()
    });
}

#[test]
fn lines_stay_within_100_columns() {
    // rustfmt does not wrap comments; tests/tidy/wrap_comments.py does.
    hold(Rule::Columns, |source| {
        // Addresses, and error replies that a test expects to the letter, cannot be broken.
        let is_fixed = |line: &str| line.contains("://") || line.trim_start().starts_with("-ERR ");
        let wide = |line: &String| line.chars().count() > COLUMNS_MAX && !is_fixed(line);
        let numbered = source.lines.iter().enumerate();
        numbered
            .filter(|(_, line)| wide(line))
            .map(|(at, _)| format!("line {}", at + 1))
            .collect()
    });
}

#[test]
fn functions_stay_within_70_lines() {
    hold(Rule::FunctionLength, |source| {
        functions(source.product())
            .filter(|function| function.lines > FUNCTION_LINES_MAX)
            .map(|function| format!("{} has {} lines", function.name, function.lines))
            .collect()
    });
}

struct Function<'a> {
    name: &'a str,
    lines: usize,
}

/// Every function with a body. Nested ones count for themselves and for the one around them.
fn functions(lines: &[String]) -> impl Iterator<Item = Function<'_>> {
    lines.iter().enumerate().filter_map(|(at, line)| {
        let name = function_name(line)?;
        Some(Function {
            name,
            lines: function_length(&lines[at..])?,
        })
    })
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_qualifier = |word: &str| {
        matches!(
            word,
            "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\""
        ) || word.starts_with("pub(")
    };
    if !before.split_whitespace().all(is_qualifier) {
        return None;
    }
    after.split(['(', '<']).next()
}

/// Lines up to the closing brace at the indentation of the first line; none for a declaration.
fn function_length(lines: &[String]) -> Option<usize> {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let closing = format!("{}}}", " ".repeat(indent));
    for (at, line) in lines.iter().enumerate() {
        let in_signature =
            at == 0 || line.starts_with(&" ".repeat(indent + 1)) || line.trim().starts_with(')');
        if *line == closing || (at == 0 && line.ends_with('}')) {
            return Some(at + 1);
        }
        if in_signature
            && line.ends_with(';')
            && !lines[..=at].iter().any(|line| line.ends_with('{'))
        {
            return None;
        }
    }
    None
}

#[cfg(test)]
fn source(text: &str) -> Source {
    Source {
        path: "crates/x/src/y.rs".into(),
        lines: text.lines().map(str::to_owned).collect(),
        is_test: false,
    }
}

#[test]
fn function_counter_knows_bodies_from_declarations() {
    let text = "trait T {\n    fn declared(\n        &self,\n    ) -> u8;\n\
                \x20   fn one(&self) {}\n}\n\
                pub(crate) fn three() -> u8 {\n    1\n}\n// fn in a comment\n";
    let source = source(text);
    let found: Vec<_> = functions(source.product())
        .map(|f| (f.name, f.lines))
        .collect();
    assert_eq!(found, [("one", 1), ("three", 3)]);
}
