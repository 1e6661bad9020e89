//! LATENCY: spikes of named events, kept for a while.
//!
//! An event's history has at most 160 samples, one per second (the worst of that second), as in
//! Redis.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// Samples kept for an event.
pub const SAMPLES_MAX: usize = 160;

/// The spikes of one event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Unix time in seconds and milliseconds of latency, oldest first.
    pub samples: VecDeque<(i64, u64)>,
    /// The worst ever, in milliseconds.
    pub max_ms: u64,
}

/// All events.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

impl LatencyMonitor {
    /// Records a spike if it reaches the threshold; a threshold of 0 records nothing.
    pub fn record_if_needed(&self, event: &'static str, ms: u64, threshold_ms: u64) {
        if threshold_ms > 0 && ms >= threshold_ms {
            self.record(event, ms);
        }
    }

    fn record(&self, event: &'static str, ms: u64) {
        let now_s = common::clock::now_ms() / 1000;
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.max_ms = series.max_ms.max(ms);
        match series.samples.back_mut() {
            Some(last) if last.0 == now_s => last.1 = last.1.max(ms),
            _ => series.samples.push_back((now_s, ms)),
        }
        if series.samples.len() > SAMPLES_MAX {
            series.samples.pop_front();
        }
    }

    /// A copy of all events.
    pub fn all(&self) -> BTreeMap<&'static str, Series> {
        self.events.lock().clone()
    }

    /// One event's spikes.
    pub fn series(&self, event: &[u8]) -> Option<Series> {
        let events = self.events.lock();
        events
            .iter()
            .find(|(name, _)| name.as_bytes() == event)
            .map(|(_, series)| series.clone())
    }

    /// Forgets the named events, or all; returns how many there were.
    pub fn reset(&self, names: &[&[u8]]) -> usize {
        let mut events = self.events.lock();
        let before = events.len();
        events.retain(|name, _| {
            !names.is_empty()
                && !names
                    .iter()
                    .any(|n| n.eq_ignore_ascii_case(name.as_bytes()))
        });
        before - events.len()
    }
}
