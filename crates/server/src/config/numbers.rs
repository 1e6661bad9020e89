//! Numbers as configuration writes them: memory units, octal, and C's lenient integers.
//!
//! Each function follows the C function that Redis calls at that place, because what they let
//! through shows: `save 900 ""` is zero changes, and an empty memory value is zero bytes.

/// Bytes from `1024`, `1k` (1000), `1kb` (1024), … up to `gb`; units in any case.
///
/// Overflow saturates the digits and wraps the multiplication, as it does in Redis.
pub(super) fn memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit: u64 = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits >= 128 {
        return None;
    }
    let mut value = 0u64;
    for &digit in &text[..digits] {
        value = value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'));
    }
    Some(value.wrapping_mul(unit))
}

/// A strict integer: no plus sign, no leading zeros, no spaces (Redis's `string2ll`).
pub(super) fn strict(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        b"0" => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A lenient integer in `radix`, the whole of the text: leading blanks and a sign are allowed,
/// and nothing at all is zero (C's `strtoll` with an end pointer). Overflow saturates; the flag
/// says whether it happened.
pub(super) fn lenient(text: &[u8], radix: u32) -> Option<(i64, bool)> {
    if text.is_empty() {
        return Some((0, false));
    }
    let trimmed = text.trim_ascii_start();
    let (negative, digits) = match trimmed {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, trimmed),
    };
    if digits.is_empty() {
        return None;
    }
    let (mut value, mut overflow) = (0i64, false);
    for &byte in digits {
        let digit = i64::from((byte as char).to_digit(radix)?);
        let digit = if negative { -digit } else { digit };
        let next = value
            .checked_mul(i64::from(radix))
            .and_then(|v| v.checked_add(digit));
        overflow |= next.is_none();
        value = next.unwrap_or(if negative { i64::MIN } else { i64::MAX });
    }
    Some((value, overflow))
}

/// A floating point number, the whole of the text (Redis's `string2d`).
pub(super) fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() || text.starts_with(char::is_whitespace) {
        return None;
    }
    text.parse::<f64>().ok().filter(|d| !d.is_nan())
}

/// `%f`, without trailing zeros.
pub(super) fn double_text(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes with the largest unit that divides them, as `CONFIG REWRITE` writes them.
pub(super) fn memory_text(bytes: i128) -> String {
    for (unit, name) in [(1i128 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes % unit == 0 {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_units_are_decimal_without_b_and_binary_with_it() {
        let cases: [(&str, Option<u64>); 9] = [
            ("100", Some(100)),
            ("1k", Some(1000)),
            ("1Kb", Some(1024)),
            ("2GB", Some(2 << 30)),
            ("", Some(0)),
            ("-1", None),
            ("1tb", None),
            ("1 kb", None),
            ("1.5gb", None),
        ];
        for (text, expected) in cases {
            assert_eq!(memory(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn strict_integers_refuse_what_string2ll_refuses() {
        assert_eq!(strict(b"-9223372036854775808"), Some(i64::MIN));
        for bad in [
            "",
            "-",
            "-0",
            "01",
            "+1",
            " 1",
            "1 ",
            "9223372036854775808",
            "1x",
        ] {
            assert_eq!(strict(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn lenient_integers_follow_strtoll() {
        assert_eq!(lenient(b" +12", 10), Some((12, false)));
        assert_eq!(lenient(b"", 10), Some((0, false)));
        assert_eq!(lenient(b"777", 8), Some((0o777, false)));
        assert_eq!(lenient(b"8", 8), None);
        assert_eq!(lenient(b"-", 10), None);
        assert_eq!(lenient(b"99999999999999999999", 10), Some((i64::MAX, true)));
    }

    #[test]
    fn memory_text_takes_the_largest_unit_that_divides() {
        assert_eq!(memory_text(0), "0");
        assert_eq!(memory_text(3 << 30), "3gb");
        assert_eq!(memory_text(1536), "1536");
        assert_eq!(memory_text(5 << 10), "5kb");
    }

    #[test]
    fn doubles_lose_trailing_zeros() {
        assert_eq!(double_text(99.9), "99.9");
        assert_eq!(double_text(50.0), "50");
        assert_eq!(double_text(0.0), "0");
    }
}
