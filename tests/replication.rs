//! Replication: primary and replica, each of them ours or Redis; lost links, promotions, chains.

use super::dumps::fill;
use super::support::{RawClient, Server, Value, wait_until};

const ARGS: [&str; 6] = [
    "--enable-debug-command",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-ping-replica-period",
    "3600",
];

fn ok(client: &mut RawClient, command: &str) {
    let reply = client.call(command);
    assert_eq!(reply.text(), "OK", "{command}");
}

fn follow(replica: &Server, primary: &Server) {
    for server in [replica, primary] {
        wait_until("it has started", || server.info("loading") == "0");
    }
    ok(
        &mut replica.raw(),
        &format!("REPLICAOF 127.0.0.1 {}", primary.port()),
    );
    wait_until("the link is up", || {
        replica.info("master_link_status") == "up"
    });
}

fn digest(server: &Server) -> String {
    server.raw().call("DEBUG DIGEST").text()
}

fn is_caught_up(replica: &Server, primary: &Server) -> bool {
    replica.info("master_repl_offset") == primary.info("master_repl_offset")
}

fn assert_equal(replica: &Server, primary: &Server) {
    wait_until("the replica has everything", || {
        is_caught_up(replica, primary)
    });
    assert_eq!(digest(replica), digest(primary), "{}", replica.log());
}

/// Changes of many kinds, some of which are rewritten on their way.
fn work(client: &mut RawClient, rounds: usize) {
    for i in 0..rounds {
        ok(client, &format!("SELECT {}", i % 3));
        for command in [
            &format!("SET key:{i} value EX 10000"),
            &format!("INCRBYFLOAT sum 0.{i}"),
            &format!("SADD members {i} {} {}", i + 1, i + 2),
            "SPOP members",
            &format!("ZADD ranks {i} member:{i}"),
            "ZPOPMIN ranks",
            &format!("RPUSH list {i}"),
            "LMOVE list other LEFT RIGHT",
            &format!("HSET hash field:{i} {i}"),
            &format!("XADD stream * round {i}"),
            &format!("PFADD sketch {i}"),
            &format!("SETRANGE long {i} x"),
        ] {
            let reply = client.call(command);
            assert!(!matches!(reply, Value::Error(_)), "{command}: {reply:?}");
        }
        ok(client, "MULTI");
        client.call(&format!("SET first {i}"));
        client.call(&format!("SELECT {}", (i + 1) % 3));
        client.call(&format!("SET second {i}"));
        client.call("EXEC");
    }
}

/// From the first snapshot through a lost link to a promotion, after which the old primary follows.
fn live_together(primary: &Server, replica: &Server) {
    fill(&mut primary.raw());
    work(&mut primary.raw(), 10);
    follow(replica, primary);
    work(&mut primary.raw(), 50);
    assert_equal(replica, primary);
    primary.raw().call("CLIENT KILL TYPE replica");
    work(&mut primary.raw(), 50);
    wait_until("it continues", || primary.info("sync_partial_ok") == "1");
    assert_eq!(primary.info("sync_full"), "1");
    assert_equal(replica, primary);
    ok(&mut replica.raw(), "REPLICAOF NO ONE");
    ok(&mut replica.raw(), "SET promoted 1");
    follow(primary, replica);
    assert_eq!(replica.info("sync_full"), "0");
    assert_equal(primary, replica);
}

#[test]
fn a_replica_follows_through_lost_links_and_promotions() {
    live_together(&Server::start(&ARGS), &Server::start(&ARGS));
}

#[test]
fn redis_follows_us() {
    if let Some(redis) = Server::start_redis(&ARGS) {
        live_together(&Server::start(&ARGS), &redis);
    }
}

#[test]
fn we_follow_redis() {
    if let Some(redis) = Server::start_redis(&ARGS) {
        live_together(&redis, &Server::start(&ARGS));
    }
}

#[test]
fn a_link_comes_from_the_configured_address() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    ok(
        &mut primary.raw(),
        "CONFIG SET repl-disable-tcp-nodelay yes",
    );
    ok(&mut replica.raw(), "CONFIG SET bind-source-addr 127.0.0.2");
    follow(&replica, &primary);
    let line = primary.info("slave0");
    assert!(line.starts_with("ip=127.0.0.2,"), "{line}");
    work(&mut primary.raw(), 5);
    assert_equal(&replica, &primary);
}

fn number(server: &Server, field: &str) -> u64 {
    server.info(field).parse().expect("a number")
}

