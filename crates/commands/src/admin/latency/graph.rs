//! LATENCY GRAPH: an event's spikes as a bar chart of characters.
//!
//! A column per sample, oldest left, scaled between the lowest and the highest sample; below each
//! column, read downwards, how long ago it was.

use crate::latency::Series;

/// Columns drawn at most: the latest ones.
const COLUMNS_MAX: usize = 80;
/// Rows of the chart.
const ROWS: u64 = 4;

/// The chart with its headline. `now_s` is Unix time in seconds.
pub(super) fn draw(event: &str, series: &Series, now_s: i64) -> String {
    let skipped = series.samples.len().saturating_sub(COLUMNS_MAX);
    let samples: Vec<(i64, u64)> = series.samples.iter().skip(skipped).copied().collect();
    let high = samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let low = samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.max_ms,
        "-".repeat(COLUMNS_MAX),
    );
    let levels: Vec<u64> = samples
        .iter()
        .map(|(_, ms)| level(*ms, low, high))
        .collect();
    for row in (0..ROWS).rev() {
        push_line(&mut text, levels.iter().map(|level| cell(*level, row)));
    }
    text.push('\n');
    push_labels(&mut text, &samples, now_s);
    text
}

/// Half rows that a bar fills, at least one.
fn level(ms: u64, low: u64, high: u64) -> u64 {
    let span = (high - low).max(1);
    1 + (ms - low) * (ROWS * 2 - 1) / span
}

/// What a bar shows in a row, rows counted from the bottom.
fn cell(level: u64, row: u64) -> char {
    match level.saturating_sub(row * 2) {
        0 => ' ',
        1 => '.',
        _ => '|',
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = char>) {
    let line: String = cells.collect();
    text.push_str(line.trim_end());
    text.push('\n');
}

fn push_labels(text: &mut String, samples: &[(i64, u64)], now_s: i64) {
    let ages: Vec<Vec<char>> = samples
        .iter()
        .map(|(time_s, _)| age(now_s - time_s).chars().collect())
        .collect();
    let height = ages.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..height {
        push_line(
            text,
            ages.iter().map(|age| age.get(row).copied().unwrap_or(' ')),
        );
    }
}

/// A duration in its largest whole unit: `12s`, `3m`, `5h`, `2d`.
fn age(seconds: i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let fits = units.iter().find(|(size, _)| seconds >= *size);
    fits.map_or_else(
        || format!("{seconds}s"),
        |(size, unit)| format!("{}{unit}", seconds / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn bars_grow_with_latency_and_carry_their_age() {
        let series = Series {
            samples: [(100, 10), (160, 20), (170, 80), (175, 40)].into(),
            max_ms: 90,
        };
        let text = draw("command", &series, 172 + 10);
        expect![[r#"
            command - high 80 ms, low 10 ms (all time high 90 ms)
            --------------------------------------------------------------------------------
              |
              |
              ||
            .|||

            1217
            m22s
             ss
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn no_more_columns_are_drawn_than_fit() {
        let series = Series {
            samples: (0..160).map(|s| (s, 5)).collect(),
            max_ms: 5,
        };
        assert!(
            draw("e", &series, 200)
                .lines()
                .all(|line| line.chars().count() <= COLUMNS_MAX)
        );
    }
}
