//! Tests of the handlers. Each test that sends signals does so in a process of its own, which is
//! this test binary run again: handlers and what they note belong to the whole process.

use super::*;
use crate::config::Config;
use crate::process::log;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

const LOG: &str = "COREWIRE_TEST_SIGNAL_LOG";

#[allow(unsafe_code, reason = "raise(3), which std lacks")]
fn send(signal: libc::c_int) {
    // SAFETY: sends a signal that is handled to this thread.
    unsafe { libc::raise(signal) };
}

fn child(log: &str) {
    let config = Config::detached();
    config.overwrite("logfile", log.as_bytes()).expect("valid");
    log::configure(&config);
    let mut woken = install().expect("installed");
    send(libc::SIGHUP);
    send(libc::SIGPIPE);
    assert_eq!(shutdown_asked(), None);
    set_loading(true);
    send(libc::SIGTERM);
    assert_eq!(shutdown_asked(), Some(Shutdown::Terminate));
    woken.read_exact(&mut [0]).expect("woken");
    set_loading(false);
    shutdown_forget();
    send(libc::SIGINT);
    assert_eq!(shutdown_asked(), Some(Shutdown::Interrupt));
    send(libc::SIGTERM);
    send(libc::SIGINT);
    unreachable!("the second SIGINT ends the process");
}

#[test]
fn shutdowns_are_noted_and_a_second_interrupt_ends_the_process() {
    if let Ok(log) = std::env::var(LOG) {
        return child(&log);
    }
    let test = "shutdowns_are_noted_and_a_second_interrupt_ends_the_process";
    let log = std::env::temp_dir().join(format!("corewire-signals-{}", std::process::id()));
    let output = Command::new(std::env::current_exe().expect("known"))
        .args([
            "--exact",
            &format!("process::signals::tests::{test}"),
            "--nocapture",
        ])
        .env(LOG, &log)
        .output()
        .expect("run");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    let status = output.status;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (status.code(), status.signal()),
        (Some(1), None),
        "{errors}"
    );
    let said: Vec<&str> = text
        .lines()
        .filter_map(|l| l.split_once(" # ").map(|(_, m)| m))
        .collect();
    assert_eq!(
        said,
        [
            "Received shutdown signal during loading, scheduling shutdown.",
            "Received SIGINT scheduling shutdown...",
            "Received SIGTERM scheduling shutdown...",
            "You insist... exiting now.",
        ]
    );
}
