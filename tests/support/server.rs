//! A server process for one test.
//!
//! The port is found by binding port 0 and letting it go, so another process can take it in
//! between; start-up then fails and is tried again with another port.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::{FailingDisk, PATIENCE, RawClient};

const START_ATTEMPTS: u32 = 5;

/// A running server, alone in its directory.
pub(crate) struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
    args: Vec<String>,
    program: Program,
}

/// What is run, and how.
#[derive(Clone, Default)]
struct Program {
    name: OsString,
    environment: Vec<(&'static str, PathBuf)>,
    /// Words before the name: a program that starts it, with its arguments.
    wrapper: Vec<&'static str>,
}

impl Program {
    fn plain(name: OsString) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(&self.name),
            Some((wrapper, args)) => {
                let mut command = Command::new(wrapper);
                command.args(args).arg(&self.name);
                command
            }
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Server {
    /// Starts the server with `args` (a configuration file or none, then directives as on the
    /// command line) and waits until it answers
    /// PING.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_program(&Program::plain(program()), args)
    }

    /// Starts the server on a disk that can fail.
    pub(crate) fn start_on(disk: &FailingDisk, args: &[&str]) -> Self {
        let program = Program {
            environment: disk.environment(),
            ..Program::plain(program())
        };
        Self::start_program(&program, args)
    }

    /// Starts the server without the right to write where nobody may: root has it otherwise.
    pub(crate) fn start_bound_by_modes(args: &[&str]) -> Self {
        let wrapper = match is_root() {
            true => vec![
                "setpriv",
                "--bounding-set=-dac_override",
                "--inh-caps=-dac_override",
            ],
            false => Vec::new(),
        };
        let program = Program {
            wrapper,
            ..Program::plain(program())
        };
        Self::start_program(&program, args)
    }

    /// Starts Redis, where it is installed.
    pub(crate) fn start_redis(args: &[&str]) -> Option<Self> {
        let program = Program::plain("redis-server".into());
        let found = program.command().arg("--version").output();
        found.ok().map(|_| Self::start_program(&program, args))
    }

    fn start_program(program: &Program, args: &[&str]) -> Self {
        let dir = temporary_dir();
        for _ in 0..START_ATTEMPTS {
            if let Some(server) = Self::try_start(program, &dir, free_port(), args) {
                return server;
            }
        }
        panic!(
            "no server after {START_ATTEMPTS} attempts:\n{}",
            read_log(&dir)
        );
    }

    fn try_start(program: &Program, dir: &Path, port: u16, args: &[&str]) -> Option<Self> {
        let child = spawn(program, dir, port, args);
        let mut server = Self {
            child,
            port,
            dir: dir.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            program: program.clone(),
        };
        let deadline = Instant::now() + PATIENCE;
        while !server.answers() {
            if server
                .child
                .try_wait()
                .expect("wait for the server")
                .is_some()
            {
                // Keeps the directory for the next attempt.
                server.dir = PathBuf::new();
                return None;
            }
            assert!(
                Instant::now() < deadline,
                "the server does not answer:\n{}",
                server.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Some(server)
    }

    /// Kills it at once and starts it again on the same port, with the same arguments.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("wait for the server");
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let again = Self::try_start(&self.program, &self.dir, self.port, &args);
        // The directory belongs to the new one now.
        self.dir = PathBuf::new();
        *self = again.expect("the port is free again");
    }

    /// Any reply line counts: a server that asks for a password is up as well.
    fn answers(&self) -> bool {
        // One that is told to load slowly is wanted while it loads.
        let early = self.args.iter().any(|arg| arg == "--key-load-delay");
        RawClient::try_connect(self.port).is_some_and(|mut client| client.try_ping(early))
    }

    /// The port that it listens on, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets its files grow no further than this (`None`: as they like), which fails as a full disk
    /// does, only with EFBIG; whether that could be done.
    pub(crate) fn limit_file_size(&self, bytes: Option<u64>) -> bool {
        let size = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let (pid, size) = (self.pid().to_string(), format!("--fsize={size}:unlimited"));
        let done = Command::new("prlimit")
            .args(["--pid", &pid, &size])
            .status();
        done.is_ok_and(|status| status.success())
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All that it has logged so far.
    pub(crate) fn log(&self) -> String {
        read_log(&self.dir)
    }

    /// A connection of the `redis` crate.
    pub(crate) fn client(&self) -> redis::Connection {
        redis::Client::open(format!("redis://127.0.0.1:{}/", self.port))
            .and_then(|client| client.get_connection())
            .expect("connect")
    }

    /// A connection that sends and shows what goes over the wire.
    pub(crate) fn raw(&self) -> RawClient {
        RawClient::try_connect(self.port).expect("connect")
    }

    /// What `redis-cli ARGS` prints, errors included, without the last newline.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("redis-cli runs");
        let printed = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&printed)
            .trim_end_matches('\n')
            .to_owned()
    }

    /// Bytes of the process in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path).expect("the server runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.expect("VmRSS").parse::<u64>().expect("a number") * 1024
    }

    /// A field of INFO; empty if there is none.
    pub(crate) fn info(&self, field: &str) -> String {
        let text = self.raw().call("INFO everything").text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().to_owned()
    }

    /// Sends it a signal, named as for `kill`.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(
            super::kill(signal, self.pid()),
            "the server is gone already:\n{}",
            self.log()
        );
    }

    /// Stops all its threads; they stand still when this returns. [`Self::signal`] with `-CONT`
    /// lets them go on.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        super::wait_until("all threads stand still", || {
            let threads = fs::read_dir(format!("/proc/{}/task", self.pid()));
            threads.expect("a process").flatten().all(|thread| {
                let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
                stat.rsplit(") ")
                    .next()
                    .is_some_and(|rest| rest.starts_with('T'))
            })
        });
    }

    /// Ends it with SIGTERM and returns its exit code (none if a signal ended it).
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for the server") {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "SIGTERM does not end it:\n{}",
                self.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() && !self.dir.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Whether the server under test is ours, and so knows what Redis 7.0 does not.
pub(crate) fn is_corewire() -> bool {
    std::env::var_os("COREWIRE_TEST_SERVER").is_none()
}

/// The server under test.
pub(crate) fn program() -> OsString {
    std::env::var_os("COREWIRE_TEST_SERVER")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_corewire-server").into())
}

fn spawn(program: &Program, dir: &Path, port: u16, args: &[&str]) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .expect("log file");
    // A configuration file goes first.
    let file_count = usize::from(args.first().is_some_and(|arg| !arg.starts_with("--")));
    let (file, directives) = args.split_at(file_count);
    let port = port.to_string();
    program
        .command()
        .args(file)
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
        .args(directives)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("log file"))
        .stderr(log)
        .spawn()
        .expect("the server starts")
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Uid:"));
    // Real, then effective.
    line.and_then(|line| line.split_whitespace().nth(2)) == Some("0")
}

fn read_log(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

fn temporary_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("corewire-test-{}-{count}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir).expect("temporary directory");
    dir
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}
