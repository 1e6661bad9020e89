//! Directives of cluster mode, those of Redis first, then those that Valkey added.
//!
//! All of them are kept and reported until cluster mode is there.

use super::INT_MAX;
use crate::config::checks;
use crate::config::directive::*;

const LATER: &str = "kept and reported; takes effect with cluster mode";
const ENDPOINT: &[(&str, i64)] = &[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)];

/// A directive of a subsystem that is still to come.
const fn later(directive: Directive) -> Directive {
    directive.accepted(LATER)
}

const fn port(name: &'static str) -> Directive {
    later(int(name, 0, 0, 65535))
}

pub(super) static CLUSTER: Section = Section {
    title: "Cluster",
    intro: "",
    directives: &[
        later(flag("cluster-enabled", false))
            .with(IMMUTABLE)
            .doc("Run as a node of a cluster."),
        later(text("cluster-config-file", Some("nodes.conf")))
            .with(IMMUTABLE)
            .doc("File in which the node keeps its view of the cluster; not to be edited."),
        later(int("cluster-node-timeout", 15000, 0, i64::MAX))
            .doc("Milliseconds of silence after which a node counts as failing."),
        port("cluster-port")
            .with(IMMUTABLE)
            .doc("Port of the cluster bus; 0: port plus 10000."),
        later(int("cluster-replica-validity-factor", 10, 0, INT_MAX))
            .alias(&["cluster-slave-validity-factor"])
            .doc("Node timeouts that a replica's data may be old for it to take over; 0: any."),
        later(int("cluster-migration-barrier", 1, 0, INT_MAX))
            .doc("Replicas a primary must keep for one of them to move to an orphaned primary."),
        later(flag("cluster-allow-replica-migration", true))
            .doc("Let replicas move to primaries that have none."),
        later(flag("cluster-require-full-coverage", true))
            .doc("Serve nothing while any slot is not covered."),
        later(flag("cluster-replica-no-failover", false))
            .alias(&["cluster-slave-no-failover"])
            .doc("Never start a failover on this replica's own accord."),
        later(flag("cluster-allow-reads-when-down", false))
            .doc("Serve reads while the cluster is down."),
        later(flag("cluster-allow-pubsubshard-when-down", true))
            .doc("Serve shard channels while the cluster is down."),
        later(memory("cluster-link-sendbuf-limit", 0, 0, u64::MAX as i128))
            .doc("Bytes that may wait on a bus link before it is closed; 0: no limit."),
        later(text("cluster-announce-ip", None)).doc("Address to tell other nodes and clients."),
        port("cluster-announce-port").doc("Port to tell them; 0: the true one."),
        port("cluster-announce-tls-port").doc("TLS port to tell them; 0: the true one."),
        port("cluster-announce-bus-port").doc("Bus port to tell them; 0: the true one."),
        later(checked("cluster-announce-hostname", None, checks::hostname))
            .doc("Host name to tell clients."),
        later(checked(
            "cluster-announce-human-nodename",
            None,
            checks::node_name,
        ))
        .doc("A name of this node for people, in logs."),
        later(text("cluster-announce-client-ipv4", None))
            .doc("IPv4 address to tell clients alone (from Valkey)."),
        later(text("cluster-announce-client-ipv6", None))
            .doc("IPv6 address to tell clients alone (from Valkey)."),
        port("cluster-announce-client-port").doc("Port to tell clients alone (from Valkey)."),
        port("cluster-announce-client-tls-port")
            .doc("TLS port to tell clients alone (from Valkey)."),
        later(choice("cluster-preferred-endpoint-type", 0, ENDPOINT))
            .doc("What clients are told to connect to: ip, hostname or unknown-endpoint."),
        later(int("cluster-compatibility-sample-ratio", 0, 0, 100))
            .doc("Percent of commands checked for whether a cluster could run them (Redis 8.0)."),
        later(flag("cluster-slot-stats-enabled", false))
            .doc("Keep processor and network use per slot."),
        later(memory(
            "cluster-slot-migration-handoff-max-lag-bytes",
            1 << 20,
            0,
            i64::MAX as i128,
        ))
        .doc("Bytes of lag below which a migrating slot is handed over (Redis 8.4)."),
        later(int(
            "cluster-slot-migration-write-pause-timeout",
            10000,
            0,
            i64::MAX,
        ))
        .doc("Milliseconds for which the handover may pause writes (Redis 8.4)."),
        later(int(
            "cluster-slot-migration-max-archived-tasks",
            32,
            1,
            INT_MAX,
        ))
        .with(HIDDEN)
        .doc("Finished migrations remembered (Redis 8.4)."),
        later(int("cluster-slot-migration-log-max-len", 1000, 0, i64::MAX))
            .doc("Finished migrations remembered (from Valkey)."),
        later(memory(
            "slot-migration-max-failover-repl-bytes",
            0,
            -1,
            i64::MAX as i128,
        ))
        .doc("Bytes of lag below which a migrating slot is handed over (from Valkey)."),
        later(int("cluster-manual-failover-timeout", 5000, 1, INT_MAX))
            .doc("Milliseconds a manual failover may take (from Valkey)."),
        later(int("cluster-blacklist-ttl", 60, 0, i64::MAX))
            .doc("Seconds for which a forgotten node may not return (from Valkey)."),
        later(int("cluster-databases", 1, 1, INT_MAX))
            .with(IMMUTABLE | HIDDEN)
            .doc("Databases of a cluster node (from Valkey)."),
        later(choice(
            "cluster-config-save-behavior",
            0,
            &[("sync", 0), ("best-effort", 1)],
        ))
        .with(HIDDEN)
        .doc("What to do when the node's file cannot be written (from Valkey)."),
        later(int("cluster-message-gossip-perc", 10, 1, 100))
            .with(HIDDEN)
            .doc("Percent of nodes told of in a bus message (from Valkey)."),
        later(int("cluster-ping-interval", 1000, 0, i64::MAX))
            .with(HIDDEN)
            .doc("Milliseconds between pings on the bus."),
    ],
};
