//! Glob patterns as KEYS, SCAN, PSUBSCRIBE, ACL rules and CONFIG GET match them.
//!
//! `*`, `?`, `[abc]`, `[^a-z]`, `\x`. The corner cases are Redis 7.0's: bytes are compared as
//! signed in ranges, a range may be given backwards, a class that does not end is closed by the end
//! of the pattern, an empty text matches nothing but the empty pattern, and nothing matches beyond
//! the thousandth `*`. Only the last `*` is ever retried, so a match takes at most
//! `pattern.len() * text.len()` steps, where naive recursion takes exponentially many.

/// Runs of `*` that a match may pass; Redis's recursion goes so deep.
const STARS_MAX: usize = 1000;

/// Whether `text` as a whole matches `pattern`; `nocase` ignores the case of ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (pattern, text);
    // What follows the last `*`, and where in the text it is to be tried next.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let mut stars = 0;
    loop {
        if let [b'*', rest @ ..] = p {
            if rest.is_empty() {
                return true;
            }
            stars += usize::from(rest[0] != b'*');
            if stars > STARS_MAX {
                return false;
            }
            (p, retry) = (rest, Some((rest, t)));
            continue;
        }
        let step = match t.split_first() {
            Some((&c, tail)) => one(p, c, nocase).map(|rest| (rest, tail)),
            None if p.is_empty() => return true,
            None => return false,
        };
        (p, t) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after, from))) => {
                // The text is not empty here, so neither is what it is a suffix of.
                let from = &from[1..];
                retry = Some((after, from));
                (after, from)
            }
            (None, None) => return false,
        };
    }
}

/// The bytes that every match begins with.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let special = |b: &u8| matches!(b, b'*' | b'?' | b'[' | b'\\');
    &pattern[..pattern.iter().position(special).unwrap_or(pattern.len())]
}

/// Whether the pattern matches itself only.
pub fn is_literal(pattern: &[u8]) -> bool {
    literal_prefix(pattern).len() == pattern.len()
}

/// Matches one byte against the pattern's first element (not a `*`), and returns the pattern behind
/// it.
#[inline]
fn one(pattern: &[u8], c: u8, nocase: bool) -> Option<&[u8]> {
    let (&first, rest) = pattern.split_first()?;
    match (first, rest) {
        (b'?', _) => Some(rest),
        (b'[', _) => class(rest, c, nocase),
        (b'\\', [escaped, rest @ ..]) => same(*escaped, c, nocase).then_some(rest),
        _ => same(first, c, nocase).then_some(rest),
    }
}

/// Matches one byte against a class (the pattern behind its `[`), and returns the pattern behind
/// it.
fn class(mut p: &[u8], c: u8, nocase: bool) -> Option<&[u8]> {
    let negated = p.first() == Some(&b'^');
    if negated {
        p = &p[1..];
    }
    let mut found = false;
    loop {
        p = match p {
            [b'\\', escaped, rest @ ..] => {
                found |= *escaped == c;
                rest
            }
            [b']', rest @ ..] => return (found != negated).then_some(rest),
            [] => return (found != negated).then_some(p),
            [from, b'-', to, rest @ ..] => {
                found |= in_range(*from, *to, c, nocase);
                rest
            }
            [b, rest @ ..] => {
                found |= same(*b, c, nocase);
                rest
            }
        };
    }
}

fn in_range(from: u8, to: u8, c: u8, nocase: bool) -> bool {
    let (low, high) = ((from as i8).min(to as i8), (from as i8).max(to as i8));
    if nocase {
        return (lower(low)..=lower(high)).contains(&lower(c as i8));
    }
    (low..=high).contains(&(c as i8))
}

fn lower(b: i8) -> i8 {
    (b as u8).to_ascii_lowercase() as i8
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn m(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), false)
    }

    #[test]
    fn the_usual() {
        for (pattern, text, expected) in [
            ("h?llo", "hello", true),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("foo", "foobar", false),
            ("foo**", "foo", true),
            ("*", "anything", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(m(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn corner_cases_of_redis() {
        assert!(!m("*", ""), "an empty text matches only the empty pattern");
        assert!(m("", ""));
        assert!(m("a[b", "ab"), "a class may lack its end");
        assert!(!m("[]", "]"), "an empty class matches nothing");
        assert!(m("[^]", "x"), "its negation anything");
        assert!(m("[\\]]", "]"));
        assert!(m("\\*", "*") && !m("\\*", "x"));
        assert!(m("a\\", "a\\"), "a lone escape at the end is itself");
        assert!(m("[a-]", "a") && m("[a-]", "]"), "`a-]` is a range");
        assert!(matches(b"[a-c]X", b"Bx", true));
        assert!(matches(b"[\x80-\xff]", b"\x90", false));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let text = "a".repeat(20_000);
        let pattern = format!("{}b", "a*".repeat(2_000));
        assert!(!m(&pattern, &text));
        assert!(m(&"*a".repeat(500), &text));
        assert!(m(&"*?".repeat(1000), &text) && !m(&"*?".repeat(1001), &text));
    }

    #[test]
    fn prefixes() {
        assert_eq!(literal_prefix(b"user:*"), b"user:");
        assert_eq!(literal_prefix(b"a\\b"), b"a");
        assert!(is_literal(b"plain") && !is_literal(b"p?"));
    }

    /// Redis's recursion without its short cut and without its limit on depth.
    fn reference(p: &[u8], t: &[u8], nocase: bool) -> bool {
        let (Some(&first), Some(&c)) = (p.first(), t.first()) else {
            return t.is_empty() && p.is_empty();
        };
        if first == b'*' {
            let rest = &p[p.iter().take_while(|&&b| b == b'*').count()..];
            return rest.is_empty() || (0..t.len()).any(|i| reference(rest, &t[i..], nocase));
        }
        one(p, c, nocase).is_some_and(|mut rest| {
            if t.len() == 1 {
                rest = &rest[rest.iter().take_while(|&&b| b == b'*').count()..];
            }
            reference(rest, &t[1..], nocase)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_plain_recursion(
            p in "[abAB*?\\[\\]^\\\\-]{0,9}",
            t in "[abAB\\-\\]]{0,8}",
            nocase: bool,
        ) {
            let (p, t) = (p.as_bytes(), t.as_bytes());
            prop_assert_eq!(matches(p, t, nocase), reference(p, t, nocase));
        }
    }
}
