//! Metric families as plain values, and their text.
//!
//! Names are without their common prefix `redis_`; counters get their `_total` from the encoder.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of labels.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// A count.
    Int(u64),
    /// A ratio or a time.
    Float(f64),
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self::Int(n)
    }
}

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        Self::Int(n as u64)
    }
}

impl From<bool> for Number {
    fn from(is: bool) -> Self {
        Self::Int(u64::from(is))
    }
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

/// The values of a family, by their labels.
#[derive(Debug)]
pub(super) enum Values {
    /// What goes up and down.
    Gauge(Vec<(Labels, Number)>),
    /// What only goes up.
    Counter(Vec<(Labels, Number)>),
    /// What is spread over steps.
    Histogram(Vec<(Labels, Spread)>),
}

/// Sum, count, and the count of each step by its upper bound.
pub(super) type Spread = (f64, u64, Vec<(f64, u64)>);

/// A metric with its explanation.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    values: Values,
}

/// A gauge without labels.
pub(super) fn gauge(name: &'static str, help: &'static str, n: impl Into<Number>) -> Family {
    family(name, help, Values::Gauge(vec![(Vec::new(), n.into())]))
}

/// A counter without labels.
pub(super) fn counter(name: &'static str, help: &'static str, n: impl Into<Number>) -> Family {
    family(name, help, Values::Counter(vec![(Vec::new(), n.into())]))
}

/// Any family.
pub(super) fn family(name: &'static str, help: &'static str, values: Values) -> Family {
    Family { name, help, values }
}

/// The text of a page.
///
/// # Errors
/// None that is known: writing to a text does not fail.
pub(super) fn text(families: Vec<Family>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("redis");
    registry.register_collector(Box::new(Families(families)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            family.encode(&mut encoder)?;
        }
        Ok(())
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match &self.values {
            Values::Gauge(_) => MetricType::Gauge,
            Values::Counter(_) => MetricType::Counter,
            Values::Histogram(_) => MetricType::Histogram,
        };
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        match &self.values {
            Values::Gauge(values) => values.iter().try_for_each(|(labels, n)| {
                with(&mut encoder, labels, |encoder| match n {
                    Number::Int(n) => encode_gauge(encoder, n),
                    Number::Float(x) => encode_gauge(encoder, x),
                })
            }),
            Values::Counter(values) => values.iter().try_for_each(|(labels, n)| {
                with(&mut encoder, labels, |encoder| match n {
                    Number::Int(n) => encode_counter(encoder, n),
                    Number::Float(x) => encode_counter(encoder, x),
                })
            }),
            Values::Histogram(values) => {
                values.iter().try_for_each(|(labels, (sum, count, steps))| {
                    with(&mut encoder, labels, |encoder| {
                        encoder.encode_histogram::<NoLabelSet>(*sum, *count, steps, None)
                    })
                })
            }
        }
    }
}

fn with(
    encoder: &mut MetricEncoder<'_>,
    labels: &Labels,
    encode: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        encode(encoder)
    } else {
        encode(&mut encoder.encode_family(labels)?)
    }
}

fn encode_gauge(encoder: &mut MetricEncoder<'_>, n: &impl EncodeGaugeValue) -> fmt::Result {
    encoder.encode_gauge(n)
}

fn encode_counter(encoder: &mut MetricEncoder<'_>, n: &impl EncodeCounterValue) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, _, f64>(n, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn families_become_text() {
        let labels = || vec![("cmd", "get".to_owned())];
        let families = vec![
            gauge("up", "Whether it answers", true),
            family(
                "commands",
                "Calls",
                Values::Counter(vec![(labels(), Number::Int(7))]),
            ),
            family(
                "latency",
                "Times",
                Values::Histogram(vec![(labels(), (5.0, 2, vec![(1.0, 1), (4.0, 1)]))]),
            ),
        ];
        expect![[r##"
            # HELP redis_up Whether it answers
            # TYPE redis_up gauge
            redis_up 1
            # HELP redis_commands Calls
            # TYPE redis_commands counter
            redis_commands_total{cmd="get"} 7
            # HELP redis_latency Times
            # TYPE redis_latency histogram
            redis_latency_sum{cmd="get"} 5.0
            redis_latency_count{cmd="get"} 2
            redis_latency_bucket{le="1.0",cmd="get"} 1
            redis_latency_bucket{le="4.0",cmd="get"} 2
            # EOF
        "##]]
        .assert_eq(&text(families).expect("text"));
    }
}
