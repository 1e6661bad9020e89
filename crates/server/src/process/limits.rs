//! The limit on open files, raised at start so that `maxclients` connections fit.
//!
//! Where the system refuses, `maxclients` is lowered to what fits, with Redis's messages.

use crate::config::Config;
use common::os::os_text;
use std::io;

/// Descriptors kept for other things than clients.
pub const RESERVED_DESCRIPTORS: u64 = 32;

/// Not even one client would fit. Prints as Redis's last words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Your current 'ulimit -n' of {limit} is not enough for the server to start. Please increase \
     your open file limit to at least {needed}. Exiting."
)]
pub struct TooFewFiles {
    limit: u64,
    needed: u64,
}

/// Raises the limit for `max_clients` and returns how many clients fit.
pub fn raise_open_files(max_clients: u64) -> Result<u64, TooFewFiles> {
    let needed = max_clients + RESERVED_DESCRIPTORS;
    let limit = match current() {
        Ok(limit) => limit.rlim_cur,
        Err(error) => {
            tracing::error!(
                "Unable to obtain the current NOFILE limit ({error}), assuming 1024 and setting \
                 the max clients configuration accordingly."
            );
            return Ok(1024 - RESERVED_DESCRIPTORS);
        }
    };
    if limit >= needed {
        return Ok(max_clients);
    }
    let (best, refusal) = raise(limit, needed);
    let Some(refusal) = refusal.filter(|_| best < needed) else {
        tracing::info!(
            "Increased maximum number of open files to {needed} (it was originally set to {limit})."
        );
        return Ok(max_clients);
    };
    if best <= RESERVED_DESCRIPTORS {
        return Err(TooFewFiles { limit, needed });
    }
    let fitting = best - RESERVED_DESCRIPTORS;
    tracing::error!(
        "You requested maxclients of {max_clients} requiring at least {needed} max file \
         descriptors."
    );
    let refusal = os_text(&refusal);
    tracing::error!(
        "Server can't set maximum open files to {needed} because of OS error: {refusal}."
    );
    tracing::error!(
        "Current maximum open files is {best}. maxclients has been reduced to {fitting} to \
         compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."
    );
    Ok(fitting)
}

/// Tries ever lower limits: what is needed, what the kernel bears, what this process may have.
/// Returns the one that holds then, and the last refusal.
fn raise(limit: u64, needed: u64) -> (u64, Option<io::Error>) {
    let kernel = std::fs::read_to_string("/proc/sys/fs/nr_open").ok();
    let kernel = kernel
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX);
    let hard = current().map_or(limit, |limit| limit.rlim_max);
    let mut refusal = None;
    for best in [needed, needed.min(kernel), needed.min(hard)] {
        if best <= limit {
            continue;
        }
        match set(best) {
            Ok(()) => return (best, refusal),
            Err(error) => refusal = Some(error),
        }
    }
    (limit, refusal)
}

#[allow(unsafe_code, reason = "getrlimit(2), which std lacks")]
fn current() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes to a live struct of the right type.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets the limit. The hard limit is kept where it is higher: Redis lowers it, which cannot be
/// undone.
#[allow(unsafe_code, reason = "setrlimit(2), which std lacks")]
fn set(files: u64) -> io::Result<()> {
    let mut limit = current()?;
    limit.rlim_cur = files;
    limit.rlim_max = limit.rlim_max.max(files);
    // SAFETY: reads a live struct of the right type.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Raises the limit at start, and upon `CONFIG SET maxclients`.
pub fn follow(config: &Config) -> Result<(), TooFewFiles> {
    let asked = config.unsigned("maxclients");
    let fitting = raise_open_files(asked)?;
    if fitting != asked {
        let stored = config.overwrite("maxclients", fitting.to_string().as_bytes());
        debug_assert!(stored.is_ok(), "a number within bounds");
    }
    config.on_change(&["maxclients"], |config| {
        let asked = config.unsigned("maxclients");
        match raise_open_files(asked) {
            Ok(fitting) if fitting == asked => Ok(()),
            Ok(fitting) => Err(format!(
                "The operating system is not able to handle the specified number of clients, try \
                 with {fitting}"
            )),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        let limit = current().expect("readable").rlim_cur;
        assert_eq!(raise_open_files(1), Ok(1));
        assert_eq!(current().expect("readable").rlim_cur, limit);
    }

    #[test]
    fn more_than_the_system_allows_is_reduced() {
        // The kernel's own bound, fs.nr_open, is far below this.
        let fitting = raise_open_files(1 << 40);
        assert!(fitting.is_ok_and(|fitting| fitting < 1 << 40));
    }
}
