//! Numbers from text and to text, by Redis's rules: what it accepts, and the digits that it prints.
//!
//! Integers are strict (no `+`, no leading zeros, no blanks). Doubles are what C's `strtod` takes
//! as a whole, except NaN and what overflows or vanishes. Printing uses stack buffers, and
//! `core::fmt` only for doubles that are not integers.

use std::fmt::Write;

/// Longest text of a 64-bit integer.
const I64_TEXT_MAX: usize = 20;

/// Reads a signed 64-bit integer. Strict: the text is the one that printing the number yields.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let magnitude = parse_digits(digits)?;
    if !negative {
        return i64::try_from(magnitude).ok();
    }
    match magnitude {
        0 => None,
        _ => 0i64.checked_sub_unsigned(magnitude),
    }
}

/// Reads an unsigned 64-bit integer, as strictly.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_digits(text)
}

#[inline]
fn parse_digits(digits: &[u8]) -> Option<u64> {
    let (&first, rest) = digits.split_first()?;
    if !first.is_ascii_digit() || digits.len() > I64_TEXT_MAX || (first == b'0' && !rest.is_empty())
    {
        return None;
    }
    let mut value = u64::from(first - b'0');
    if digits.len() < I64_TEXT_MAX {
        for &b in rest {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(value);
    }
    for &b in rest {
        if !b.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(b - b'0'))?;
    }
    Some(value)
}

/// Reads a double as Redis does with `strtod`: the whole text, no blanks, no NaN; decimal or
/// hexadecimal, `inf` and `infinity` in any case; `None` also where a finite number overflows or
/// becomes zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if has_hex_prefix(text.as_bytes()) {
        return crate::long_double::parse_hex_f64(text);
    }
    let value = text.parse::<f64>().ok()?;
    let is_sound = match value {
        v if v.is_nan() => false,
        v if v.is_infinite() => !text.bytes().any(|b| b.is_ascii_digit()),
        0.0 => is_decimal_zero(text.as_bytes()),
        _ => true,
    };
    is_sound.then_some(value)
}

/// Reads a double as C's `strtod` does by itself: blanks before it pass, no text at all is 0, what
/// is too large is infinite and what is too small is 0. Still no NaN.
pub fn parse_loose_f64(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let text = std::str::from_utf8(text.trim_ascii_start()).ok()?;
    if has_hex_prefix(text.as_bytes()) {
        return crate::long_double::parse_hex_f64(text);
    }
    text.parse::<f64>().ok().filter(|value| !value.is_nan())
}

/// Whether the number is written in hexadecimal.
pub(crate) fn has_hex_prefix(text: &[u8]) -> bool {
    let unsigned = text
        .strip_prefix(b"-")
        .or(text.strip_prefix(b"+"))
        .unwrap_or(text);
    matches!(unsigned, [b'0', b'x' | b'X', ..])
}

/// Whether no digit before the exponent is other than 0.
pub(crate) fn is_decimal_zero(text: &[u8]) -> bool {
    let mantissa = text.iter().take_while(|b| !matches!(b, b'e' | b'E'));
    mantissa.into_iter().all(|b| !matches!(b, b'1'..=b'9'))
}

/// Appends the digits of `value`.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(I64Text::new(value).as_bytes());
}

/// A 64-bit integer's text, on the stack.
#[derive(Clone)]
pub struct I64Text {
    digits: [u8; I64_TEXT_MAX],
    len: u8,
}

impl I64Text {
    /// The text of `value`.
    #[inline]
    pub fn new(value: i64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(value).as_bytes();
        let mut digits = [0; I64_TEXT_MAX];
        digits[..text.len()].copy_from_slice(text);
        Self {
            digits,
            len: text.len() as u8,
        }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }
}

/// Room for any text of [`SmallText`]: 17 digits, sign, point, exponent.
const SMALL_TEXT_MAX: usize = 31;

/// A short text on the stack.
#[derive(Clone, Copy)]
pub struct SmallText {
    bytes: [u8; SMALL_TEXT_MAX],
    len: u8,
}

impl SmallText {
    const fn empty() -> Self {
        Self {
            bytes: [0; SMALL_TEXT_MAX],
            len: 0,
        }
    }

    #[inline]
    fn of(text: &[u8]) -> Self {
        let mut small = Self::empty();
        small.push(text);
        small
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + text.len()].copy_from_slice(text);
        self.len += text.len() as u8;
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text as a string: it is ASCII.
    #[inline]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for SmallText {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::fmt::Debug for SmallText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

impl std::fmt::Display for SmallText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Write for SmallText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if usize::from(self.len) + text.len() > SMALL_TEXT_MAX {
            return Err(std::fmt::Error);
        }
        self.push(text.as_bytes());
        Ok(())
    }
}

