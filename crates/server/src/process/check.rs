//! Checks of the system's settings: some at start, all of them for `--check-system`.
//!
//! Redis also warns of memory overcommit, which matters to a server that forks; this one does not.

use crate::config::Config;
use std::fs;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Fine,
    Unknown,
    Problem(String),
}

/// Runs the start-up checks that the configuration leaves on, and logs warnings.
pub fn at_start(config: &Config) {
    let ignored = config.text("ignore-warnings");
    if let Found::Problem(problem) = backlog(config.int("tcp-backlog")) {
        tracing::error!("WARNING: {problem}");
    }
    let are_forbidden = config.bool("disable-thp") && super::huge_pages::forbid();
    if let Found::Problem(problem) = huge_pages()
        && !are_forbidden
        && !ignored
            .split_whitespace()
            .any(|name| name.eq_ignore_ascii_case("THP"))
    {
        tracing::error!("WARNING {problem}");
    }
    let max_memory = config.unsigned("maxmemory");
    if max_memory > 0 && max_memory < 1 << 20 {
        tracing::error!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is \
             {max_memory} bytes). Are you sure this is what you really want?"
        );
    }
}

/// `--check-system`: the report, and whether all is well.
pub fn report() -> (String, bool) {
    let checks = [
        ("clocksource", clock_source()),
        ("THP", huge_pages()),
        ("somaxconn", backlog(511)),
    ];
    let mut out = String::new();
    let mut fine = true;
    for (name, found) in checks {
        out.push_str(&format!("[{name}]..."));
        match found {
            Found::Fine => out.push_str("OK\n"),
            Found::Unknown => out.push_str("skipped\n"),
            Found::Problem(problem) => {
                fine = false;
                out.push_str(&format!("WARNING:\n{problem}\n"));
            }
        }
    }
    (out, fine)
}

fn backlog(wanted: i64) -> Found {
    let read = fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    match read.and_then(|text| text.trim().parse::<i64>().ok()) {
        None => Found::Unknown,
        Some(most) if most > 0 && most < wanted => Found::Problem(format!(
            "The TCP backlog setting of {wanted} cannot be enforced because \
             /proc/sys/net/core/somaxconn is set to the lower value of {most}."
        )),
        Some(_) => Found::Fine,
    }
}

fn huge_pages() -> Found {
    match fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled") {
        Err(_) => Found::Unknown,
        Ok(text) if text.contains("[always]") => Found::Problem(
            "You have Transparent Huge Pages (THP) support enabled in your kernel, which makes \
             memory use grow and latency vary. Run 'echo madvise > \
             /sys/kernel/mm/transparent_hugepage/enabled' as root, make that permanent, and \
             restart the server."
                .to_owned(),
        ),
        Ok(_) => Found::Fine,
    }
}

fn clock_source() -> Found {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match fs::read_to_string(path) {
        Err(_) => Found::Unknown,
        Ok(text) if matches!(text.trim(), "xen" | "hpet" | "acpi_pm") => Found::Problem(format!(
            "The system's clock source is '{}', which takes a system call per reading. If the \
             machine allows it, use tsc: write 'tsc' to {path}.",
            text.trim()
        )),
        Ok(_) => Found::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_beyond_the_systems_is_a_problem() {
        assert!(matches!(
            backlog(i64::MAX),
            Found::Problem(_) | Found::Unknown
        ));
        assert!(matches!(backlog(1), Found::Fine | Found::Unknown));
    }

    #[test]
    fn the_report_has_a_line_per_check() {
        let (report, _) = report();
        for name in ["clocksource", "THP", "somaxconn"] {
            assert!(report.contains(&format!("[{name}]...")), "{report}");
        }
    }
}
