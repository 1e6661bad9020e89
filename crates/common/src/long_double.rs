//! The 80-bit extended double of x87, in software: INCRBYFLOAT and HINCRBYFLOAT give the sums that
//! Redis gives on x86-64.
//!
//! Text to number and back are correctly rounded (to nearest, ties to even), as glibc's `strtold`
//! and `printf` do it.

use std::ops::{Add, Sub};
use std::str::FromStr;

use rustc_apfloat::Float;
use rustc_apfloat::ieee::{Double, X87DoubleExtended};

/// Longer texts are no numbers to Redis.
const TEXT_MAX: usize = 5 * 1024;
/// Digits behind the point that are printed.
const FRACTION_DIGITS: usize = 17;
/// `10^FRACTION_DIGITS`.
const FRACTION_SCALE: u128 = 100_000_000_000_000_000;
/// The exponent of a mantissa that is taken as an integer, at biased exponent 0.
const EXPONENT_BIAS: i32 = 16383 + 63;

/// An 80-bit floating point number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads a number as Redis does with `strtold`: see [`crate::number::parse_f64`] for what is
    /// accepted.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() >= TEXT_MAX {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        if let Some(infinity) = parse_infinity(text) {
            return Some(Self(infinity));
        }
        parse_finite::<X87DoubleExtended>(text).map(Self)
    }

    /// Whether it is not a number (`inf + -inf`).
    pub fn is_nan(self) -> bool {
        self.0.is_nan()
    }

    /// Whether it is infinite.
    pub fn is_infinite(self) -> bool {
        self.0.is_infinite()
    }

    /// Its text for humans (`ld2string`): 17 digits behind the point without trailing zeros, never
    /// an exponent.
    pub fn to_text(self) -> Vec<u8> {
        if self.is_nan() {
            return b"nan".to_vec();
        }
        let mut text = if self.0.is_negative() {
            b"-".to_vec()
        } else {
            Vec::new()
        };
        if self.is_infinite() {
            text.extend_from_slice(b"inf");
            return text;
        }
        let bits = self.0.to_bits();
        let mantissa = bits as u64;
        let biased = ((bits >> 64) & 0x7FFF) as i32;
        // A denormal has the exponent of the smallest normal number.
        let exponent = biased.max(1) - EXPONENT_BIAS;
        match u32::try_from(exponent) {
            Ok(shift) => text.extend_from_slice(&shifted_integer(mantissa, shift)),
            Err(_) => push_fixed(&mut text, mantissa, exponent.unsigned_abs()),
        }
        match text.as_slice() {
            b"-0" => b"0".to_vec(),
            _ => text,
        }
    }
}

impl Add for LongDouble {
    type Output = Self;

    /// The sum, rounded once.
    fn add(self, other: Self) -> Self {
        Self((self.0 + other.0).value)
    }
}

impl Sub for LongDouble {
    type Output = Self;

    /// The difference, rounded once.
    fn sub(self, other: Self) -> Self {
        Self((self.0 - other.0).value)
    }
}

impl From<i64> for LongDouble {
    fn from(value: i64) -> Self {
        Self(X87DoubleExtended::from_i128(value.into()).value)
    }
}

/// `mantissa / 2^shift`, rounded to the digits that are printed.
fn push_fixed(text: &mut Vec<u8>, mantissa: u64, shift: u32) {
    // Below 2^121.
    let scaled = u128::from(mantissa) * FRACTION_SCALE;
    let rounded = match shift {
        0..=122 => {
            let (whole, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
            let half = 1u128 << (shift - 1);
            whole + u128::from(rest > half || (rest == half && whole & 1 == 1))
        }
        _ => 0,
    };
    text.extend_from_slice((rounded / FRACTION_SCALE).to_string().as_bytes());
    let fraction = format!("{:0FRACTION_DIGITS$}", rounded % FRACTION_SCALE);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text.push(b'.');
        text.extend_from_slice(fraction.as_bytes());
    }
}

/// `mantissa * 2^shift` in decimal.
fn shifted_integer(mantissa: u64, shift: u32) -> Vec<u8> {
    if shift <= 64 {
        return (u128::from(mantissa) << shift).to_string().into_bytes();
    }
    // Groups of 18 decimal digits, the lowest first.
    const GROUP: u128 = 1_000_000_000_000_000_000;
    let mut groups = vec![u128::from(mantissa)];
    let mut left = shift;
    while left > 0 {
        let step = left.min(60);
        let mut carry = 0;
        for group in &mut groups {
            let value = (*group << step) + carry;
            (*group, carry) = (value % GROUP, value / GROUP);
        }
        while carry > 0 {
            groups.push(carry % GROUP);
            carry /= GROUP;
        }
        left -= step;
    }
    let (last, rest) = groups.split_last().unwrap_or((&0, &[]));
    let mut text = last.to_string();
    for group in rest.iter().rev() {
        text.push_str(&format!("{group:018}"));
    }
    text.into_bytes()
}

/// Reads a hexadecimal double, as `strtod` does.
pub(crate) fn parse_hex_f64(text: &str) -> Option<f64> {
    let value = parse_finite::<Double>(text)?;
    Some(f64::from_bits(value.to_bits() as u64))
}

/// `inf` or `infinity` in any case, with a sign or without.
fn parse_infinity(text: &str) -> Option<X87DoubleExtended> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_infinity =
        unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity");
    let value = X87DoubleExtended::INFINITY;
    is_infinity.then(|| if text.starts_with('-') { -value } else { value })
}

/// Reads a decimal or hexadecimal number that neither overflows nor vanishes.
fn parse_finite<F: Float + FromStr>(text: &str) -> Option<F> {
    let bytes = text.as_bytes();
    let is_hex = crate::number::has_hex_prefix(bytes);
    if !is_number(text, is_hex) {
        return None;
    }
    let with_exponent;
    let text = if is_hex && !text.contains(['p', 'P']) {
        with_exponent = format!("{text}p0");
        with_exponent.as_str()
    } else {
        text
    };
    let value = F::from_str(text).ok()?;
    let digits = if is_hex {
        text.split(['p', 'P']).next()
    } else {
        text.split(['e', 'E']).next()
    };
    let digits = digits.unwrap_or_default().trim_start_matches(['+', '-']);
    let digits = digits
        .strip_prefix("0x")
        .or(digits.strip_prefix("0X"))
        .unwrap_or(digits);
    let is_zero = !digits.bytes().any(|b| b != b'0' && b != b'.');
    (value.is_finite() && (is_zero || !value.is_zero())).then_some(value)
}

/// Whether `strtod` would take the whole text as a finite number.
fn is_number(text: &str, is_hex: bool) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (body, exponent) = if is_hex {
        split_exponent(&unsigned[2..], ['p', 'P'])
    } else {
        split_exponent(unsigned, ['e', 'E'])
    };
    let is_digit = |b: u8| {
        if is_hex {
            b.is_ascii_hexdigit()
        } else {
            b.is_ascii_digit()
        }
    };
    let points = body.bytes().filter(|&b| b == b'.').count();
    let digits = body.bytes().filter(|&b| is_digit(b)).count();
    let exponent_is_sound = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit())
    });
    points <= 1 && digits > 0 && points + digits == body.len() && exponent_is_sound
}

fn split_exponent(text: &str, marks: [char; 2]) -> (&str, Option<&str>) {
    match text.split_once(marks) {
        Some((body, exponent)) => (body, Some(exponent)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests;
