//! The server log: `tracing` events in Redis's line format, in logfmt, or as JSON.
//!
//! Events become levels of Redis: error and warn are `warning` (`#`), info is `notice` (`*`), debug
//! is `verbose` (`-`), trace is `debug` (`.`). The level may change at any time; events below it
//! cost one load, because the change rebuilds tracing's cache of call sites.
//!
//! A log file is opened for each line, as Redis does, so that it may be moved away at any time.

mod format;
mod layer;
mod syslog;

pub(super) use format::Stamp;
pub use format::{Form, TimeForm};

use crate::config::Config;
use parking_lot::RwLock;
use std::ffi::{CString, OsStr};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Bytes of the longest message; more is cut, as in Redis.
const MESSAGE_LEN_MAX: usize = 1023;

/// The letter of a process's part in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// A primary.
    Primary = b'M',
    /// A replica.
    Replica = b'S',
    /// A Sentinel.
    Sentinel = b'X',
    /// A child that writes a file.
    Child = b'C',
}

/// Where lines go and what they look like.
#[derive(Debug, Clone, Default)]
struct Sink {
    file: Option<PathBuf>,
    form: Form,
    time: TimeForm,
    syslog: bool,
}

static SINK: RwLock<Sink> = RwLock::new(Sink {
    file: None,
    form: Form::Legacy,
    time: TimeForm::Legacy,
    syslog: false,
});
/// The least level that is logged, as Redis numbers them: debug 0 to nothing 4.
static LEVEL: AtomicU8 = AtomicU8::new(2);
static ROLE: AtomicU8 = AtomicU8::new(Role::Primary as u8);
/// The log file for signal handlers: a C string that is never freed, or null for standard output.
static FILE_FOR_HANDLERS: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// Starts logging, at level `notice` to standard output. A second call does nothing.
pub fn init() {
    let subscriber = tracing_subscriber::registry().with(layer::LogLayer);
    // Fails only if there is a subscriber already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Stamp::now();
}

/// Takes level, file, form and system log from the configuration, and follows their changes.
pub fn configure(config: &Config) {
    let file = config.bytes("logfile").filter(|path| !path.is_empty());
    // Leaked on purpose: a signal handler may be reading the old one.
    let path = file
        .as_ref()
        .and_then(|path| CString::new(path.as_slice()).ok());
    let path = path.map_or(std::ptr::null_mut(), CString::into_raw);
    FILE_FOR_HANDLERS.store(path, Ordering::Release);
    if config.bool("syslog-enabled") {
        syslog::open(
            &config.text("syslog-ident"),
            config.choice_value("syslog-facility"),
        );
    }
    {
        let mut sink = SINK.write();
        sink.file = file.map(|path| PathBuf::from(OsStr::from_bytes(&path)));
        sink.syslog = config.bool("syslog-enabled");
    }
    follow(config);
    config.on_change(
        &["loglevel", "log-format", "log-timestamp-format"],
        |config| {
            follow(config);
            Ok(())
        },
    );
}

/// Takes over what may change at run time.
fn follow(config: &Config) {
    {
        let mut sink = SINK.write();
        sink.form = Form::from_value(config.choice_value("log-format"));
        sink.time = TimeForm::from_value(config.choice_value("log-timestamp-format"));
    }
    LEVEL.store(
        u8::try_from(config.choice_value("loglevel")).unwrap_or(2),
        Ordering::Relaxed,
    );
    tracing::callsite::rebuild_interest_cache();
}

/// Sets the role that log lines show.
pub fn set_role(role: Role) {
    ROLE.store(role as u8, Ordering::Relaxed);
}

fn role() -> Role {
    match ROLE.load(Ordering::Relaxed) {
        b'S' => Role::Replica,
        b'X' => Role::Sentinel,
        b'C' => Role::Child,
        _ => Role::Primary,
    }
}

/// The events that are logged now.
fn filter() -> LevelFilter {
    match LEVEL.load(Ordering::Relaxed) {
        0 => LevelFilter::TRACE,
        1 => LevelFilter::DEBUG,
        2 => LevelFilter::INFO,
        3 => LevelFilter::WARN,
        _ => LevelFilter::OFF,
    }
}

/// Redis's number of a level, from `debug` 0 to `warning` 3.
fn number(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR | tracing::Level::WARN => 3,
        tracing::Level::INFO => 2,
        tracing::Level::DEBUG => 1,
        tracing::Level::TRACE => 0,
    }
}

/// Writes text as it is, without a line's head: the banner.
pub(super) fn raw(text: &str) {
    let sink = SINK.read();
    write(&sink, text.as_bytes());
}

/// Writes to the file or to standard output. What cannot be logged is lost: there is no place to
/// tell of it.
fn write(sink: &Sink, text: &[u8]) {
    let _ = match &sink.file {
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(text).and_then(|()| out.flush())
        }
        Some(path) => std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(text)),
    };
}

/// Whether `text` would go to a terminal.
pub(super) fn is_terminal() -> bool {
    let sink = SINK.read();
    sink.file.is_none() && !sink.syslog && std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// The log as signal handlers use it: a descriptor to write to, without locks or allocation.
pub(super) struct HandlerLog {
    descriptor: libc::c_int,
}

impl HandlerLog {
    /// Opens the log; safe in a signal handler.
    #[allow(
        unsafe_code,
        reason = "open(2) without allocation, which std cannot do"
    )]
    pub(super) fn open() -> Self {
        let path = FILE_FOR_HANDLERS.load(Ordering::Acquire);
        if path.is_null() {
            return Self {
                descriptor: libc::STDOUT_FILENO,
            };
        }
        let flags = libc::O_APPEND | libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC;
        // SAFETY: `path` is a C string that is never freed; open(2) is async-signal-safe.
        let descriptor = unsafe { libc::open(path, flags, 0o644) };
        Self { descriptor }
    }

    /// Writes `text` as it is; safe in a signal handler.
    #[allow(unsafe_code, reason = "write(2) without locks, which std cannot do")]
    pub(super) fn raw(&self, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            // SAFETY: the pointer and the length are those of a slice; write(2) is
            // async-signal-safe, and a bad descriptor is an error, no more.
            let wrote = unsafe { libc::write(self.descriptor, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(wrote) {
                Ok(wrote) if wrote > 0 => rest = &rest[wrote..],
                _ => return,
            }
        }
    }

    /// Writes a line at level `warning`; safe in a signal handler. Beyond the buffer it is cut.
    pub(super) fn line(&self, message: std::fmt::Arguments<'_>) {
        let mut buffer = Buffer::default();
        let (pid, role) = (std::process::id(), role() as u8 as char);
        let stamp = Stamp::for_handler();
        let _ = std::fmt::write(
            &mut buffer,
            format_args!("{pid}:{role} {stamp} # {message}\n"),
        );
        buffer.bytes[buffer.len.saturating_sub(1)] = b'\n';
        self.raw(&buffer.bytes[..buffer.len]);
    }
}

impl Drop for HandlerLog {
    #[allow(unsafe_code, reason = "close(2) of a descriptor opened without std")]
    fn drop(&mut self) {
        if self.descriptor > libc::STDERR_FILENO {
            // SAFETY: the descriptor is ours and is used no more.
            unsafe { libc::close(self.descriptor) };
        }
    }
}

/// Text on the stack; what does not fit is cut.
struct Buffer {
    bytes: [u8; 1200],
    len: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: [0; 1200],
            len: 0,
        }
    }
}

impl std::fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.len() - self.len;
        let take = text.len().min(room);
        self.bytes[self.len..self.len + take].copy_from_slice(&text.as_bytes()[..take]);
        self.len += take;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
