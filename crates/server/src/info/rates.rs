//! `instantaneous_…`: averages over the latest ticks.
//!
//! The cron takes a sample ten times a second; the rate is the mean of the latest sixteen, as in
//! Redis.

use parking_lot::Mutex;

const SAMPLES: usize = 16;

/// One counter, sampled.
#[derive(Debug, Default)]
struct Rate {
    samples: [u64; SAMPLES],
    next: usize,
    last: u64,
}

impl Rate {
    fn tick(&mut self, total: u64, elapsed_ms: i64) {
        // A reset makes the counter start anew.
        let grown = total.saturating_sub(self.last);
        self.last = total;
        self.samples[self.next] = grown * 1000 / elapsed_ms.max(1) as u64;
        self.next = (self.next + 1) % SAMPLES;
    }

    fn mean(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

#[derive(Debug, Default)]
struct State {
    last_ms: i64,
    commands: Rate,
    input_bytes: Rate,
    output_bytes: Rate,
}

/// Rates per second.
#[derive(Debug, Default)]
pub struct Rates(Mutex<State>);

impl Rates {
    /// Takes a sample of the counters' totals.
    pub fn tick(&self, now_ms: i64, commands: u64, input_bytes: u64, output_bytes: u64) {
        let mut state = self.0.lock();
        let elapsed_ms = now_ms - state.last_ms;
        state.last_ms = now_ms;
        state.commands.tick(commands, elapsed_ms);
        state.input_bytes.tick(input_bytes, elapsed_ms);
        state.output_bytes.tick(output_bytes, elapsed_ms);
    }

    /// Commands per second.
    pub fn commands(&self) -> u64 {
        self.0.lock().commands.mean()
    }

    /// Bytes received per second.
    pub fn input_bytes(&self) -> u64 {
        self.0.lock().input_bytes.mean()
    }

    /// Bytes sent per second.
    pub fn output_bytes(&self) -> u64 {
        self.0.lock().output_bytes.mean()
    }

    /// CONFIG RESETSTAT: forgets all samples.
    pub fn reset(&self) {
        *self.0.lock() = State {
            last_ms: common::clock::now_ms(),
            ..State::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_reached_after_sixteen_ticks() {
        let rates = Rates::default();
        rates.reset();
        rates.0.lock().last_ms = 0;
        for tick in 1..=16 {
            rates.tick(tick * 100, tick as u64 * 50, 0, 1024 * tick as u64);
        }
        assert_eq!(
            (rates.commands(), rates.input_bytes(), rates.output_bytes()),
            (500, 0, 10_240)
        );
        rates.tick(1700, 0, 0, 0);
        assert!(
            rates.commands() < 500,
            "a counter that was reset is no negative rate"
        );
    }
}
