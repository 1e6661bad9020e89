//! Signals: SIGTERM and SIGINT ask for a shutdown, a second SIGINT ends the process at once,
//! SIGHUP, SIGPIPE and SIGXFSZ are ignored.
//!
//! A handler notes the signal, writes its line to the log and wakes whoever reads the other end of
//! a socket pair. What a shutdown then does is the server's business.

use super::log::HandlerLog;
use std::ffi::CString;
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The signal that asked for a shutdown; 0 if none did.
static ASKED: AtomicI32 = AtomicI32::new(0);
static LOADING: AtomicBool = AtomicBool::new(false);
/// The end of the pair that handlers write to; -1 before `install`.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// A signal that asks for a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// SIGINT, to which `shutdown-on-sigint` applies.
    Interrupt,
    /// SIGTERM, to which `shutdown-on-sigterm` applies.
    Terminate,
}

/// Installs the handlers. The stream becomes readable when a shutdown is asked for; it does not
/// block.
pub fn install() -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    writer.set_nonblocking(true)?;
    WAKE.store(writer.into_raw_fd(), Ordering::Release);
    handle(libc::SIGTERM, Action::Call(on_shutdown), libc::SA_RESTART)?;
    handle(libc::SIGINT, Action::Call(on_shutdown), libc::SA_RESTART)?;
    handle(libc::SIGHUP, Action::Ignore, 0)?;
    handle(libc::SIGPIPE, Action::Ignore, 0)?;
    // A file that may not grow further is an error of the write, as on a full disk.
    handle(libc::SIGXFSZ, Action::Ignore, 0)?;
    Ok(reader)
}

/// The shutdown that was asked for, if any.
pub fn shutdown_asked() -> Option<Shutdown> {
    match ASKED.load(Ordering::Acquire) {
        0 => None,
        libc::SIGINT => Some(Shutdown::Interrupt),
        _ => Some(Shutdown::Terminate),
    }
}

/// Forgets a shutdown that was cancelled or could not be done.
pub fn shutdown_forget() {
    ASKED.store(0, Ordering::Release);
}

/// Tells handlers whether the dataset is being loaded, which changes what they log.
pub fn set_loading(loading: bool) {
    LOADING.store(loading, Ordering::Relaxed);
}

/// What to do upon a signal.
pub(super) enum Action {
    /// The system's default.
    Default,
    /// Nothing.
    Ignore,
    /// Call this; it may do only what is async-signal-safe.
    Call(extern "C" fn(libc::c_int)),
    /// The same, with the signal's details.
    Inform(extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void)),
}

/// Sets what happens upon `signal`.
#[allow(unsafe_code, reason = "sigaction(2), which std lacks")]
pub(super) fn handle(signal: libc::c_int, action: Action, flags: libc::c_int) -> io::Result<()> {
    let (handler, flags) = match action {
        Action::Default => (libc::SIG_DFL, flags),
        Action::Ignore => (libc::SIG_IGN, flags),
        Action::Call(f) => (f as *const () as libc::sighandler_t, flags),
        Action::Inform(f) => (
            f as *const () as libc::sighandler_t,
            flags | libc::SA_SIGINFO,
        ),
    };
    // SAFETY: sigaction is plain data for which zeros are valid (an empty mask among them), and the
    // handler has the signature that the flags announce.
    let result = unsafe {
        let mut act: libc::sigaction = std::mem::zeroed();
        act.sa_sigaction = handler;
        act.sa_flags = flags;
        libc::sigaction(signal, &raw const act, std::ptr::null_mut())
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends the process without running anything on the way out; safe in a signal handler.
#[allow(unsafe_code, reason = "_exit(2), which std lacks")]
pub(super) fn exit_now(status: libc::c_int) -> ! {
    // SAFETY: _exit is async-signal-safe and takes any status.
    unsafe { libc::_exit(status) }
}

extern "C" fn on_shutdown(signal: libc::c_int) {
    let log = HandlerLog::open();
    if signal == libc::SIGINT && ASKED.load(Ordering::Acquire) != 0 {
        log.line(format_args!("You insist... exiting now."));
        remove_temporary();
        exit_now(1);
    }
    if LOADING.load(Ordering::Relaxed) {
        log.line(format_args!(
            "Received shutdown signal during loading, scheduling shutdown."
        ));
    } else {
        let name = if signal == libc::SIGINT {
            "SIGINT"
        } else {
            "SIGTERM"
        };
        log.line(format_args!("Received {name} scheduling shutdown..."));
    }
    ASKED.store(signal, Ordering::Release);
    wake();
}

/// Files that must not outlive the process, however it ends.
static TEMPORARY: OnceLock<Vec<CString>> = OnceLock::new();

/// Names, relative to the working directory, of files that a second SIGINT removes.
pub fn set_temporary(names: impl Iterator<Item = String>) {
    let names = names.filter_map(|name| CString::new(name).ok());
    let _ = TEMPORARY.set(names.collect());
}

#[allow(
    unsafe_code,
    reason = "unlink(2) in a signal handler, where std must not be used"
)]
fn remove_temporary() {
    for name in TEMPORARY.get().into_iter().flatten() {
        // SAFETY: unlink is async-signal-safe; the name ends with a NUL.
        unsafe { libc::unlink(name.as_ptr()) };
    }
}

#[allow(
    unsafe_code,
    reason = "write(2) in a signal handler, where std must not be used"
)]
fn wake() {
    let descriptor = WAKE.load(Ordering::Acquire);
    // SAFETY: one byte of a live buffer. If the pair is full the reader is about to wake anyway.
    // errno is put back: the handler may have interrupted code that is about to read it.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(descriptor, b"!".as_ptr().cast(), 1);
        *errno = before;
    }
}

#[cfg(test)]
mod tests;
