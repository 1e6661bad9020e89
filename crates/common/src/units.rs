//! Amounts of memory as configuration and INFO write them.

/// Reads `100`, `64mb`, `1G`: `k`, `m`, `g` are powers of 1000, with a `b` behind them powers of
/// 1024. No sign, no fraction. `None` also where the amount does not fit 64 bits.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let amount = std::str::from_utf8(&text[..digits])
        .ok()?
        .parse::<u64>()
        .ok()?;
    amount.checked_mul(unit)
}

/// The amount as INFO's `…_human` fields show it: `1023B`, `1.50K`, `2.00G`.
pub fn bytes_to_human(bytes: u64) -> String {
    const UNITS: [(u32, char); 5] = [(10, 'K'), (20, 'M'), (30, 'G'), (40, 'T'), (50, 'P')];
    let unit = UNITS.iter().rev().find(|(shift, _)| bytes >> shift != 0);
    match unit {
        Some((shift, letter)) if bytes < 1 << 60 => {
            format!("{:.2}{letter}", bytes as f64 / (1u64 << shift) as f64)
        }
        _ => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_with_units() {
        for (text, bytes) in [
            ("0", 0),
            ("100", 100),
            ("7b", 7),
            ("2k", 2000),
            ("2Kb", 2048),
            ("3m", 3_000_000),
            ("3MB", 3 << 20),
            ("1g", 1_000_000_000),
            ("1gb", 1 << 30),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in [
            "",
            "b",
            "-1",
            "1.5gb",
            "1tb",
            "x",
            "1 gb",
            "99999999999999999999",
        ] {
            assert_eq!(parse_memory(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn amounts_for_humans() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536, "1.50K"),
            (1 << 20, "1.00M"),
            (5 << 30, "5.00G"),
            (1 << 40, "1.00T"),
            (1 << 50, "1.00P"),
            (1 << 60, "1152921504606846976B"),
        ] {
            assert_eq!(bytes_to_human(bytes), text);
        }
    }
}
