//! The system log, by way of the C library.
//!
//! Opened once at start; the identity string is kept for ever because the C library keeps a pointer
//! to it.

use std::ffi::CString;

/// Opens the system log under `ident`.
#[allow(unsafe_code, reason = "openlog(3), which std lacks")]
pub(super) fn open(ident: &str, facility: i64) {
    let Ok(ident) = CString::new(ident) else {
        return;
    };
    let options = libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT;
    let facility = i32::try_from(facility).unwrap_or(libc::LOG_LOCAL0);
    // SAFETY: the string is leaked, as openlog demands of a string that it keeps.
    unsafe { libc::openlog(ident.into_raw(), options, facility) };
}

/// Sends a message; `level` is Redis's number.
#[allow(unsafe_code, reason = "syslog(3), which std lacks")]
pub(super) fn send(level: u8, message: &str) {
    let priority = match level {
        0 => libc::LOG_DEBUG,
        1 => libc::LOG_INFO,
        2 => libc::LOG_NOTICE,
        _ => libc::LOG_WARNING,
    };
    // A message with a NUL is cut there, as C would.
    let text = message.split('\0').next().unwrap_or_default();
    let Ok(text) = CString::new(text) else { return };
    // SAFETY: both are C strings, and the format takes exactly one.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}
