//! Tests of the log as a whole: a file, levels that change at run time, the three forms.
//!
//! The subscriber is one per process, so one test does all.

use super::*;
use crate::config::Caller;

#[test]
fn lines_go_to_the_file_from_the_level_that_applies() {
    let path = std::env::temp_dir().join(format!("corewire-log-{}", std::process::id()));
    let config = Config::detached();
    config
        .overwrite("logfile", path.as_os_str().as_bytes())
        .expect("valid");
    init();
    configure(&config);
    let set = |name: &str, value: &str| {
        let pair = [(name.as_bytes(), value.as_bytes())];
        config.set_many(&pair, Caller::default()).expect("valid");
    };
    let log_all = |what: &str| {
        tracing::trace!("{what} debug");
        tracing::debug!("{what} verbose");
        tracing::info!("{what} notice");
        tracing::error!("{what} warning");
    };
    for level in ["notice", "debug", "verbose", "warning", "nothing"] {
        set("loglevel", level);
        log_all(level);
    }
    set("loglevel", "notice");
    // Moved away, the file is begun anew.
    let text = std::fs::read_to_string(&path).expect("written");
    std::fs::remove_file(&path).expect("removed");
    set("log-format", "json");
    tracing::info!(port = 7, "{}", "x".repeat(2000));
    let json = std::fs::read_to_string(&path).expect("written");
    std::fs::remove_file(&path).expect("removed");

    let said: Vec<&str> = text
        .lines()
        .filter_map(|l| l.splitn(6, ' ').nth(5))
        .collect();
    assert_eq!(
        said,
        [
            "* notice notice",
            "# notice warning",
            ". debug debug",
            "- debug verbose",
            "* debug notice",
            "# debug warning",
            "- verbose verbose",
            "* verbose notice",
            "# verbose warning",
            "# warning warning",
        ]
    );
    let head = format!("{}:M ", std::process::id());
    assert!(text.lines().all(|line| line.starts_with(&head)), "{text}");
    assert!(json.contains(&format!(
        "\"message\":\"{}\",\"port\":\"7\"}}",
        "x".repeat(1023)
    )));
}
