//! Binding the current thread to a processor (`server_cpulist`).

/// Runs the calling thread on this processor only. Best effort, as in Redis.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "std has no way to set a thread's affinity")]
pub(crate) fn pin(cpu: usize) {
    if cpu >= libc::CPU_SETSIZE as usize {
        return;
    }
    // SAFETY: an all-zero `cpu_set_t` is the empty set; `CPU_SET` writes inside it, as `cpu` is
    // below `CPU_SETSIZE`; the call reads it, with its true size, and 0 names this thread.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result != 0 {
        tracing::warn!(
            "Binding a thread to cpu {cpu}: {}",
            std::io::Error::last_os_error()
        );
    }
}

/// Elsewhere threads run where the system likes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_cpu: usize) {}