#[test]
fn what_waits_for_a_slow_replica_evicts_nothing() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    let mut source = primary.raw();
    ok(&mut source, "DEBUG POPULATE 100 key 100000");
    ok(&mut source, "CONFIG SET maxmemory-policy allkeys-random");
    ok(&mut source, "CONFIG SET repl-backlog-size 10240");
    follow(&replica, &primary);
    assert_equal(&replica, &primary);
    let counted = number(&primary, "used_memory") - number(&primary, "mem_not_counted_for_evict");
    ok(
        &mut source,
        &format!("CONFIG SET maxmemory {}", counted + (1 << 20)),
    );
    replica.freeze();
    // Large pieces are shared with the backlog, small ones are not.
    for (size, count) in [(20_000, 800), (500, 8000)] {
        let text = "x".repeat(size);
        for _ in 0..count {
            source.call(&format!("SETRANGE key:0 0 {text}"));
        }
    }
    let uncounted = number(&primary, "mem_not_counted_for_evict");
    let evicted = primary.info("evicted_keys");
    replica.signal("-CONT");
    assert!(uncounted > 4 << 20, "{uncounted}");
    assert_eq!(evicted, "0");
    assert_equal(&replica, &primary);
    wait_until("nothing is left that does not count", || {
        number(&primary, "mem_not_counted_for_evict") < 256 << 10
    });
}

#[test]
fn a_replica_for_which_too_much_waits_behind_its_snapshot_is_given_up() {
    let more = ["--client-output-buffer-limit", "replica 1mb 0 0"];
    let primary = Server::start(&[&ARGS[..], &more].concat());
    let replica = Server::start(&ARGS);
    let mut source = primary.raw();
    ok(&mut source, "DEBUG POPULATE 1000 key 10");
    ok(&mut source, "CONFIG SET rdb-key-save-delay 1000000");
    ok(&mut source, "CONFIG SET repl-backlog-size 16384");
    let port = primary.port();
    ok(&mut replica.raw(), &format!("REPLICAOF 127.0.0.1 {port}"));
    wait_until("its snapshot is written", || {
        primary.info("slave0").contains("state=wait_bgsave")
            && number(&primary, "repl_backlog_active") == 1
    });
    let text = "x".repeat(100_000);
    wait_until("it is given up", || {
        ok(&mut source, &format!("SET long {text}"));
        primary.log().contains("overcoming of output buffer limits")
    });
    ok(&mut replica.raw(), "REPLICAOF NO ONE");
    wait_until("the backlog is small again", || {
        number(&primary, "repl_backlog_histlen") < 500_000
    });
    ok(&mut source, "CONFIG SET rdb-key-save-delay 0");
}

#[test]
fn a_snapshot_through_a_file_is_as_good() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    ok(&mut primary.raw(), "CONFIG SET repl-diskless-sync no");
    live_together(&primary, &replica);
}

#[test]
fn replicas_of_replicas_get_the_same_stream() {
    let servers: Vec<_> = (0..3).map(|_| Server::start(&ARGS)).collect();
    follow(&servers[1], &servers[0]);
    follow(&servers[2], &servers[1]);
    work(&mut servers[0].raw(), 30);
    assert_equal(&servers[1], &servers[0]);
    assert_equal(&servers[2], &servers[0]);
    // The last in the chain goes on with the first, without a snapshot.
    follow(&servers[2], &servers[0]);
    work(&mut servers[0].raw(), 5);
    assert_equal(&servers[2], &servers[0]);
    assert_eq!(servers[0].info("sync_full"), "1");
}

#[test]
fn a_transaction_is_seen_whole_on_a_replica() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    follow(&replica, &primary);
    let mut writer = primary.raw();
    let mut reader = replica.raw();
    for i in 0..500 {
        ok(&mut writer, "MULTI");
        writer.call(&format!("SET a {i}"));
        writer.call(&format!("SET b {i}"));
        writer.call("EXEC");
        let seen = reader.call("MGET a b");
        let seen = seen.elements();
        assert_eq!(seen[0], seen[1]);
    }
    assert_equal(&replica, &primary);
}

#[test]
fn what_is_not_allowed_on_a_replica_is_refused() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    follow(&replica, &primary);
    let mut client = replica.raw();
    assert_eq!(
        client.call("SET a 1"),
        Value::error("READONLY You can't write against a read only replica.")
    );
    ok(&mut client, "CONFIG SET replica-serve-stale-data no");
    ok(&mut client, "REPLICAOF 127.0.0.1 1");
    assert_eq!(
        client.call("GET a"),
        Value::error(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
        )
    );
    ok(&mut client, "REPLICAOF NO ONE");
    ok(&mut client, "SET a 1");
    ok(&mut client, "CONFIG SET min-replicas-to-write 1");
    assert_eq!(
        client.call("SET a 1"),
        Value::error("NOREPLICAS Not enough good replicas to write.")
    );
}

