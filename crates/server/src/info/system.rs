//! What the operating system says of the machine and the process; also `# CPU`.
//!
//! Read from `/proc`, which does not exist outside Linux: figures are 0 there.

use std::fs;
use std::sync::OnceLock;

use common::os::kilobytes;

use super::{Facts, Section};

/// System, release and machine, as `uname` names them.
pub(super) fn os() -> &'static str {
    static OS: OnceLock<String> = OnceLock::new();
    OS.get_or_init(|| {
        let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}"));
        let system = read("ostype").unwrap_or_else(|_| std::env::consts::OS.to_owned());
        let release = read("osrelease").unwrap_or_default();
        format!(
            "{} {} {}",
            system.trim(),
            release.trim(),
            std::env::consts::ARCH
        )
    })
}

/// Bytes of memory that the machine has.
pub(super) fn total_memory_bytes() -> u64 {
    static TOTAL: OnceLock<u64> = OnceLock::new();
    *TOTAL.get_or_init(|| kilobytes("/proc/meminfo", "MemTotal:"))
}

/// `# CPU`. The thread is the worker that answers, which is Redis's main thread where there is one
/// worker.
pub(super) fn write_cpu(_: &Facts<'_>, section: &mut Section) {
    let process = cpu_time(libc::RUSAGE_SELF);
    let children = cpu_time(libc::RUSAGE_CHILDREN);
    let mut fields = vec![
        ("used_cpu_sys", process.0),
        ("used_cpu_user", process.1),
        ("used_cpu_sys_children", children.0),
        ("used_cpu_user_children", children.1),
    ];
    #[cfg(target_os = "linux")]
    {
        let thread = cpu_time(libc::RUSAGE_THREAD);
        fields.push(("used_cpu_sys_main_thread", thread.0));
        fields.push(("used_cpu_user_main_thread", thread.1));
    }
    for (name, (seconds, micros)) in fields {
        section.field(name, format_args!("{seconds}.{micros:06}"));
    }
}

/// System and user time of the process so far, in seconds.
pub fn cpu_seconds() -> (f64, f64) {
    let seconds = |(seconds, micros): Time| seconds as f64 + micros as f64 / 1e6;
    let (system, user) = cpu_time(libc::RUSAGE_SELF);
    (seconds(system), seconds(user))
}

type Time = (i64, i64);

/// System and user time of the process, its children or this thread: seconds and microseconds.
#[allow(unsafe_code, reason = "the standard library has no getrusage")]
fn cpu_time(who: libc::c_int) -> (Time, Time) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to memory of the right type, which the call fills; all zero, as it is
    // if the call fails, is a valid value too.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| (t.tv_sec, t.tv_usec);
    (time(usage.ru_stime), time(usage.ru_utime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_is_asked_in_its_own_words() {
        assert!(os().starts_with("Linux "));
        assert!(common::os::resident_bytes() > 1 << 20);
        assert!(total_memory_bytes() > common::os::resident_bytes());
    }
}
