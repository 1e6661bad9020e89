//! LATENCY GRAPH: an event's spikes as a bar chart of characters.
//!
//! A column per sample, oldest left, scaled between the lowest and the highest sample; below each
//! column, read downwards, how long ago it was. Characters and layout are Redis's, so that scripts
//! that look at them go on working: more samples than fit go into a second chart below.

use crate::latency::Series;

/// Columns of a chart.
const COLUMNS_MAX: usize = 80;
/// Rows of a chart.
const ROWS: u64 = 4;
/// The tops of bars, by how much of their row they fill.
const TOPS: [char; 3] = ['_', 'o', '#'];
const STEPS: u64 = ROWS * TOPS.len() as u64;

/// The chart with its headline. `now_s` is Unix time in seconds.
pub(super) fn draw(event: &str, series: &Series, now_s: i64) -> String {
    let samples: Vec<(i64, u64)> = series.samples.iter().copied().collect();
    let high = samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let low = samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.max_ms,
        "-".repeat(COLUMNS_MAX),
    );
    for (at, part) in samples.chunks(COLUMNS_MAX).enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let heights: Vec<u64> = part.iter().map(|(_, ms)| height(*ms, low, high)).collect();
        for row in (0..ROWS).rev() {
            push_line(&mut text, heights.iter().map(|height| cell(*height, row)));
        }
        push_line(&mut text, part.iter().map(|_| ' '));
        push_labels(&mut text, part, now_s);
    }
    text
}

/// How high a bar is, in steps above the lowest possible one.
fn height(ms: u64, low: u64, high: u64) -> u64 {
    let span = (high - low).max(1);
    ((ms - low) * STEPS / span).min(STEPS - 1)
}

/// What a bar shows in a row, rows counted from the bottom.
fn cell(height: u64, row: u64) -> char {
    match height.checked_sub(row * TOPS.len() as u64) {
        None => ' ',
        Some(step) => TOPS.get(step as usize).copied().unwrap_or('|'),
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = char>) {
    text.extend(cells);
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
            command - high 80 ms, low 10 ms (all time high 90 ms)|
            --------------------------------------------------------------------------------|
              # |
              | |
              |#|
            _o|||
                |
            1217|
            m22s|
             ss |
        "#]]
        .assert_eq(&text.replace('\n', "|\n"));
    }

    #[test]
    fn what_does_not_fit_goes_into_a_second_chart() {
        let series = Series {
            samples: (0..160).map(|s| (s, 5)).collect(),
            max_ms: 5,
        };
        let text = draw("e", &series, 200);
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS_MAX));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("____")).count(),
            2
        );
    }
}
