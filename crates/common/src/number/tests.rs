//! Against the tables of Redis's own tests, C's `printf`, and round trips.

use proptest::prelude::*;

use super::*;

#[test]
fn integers_are_strict() {
    for text in [
        "0",
        "1",
        "-1",
        "99",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), text.parse().ok(), "{text}");
    }
    for text in [
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "1x",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_u64(b"18446744073709551616"), None);
    assert_eq!(parse_u64(b"-1"), None);
}

#[test]
fn doubles_are_what_strtod_takes() {
    for (text, value) in [
        ("3.0e3", 3000.0),
        ("+5", 5.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E5", 1e5),
        ("-0", -0.0),
        ("0e999999", 0.0),
        ("00012", 12.0),
        ("inf", f64::INFINITY),
        ("+INF", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("0x10", 16.0),
        ("-0x1.8p1", -3.0),
        ("0X.8", 0.5),
        ("1e-320", 1e-320),
        ("1.7976931348623157e308", f64::MAX),
    ] {
        assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
    }
    for text in [
        "", " 1", "1 ", "nan", "-nan", "nan(1)", "1e400", "-1e400", "1e-400", "1e", "e5", ".", "+",
        "--1", "1.2.3", "0x", "0xg", "0x1p", "infi", "1_0", "1\0",
    ] {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn loose_doubles_are_read_as_c_reads_them() {
    for (text, value) in [
        ("", Some(0.0)),
        (" 1", Some(1.0)),
        ("\t-inf", Some(f64::NEG_INFINITY)),
        ("0x10", Some(16.0)),
        ("1e1000", Some(f64::INFINITY)),
        ("1e-1000", Some(0.0)),
        ("2.5", Some(2.5)),
        (" ", None),
        ("1 ", None),
        ("nan", None),
        ("x", None),
    ] {
        assert_eq!(parse_loose_f64(text.as_bytes()), value, "{text:?}");
    }
}

/// Texts from C's `printf("%.17g")`.
#[test]
fn replies_have_17_digits() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.1, "3.1000000000000001"),
        (0.1, "0.10000000000000001"),
        (-1.5, "-1.5"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (1e20, "1e+20"),
        (1.5e300, "1.5000000000000001e+300"),
        (123456789012345680.0, "1.2345678901234568e+17"),
        (0.0001, "0.0001"),
        (0.00001, "1.0000000000000001e-05"),
        (5e-324, "4.9406564584124654e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (1125899906842624.0 + 0.25, "1125899906842624.2"),
        (1125899906842624.0 + 0.75, "1125899906842624.8"),
        (99999999999999984.0, "99999999999999984"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(format_reply_f64(value).as_str(), text);
    }
}

#[test]
fn stored_doubles_are_integers_up_to_2_to_the_62() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1e17, "100000000000000000"),
        (-1e18, "-1000000000000000000"),
        (4611686018427387904.0, "4611686018427387904"),
        (4611686018427388928.0, "4.6116860184273889e+18"),
        (1e20, "1e+20"),
        (3.1, "3.1000000000000001"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(format_f64(value).as_str(), text);
    }
}

proptest! {
    #[test]
    fn any_integer_survives(value: i64) {
        prop_assert_eq!(parse_i64(I64Text::new(value).as_bytes()), Some(value));
        let mut out = b"x".to_vec();
        write_i64(&mut out, value);
        prop_assert_eq!(out, format!("x{value}").into_bytes());
    }

    #[test]
    fn any_text_is_an_integer_as_printed_or_none(text in "[-+0-9 ]{0,21}") {
        let expected = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
        prop_assert_eq!(parse_i64(text.as_bytes()), expected);
    }

    #[test]
    fn exact_digits_are_those_of_the_standard_library(
        value in prop_oneof![1e-5..1e17, 1e-5..10.0, (-4i32..17).prop_map(|i| 10f64.powi(i))],
    ) {
        prop_assert_eq!(exact_digits(value), Some(formatted_digits(value)));
    }

    #[test]
    fn any_double_survives(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        for text in [format_f64(value), format_reply_f64(value)] {
            prop_assert_eq!(parse_f64(text.as_bytes()), Some(value));
        }
    }
}
