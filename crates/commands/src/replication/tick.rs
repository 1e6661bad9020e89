//! What replication does by the clock: pings, timeouts, the end of an unused backlog, WAIT's
//! deadlines, the count of replicas that are well.
//! Called by the cron; it returns when it wants to be called again.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use crate::server::Server;

use super::replicas::{Replica, Stage};
use super::state::{Replication, State};

impl Replication {
    /// To be called often. Returns when it should be called again at the latest (Unix ms). Not for
    /// workers.
    pub fn tick(&self, server: &Server, now_ms: i64) -> i64 {
        if server.debug.asleep.load(Relaxed) {
            return now_ms + 10;
        }
        self.tick_failover(server, now_ms);
        let mut state = self.state.lock();
        let next_wait = super::wait::expire(&mut state, &server.aof, now_ms);
        if now_ms >= state.next_second_ms {
            state.next_second_ms = now_ms + 1000;
            self.second(server, &mut state, now_ms);
            state.seconds += 1;
        } else {
            self.count_good(server, &mut state, now_ms);
        }
        next_wait.unwrap_or(i64::MAX).min(state.next_second_ms)
    }

    /// Takes note of changed directives.
    pub fn settings_changed(&self, server: &Server) {
        let mut state = self.state.lock();
        let State { kept, replicas, .. } = &mut *state;
        if let Some(kept) = kept {
            let backlog = &mut kept.backlog;
            backlog.set_capacity(server.settings.repl_backlog_size.load(Relaxed));
            let fed = replicas.iter().filter(|replica| replica.is_fed());
            backlog.trim(fed.map(|replica| replica.cursor).min());
        }
        self.count_good(server, &mut state, common::clock::now_ms());
    }

    fn second(&self, server: &Server, state: &mut State, now_ms: i64) {
        let settings = &server.settings;
        if let Some(kept) = &mut state.kept {
            kept.backlog
                .set_capacity(settings.repl_backlog_size.load(Relaxed));
        }
        let period = settings.repl_ping_replica_period_s.load(Relaxed).max(1);
        let paused = state.failover.is_some() && server.pause.holds_writes(now_ms);
        let is_primary = state.upstream.is_none();
        let is_time = state.seconds.is_multiple_of(period);
        if is_primary && is_time && !state.replicas.is_empty() && !paused {
            self.log.append_to_replicas(&[b"PING"]);
        }
        for replica in &state.replicas {
            // Those who wait see that we are there. The stream has its own pings, except on a
            // replica that has lost its primary.
            if matches!(replica.stage, Stage::Waiting | Stage::Preparing) {
                replica.link.push(Bytes::from_static(b"\n"));
            }
        }
        self.drop_silent(server, state, now_ms);
        self.drop_backlog(server, state, now_ms);
        self.feed_locked(state);
        self.count_good(server, state, now_ms);
    }

    /// Disconnects replicas that have not acknowledged anything for too long.
    fn drop_silent(&self, server: &Server, state: &mut State, now_ms: i64) {
        let timeout_ms = server.settings.repl_timeout_s.load(Relaxed) as i64 * 1000;
        let is_silent = |replica: &Replica| {
            replica.stage.is_online() && !replica.is_old && now_ms - replica.ack_ms > timeout_ms
        };
        for replica in state.replicas.extract_if(.., |replica| is_silent(replica)) {
            if let Some(host) = server.host() {
                host.log_warning(&format!(
                    "Disconnecting timedout replica (streaming sync): {}",
                    replica.name()
                ));
            }
            replica.link.kill(false);
            state.alone_since_ms = now_ms;
        }
    }

    /// Gives up the backlog when there has been no replica for `repl-backlog-ttl`.
    fn drop_backlog(&self, server: &Server, state: &mut State, now_ms: i64) {
        let ttl_s = server.settings.repl_backlog_ttl_s.load(Relaxed);
        let is_alone = state.replicas.is_empty() && state.upstream.is_none();
        if ttl_s == 0 || !is_alone || state.kept.is_none() {
            return;
        }
        if now_ms - state.alone_since_ms > ttl_s as i64 * 1000 {
            // The offset will stand still while data changes: nobody may continue this history.
            state.history.restart_as(common::random::hex_id(40));
            state.kept = None;
            if let Some(host) = server.host() {
                host.log_notice(&format!(
                    "Replication backlog freed after {ttl_s} seconds without connected replicas."
                ));
            }
        }
    }

    /// Counts the replicas that are well, for `min-replicas-to-write`.
    fn count_good(&self, server: &Server, state: &mut State, now_ms: i64) {
        let settings = &server.settings;
        let least = settings.min_replicas_to_write.load(Relaxed);
        let lag_s = settings.min_replicas_max_lag_s.load(Relaxed) as i64;
        if least == 0 || lag_s == 0 || state.upstream.is_some() {
            self.set_short(false);
            return;
        }
        let is_good = |replica: &&Replica| {
            replica.stage.is_online() && now_ms / 1000 - replica.ack_ms / 1000 <= lag_s
        };
        state.good = state.replicas.iter().filter(is_good).count();
        self.set_short((state.good as u64) < least);
    }
}
