//! MIGRATE without a server: what it refuses, and which arguments are its keys.
//!
//! Moving keys takes two servers; the integration tests do that (`tests/dumps.rs`).

use expect_test::expect;
use resp::Args;

use crate::testing::check;

#[test]
fn it_is_refused_as_redis_refuses_it() {
    check(
        "SET k v
        MIGRATE localhost 1 k 0 x
        MIGRATE localhost 1 k x 100
        MIGRATE localhost 1 k 0 100 BOGUS
        MIGRATE localhost 1 k 0 100 AUTH
        MIGRATE localhost 1 k 0 100 AUTH2 user
        MIGRATE localhost 1 k 0 100 KEYS a b
        MIGRATE localhost 1 none 0 100 COPY REPLACE
        MIGRATE localhost 1 \"\" 0 100 KEYS none nobody
        MIGRATE localhost port k 0 100
        MULTI
        MIGRATE localhost 1 k 0 100
        EXEC
        EXISTS k",
        &expect![[r#"
            +OK
            -ERR value is not an integer or out of range
            -ERR value is not an integer or out of range
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error
            -ERR When using MIGRATE KEYS option, the key argument must be set to the empty string
            +NOKEY
            +NOKEY
            -IOERR error or timeout connecting to the client
            +OK
            +QUEUED
            *1
            -ERR Command not allowed inside a transaction
            :1"#]],
    );
}

#[test]
fn the_keys_are_behind_the_word_or_at_their_place() {
    let keys = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut found = Vec::new();
        super::find_keys(Args::new(&words), &mut |at, _| found.push(at));
        found
    };
    assert_eq!(keys("migrate h p k 0 1"), [3]);
    assert_eq!(keys("migrate h p k 0 1 auth keys copy"), [3]);
    assert_eq!(keys("migrate h p  0 1 copy keys a b c"), [8, 9, 10]);
    assert_eq!(keys("migrate h p  0 1 auth2 keys keys keys keys"), [10]);
}
