//! Tests of the crash report: each crashes a child, which is this test binary run again.
//!
//! The child finds in its environment what it is to die of, and where to log.

use super::*;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

const HOW: &str = "COREWIRE_TEST_CRASH";
const LOG: &str = "COREWIRE_TEST_LOG";

/// Runs in the child: dies as asked.
fn die(how: &str, log: &str) {
    let config = Arc::new(Config::detached());
    config.overwrite("logfile", log.as_bytes()).expect("valid");
    if let Some(directive) = how.strip_prefix("without ") {
        config.overwrite(directive, b"no").expect("valid");
    }
    super::super::log::configure(&config);
    add_part("INFO OUTPUT", || "# Server\n".to_owned());
    install(&config).expect("installed");
    match how {
        "segfault" => segfault(),
        "overflow" => drop(overflow(1)),
        "abort" | "without crash-log-enabled" => std::process::abort(),
        "panic in a thread" => {
            let _ = std::thread::spawn(|| panic!("on purpose")).join();
        }
        "stuck" => {
            add_part("STUCK", || {
                std::thread::park();
                String::new()
            });
            set_short_alarm();
            segfault()
        }
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "to overflow the stack")]
fn overflow(n: u64) -> u64 {
    let data = std::hint::black_box([n; 64]);
    overflow(data[3]) + data[7]
}

/// The alarm of the report would take ten seconds; a second process ends it sooner.
fn set_short_alarm() {
    let pid = std::process::id();
    let script = format!("sleep 1; kill -ALRM {pid}");
    drop(
        Command::new("sh")
            .args(["-c", &script])
            .spawn()
            .expect("spawned"),
    );
}

/// How a child ends that dies of `how`, and what it logs.
fn crash(test: &str, how: &str) -> (ExitStatus, String) {
    let log = std::env::temp_dir().join(format!("corewire-crash-{}-{test}", std::process::id()));
    let status = Command::new(std::env::current_exe().expect("known"))
        .args([
            "--exact",
            &format!("process::crash::tests::{test}"),
            "--nocapture",
        ])
        .envs([(HOW, how), (LOG, log.to_str().expect("text"))])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("run");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    (status, text)
}

/// Dies if this is the child; else whether to go on as the parent.
fn is_parent() -> bool {
    match (std::env::var(HOW), std::env::var(LOG)) {
        (Ok(how), Ok(log)) => {
            die(&how, &log);
            false
        }
        _ => true,
    }
}

fn assert_has_all(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_segfault_is_reported_with_its_stack() {
    if is_parent() {
        let (status, log) = crash("a_segfault_is_reported_with_its_stack", "segfault");
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
        assert_has_all(
            &log,
            &[
                "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n",
                "# Redis 7.0.15 crashed by signal: 11, si_code: 1\n",
                "# Accessing address: 0x1\n",
                "------ STACK TRACE ------",
                " segfault at ",
                "------ INFO OUTPUT ------\n# Server\n",
                "------ CONFIG DEBUG OUTPUT ------\n",
                "=== REDIS BUG REPORT END. Make sure to include from START to END. ===",
            ],
        );
    }
}

#[test]
fn a_stack_overflow_is_reported() {
    if is_parent() {
        let (status, log) = crash("a_stack_overflow_is_reported", "overflow");
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
        assert_has_all(
            &log,
            &["crashed by signal: 11", "STACK TRACE", "REPORT END"],
        );
    }
}

#[test]
fn an_abort_is_reported() {
    if is_parent() {
        let (status, log) = crash("an_abort_is_reported", "abort");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
        assert_has_all(&log, &["crashed by signal: 6", "STACK TRACE", "REPORT END"]);
    }
}

#[test]
fn nothing_is_reported_where_that_is_switched_off() {
    if is_parent() {
        let test = "nothing_is_reported_where_that_is_switched_off";
        let (status, log) = crash(test, "without crash-log-enabled");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
        assert_eq!(log, "");
    }
}

#[test]
fn a_panic_in_any_thread_ends_the_process_with_a_report() {
    if is_parent() {
        let test = "a_panic_in_any_thread_ends_the_process_with_a_report";
        let (status, log) = crash(test, "panic in a thread");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
        assert_has_all(
            &log,
            &["Guru Meditation: on purpose #", "STACK TRACE", "REPORT END"],
        );
    }
}

#[test]
fn a_report_that_gets_stuck_is_cut_short() {
    if is_parent() {
        let (status, log) = crash("a_report_that_gets_stuck_is_cut_short", "stuck");
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
        assert_has_all(
            &log,
            &["STACK TRACE", "could not be completed", "REPORT END"],
        );
    }
}
