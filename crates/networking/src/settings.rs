//! The settings that CONFIG SET changes while the network runs: plain atomics, read when needed.
//!
//! Each field is independent of the others, so relaxed loads and stores are enough.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::ClientClass;

/// Live settings. Defaults are Redis's.
#[derive(Debug)]
pub struct NetSettings {
    /// `timeout`: close clients idle for so many seconds; 0: never.
    pub timeout_s: AtomicU64,
    /// `tcp-keepalive`, seconds; 0: off. Counts for connections accepted from now on.
    pub tcp_keepalive_s: AtomicU32,
    /// `maxclients`.
    pub maxclients: AtomicUsize,
    /// `client-query-buffer-limit`, bytes.
    pub query_buffer_limit: AtomicUsize,
    /// `proto-max-bulk-len`, bytes.
    pub proto_max_bulk_len: AtomicU64,
    /// `protected-mode`.
    pub protected_mode: AtomicBool,
    /// Whether the default user needs no password; protected mode counts only while this holds.
    pub default_user_nopass: AtomicBool,
    /// `DEBUG REPLYBUFFER PEAK-RESET-TIME`, ms; negative: never.
    pub reply_peak_reset_ms: AtomicI64,
    /// Whether pipelines may grow the output of a client without bound, as in Redis, because
    /// something else bounds it (`maxmemory-clients`). Off: execution waits for slow readers.
    pub unbounded_output: AtomicBool,
    /// `maxmemory` is set: memory that is about to be freed is told apart.
    pub memory_limited: AtomicBool,
    /// `maxmemory-clients` in bytes; 0: no limit.
    pub client_memory_limit: AtomicU64,
    /// That limit has just changed: whoever has a turn next sees to it.
    pub client_memory_changed: AtomicBool,
    limits: [AtomicLimits; 3],
}

/// `client-output-buffer-limit` for one class; 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassLimits {
    /// Bytes at which a client is closed at once.
    pub hard_bytes: u64,
    /// Bytes that it may exceed for `soft_seconds`.
    pub soft_bytes: u64,
    /// How long it may exceed `soft_bytes`.
    pub soft_seconds: u64,
}

#[derive(Debug, Default)]
struct AtomicLimits {
    hard_bytes: AtomicU64,
    soft_bytes: AtomicU64,
    soft_seconds: AtomicU64,
}

impl ClassLimits {
    /// Whether so many unsent bytes are too many at any time.
    pub(crate) fn is_over_hard(self, unsent: usize) -> bool {
        self.hard_bytes != 0 && unsent as u64 >= self.hard_bytes
    }
}

impl NetSettings {
    /// The output limits of a class.
    #[must_use]
    pub fn limits(&self, class: ClientClass) -> ClassLimits {
        let limits = &self.limits[class as usize];
        ClassLimits {
            hard_bytes: limits.hard_bytes.load(Ordering::Relaxed),
            soft_bytes: limits.soft_bytes.load(Ordering::Relaxed),
            soft_seconds: limits.soft_seconds.load(Ordering::Relaxed),
        }
    }

    /// The hard limit alone.
    #[inline]
    pub(crate) fn hard_limit(&self, class: ClientClass) -> u64 {
        self.limits[class as usize]
            .hard_bytes
            .load(Ordering::Relaxed)
    }

    /// Changes the output limits of a class.
    pub fn set_limits(&self, class: ClientClass, new: ClassLimits) {
        let limits = &self.limits[class as usize];
        limits.hard_bytes.store(new.hard_bytes, Ordering::Relaxed);
        limits.soft_bytes.store(new.soft_bytes, Ordering::Relaxed);
        limits
            .soft_seconds
            .store(new.soft_seconds, Ordering::Relaxed);
    }
}

impl Default for NetSettings {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        let settings = Self {
            timeout_s: AtomicU64::new(0),
            tcp_keepalive_s: AtomicU32::new(300),
            maxclients: AtomicUsize::new(10_000),
            query_buffer_limit: AtomicUsize::new(1 << 30),
            proto_max_bulk_len: AtomicU64::new(512 * MIB),
            protected_mode: AtomicBool::new(true),
            default_user_nopass: AtomicBool::new(true),
            reply_peak_reset_ms: AtomicI64::new(5000),
            unbounded_output: AtomicBool::new(false),
            memory_limited: AtomicBool::new(false),
            client_memory_limit: AtomicU64::new(0),
            client_memory_changed: AtomicBool::new(false),
            limits: Default::default(),
        };
        let limits = |hard: u64, soft: u64| ClassLimits {
            hard_bytes: hard * MIB,
            soft_bytes: soft * MIB,
            soft_seconds: 60,
        };
        settings.set_limits(ClientClass::Replica, limits(256, 64));
        settings.set_limits(ClientClass::Pubsub, limits(32, 8));
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_limits_default_to_those_of_redis() {
        let settings = NetSettings::default();
        assert_eq!(settings.limits(ClientClass::Normal), ClassLimits::default());
        let pubsub = settings.limits(ClientClass::Pubsub);
        assert_eq!(
            (pubsub.hard_bytes, pubsub.soft_bytes),
            (33_554_432, 8_388_608)
        );
    }
}
