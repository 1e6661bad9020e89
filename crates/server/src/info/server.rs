//! `# Server`: the process.
//!
//! `redis_version` is the version that we are compatible with, because clients decide by it what
//! they may send; our own version stands in a field of its own.

use super::{Facts, Section, system};
use crate::version;

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let (host, config) = (facts.host, facts.host.config());
    let uptime_s = (facts.now_ms - host.started_ms()) / 1000;
    section.field("redis_version", version::REDIS_VERSION);
    section.field("corewire_version", version::COREWIRE_VERSION);
    section.field("redis_git_sha1", "00000000");
    section.field("redis_git_dirty", 0);
    section.field(
        "redis_build_id",
        format_args!("{:016x}", version::build_id()),
    );
    section.field("redis_mode", "standalone");
    section.field("os", system::os());
    section.field("arch_bits", usize::BITS);
    section.field("monotonic_clock", "POSIX clock_gettime");
    section.field(
        "multiplexing_api",
        if cfg!(target_os = "linux") {
            "epoll"
        } else {
            "kqueue"
        },
    );
    section.field("atomicvar_api", "rust");
    section.field("gcc_version", "0.0.0");
    section.field("process_id", std::process::id());
    section.field("process_supervised", host.supervised());
    section.field("run_id", host.run_id());
    section.field(
        "tcp_port",
        tcp_port(config.unsigned("port"), config.unsigned("tls-port")),
    );
    section.field("server_time_usec", common::clock::now_us());
    section.field("uptime_in_seconds", uptime_s);
    section.field("uptime_in_days", uptime_s / 86_400);
    section.field("hz", config.unsigned("hz"));
    section.field("configured_hz", config.unsigned("hz"));
    section.field("lru_clock", (facts.now_ms / 1000) & 0x00ff_ffff);
    section.field("executable", executable());
    let file = config.path().map(|path| path.display().to_string());
    section.field("config_file", file.unwrap_or_default());
    section.field("io_threads_active", u8::from(host.workers() > 1));
    let shutdown_at_ms = &facts.server.replication.shutdown_at_ms;
    match shutdown_at_ms.load(std::sync::atomic::Ordering::Relaxed) {
        0 => {}
        at_ms => section.field("shutdown_in_milliseconds", (at_ms - facts.now_ms).max(0)),
    }
}

/// Redis shows the TLS port where there is no other.
fn tcp_port(port: u64, tls_port: u64) -> u64 {
    if port == 0 { tls_port } else { port }
}

fn executable() -> String {
    std::env::current_exe()
        .map(|path| path.display().to_string())
        .unwrap_or_default()
}
