//! `supervised`: telling systemd or upstart how far the server is.
//!
//! systemd is told by datagrams to the socket that `NOTIFY_SOCKET` names, in the protocol of
//! sd_notify(3); no library is needed for that.

use crate::config::Config;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A supervisor that waits for word of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd.
    Systemd,
    /// upstart, which has been told already.
    Upstart,
}

/// Finds the supervisor that the configuration asks for and greets it. With one the server does not
/// go to the background.
pub fn begin(config: &Config) -> Option<Supervisor> {
    let has = |name| std::env::var_os(name).is_some();
    let wanted = match config.choice("supervised") {
        "auto" if has("UPSTART_JOB") => {
            tracing::debug!("Upstart supervision detected.");
            Supervisor::Upstart
        }
        "auto" if has("NOTIFY_SOCKET") => {
            tracing::debug!("Systemd supervision detected.");
            Supervisor::Systemd
        }
        "upstart" => Supervisor::Upstart,
        "systemd" => Supervisor::Systemd,
        _ => return None,
    };
    let greeted = match wanted {
        Supervisor::Systemd => begin_systemd(),
        Supervisor::Upstart => begin_upstart(has("UPSTART_JOB")),
    };
    greeted.then_some(wanted)
}

fn begin_systemd() -> bool {
    if !tell("STATUS=Redis is loading...\n") {
        return false;
    }
    tracing::info!(
        "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec \
         and TimeoutStopSec in your service unit."
    );
    true
}

#[allow(unsafe_code, reason = "raise(3), which std lacks")]
fn begin_upstart(is_job: bool) -> bool {
    if !is_job {
        tracing::error!("upstart supervision requested, but UPSTART_JOB not found!");
        return false;
    }
    tracing::info!("supervised by upstart, will stop to signal readiness.");
    // SAFETY: stops this process until the supervisor lets it go on.
    unsafe { libc::raise(libc::SIGSTOP) };
    true
}

impl Supervisor {
    /// Tells that connections are accepted.
    pub fn ready(self) {
        self.status("Ready to accept connections");
        if self == Self::Systemd {
            tell("READY=1\n");
        }
    }

    /// Tells what the server is doing.
    pub fn status(self, status: &str) {
        if self == Self::Systemd {
            tell(&format!("STATUS={status}\n"));
        }
    }

    /// Tells that the server is about to end.
    pub fn stopping(self) {
        if self == Self::Systemd {
            tell("STOPPING=1\n");
        }
    }
}

/// Sends a message to systemd; what goes wrong is logged.
fn tell(message: &str) -> bool {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        tracing::error!("systemd supervision error: NOTIFY_SOCKET not found!");
        return false;
    };
    match send(&socket, message) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!("systemd supervision error: sd_notify: {error}");
            false
        }
    }
}

fn send(socket: &std::ffi::OsStr, message: &str) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    // A leading @ stands for the abstract namespace.
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message.as_bytes(), &address)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_reach_named_and_abstract_sockets() {
        let unique = format!("corewire-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&unique);
        let abstract_address = SocketAddr::from_abstract_name(&unique).expect("short");
        let sockets = [
            (
                UnixDatagram::bind(&path).expect("bound"),
                path.clone().into_os_string(),
            ),
            (
                UnixDatagram::bind_addr(&abstract_address).expect("bound"),
                format!("@{unique}").into(),
            ),
        ];
        for (socket, name) in sockets {
            send(&name, "READY=1\n").expect("sent");
            let mut buffer = [0; 32];
            let len = socket.recv(&mut buffer).expect("received");
            assert_eq!(&buffer[..len], b"READY=1\n");
        }
        std::fs::remove_file(path).expect("removed");
    }
}
