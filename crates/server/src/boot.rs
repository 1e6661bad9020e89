//! The process side of starting and ending: what the operating system, the log and whoever
//! supervises the server see of it, in Redis's order.
//!
//! `begin` comes right after the configuration is read and before any thread is started, because it
//! may go to the background; the methods of [`Process`] mark the steps that follow.

use crate::config::Config;
use crate::process::banner::{self, Listener};
use crate::process::daemon::{PidFile, daemonize};
use crate::process::signals::{self, Shutdown};
use crate::process::supervise::{self, Supervisor};
use crate::process::{check, crash, huge_pages, limits, log, oom, title, watchdog};
use anyhow::Context;
use common::os::os_text;
use networking::NetError;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

/// The running process.
pub struct Process {
    program: String,
    supervisor: Option<Supervisor>,
    is_daemon: bool,
    pid_file: Option<PidFile>,
    signals: Option<UnixStream>,
}

/// Before anything else: room for the title, a log, and no huge pages yet.
pub fn prepare() {
    huge_pages::hold_back();
    title::init();
    log::init();
}

/// Takes over what the configuration says of the process. `configured` is whether the command line
/// had any arguments.
///
/// # Errors
/// If the process cannot go to the background, has too few descriptors, or lacks a signal handler.
pub fn begin(config: &Arc<Config>, program: &str, configured: bool) -> anyhow::Result<Process> {
    log::configure(config);
    let supervisor = supervise::begin(config);
    let is_daemon = config.bool("daemonize") && supervisor.is_none();
    if is_daemon {
        daemonize().context("cannot go to the background")?;
    }
    banner::starting(program, configured);
    let signals = signals::install().context("cannot handle signals")?;
    crash::install(config).context("cannot handle crashes")?;
    watchdog::install(config).context("cannot start the watchdog")?;
    limits::follow(config).inspect_err(|error| tracing::error!("{error}"))?;
    let program = program.to_owned();
    let signals = Some(signals);
    Ok(Process {
        program,
        supervisor,
        is_daemon,
        pid_file: None,
        signals,
    })
}

impl Process {
    /// The sockets are open: the pid file, the title, the banner and the checks.
    pub fn listening(&mut self, config: &Config) {
        let named = config.text("pidfile");
        let named = Some(named.as_str())
            .filter(|path| !path.is_empty())
            .map(Path::new);
        self.pid_file = PidFile::create(named, self.is_daemon);
        if let Err(reason) = title::follow(config, &self.program) {
            tracing::debug!("{reason}");
        }
        let mode = if config.bool("cluster-enabled") {
            "cluster"
        } else {
            "standalone"
        };
        banner::show(config, mode);
        banner::initialized();
        check::at_start(config);
    }

    /// The data is loaded and clients are served.
    pub fn ready(&self, config: &Config) {
        let has_tcp = config.int("port") != 0 || config.int("tls-port") != 0;
        let unix = config.text("unixsocket");
        let unix = Some(unix.as_str())
            .filter(|path| !path.is_empty())
            .map(Path::new);
        banner::ready(has_tcp, unix);
        if let Some(supervisor) = self.supervisor {
            supervisor.ready();
        }
        if let Err(reason) = oom::apply(config, oom::Class::Primary) {
            tracing::debug!("{reason}");
        }
        config.on_change(&["oom-score-adj", "oom-score-adj-values"], |config| {
            let class = match config.replicaof() {
                Some(_) => oom::Class::Replica,
                None => oom::Class::Primary,
            };
            oom::apply(config, class)
        });
    }

    /// Calls `ask` whenever a signal asks for a shutdown; in a thread of its own.
    ///
    /// # Errors
    /// If that thread cannot be started.
    pub fn on_signal(&mut self, ask: impl Fn(Shutdown) + Send + 'static) -> std::io::Result<()> {
        let Some(mut signals) = self.signals.take() else {
            return Ok(());
        };
        signals.set_nonblocking(false)?;
        let wait = move || {
            while signals.read_exact(&mut [0]).is_ok() {
                signals::shutdown_asked().into_iter().for_each(&ask);
            }
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(wait)
            .map(drop)
    }

    /// The server is about to end.
    pub fn ending(&self) {
        tracing::error!("User requested shutdown...");
        if let Some(supervisor) = self.supervisor {
            supervisor.stopping();
        }
    }

    /// The last words.
    pub fn ended(&self) {
        if let Some(pid_file) = &self.pid_file {
            pid_file.remove();
        }
        tracing::error!("Redis is now ready to exit, bye bye...");
    }
}

/// Logs why the server cannot listen, in the words that scripts look for.
pub fn log_listen_error(config: &Config, error: &NetError) {
    match error {
        NetError::Bind {
            address,
            port,
            source,
        } => {
            banner::listen_failed(address, *port, &format!("bind: {}", os_text(source)));
        }
        NetError::Address { address } => {
            let port = u16::try_from(config.int("port")).unwrap_or_default();
            banner::listen_failed(address, port, "Name or service not known");
        }
        NetError::Unix { source, .. } => banner::unixsocket_failed(&os_text(source)),
        other => tracing::error!("{other}"),
    }
}

/// The same at start, where it is the end.
pub fn log_listen_abort(config: &Config, error: &NetError) {
    log_listen_error(config, error);
    let port = u16::try_from(config.int("port")).unwrap_or_default();
    match error {
        NetError::Bind { port, .. } if i64::from(*port) == config.int("tls-port") => {
            banner::listen_aborted(Listener::Tls, *port);
        }
        NetError::Bind { .. } | NetError::Address { .. } => {
            banner::listen_aborted(Listener::Tcp, port);
        }
        _ => {}
    }
}
