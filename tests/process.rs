//! The process as its surroundings see it: command line, log, signals, daemon mode, crash report.
//!
//! Log lines and messages are those that scripts and Redis's own suite wait for.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::support::{Server, kill, program, wait_until};

/// Runs the server with these arguments and this standard input, and waits for its end.
fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_log_shows_start_and_end_in_redis_words() {
    let mut server = Server::start(&["--always-show-logo", "yes"]);
    let pid = server.pid();
    wait_until("the last line of the start", || {
        server.log().contains("Ready to accept")
    });
    assert_in_order(
        &server.log(),
        &[
            &format!("{pid}:"),
            "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
            "Redis version=7.0.15, bits=64, ",
            &format!("pid={pid}, just started"),
            " # Configuration loaded\n",
            &format!(" PID: {pid}\n"),
            &format!("{pid}:M "),
            " # Server initialized\n",
            " * Ready to accept connections\n",
        ],
    );
    assert_eq!(server.terminate(), Some(0));
    assert_in_order(
        &server.log(),
        &[
            "Received SIGTERM scheduling shutdown...",
            " # User requested shutdown...\n",
            " # Redis is now ready to exit, bye bye...\n",
        ],
    );
}

#[test]
fn the_process_list_shows_address_and_port() {
    let server = Server::start(&[]);
    let title = format!("127.0.0.1:{}", server.port());
    let shown = || text(&std::fs::read(format!("/proc/{}/cmdline", server.pid())).expect("alive"));
    wait_until("the title", || shown().contains(&title));
}

#[test]
fn a_port_in_use_ends_the_start() {
    let server = Server::start(&[]);
    let port = server.port().to_string();
    let output = run(&["--port", &port, "--bind", "127.0.0.1", "--save", ""], "");
    assert_eq!(output.status.code(), Some(1));
    assert_in_order(
        &text(&output.stdout),
        &[
            &format!(
                "Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address"
            ),
            " already in use\n",
            &format!("Failed listening on port {port} (TCP), aborting.\n"),
        ],
    );
}

#[test]
fn bad_directives_are_refused_with_their_line() {
    let cases: [(&[&str], &str, &str); 9] = [
        (&["--port"], "'port'", "wrong number of arguments"),
        (
            &["--port", "6380", "--loglevel"],
            "'loglevel'",
            "wrong number of arguments",
        ),
        (
            &["--port", "1", "2"],
            "'port \"1\" \"2\"'",
            "wrong number of arguments",
        ),
        (
            &["--port", "--bla", "--loglevel", "verbose"],
            "'port \"--bla\"'",
            "argument couldn't be parsed into an integer",
        ),
        (
            &["--logfile", "--my--log", "--loglevel", "--bla"],
            "'loglevel \"--bla\"'",
            "argument(s) must be one of the following",
        ),
        (
            &["--shutdown-on-sigint"],
            "'shutdown-on-sigint'",
            "argument(s) must be one of the following",
        ),
        (
            &["--replicaof", "127.0.0.1", "abc"],
            "'replicaof \"127.0.0.1\" \"abc\"'",
            "Invalid master port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            "'replicaof \"--127.0.0.1\"'",
            "wrong number of arguments",
        ),
        (
            &["--nonsense", "1"],
            "'nonsense \"1\"'",
            "Bad directive or wrong number of arguments",
        ),
    ];
    for (args, line, reason) in cases {
        let output = run(args, "");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let errors = text(&output.stderr);
        assert_in_order(
            &errors,
            &[
                "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n",
                line,
                reason,
            ],
        );
    }
}

#[test]
fn standard_input_is_read_after_the_file_and_before_options() {
    let output = run(&["-", "--hz", "x"], "port 1\nhz y\n");
    assert_in_order(&text(&output.stderr), &["at line 2\n>>> 'hz y'\n"]);
    let output = run(&["-", "--hz", "x"], "port 1\nhz 10\n");
    assert_in_order(&text(&output.stderr), &[">>> 'hz \"x\"'\n"]);
}

#[test]
fn a_missing_configuration_file_is_named() {
    let output = run(&["/nonexistent.conf"], "");
    assert_eq!(output.status.code(), Some(1));
    let all = text(&output.stdout) + &text(&output.stderr);
    let expected =
        "Fatal error, can't open config file '/nonexistent.conf': No such file or directory";
    assert!(all.contains(expected), "{all}");
}

#[test]
fn version_has_the_form_that_tools_read() {
    let output = run(&["--version"], "");
    let version = text(&output.stdout);
    assert!(
        version.starts_with("Redis server v=7.0.15 sha="),
        "{version}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_daemon_has_its_own_session_a_log_and_a_pid_file() {
    // A server that only lends its directory and a port that was free a moment ago.
    let mut lender = Server::start(&[]);
    let (dir, port) = (lender.dir().to_owned(), lender.port().to_string());
    lender.terminate();
    let args = [
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--daemonize",
        "yes",
    ];
    let path = |name: &str| dir.join(name).to_str().expect("text").to_owned();
    let files = [
        "--dir",
        &path(""),
        "--pidfile",
        &path("pid"),
        "--logfile",
        &path("daemon.log"),
    ];
    let output = run(&[args.as_slice(), &files].concat(), "");
    assert_eq!(output.status.code(), Some(0), "the parent ends at once");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    wait_until("the daemon", || {
        read("daemon.log").contains("Ready to accept")
    });
    let pid: u32 = read("pid").trim().parse().expect("a pid");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
    let session = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split(' ').nth(4));
    assert_eq!(session, Some(pid.to_string().as_str()));
    assert!(kill("-TERM", pid));
    wait_until("the end", || !Path::new(&path("pid")).exists());
    wait_until("the last words", || read("daemon.log").contains("bye bye"));
}

#[test]
fn a_crash_is_reported_in_the_log() {
    let server = Server::start(&[]);
    server.signal("-SEGV");
    let end = "=== REDIS BUG REPORT END.";
    wait_until("the report", || server.log().contains(end));
    assert_in_order(
        &server.log(),
        &[
            "=== REDIS BUG REPORT START: Cut & paste starting from here ===\n",
            " # Redis 7.0.15 crashed by signal: 11, si_code: 0\n",
            "------ STACK TRACE ------",
            "crates/server/src/start.rs:",
            end,
        ],
    );
}
