//! Commands of the server, argv in and RESP out. What needs a host is tested against a running
//! server.

use expect_test::expect;

use crate::testing::{Tester, check};

#[test]
fn flushes_empty_one_database_or_all() {
    check(
        "SET a 1
         SELECT 1
         SET b 1
         SET c 1
         DBSIZE
         FLUSHDB ASYNC
         DBSIZE
         SELECT 0
         DBSIZE
         FLUSHALL NOW
         FLUSHALL SYNC ASYNC
         FLUSHALL SYNC
         DBSIZE",
        &expect![[r#"
            +OK
            +OK
            +OK
            +OK
            :2
            +OK
            :0
            +OK
            :1
            -ERR syntax error
            -ERR syntax error
            +OK
            :0"#]],
    );
}

#[test]
fn swapdb_exchanges_data_and_breaks_watches() {
    check(
        "SET a 1
         SWAPDB 0 1
         DBSIZE
         SELECT 1
         GET a
         WATCH a
         SWAPDB 0 1
         MULTI
         EXEC
         SWAPDB x 1
         SWAPDB 0 x
         SWAPDB 0 16
         SWAPDB 0 -1",
        &expect![[r#"
            +OK
            +OK
            :0
            +OK
            $1
            1
            +OK
            +OK
            +OK
            *-1
            -ERR invalid first DB index
            -ERR invalid second DB index
            -ERR DB index is out of range
            -ERR DB index is out of range"#]],
    );
}

#[test]
fn debug_answers_values_of_every_type() {
    check(
        "DEBUG PROTOCOL map
         DEBUG PROTOCOL attrib
         DEBUG PROTOCOL push
         DEBUG ERROR \"OOPS it is\\nbroken\"
         DEBUG NOSUCH
         DEBUG DIGEST x
         DEBUG STRINGMATCH-LEN a* abc",
        &expect![[r#"
            *6
            :0
            :0
            :1
            :1
            :2
            :0
            $39
            Some real reply following the attribute
            -ERR RESP2 is not supported by this command
            -OOPS it is broken
            -ERR unknown subcommand or wrong number of arguments for 'NOSUCH'. Try DEBUG HELP.
            -ERR unknown subcommand or wrong number of arguments for 'DIGEST'. Try DEBUG HELP.
            :1"#]],
    );
}

#[test]
fn debug_populate_keeps_what_is_there() {
    check(
        "SET key:1 mine
         DEBUG POPULATE 3
         GET key:1
         GET key:2
         DEBUG POPULATE 2 p 10
         GET p:1
         DEBUG POPULATE -1
         DEBUG POPULATE x
         DBSIZE",
        &expect![[r#"
            +OK
            +OK
            $4
            mine
            $7
            value:2
            +OK
            $10
            value:1\x00\x00\x00
            -ERR value is out of range, must be positive
            -ERR value is not an integer or out of range
            :5"#]],
    );
}

#[test]
fn debug_is_refused_unless_a_directive_allows_it() {
    let mut tester = Tester::new();
    for (setting, local, allowed) in [
        (0, true, false),
        (1, false, true),
        (2, false, false),
        (2, true, true),
    ] {
        tester
            .server
            .settings
            .enable_debug_command
            .store(setting, std::sync::atomic::Ordering::Relaxed);
        tester.session.is_local = local;
        let reply = tester.line("DEBUG PROTOCOL integer");
        assert_eq!(reply == ":12345", allowed, "{setting} {local}: {reply}");
    }
}

#[test]
fn slowlog_shows_the_newest_first_and_as_many_as_asked_for() {
    let mut tester = Tester::new();
    let limit_us = &tester.server.settings.slowlog_log_slower_than_us;
    limit_us.store(0, std::sync::atomic::Ordering::Relaxed);
    tester.line("SET a 1");
    tester.line("GET a");
    assert!(tester.line("SLOWLOG GET 1").contains("GET"));
    assert!(tester.line("SLOWLOG GET -1").contains("SET"));
    assert_eq!(tester.line("SLOWLOG GET 0"), "*0");
    assert_eq!(
        tester.line("SLOWLOG GET -2"),
        "-ERR count should be greater than or equal to -1"
    );
    tester.line("SLOWLOG RESET");
    assert_eq!(tester.line("SLOWLOG LEN"), ":1");
}

#[test]
fn memory_usage_counts_the_whole_value() {
    let mut tester = Tester::new();
    tester.run(&[b"SET", b"k", &[b'x'; 10_000]]);
    let bytes: usize = tester.line("MEMORY USAGE k SAMPLES 0")[1..]
        .parse()
        .unwrap();
    assert!((10_000..12_000).contains(&bytes), "{bytes}");
    check(
        "MEMORY USAGE nokey
         MEMORY USAGE k SAMPLES
         MEMORY USAGE k SAMPLES x
         MEMORY USAGE k SAMPLES -1
         MEMORY USAGE k NOSUCH 1",
        &expect![[r#"
            $-1
            -ERR syntax error
            -ERR value is not an integer or out of range
            -ERR syntax error
            -ERR syntax error"#]],
    );
}

#[test]
fn a_server_without_replicas_says_so() {
    check(
        "ROLE
         WAIT 0 0
         WAIT x 0
         WAIT 1 x
         WAIT 1 -1
         MODULE LIST",
        &expect![[r#"
            *3
            $6
            master
            :0
            *0
            :0
            -ERR value is not an integer or out of range
            -ERR timeout is not an integer or out of range
            -ERR timeout is negative
            *0"#]],
    );
}

#[test]
fn arguments_of_shutdown_must_not_contradict_each_other() {
    check(
        "SHUTDOWN SAVE NOSAVE
         SHUTDOWN ABORT NOW
         SHUTDOWN LATER",
        &expect![[r#"
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error"#]],
    );
}
