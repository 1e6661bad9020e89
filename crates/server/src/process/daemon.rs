//! Daemon mode and the file with the process id.
//!
//! As in Redis there is one fork, a new session, and /dev/null in place of the terminal.

use super::signals::exit_now;
use std::io;
use std::path::{Path, PathBuf};

/// Where a daemon writes its process id if no file is named.
const DEFAULT_PID_FILE: &str = "/var/run/redis.pid";

/// Goes to the background: the caller returns in the child, and the parent ends.
///
/// No thread may have been started: only this one lives on in the child.
#[allow(
    unsafe_code,
    reason = "fork(2), setsid(2) and dup2(2), which std lacks"
)]
pub fn daemonize() -> io::Result<()> {
    // SAFETY: the process has one thread, so the child's memory is consistent.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => exit_now(0),
    }
    // SAFETY: plain system calls on descriptors that belong to the process; the path is a C string.
    unsafe {
        libc::setsid();
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        if null != -1 {
            for standard in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
                libc::dup2(null, standard);
            }
            if null > libc::STDERR_FILENO {
                libc::close(null);
            }
        }
    }
    Ok(())
}

/// The file with the process id, which `remove` deletes.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the file if one is named or the process is a daemon. That it cannot be written is no
    /// reason not to run, as in Redis; it is logged.
    pub fn create(named: Option<&Path>, is_daemon: bool) -> Option<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None if is_daemon => PathBuf::from(DEFAULT_PID_FILE),
            None => return None,
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        if let Err(error) = std::fs::write(&path, format!("{}\n", std::process::id())) {
            tracing::debug!("Could not write the pid file {}: {error}", path.display());
        }
        if is_daemon {
            super::crash::set_pid_file(&path);
        }
        Some(Self { path })
    }

    /// Removes the file, upon shutdown.
    pub fn remove(&self) {
        tracing::info!("Removing the pid file.");
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_holds_the_pid_and_goes_away() {
        let path = std::env::temp_dir().join(format!("corewire-{}.pid", std::process::id()));
        let file = PidFile::create(Some(&path), false).expect("named");
        let text = std::fs::read_to_string(&path).expect("written");
        assert_eq!(text, format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());
        assert!(PidFile::create(None, false).is_none());
    }
}
