//! `# Clients`: who is connected.

use std::sync::atomic::Ordering::Relaxed;

use commands::session::client_flag::{BLOCKED, REPLICA, TRACKING};

use super::{Facts, Section};

pub(super) fn write(facts: &Facts<'_>, section: &mut Section) {
    let host = facts.host;
    let (mut connected, mut blocked, mut timed, mut tracking) = (0, 0, 0, 0);
    host.each_state(|state| {
        let flags = state.flags.load(Relaxed);
        connected += u64::from(flags & REPLICA == 0);
        blocked += u64::from(flags & BLOCKED != 0);
        timed += u64::from(state.waits_with_timeout());
        tracking += u64::from(flags & TRACKING != 0);
    });
    let net = host.net_stats();
    section.field("connected_clients", connected);
    section.field("cluster_connections", 0);
    section.field("maxclients", host.config().unsigned("maxclients"));
    section.field("client_recent_max_input_buffer", net.input_max);
    section.field("client_recent_max_output_buffer", net.output_max);
    section.field("blocked_clients", blocked);
    section.field("tracking_clients", tracking);
    section.field("clients_in_timeout_table", timed);
}
