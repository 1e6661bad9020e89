//! Inline requests: a line of words, as a human types it into telnet.
//!
//! Words are separated by blanks. `"…"` knows `\n \r \t \b \a \xHH` and `\"`, `'…'` only `\'`;
//! a closing quote must be followed by a blank or the end. The same splitting serves configuration
//! lines.

/// Splits a line into words. `None`: unbalanced quotes. A NUL byte ends the line, as it does in
/// Redis.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = next_word(line);
    while !rest.is_empty() {
        let mut word = Vec::new();
        rest = next_word(unquote(rest, &mut word)?);
        words.push(word);
    }
    Some(words)
}

/// The line from its next word on; empty if there is none.
pub(crate) fn next_word(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|&&b| is_space(b)).count();
    match line.get(blanks) {
        None | Some(0) => &[],
        Some(_) => &line[blanks..],
    }
}

/// Whether the byte ends a word outside of quotes. (Not all of `isspace`: that is Redis's rule.)
pub(crate) fn ends_word(b: u8) -> bool {
    matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0)
}

/// C's `isspace` in the C locale.
fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t'..=b'\r')
}

/// Appends the word that `line` begins with to `out`, and returns what follows. `None`: unbalanced
/// quotes.
pub(crate) fn unquote<'a>(line: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = line;
    loop {
        let Some((&b, tail)) = rest.split_first() else {
            return Some(rest);
        };
        match b {
            b'"' => return double_quoted(tail, out),
            b'\'' => return single_quoted(tail, out),
            0 => return Some(&[]),
            _ if ends_word(b) => return Some(tail),
            _ => out.push(b),
        }
        rest = tail;
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                out.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] if *escaped != 0 => {
                out.push(unescape(*escaped));
                rest = tail;
            }
            [b'"', tail @ ..] => return closed(tail),
            [] | [0, ..] => return None,
            [b, tail @ ..] => {
                out.push(*b);
                rest = tail;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\\', b'\'', tail @ ..] => {
                out.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return closed(tail),
            [] | [0, ..] => return None,
            [b, tail @ ..] => {
                out.push(*b);
                rest = tail;
            }
        }
    }
}

/// A closing quote must be followed by a blank or nothing.
fn closed(tail: &[u8]) -> Option<&[u8]> {
    match tail.first() {
        None | Some(0) => Some(&[]),
        Some(&b) if is_space(b) => Some(tail),
        Some(_) => None,
    }
}

fn unescape(b: u8) -> u8 {
    match b {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex_digit(b: u8) -> u8 {
    match b {
        b'0'..=b'9' => b - b'0',
        b'a'..=b'f' => b - b'a' + 10,
        _ => b - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let words = split_args(line.as_bytes())?;
        Some(
            words
                .into_iter()
                .map(|w| w.escape_ascii().to_string())
                .collect(),
        )
    }

    #[track_caller]
    fn check(line: &str, words: &[&str]) {
        assert_eq!(split(line).unwrap(), words, "{line:?}");
    }

    #[test]
    fn words_are_split_at_blanks() {
        check("set  key\tvalue ", &["set", "key", "value"]);
        check("", &[]);
        check(" \x0b\x0c\r\n", &[]);
    }

    #[test]
    fn quotes_and_escapes() {
        check(r#"set "a b" 'c d'"#, &["set", "a b", "c d"]);
        check(r#""\x41\x7f\n\q\"""#, &[r#"A\x7f\nq\""#]);
        check(r"'it\'s' 'a\nb'", &[r"it\'s", r"a\\nb"]);
        check(r#""" ''"#, &["", ""]);
        check(r#"a"b c""#, &["ab c"]);
        check(r#"a\b"#, &[r"a\\b"]);
        check(r#""\xg1""#, &["xg1"]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [
            r#""a"#,
            "'a",
            r#""a"b"#,
            "'a'b",
            r#"set """k""" v"#,
            r#""a\"#,
        ] {
            assert_eq!(split(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_nul_ends_the_line() {
        check("a b\0 c", &["a", "b"]);
        assert_eq!(split("'a\0'"), None);
    }
}