/// A double as Redis 7.0 stores and propagates it (`d2string`): whole numbers below 2^62 as
/// integers, else 17 significant digits; `inf`, `-inf`, `nan`, `-0`.
pub fn format_f64(value: f64) -> SmallText {
    /// Up to here (exclusive of nothing) whole doubles are printed as integers.
    const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;
    if value.abs() <= WHOLE_MAX && value == value.trunc() && value != 0.0 {
        return SmallText::of(itoa::Buffer::new().format(value as i64).as_bytes());
    }
    format_reply_f64(value)
}

/// A double as Redis 7.0 replies it (`addReplyDouble`): C's `%.17g`; `inf`, `-inf`, `nan`.
pub fn format_reply_f64(value: f64) -> SmallText {
    /// Whole numbers below this have at most 17 digits.
    const PLAIN_MAX: f64 = 1e17;
    if value.abs() < PLAIN_MAX && value == value.trunc() {
        if value == 0.0 {
            return SmallText::of(if value.is_sign_negative() {
                b"-0"
            } else {
                b"0"
            });
        }
        return SmallText::of(itoa::Buffer::new().format(value as i64).as_bytes());
    }
    if value.is_nan() {
        return SmallText::of(b"nan");
    }
    if value.is_infinite() {
        return SmallText::of(if value > 0.0 { b"inf" } else { b"-inf" });
    }
    general(value)
}

/// C's `%.17g` of a finite number other than 0.
fn general(value: f64) -> SmallText {
    let (number, exponent) =
        exact_digits(value.abs()).unwrap_or_else(|| formatted_digits(value.abs()));
    let mut buffer = itoa::Buffer::new();
    // 17 of them, which are cut where only zeros follow.
    let digits = buffer.format(number).as_bytes();
    let significant = digits
        .iter()
        .rposition(|&b| b != b'0')
        .map_or(1, |last| last + 1);
    let digits = &digits[..significant];
    let mut out = SmallText::empty();
    if value.is_sign_negative() {
        out.push(b"-");
    }
    match exponent {
        -4..0 => {
            out.push(&b"0.000"[..(1 - exponent) as usize]);
            out.push(digits);
        }
        0..17 => {
            let whole = exponent as usize + 1;
            let at_hand = whole.min(digits.len());
            out.push(&digits[..at_hand]);
            out.push(&b"0000000000000000"[..whole - at_hand]);
            push_fraction(&mut out, &digits[at_hand..]);
        }
        _ => {
            out.push(&digits[..1]);
            push_fraction(&mut out, &digits[1..]);
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(out, "e{sign}{:02}", exponent.abs());
        }
    }
    out
}

/// The 17 significant digits of `value` as a number, and the decimal exponent of the first, by
/// `core::fmt`.
fn formatted_digits(value: f64) -> (u64, i32) {
    let mut scientific = SmallText::empty();
    // "d.dddddddddddddddde-ddd" is 23 bytes long: it fits.
    let _ = write!(scientific, "{value:.16e}");
    let (mantissa, exponent) = scientific.as_str().split_once('e').unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0, |number, b| number * 10 + u64::from(b - b'0'));
    (number, exponent.parse().unwrap_or_default())
}

/// `10^0` to `10^22`.
const POWERS: [u128; 23] = {
    let mut powers = [1; 23];
    let mut i = 1;
    while i < 23 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The same in exact arithmetic of 128 bits, many times as fast; `None` where they do not suffice.
fn exact_digits(value: f64) -> Option<(u64, i32)> {
    /// 17 digits lie between these.
    const LOW: u128 = POWERS[16];
    const HIGH: u128 = POWERS[17];
    if !(1e-5..1e17).contains(&value) {
        return None;
    }
    let bits = value.to_bits();
    // Neither 0 nor denormal, so the leading bit is implied.
    let mantissa = u128::from((bits & ((1 << 52) - 1)) | 1 << 52);
    let binary = (bits >> 52) as i32 - 1075;
    // log10(2) times the binary exponent: at most one beside the decimal one.
    let mut exponent = ((binary + 52) * 1233) >> 12;
    loop {
        // Below 2^53 * 10^22, which is less than 2^127.
        let scaled = mantissa * POWERS[(16 - exponent).clamp(0, 22) as usize];
        let (whole, rest, half) = match u32::try_from(-binary) {
            Ok(0) => (scaled, 0, 1),
            Ok(shift) => (
                scaled >> shift,
                scaled & ((1 << shift) - 1),
                1 << (shift - 1),
            ),
            Err(_) => (scaled << binary, 0, 1),
        };
        match whole {
            HIGH.. => exponent += 1,
            ..LOW => exponent -= 1,
            _ => {
                let rounded = whole + u128::from(rest > half || (rest == half && whole & 1 == 1));
                return Some(match rounded {
                    HIGH => (LOW as u64, exponent + 1),
                    _ => (rounded as u64, exponent),
                });
            }
        }
    }
}

fn push_fraction(out: &mut SmallText, digits: &[u8]) {
    if !digits.is_empty() {
        out.push(b".");
        out.push(digits);
    }
}

#[cfg(test)]
mod tests;