#[test]
fn wait_counts_replicas_that_have_the_change() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    follow(&replica, &primary);
    let mut client = primary.raw();
    ok(&mut client, "SET a 1");
    assert_eq!(client.call("WAIT 1 10000"), Value::Integer(1));
    replica.freeze();
    ok(&mut client, "SET a 2");
    assert_eq!(client.call("WAIT 1 50"), Value::Integer(0));
    replica.signal("-CONT");
    assert_eq!(client.call("WAIT 1 10000"), Value::Integer(1));
}

#[test]
fn failover_loses_nothing_and_swaps_the_parts() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    follow(&replica, &primary);
    work(&mut primary.raw(), 20);
    ok(&mut primary.raw(), "FAILOVER");
    wait_until("they have changed places", || {
        primary.info("role") == "slave" && primary.info("master_link_status") == "up"
    });
    assert_eq!(replica.info("role"), "master");
    assert_equal(&primary, &replica);
    assert_eq!(replica.info("sync_full"), "0");
}

/// With `swapdb` the old data stays until the new is whole: out of sight where it is of another
/// history, and served where it is an older state of the same one.
#[test]
fn old_data_survives_a_snapshot_that_does_not_arrive() {
    let (primary, replica) = (Server::start(&ARGS), Server::start(&ARGS));
    let (mut source, mut target) = (primary.raw(), replica.raw());
    ok(&mut target, "CONFIG SET repl-diskless-load swapdb");
    ok(&mut target, "DEBUG POPULATE 200 own 10");
    ok(&mut source, "DEBUG POPULATE 1000 key 4000");
    ok(&mut source, "CONFIG SET rdbcompression no");
    ok(&mut source, "CONFIG SET rdb-key-save-delay 3000");
    let port = primary.port();
    ok(&mut target, &format!("REPLICAOF 127.0.0.1 {port}"));
    wait_until("it loads", || replica.info("loading") == "1");
    assert!(target.call("GET own:1").text().starts_with("LOADING"));
    ok(&mut source, "CONFIG SET repl-diskless-sync-delay 5");
    source.call("CLIENT KILL TYPE replica");
    wait_until("that has failed", || replica.info("loading") == "0");
    assert_eq!(target.call("DBSIZE"), Value::Integer(200));
    ok(&mut source, "CONFIG SET repl-diskless-sync-delay 0");
    ok(&mut source, "CONFIG SET rdb-key-save-delay 0");
    wait_until("the link is up", || {
        replica.info("master_link_status") == "up"
    });
    assert_equal(&replica, &primary);

    ok(&mut target, "CONFIG SET replica-read-only no");
    ok(&mut target, "SET mine 1");
    ok(&mut source, "CONFIG SET rdb-key-save-delay 3000");
    ok(&mut source, "CONFIG SET repl-backlog-size 16384");
    // Away for longer than the backlog goes back.
    ok(&mut target, "REPLICAOF 127.0.0.1 1");
    wait_until("it is gone", || primary.info("connected_slaves") == "0");
    let text = "x".repeat(16_000);
    (0..10).for_each(|i| ok(&mut source, &format!("SET more:{i} {text}")));
    ok(&mut target, &format!("REPLICAOF 127.0.0.1 {port}"));
    wait_until("it loads", || replica.info("async_loading") == "1");
    assert_eq!(replica.info("loading"), "0");
    assert_eq!(target.call("GET mine").text(), "1");
    assert!(target.call("BGSAVE").text().starts_with("LOADING"));
    ok(&mut source, "CONFIG SET rdb-key-save-delay 0");
    wait_until("it has loaded", || replica.info("async_loading") == "0");
    wait_until("the link is up", || {
        replica.info("master_link_status") == "up"
    });
    assert_equal(&replica, &primary);
    assert_eq!(target.call("EXISTS mine"), Value::Integer(0));
}

/// Where nothing else is kept on disk, what synchronisation writes there does not stay either, if
/// that is wanted.
#[test]
fn files_of_synchronisation_are_removed_where_nothing_is_to_be_kept() {
    let has_file = |server: &Server| server.dir().join("dump.rdb").exists();
    for (unwanted, log, stays) in [
        ("yes", "no", false),
        ("yes", "yes", true),
        ("no", "no", true),
    ] {
        let args = [
            "--repl-diskless-sync",
            "no",
            "--repl-diskless-load",
            "disabled",
        ];
        let more = [
            "--rdb-del-sync-files",
            unwanted,
            "--appendonly",
            log,
            "--save",
            "",
        ];
        let args = [&ARGS[..], &args, &more].concat();
        let (primary, replica) = (Server::start(&args), Server::start(&args));
        wait_until("it has started", || primary.info("loading") == "0");
        ok(&mut primary.raw(), "SET key value");
        follow(&replica, &primary);
        assert_eq!(replica.raw().call("GET key").text(), "value");
        for server in [&primary, &replica] {
            wait_until("it is removed, or stays", || has_file(server) == stays);
        }
    }
}
