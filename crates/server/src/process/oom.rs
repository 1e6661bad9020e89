//! `oom-score-adj`: telling the kernel which process to end first when memory runs out.
//!
//! The value that the process had before is remembered when the server takes control, and put back
//! when it lets go.

use crate::config::Config;
use common::os::os_text;
use parking_lot::Mutex;

const PATH: &str = "/proc/self/oom_score_adj";
const REASON: &str = "Failed to set current oom_score_adj. Check server logs.";

/// What the process is now; the order is that of `oom-score-adj-values`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A primary.
    Primary = 0,
    /// A replica.
    Replica = 1,
}

/// The value from before the server took control.
static BASE: Mutex<Option<i64>> = Mutex::new(None);

/// Applies `oom-score-adj` and `oom-score-adj-values`. The error is a reason for the client.
pub fn apply(config: &Config, class: Class) -> Result<(), String> {
    let mut base = BASE.lock();
    let value = match config.choice("oom-score-adj") {
        "no" => match base.take() {
            None => return Ok(()),
            Some(base) => base,
        },
        mode => {
            let before = match *base {
                Some(before) => before,
                None => *base.insert(read()?),
            };
            let adjustment = config.oom_values()[class as usize];
            let relative = if mode == "absolute" { 0 } else { before };
            (adjustment + relative).clamp(-1000, 1000)
        }
    };
    std::fs::write(PATH, format!("{value}\n")).map_err(|error| {
        tracing::error!("Unable to write oom_score_adj: {}", os_text(&error));
        REASON.to_owned()
    })
}

fn read() -> Result<i64, String> {
    let text = std::fs::read_to_string(PATH).map_err(|error| {
        tracing::error!("Unable to read oom_score_adj: {}", os_text(&error));
        REASON.to_owned()
    })?;
    Ok(text.trim().parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Caller;

    /// One test, because the value is one of the whole process.
    #[test]
    fn the_score_is_adjusted_and_restored() {
        let config = Config::detached();
        config.on_change(&["oom-score-adj", "oom-score-adj-values"], |config| {
            apply(config, Class::Primary)
        });
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
                .collect();
            config.set_many(&pairs, Caller::default())
        };
        let base = read().expect("readable");
        set(&[("oom-score-adj-values", "9 20 30")]).expect("set");
        assert_eq!(read(), Ok(base), "nothing is touched while it is off");
        set(&[("oom-score-adj", "yes")]).expect("set");
        assert_eq!(read(), Ok((base + 9).min(1000)));
        set(&[
            ("oom-score-adj-values", "900 950 1000"),
            ("oom-score-adj", "absolute"),
        ])
        .expect("set");
        assert_eq!(read(), Ok(900));
        apply(&config, Class::Replica).expect("set");
        assert_eq!(read(), Ok(950));
        // Lowering it again takes a privilege.
        if set(&[("oom-score-adj", "no")]).is_ok() {
            assert_eq!(read(), Ok(base));
        }
    }
}
